"""One TLS connection to a terminal, from TLS up to answered commands; the front's inner part.

Thousands of them idle in one process: a channel is an asyncio protocol with slots, no task, no stream reader.
"""

import asyncio
import logging
import ssl
from contextlib import suppress
from typing import Protocol, cast

from tiaas.terminal.front import Patience, StaleEpoch, TerminalGone, TerminalTimeout
from tiaas.terminal.sicct.commands import CLA_SICCT, Ins, get_status
from tiaas.terminal.sicct.connection import Broken, Connection, EventReceived, Fault, ResponseReceived, Role
from tiaas.terminal.sicct.dataobjects import TAG_ICC_STATUS
from tiaas.terminal.sicct.events import Event
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.units import P1_TERMINAL, TERMINAL

_log = logging.getLogger("tiaas.terminal")
_KEEP_ALIVE = get_status(P1_TERMINAL, TAG_ICC_STATUS).encode()
_SESSION_COMMANDS = {bytes((CLA_SICCT, Ins.INIT_CT_SESSION)): True, bytes((CLA_SICCT, Ins.CLOSE_CT_SESSION)): False}
_DONE = Sw.OK.to_bytes(2, "big")

MAX_UNANSWERED = 100
"""Commands in flight on one connection; a terminal that leaves so many unanswered is given up."""

EVENTS_MAX = 1000
EVENTS_SECONDS = 10.0
"""A terminal that tells more in that time, or sends so many wrong messages, is given up: a practice moves a card and
presses a key now and then, and all instances share the loop."""


class ChannelOwner(Protocol):
    """Who hears what happens on a channel. `channel_up` and `channel_down` come once each, in this order."""

    def channel_up(self, channel: "Channel") -> None:
        """TLS stands."""
        ...

    def channel_down(self, channel: "Channel", reason: str) -> None:
        """The connection is gone."""
        ...

    def channel_event(self, event: Event) -> None:
        """The terminal told something."""
        ...

    def monotonic(self) -> float:
        """Seconds of the front's clock."""
        ...


class _Waiter:
    __slots__ = ("epoch", "future")

    def __init__(self, future: asyncio.Future[bytes], epoch: int) -> None:
        self.future = future
        self.epoch = epoch


