"""Sends events to receivers: one connection and one write per event (gemSpec_Kon V5.18 TUC_KON_256 step 6).

Each receiver has a queue and, while there is something in it, a task; so events reach it in order. Connections and the
time for filters are shared (`sinkshares`) so that one that hangs costs others nothing. What cannot be delivered is not
tried again, and what waited too long is dropped: an event is worth little later, and its card handle may be dead.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import field
from datetime import datetime
from typing import cast

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.konnektor.sinkaddress import Sink
from tiaas.konnektor.sinkopener import SinkOpener
from tiaas.konnektor.sinkroute import LookupPaused
from tiaas.konnektor.sinkshares import InstanceShares, NodeShares, Standing

_log = logging.getLogger("tiaas.konnektor.cetp")

Frame = Callable[[], bytes | None]
"""Makes the octets of one event when it is its turn; None if it is not to be sent after all."""
Filter = Callable[[], bool]
"""Whether an event is to be sent; may cost some milliseconds."""
Overheard = Callable[[Sink, bytes, float, str, bytes], None]
"""Hears of each event sent: receiver, octets, seconds, the name of a failure or "", what the receiver said."""
_SAID_MAX = 200
"""Octets kept of what a receiver says, which nobody asked for."""


@dataclass(frozen=True, slots=True)
class CetpSettings:
    """Bounds of delivery. Times are in seconds; `max_try` is EVT_MAX_TRY, counted in failed connections in a row."""

    connect_seconds: float = 5.0
    write_seconds: float = 5.0
    close_seconds: float = 1.0
    slow_seconds: float = 1.0
    """Who takes longer for an event shares connections with those that fail."""
    age_seconds: float = 60.0
    """An event that waited longer is dropped."""
    queued_max: int = 256
    max_try: int = 5


@dataclass(frozen=True, slots=True)
class SinkView:
    """What became of the events for one receiver. `dropped` are those its full queue had no room for and
    those that waited too long.

    `failures_in_row` counts connections, `last_failure` is the name of an exception class.
    """

    sink: Sink
    queued: int
    delivered: int
    failed: int
    dropped: int
    failures_in_row: int
    last_delivered: datetime | None
    last_failure: str


@dataclass(frozen=True, slots=True)
class _Letter:
    """`ends` is when it is worth nothing any more, on the monotonic clock."""

    frame: Frame
    filter: Filter | None
    ends: float


@dataclass(slots=True)
class _State:
    queue: deque[_Letter] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None
    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    failures_in_row: int = 0
    last_delivered: datetime | None = None
    last_failure: str = ""
    standing: Standing = Standing.NEW


class CetpSender:
    """The receivers of one instance.

    `unreachable` is told of a receiver that could not be connected to `max_try` times in a row; `wanted` says whether
    anything still goes to a receiver: the counters of others are dropped once nothing waits for them.
    """

    def __init__(
        self,
        opener: SinkOpener,
        clock: Clock,
        settings: CetpSettings | None = None,
        *,
        shares: InstanceShares | None = None,
        unreachable: Callable[[Sink], None],
        wanted: Callable[[Sink], bool],
    ) -> None:
        self._opener = opener
        self._clock = clock
        self._settings = settings or CetpSettings()
        self._shares = shares or NodeShares().instance()
        self._unreachable = unreachable
        self._wanted = wanted
        self._sinks: dict[Sink, _State] = {}
        self.overheard: Overheard | None = None

    def __iter__(self) -> Iterator[SinkView]:
        """What is known of each receiver."""
        for sink, state in tuple(self._sinks.items()):
            yield SinkView(
                sink, len(state.queue), state.delivered, state.failed, state.dropped, state.failures_in_row,
                state.last_delivered, state.last_failure,
            )  # fmt: skip

    def post(self, sink: Sink, frame: Frame, wanted: Filter | None = None, *, lasting: bool = False) -> None:
        """Sends an event after those posted before it, if `wanted` says so then; a full queue drops it.

        Returns at once. A `lasting` event never gets too old.
        """
        state = self._sinks.setdefault(sink, _State())
        if len(state.queue) >= self._settings.queued_max:
            state.dropped += 1
            if state.dropped == 1:
                _log.warning("queue of a receiver is full, events are dropped", extra=_fields(sink))
            return
        ends = math.inf if lasting else self._clock.monotonic() + self._settings.age_seconds
        state.queue.append(_Letter(frame, wanted, ends))
        if state.task is None:
            state.task = asyncio.create_task(self._work(sink, state))

    def welcome(self, sink: Sink) -> None:
        """Somebody subscribed for this receiver: earlier failures count no more."""
        if sink in self._sinks:
            self._sinks[sink].failures_in_row = 0

    def release(self, sink: Sink) -> None:
        """Forgets a receiver nothing goes to any more, unless it is being served."""
        state = self._sinks.get(sink)
        if state is not None and state.task is None and not self._wanted(sink):
            del self._sinks[sink]
            self._opener.forget(sink)

    async def stop(self) -> None:
        """Ends all deliveries; what waits is dropped."""
        self._opener.close()
        tasks = [state.task for state in self._sinks.values() if state.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, sink: Sink, state: _State) -> None:
        try:
            while state.queue:
                letter = state.queue.popleft()
                try:
                    await self._handle(sink, state, letter)
                except Exception as error:  # noqa: BLE001 - a defect costs one event, not all that follow it
                    state.standing = Standing.SUSPECT
                    self._failed(sink, state, error)
                    _log.error("defect in delivery", extra={**_fields(sink), "kind": type(error).__name__})
        finally:
            state.task = None
            self.release(sink)

    async def _handle(self, sink: Sink, state: _State, letter: _Letter) -> None:
        if self._is_late(letter):
            state.dropped += 1
            return
        if letter.filter is not None:
            async with self._shares.judging():
                passes = letter.filter()
            if not passes:
                return
        standing = state.standing
        if standing is Standing.NEW and not self._wanted(sink):
            standing = Standing.STORED
        async with self._shares.connection(standing):
            if self._is_late(letter):
                state.dropped += 1
                return
            octets = _made(letter.frame, sink)
            if octets is not None:
                begun = self._clock.monotonic()
                arrived = await self._deliver(sink, state, octets)
                soon = self._clock.monotonic() - begun < self._settings.slow_seconds
                state.standing = Standing.PROVEN if arrived and soon else Standing.SUSPECT

    def _is_late(self, letter: _Letter) -> bool:
        return self._clock.monotonic() > letter.ends

    async def _deliver(self, sink: Sink, state: _State, octets: bytes) -> bool:
        connection = _Outgoing()
        begun, failed = self._clock.monotonic(), state.failed
        arrived = await self._send(sink, state, octets, connection)
        if self.overheard is not None:
            outcome = state.last_failure if state.failed > failed else ""
            self.overheard(sink, octets, self._clock.monotonic() - begun, outcome, connection.said)
        return arrived

    async def _send(self, sink: Sink, state: _State, octets: bytes, connection: "_Outgoing") -> bool:
        try:
            async with asyncio.timeout(self._settings.connect_seconds):
                transport = await self._opener.open(sink, lambda: connection)
        except (OSError, ValueError) as error:
            self._failed(sink, state, error)
            if not isinstance(error, LookupPaused):
                self._not_connected(sink, state)
            return False
        state.failures_in_row = 0
        try:
            await connection.send(octets, self._settings)
        except OSError as error:
            self._failed(sink, state, error)
            return False
        finally:
            cast(asyncio.Transport, transport).abort()
        state.delivered += 1
        state.last_delivered = self._clock.now()
        return True

    def _not_connected(self, sink: Sink, state: _State) -> None:
        state.failures_in_row += 1
        if state.failures_in_row >= self._settings.max_try:
            state.failures_in_row = 0
            state.dropped += len(state.queue)
            state.queue.clear()
            self._unreachable(sink)

    def _failed(self, sink: Sink, state: _State, error: Exception) -> None:
        state.failed += 1
        kind = type(error).__name__
        if kind != state.last_failure:
            _log.warning("event not delivered", extra={**_fields(sink), "kind": kind})
        state.last_failure = kind


class _Outgoing(asyncio.Protocol):
    """One connection, one message, in one write. Of what the receiver says the beginning is kept, for a recording."""

    def __init__(self) -> None:
        self.said = b""
        self._transport: asyncio.Transport | None = None
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._drained = asyncio.Event()
        self._drained.set()
        self._error: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(0)

    def data_received(self, data: bytes) -> None:
        self.said += data[: _SAID_MAX - len(self.said)]

    def pause_writing(self) -> None:
        self._drained.clear()

    def resume_writing(self) -> None:
        self._drained.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._error = error
        if not self._closed.done():
            self._closed.set_result(None)
        self._drained.set()

    async def send(self, octets: bytes, settings: CetpSettings) -> None:
        """Writes and closes; returns when the last octet has left us. Raises `OSError`."""
        transport = self._transport
        if transport is None or self._closed.done():
            raise ConnectionResetError("closed before the event was sent")
        transport.write(octets)
        async with asyncio.timeout(settings.write_seconds):
            await self._drained.wait()
        if self._closed.done():
            raise self._error if isinstance(self._error, OSError) else ConnectionResetError("closed while sending")
        transport.close()
        # The receiver need not answer our closing; who keeps the connection open must not hold up its next event.
        await asyncio.wait((self._closed,), timeout=settings.close_seconds)
        if isinstance(self._error, OSError):
            raise self._error


def _made(frame: Frame, sink: Sink) -> bytes | None:
    try:
        return frame()
    except TiaasError as error:
        _log.error("event cannot be sent", extra={**_fields(sink), "kind": type(error).__name__})
        return None


def _fields(sink: Sink) -> dict[str, object]:
    return {"client_system": sink.client_system_id, "peer": str(sink.address)}
