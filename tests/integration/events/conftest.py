"""Fixtures: an instance on a node, receivers of events on sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.integration.events.office import CLOCK, ENTROPY, Office, provision
from tests.integration.events.receivers import Receiver
from tiaas.konnektor.cetp import CetpSettings
from tiaas.konnektor.config import Address, ClientAccess, InstanceConfig
from tiaas.konnektor.node import Node
from tiaas.konnektor.sqlite_store import SqliteStore


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test runs on both loops: they close, time out and refuse in their own ways."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


API = Path(__file__).parents[3].parent / "shared" / "gematik-api"


@pytest.fixture(scope="session")
def api() -> Path:
    """gematik's WSDL and XSD files; tests that need them are skipped where they are not at hand."""
    if not API.is_dir():
        pytest.skip(f"gematik's interface definitions are not at {API}")
    return API


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """`await office(tls=True)`: an instance with a practice in its model; called again it is the next boot."""
    store = await SqliteStore.open(tmp_path / "node.sqlite")
    nodes: list[Node] = []

    async def open_one(*, tls: bool = False, settings: CetpSettings | None = None, local: bool = True) -> Office:
        while nodes:
            await nodes.pop().stop()
        node = Node(store, CLOCK, ENTROPY)
        nodes.append(node)
        plainly = ClientAccess(tls_mandatory=False, authentication_mandatory=False, weaker_allowed=True)
        access = ClientAccess() if tls else plainly
        plain = None if tls else Address("127.0.0.1", 0)
        config = InstanceConfig("a", Address("127.0.0.1", 0), plain=plain, access=access, local_sinks=local)
        instance = await node.add(config, provision())
        made = Office(instance)
        await made.furnish()
        made.sender._settings = settings or CetpSettings(connect_seconds=2, write_seconds=2, close_seconds=0.2)
        return made

    yield open_one
    for node in nodes:
        await node.stop()
    await store.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Callable[..., Any]]:
    """`await receiver(context=…, behaviour=…)`: a receiver of events that listens."""
    made: list[Receiver] = []

    async def open_one(**more: Any) -> Receiver:
        one = Receiver(**more)
        await one.start()
        made.append(one)
        return one

    yield open_one
    for one in made:
        await one.stop()