class Channel(asyncio.Protocol):
    """See module."""

    __slots__ = (
        "_connection",
        "_events",
        "_events_since",
        "_owner",
        "_reason",
        "_session_after",
        "_transport",
        "_waiters",
        "misses",
        "patience",
        "session_open",
        "since",
        "spoke_at",
        "unanswered",
    )

    def __init__(self, owner: ChannelOwner, patience: Patience | None = None) -> None:
        """`patience` is that of its terminal, None: the front's."""
        self._owner = owner
        self.patience = patience
        self._connection = Connection(Role.CLIENT)
        self._transport: asyncio.Transport | None = None
        self._waiters: dict[int, _Waiter] = {}
        self._reason = ""
        self.since = self.spoke_at = owner.monotonic()
        self.misses = 0
        self.unanswered = 0
        self.session_open = False
        self._events, self._events_since = 0, self.since
        # What `session_open` becomes once the command with this sequence number is answered with 9000.
        self._session_after: dict[int, bool] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS is done: tells the owner."""
        # uvloop's TLS transport behaves like asyncio.Transport without being a subclass.
        self._transport = cast(asyncio.Transport, transport)
        self.since = self.spoke_at = self._owner.monotonic()
        self._owner.channel_up(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Every waiting exchange ends, then the owner hears of it."""
        self._transport = None
        reason = self._reason or (type(exc).__name__ if exc is not None else "closed by terminal")
        waiters, self._waiters = self._waiters, {}
        for waiter in waiters.values():
            if not waiter.future.done():
                waiter.future.set_exception(TerminalGone(reason))
        self._owner.channel_down(self, reason)

    def data_received(self, data: bytes) -> None:
        """Feeds the state machine."""
        self.misses = 0
        now = self._owner.monotonic()
        for happening in self._connection.receive(data, now):
            if isinstance(happening, ResponseReceived):
                self._answered(happening)
            elif self._floods(now):
                self.abort("flood of events")
                return
            elif isinstance(happening, EventReceived):
                self._owner.channel_event(happening.event)
            elif isinstance(happening, Fault):
                _log.warning("terminal sent a wrong message", extra={"fault": happening.fault.name})
            elif isinstance(happening, Broken):
                self.abort(happening.reason)

    @property
    def certificate(self) -> bytes | None:
        """The terminal's certificate (DER)."""
        tls = self._tls()
        return tls.getpeercert(True) if tls is not None else None

    @property
    def cipher(self) -> str:
        """The suite's OpenSSL name."""
        tls = self._tls()
        cipher = tls.cipher() if tls is not None else None
        return cipher[0] if cipher is not None else ""

    async def exchange(self, unit: int, payload: bytes, wait: float, epoch: int) -> bytes:
        """Sends a command and waits for its answer; raises `TerminalGone`, `TerminalTimeout`, `StaleEpoch`."""
        sequence = self._send(unit, payload)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiters[sequence] = _Waiter(future, epoch)
        try:
            async with asyncio.timeout(wait):
                return await future
        except TimeoutError:
            raise TerminalTimeout(f"no answer in {wait} s") from None
        finally:
            self._waiters.pop(sequence, None)

    def refuse_below(self, epoch: int) -> None:
        """Ends the waiting of every owner older than `epoch`."""
        for waiter in list(self._waiters.values()):
            if waiter.epoch < epoch and not waiter.future.done():
                waiter.future.set_exception(StaleEpoch("taken over"))

    def keep_alive(self) -> None:
        """Sends GET STATUS without anybody waiting for it."""
        self.unanswered += 1
        with suppress(TerminalGone):
            self._send(TERMINAL, _KEEP_ALIVE)

    @property
    def waited_for(self) -> bool:
        """True while somebody waits for an answer, perhaps to what a person has to do."""
        return bool(self._waiters)

    def overdue(self, now: float) -> bool:
        """True if a message was begun and its rest did not come in time (SICCT table 33)."""
        deadline = self._connection.deadline()
        return deadline is not None and now > deadline

    def abort(self, reason: str) -> None:
        """Drops the connection; `channel_down` follows with this reason."""
        if self._transport is not None:
            self._reason = self._reason or reason
            self._transport.abort()

    def close(self) -> None:
        """Closes the connection in order."""
        # TLS that is closed a second time cannot be aborted any more.
        if self._transport is not None and not self._transport.is_closing():
            self._reason = "closed by us"
            self._transport.close()

    def _send(self, unit: int, payload: bytes) -> int:
        """Sends a command; its sequence number. Raises `TerminalGone`, also if too many are unanswered."""
        if self._transport is not None and self._connection.in_flight >= MAX_UNANSWERED:
            self.abort("too many commands without answer")
            raise TerminalGone("too many commands without answer")
        if self._transport is None:
            raise TerminalGone("no connection")
        sequence, octets = self._connection.send_command(unit, payload)
        if unit == TERMINAL and payload[:2] in _SESSION_COMMANDS:
            self._session_after[sequence] = _SESSION_COMMANDS[payload[:2]]
        self._transport.write(octets)
        self.spoke_at = self._owner.monotonic()
        return sequence

    def _floods(self, now: float) -> bool:
        """Counts an event or a wrong message; True if there were too many of late."""
        if now - self._events_since >= EVENTS_SECONDS:
            self._events, self._events_since = 0, now
        self._events += 1
        return self._events > EVENTS_MAX

    def _answered(self, response: ResponseReceived) -> None:
        self.unanswered = 0
        after = self._session_after.pop(response.sequence, None)
        if after is not None and response.payload[-2:] == _DONE:
            self.session_open = after
        waiter = self._waiters.get(response.sequence)
        if waiter is not None and not waiter.future.done():
            waiter.future.set_result(response.payload)

    def _tls(self) -> ssl.SSLObject | None:
        if self._transport is None:
            return None
        return cast("ssl.SSLObject | None", self._transport.get_extra_info("ssl_object"))
