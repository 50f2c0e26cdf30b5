"""The sender with an opener that does what a test wants."""

import asyncio
import logging
from asyncio import BaseProtocol, BaseTransport
from collections.abc import Callable
from datetime import UTC, datetime
from typing import cast

import pytest

from tiaas.base.clock import ManualClock
from tiaas.konnektor.cetp import CetpSender, CetpSettings, SinkView
from tiaas.konnektor.sinkaddress import Sink, SinkAddress
from tiaas.konnektor.sinkshares import INSTANCE_CONNECTIONS, NodeShares

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PATIENT = CetpSettings(connect_seconds=1000)


class Line(asyncio.Transport):
    """A receiver that takes everything and closes at once."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._protocol: asyncio.Protocol | None = protocol
        protocol.connection_made(self)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def close(self) -> None:
        if self._protocol is not None:
            self._protocol.connection_lost(None)
        self._protocol = None

    abort = close


class Opener:
    """Receivers whose host begins with `hang` never answer, with `fault` raise what `fault` says."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.fault: BaseException = RuntimeError("defect")
        self.forgotten: list[Sink] = []

    async def open(self, sink: Sink, protocol_factory: Callable[[], BaseProtocol]) -> BaseTransport:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            if sink.address.host.startswith("hang"):
                await asyncio.Event().wait()
            if sink.address.host.startswith("fault"):
                raise self.fault
            return Line(cast(asyncio.Protocol, protocol_factory()))
        finally:
            self.now -= 1

    def forget(self, sink: Sink) -> None:
        self.forgotten.append(sink)

    def close(self) -> None:
        pass


class Bench:
    def __init__(self, settings: CetpSettings = PATIENT, shares: NodeShares | None = None) -> None:
        self.opener, self.clock = Opener(), ManualClock(START)
        self.unreachable: list[Sink] = []
        self.sender = CetpSender(
            self.opener,
            self.clock,
            settings,
            shares=(shares or NodeShares()).instance(),
            unreachable=self.unreachable.append,
            wanted=lambda sink: True,
        )

    def post(self, host: str, count: int = 1, octets: bytes = b"x", *, lasting: bool = False) -> None:
        for _ in range(count):
            self.sender.post(_sink(host), lambda: octets, lasting=lasting)

    def view(self, host: str) -> SinkView:
        return next(view for view in self.sender if view.sink == _sink(host))

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    def delivered(self, kind: str) -> int:
        return sum(view.delivered for view in self.sender if view.sink.address.host.startswith(kind))


def _sink(host: str) -> Sink:
    return Sink("CS1", SinkAddress(host, 5000))


async def test_connections_are_few_and_receivers_that_hang_keep_none_from_those_that_answer() -> None:
    bench = Bench()
    for at in range(50):
        bench.post(f"good{at}")
    await bench.until(lambda: bench.delivered("good") == 50)
    for at in range(1500):
        bench.post(f"hang{at}")
    for at in range(50):
        bench.post(f"good{at}", 3)
    await bench.until(lambda: bench.delivered("good") == 200)
    assert bench.opener.most <= sum(INSTANCE_CONNECTIONS.values())
    await bench.sender.stop()


async def test_who_failed_makes_room_for_who_was_not_tried_yet() -> None:
    bench = Bench(CetpSettings(connect_seconds=0.02, max_try=1000))
    for at in range(40):
        bench.post(f"hang{at}", 100)
    await bench.until(lambda: sum(view.failed for view in bench.sender) >= 40)
    bench.post("good")
    await bench.until(lambda: bench.delivered("good") == 1)
    assert sum(view.queued for view in bench.sender) > 0
    await bench.sender.stop()


async def test_receivers_of_another_instance_that_hang_keep_none_from_those_that_answer() -> None:
    shares = NodeShares(sum(INSTANCE_CONNECTIONS.values()))
    settings = CetpSettings(connect_seconds=0.05, max_try=1000)
    greedy = [Bench(settings, shares) for _ in range(4)]
    for bench in greedy:
        for at in range(100):
            bench.post(f"hang{at}", 200)
    modest = Bench(PATIENT, shares)
    modest.post("good", 20)
    await modest.until(lambda: modest.delivered("good") == 20)
    for bench in (*greedy, modest):
        await bench.sender.stop()


async def test_what_waited_a_minute_is_dropped_and_counted() -> None:
    bench = Bench(CetpSettings(connect_seconds=0.2, max_try=1000))
    bench.post("hang", 3)
    bench.post("hang", lasting=True)
    await bench.until(lambda: bench.view("hang").queued == 3)
    bench.clock.advance(61)
    await bench.until(lambda: bench.view("hang").failed == 2)
    view = bench.view("hang")
    assert (view.dropped, view.queued, view.failed) == (2, 0, 2)
    await bench.sender.stop()


@pytest.mark.parametrize("fault", [UnicodeError("label empty"), ValueError("x"), ConnectionRefusedError()])
async def test_a_host_that_cannot_be_asked_for_is_a_failed_connection(fault: Exception) -> None:
    bench = Bench(CetpSettings(max_try=3))
    bench.opener.fault = fault
    bench.post("fault", 3)
    await bench.until(lambda: bench.unreachable == [_sink("fault")])
    view = bench.view("fault")
    assert (view.failed, view.last_failure) == (3, type(fault).__name__)


async def test_a_defect_costs_one_event_and_is_told_by_its_kind(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    sink = _sink("good")

    def defect() -> bytes:
        raise KeyError("Erika Geheim")

    with caplog.at_level(logging.ERROR, "tiaas.konnektor.cetp"):
        bench.sender.post(sink, defect)
        bench.post("good")
        await bench.until(lambda: bench.delivered("good") == 1)
    assert bench.view("good").failed == 1
    assert [vars(record)["kind"] for record in caplog.records] == ["KeyError"]
    assert "Geheim" not in caplog.text


async def test_who_is_released_is_forgotten_by_the_opener() -> None:
    bench = Bench()
    bench.sender._wanted = lambda sink: False
    bench.post("good")
    await bench.until(lambda: not list(bench.sender))
    assert bench.opener.forgotten == [_sink("good")]
