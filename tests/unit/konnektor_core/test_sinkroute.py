"""The way to receivers: names, and addresses nobody may be sent to."""

import asyncio
import threading
from datetime import UTC, datetime

import pytest

from tiaas.base.clock import ManualClock
from tiaas.konnektor.network import Network
from tiaas.konnektor.sinkaddress import SinkAddress
from tiaas.konnektor.sinkroute import (
    LOOKUPS,
    PAUSE_SECONDS,
    LookupPaused,
    SinkForbidden,
    SinkRoute,
    SinkUnknown,
    is_local,
)

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("0.0.0.0", True), ("169.254.1.1", True), ("224.0.0.251", True),
     ("255.255.255.255", True), ("::1", True), ("::", True), ("fe80::1", True), ("fe80::1%lo", True), ("ff02::1", True),
     ("::ffff:127.0.0.1", True), ("192.168.178.20", False), ("10.0.0.1", False), ("fd00::1", False),
     ("::ffff:10.0.0.1", False)],
)  # fmt: skip
def test_addresses_of_this_machine_and_its_links(host: str, local: bool) -> None:
    assert is_local(host) is local


async def listener() -> tuple[asyncio.Server, int]:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def test_refused_is_the_address_that_would_be_connected_to() -> None:
    server, port = await listener()
    clock = ManualClock(START)
    for local in (False, True):
        route = SinkRoute(Network(), clock, local=local, resolve=lambda name: ["127.0.0.1"])
        for host in ("127.0.0.1", "pvs.praxis"):
            if local:
                (await route.open(SinkAddress(host, port), None, asyncio.Protocol)).close()
            else:
                with pytest.raises(SinkForbidden):
                    await route.open(SinkAddress(host, port), None, asyncio.Protocol)
        route.close()
    server.close()


async def test_another_address_of_the_name_is_tried() -> None:
    server, port = await listener()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tiaas.konnektor.sinkroute.is_local", lambda host: host == "127.0.0.2")
        route = SinkRoute(Network(), ManualClock(START), resolve=lambda name: ["127.0.0.2", "127.0.0.3", "127.0.0.1"])
        transport = await route.open(SinkAddress("pvs", port), None, asyncio.Protocol)
        assert transport.get_extra_info("peername")[0] == "127.0.0.1"
        transport.close()
    server.close()
    route.close()


@pytest.mark.pitfall(30)
async def test_a_name_is_looked_up_for_every_delivery() -> None:
    """A receiver that got another address is found there."""
    servers = [await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.2", 0)]
    port = servers[0].sockets[0].getsockname()[1]
    servers.append(await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.3", port))
    zone = ["127.0.0.2"]
    route = SinkRoute(Network(), ManualClock(START), local=True, resolve=lambda name: list(zone))
    for address in ("127.0.0.2", "127.0.0.3", "127.0.0.2"):
        zone[:] = [address]
        transport = await route.open(SinkAddress("pvs.praxis", port), None, asyncio.Protocol)
        assert transport.get_extra_info("peername") == (address, port)
        transport.close()
    route.close()
    for server in servers:
        server.close()


async def test_a_name_IDNA_cannot_encode_is_a_failed_connection() -> None:
    route = SinkRoute(Network(), ManualClock(START))
    with pytest.raises(SinkUnknown):
        await route.open(SinkAddress("a..b", 5000), None, asyncio.Protocol)
    assert issubclass(SinkUnknown, OSError)
    route.close()


async def test_lookups_that_hang_are_few_and_not_asked_again_for_a_while() -> None:
    asked: list[str] = []
    answer = threading.Event()
    clock = ManualClock(START)

    def resolve(name: str) -> list[str]:
        asked.append(name)
        if name.startswith("hang"):
            answer.wait()
        return ["192.0.2.1"]

    hanging = SinkRoute(Network(), clock, resolve=resolve)
    other = SinkRoute(Network(), clock, resolve=resolve)
    try:
        names = [f"hang{at}" for at in range(10)]
        tasks = [asyncio.create_task(hanging._names.addresses(name)) for name in names]
        while len(asked) < LOOKUPS:  # noqa: ASYNC110
            await asyncio.sleep(0)
        assert await other._names.addresses("pvs") == ["192.0.2.1"]
        assert sorted(asked) == ["hang0", "hang1", "pvs"]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with pytest.raises(LookupPaused):
            await hanging._names.addresses("hang0")
        answer.set()
        assert await hanging._names.addresses("hang9") == ["192.0.2.1"]  # it was never asked for: no reason to pause
        clock.advance(PAUSE_SECONDS + 1)
        assert await hanging._names.addresses("hang0") == ["192.0.2.1"]
    finally:
        answer.set()
        hanging.close()
        other.close()
