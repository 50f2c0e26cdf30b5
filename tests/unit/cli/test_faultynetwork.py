"""Connections of an instance that fail because a fault of the lab says so."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tiaas.base.clock import ManualClock
from tiaas.cli.faultynetwork import FaultyNetwork
from tiaas.lab.faults import Fault, FaultBook, Service


class Lab:
    """What the network asks a lab."""

    def __init__(self, port: int) -> None:
        self.faults = FaultBook(ManualClock(datetime(2026, 3, 2, tzinfo=UTC)))
        self.services = SimpleNamespace(url="http://127.0.0.1:1", tls_port=5)
        self.vsdm = SimpleNamespace(url="https://127.0.0.1:2")
        self.gateways = SimpleNamespace(ports={"ti": 4})
        self.ksr = SimpleNamespace(url="https://127.0.0.1:6/ksr")
        self.registration = SimpleNamespace(url="https://127.0.0.1:7/registration")
        self._terminal = SimpleNamespace(ct_id="CT-1", sicct=f"127.0.0.1:{port}")

    def terminals(self) -> list[Any]:
        return [self._terminal]


@pytest.fixture
async def server() -> Any:
    listening = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


async def test_a_connection_is_refused_dropped_late_or_as_ever(server: int) -> None:
    lab = Lab(server)
    network = FaultyNetwork(lab=lab, connect_seconds=1.0)  # type: ignore[arg-type]
    for fault in (
        Fault(Service.NETWORK, code="refused", match="terminal CT-1"),
        Fault(Service.NETWORK, code="unreachable", match="CT-1"),
        Fault(Service.NETWORK, delay=0.01),
        Fault(Service.NETWORK, drop=True),
    ):
        lab.faults.add(fault)
    with pytest.raises(ConnectionRefusedError):
        await network.connect("127.0.0.1", server)
    with pytest.raises(TimeoutError):
        await network.open("127.0.0.1", server, None, asyncio.Protocol)
    (await network.open("127.0.0.1", server, None, asyncio.Protocol)).close()
    dropped = await network.open("127.0.0.1", server, None, asyncio.Protocol)
    assert dropped.is_closing()
    assert not lab.faults
    with await network.connect("127.0.0.1", server) as line:
        assert line.getpeername()[1] == server
    assert {fired.line for fired in lab.faults.fired} == {f"terminal CT-1 127.0.0.1:{server}"}


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        (Fault(Service.NETWORK, code="refused", match="time"), ConnectionRefusedError),
        (Fault(Service.NETWORK, code="unreachable", match="time"), TimeoutError),
        (Fault(Service.NETWORK, drop=True, match="time"), ConnectionResetError),
    ],
)
async def test_a_time_server_is_not_reached(fault: Fault, failure: type[OSError]) -> None:
    lab = Lab(1)
    lab.faults.add(fault)
    network = FaultyNetwork(lab=lab, connect_seconds=0.01)  # type: ignore[arg-type]
    with pytest.raises(failure):
        await network.datagrams("127.0.0.1", 123, asyncio.DatagramProtocol)
    (await network.datagrams("127.0.0.1", 123, asyncio.DatagramProtocol)).close()
    assert [fired.line for fired in lab.faults.fired] == ["time 127.0.0.1:123"]


@pytest.mark.parametrize(
    ("port", "callee"),
    [(1, "pki"), (2, "intermediaer"), (3, "sink"), (4, "gateway ti"), (6, "ksr"), (7, "registration")],
)
async def test_it_is_told_who_is_called(server: int, port: int, callee: str) -> None:
    lab = Lab(server)
    lab.faults.add(Fault(Service.NETWORK, code="refused", match=callee))
    network = FaultyNetwork(lab=lab)  # type: ignore[arg-type]
    with pytest.raises(ConnectionRefusedError):
        await network.open("127.0.0.1", port, None, asyncio.Protocol)
    assert [fired.line for fired in lab.faults.fired] == [f"{callee} 127.0.0.1:{port}"]
