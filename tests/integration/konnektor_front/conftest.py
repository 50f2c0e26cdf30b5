"""Fixtures: an ingress and houses behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.integration.konnektor_front.houses import CLOCK, ENTROPY, Build, House, no_cards
from tiaas.interfaces.event_service_v7_2 import GET_CARDS_ACTION, GetCards, GetCardsResponse
from tiaas.konnektor.basic import BasicUsers
from tiaas.konnektor.config import Address, InstanceConfig
from tiaas.konnektor.errors import fault_of
from tiaas.konnektor.gate import Gate
from tiaas.konnektor.identity import Identity
from tiaas.konnektor.ingress import Ingress
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.reception import Reception
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.soap.dispatch import AccessDeclaration, operation


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every test runs on both loops: they close, time out and refuse in their own ways."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture
async def ingress() -> AsyncIterator[Ingress]:
    made = Ingress()
    yield made
    await made.stop()


@pytest.fixture
async def build(tmp_path: Path, ingress: Ingress) -> AsyncIterator[Build]:
    """Makes houses: `await build("a", host="127.0.0.2", limits=…, access=…)`."""
    store = await SqliteStore.open(tmp_path / "store.sqlite")
    receptions: list[Reception] = []

    async def make(name: str = "a", *, host: str = "127.0.0.1", port: int = 0, **more: Any) -> House:
        config = InstanceConfig(name, Address(host, port), hosts=(host,), **more)
        handle = store.bind(await store.take_over(name))
        identity = await Identity.load(handle, config.hosts, config.server_key, CLOCK, ENTROPY)
        users = await BasicUsers.load(handle, ENTROPY)
        client = await identity.issue_client("c", KeyKind.P256)
        gate = Gate(config.access, identity, users, LiveInfoModel())

        async def get_cards(request: GetCards, peer: Peer) -> GetCardsResponse:
            house.peers.append(peer)
            if house.answer is not None:
                return await house.answer(request)
            return no_cards()

        operations = [
            operation(GetCards, GetCardsResponse, get_cards, access=AccessDeclaration(), soap_action=GET_CARDS_ACTION)
        ]
        reception = Reception(
            config, gate, operations, lambda error: fault_of(error, name, CLOCK, ENTROPY), CLOCK, ENTROPY
        )
        house = House(reception, gate, client, tmp_path, ingress)
        await house.bind(client.fingerprint, "c")
        await reception.open(ingress)
        receptions.append(reception)
        return house

    yield make
    for reception in receptions:
        await reception.close(ingress)
    await store.close()
