"""The time service: asks the TI's time servers how far our time is off, and keeps EC_Time_… (gemSpec_Kon V5.18 §4.2.5).

A process does not set the clock of its host; that is what the host's NTP daemon is for (A_23476: NTP centrally in the
HSK). What is specified about the difference and about missing synchronisation is checked here with the TI's servers:
more than NTP_MAX_TIMEDIFFERENCE is a critical state that an administrator ends; days without success are counted from
the first failure (TAB_KON_640) and survive a restart.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy, random_fraction
from tiaas.interfaces.ntp_v4 import BadNtp, decode_answer_untrusted, encode_question
from tiaas.konnektor.config import Address
from tiaas.konnektor.events import Event, EventHub, EventSeverity, Topic, time_value
from tiaas.konnektor.network import Network
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.protocol import Level, LogType, ProtocolService
from tiaas.konnektor.store import InstanceStore, StoreError

_log = logging.getLogger("tiaas.konnektor.time")

NTP_WARN_PERIOD = timedelta(days=30)
NTP_GRACE_PERIOD = timedelta(days=50)
NTP_MAX_TIMEDIFFERENCE = 3600.0
"""Seconds. TAB_KON_640."""
TIME_KIND, _KEY = "time", "sync"
_NOT_SYNCHRONISED = 4177


@dataclass(frozen=True, slots=True)
class TimeSettings:
    """Seconds: how long a server may take, how often it is asked, how often after a failure."""

    answer: float = 2.0
    every: float = 3_600.0
    retry: float = 60.0


@dataclass(slots=True)
class SyncRecord:
    """`failing_since` is the first failure in a row; `attempt` and `success` the last ones; `offset` in seconds."""

    attempt: datetime | None = None
    success: datetime | None = None
    failing_since: datetime | None = None
    offset: float | None = None

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> "SyncRecord":
        """What was kept. Raises `ValueError`, `TypeError` for a damaged row."""
        times = {name: datetime.fromisoformat(text) for name, text in row.items()}
        return SyncRecord(times.get("attempt"), times.get("success"), times.get("failing_since"))


class TimeSource:
    """One instance's view of the TI's time. Without servers, or offline, it checks nothing.

    `may_ask` says whether the TI may be asked just now; if not, that is a failure like any other.
    """

    def __init__(
        self,
        servers: tuple[Address, ...],
        network: Network,
        store: InstanceStore,
        hub: EventHub,
        opstate: OperatingState,
        protocol: ProtocolService,
        clock: Clock,
        entropy: Entropy,
        settings: TimeSettings | None = None,
        *,
        may_ask: Callable[[], bool] = lambda: True,
    ) -> None:
        self.record = SyncRecord()
        self._servers = servers
        self._network = network
        self._may_ask = may_ask
        self._store = store
        self._hub = hub
        self._opstate = opstate
        self._protocol = protocol
        self._clock = clock
        self._entropy = entropy
        self._settings = settings or TimeSettings()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """TUC_KON_352: synchronises once (a failure is 4177 in the log and does not stop the boot), then regularly.

        Raises `StoreError`.
        """
        if not self._servers:
            return
        self.record = SyncRecord.from_row(await self._store.get(TIME_KIND, _KEY) or {})
        if not await self.sync():
            self._protocol.write(LogType.OPERATION, Level.WARNING, code=_NOT_SYNCHRONISED)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Asks no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def sync(self) -> bool:
        """Asks the servers in turn until one answers, and judges; says whether one did. Raises `StoreError`."""
        record = self.record
        record.attempt = self._clock.now()
        offset = await self._offset()
        if offset is None:
            record.failing_since = record.failing_since or record.attempt
        else:
            record.success, record.failing_since, record.offset = record.attempt, None, offset
        await self._keep()
        self._judge(offset)
        return offset is not None

    async def confirm(self) -> None:
        """An administrator has put the time right, or confirms that it is: EC_Time_Difference_Intolerable ends, and
        days without synchronisation count from now. Raises `StoreError`."""
        if self.record.failing_since is not None:
            self.record.failing_since = self._clock.now()
        await self._keep()
        self._opstate.set(Condition.TIME_DIFFERENCE_INTOLERABLE, False)
        self._judge(None if self.record.failing_since else 0.0)

    async def _run(self) -> None:
        while True:
            failing = self.record.failing_since is not None
            seconds = self._settings.retry if failing else self._settings.every
            await asyncio.sleep(seconds * (0.9 + 0.2 * random_fraction(self._entropy)))
            try:
                await self.sync()
            except StoreError as error:
                _log.warning("time not kept", extra={"reason": error.reason})

    def _judge(self, offset: float | None) -> None:
        record, opstate, now = self.record, self._opstate, self._clock.now()
        success = ("LastSyncSuccess", time_value(record.success))
        failed = record.failing_since is not None
        attempt = ("LastSyncAttempt", time_value(record.attempt))
        opstate.set(Condition.TIME_SYNC_NOT_SUCCESSFUL, failed, (attempt, success))
        missing = now - record.failing_since if record.failing_since is not None else timedelta()
        pending = NTP_WARN_PERIOD < missing <= NTP_GRACE_PERIOD
        opstate.set(Condition.TIME_SYNC_PENDING_WARNING, pending, (success,))
        grace = ("NtpGracePeriod", NTP_GRACE_PERIOD.days)
        opstate.set(Condition.TIME_SYNC_PENDING_CRITICAL, missing > NTP_GRACE_PERIOD, (success, grace))
        if offset is None or abs(offset) <= NTP_MAX_TIMEDIFFERENCE:
            return
        if not opstate.holds(Condition.TIME_DIFFERENCE_INTOLERABLE):
            parameters = (("MESSAGE", "CRITICALTIME DEVIATION"),)
            self._hub.publish(
                Event(Topic.NTP_ENTERCRITICALSTATE, parameters, severity=EventSeverity.FATAL, deliver=False)
            )
        difference = ("NtpTimedifference", round(offset))
        allowed = ("NtpMaxAllowedTimedifference", round(NTP_MAX_TIMEDIFFERENCE))
        opstate.set(Condition.TIME_DIFFERENCE_INTOLERABLE, True, (difference, allowed))

    async def _keep(self) -> None:
        told = {
            "attempt": self.record.attempt,
            "success": self.record.success,
            "failing_since": self.record.failing_since,
        }
        await self._store.put(TIME_KIND, _KEY, {name: at.isoformat() for name, at in told.items() if at is not None})

    async def _offset(self) -> float | None:
        for server in self._servers if self._may_ask() else ():
            try:
                async with asyncio.timeout(self._settings.answer):
                    return await self._ask(server)
            except (OSError, BadNtp) as error:
                _log.info("time server of no use", extra={"peer": str(server), "kind": type(error).__name__})
        return None

    async def _ask(self, server: Address) -> float:
        """How far the server is ahead of us, in seconds. Raises `OSError`, `BadNtp`."""
        nonce = self._entropy.octets(8)
        waiting: asyncio.Future[tuple[bytes, datetime]] = asyncio.get_running_loop().create_future()
        transport = await self._network.datagrams(server.host, server.port, lambda: _Question(waiting, self._clock))
        try:
            asked = self._clock.now()
            transport.sendto(encode_question(nonce))
            packet, came = await waiting
        finally:
            transport.close()
        answer = decode_answer_untrusted(packet, nonce, asked)
        return ((answer.received - asked) + (answer.transmitted - came)).total_seconds() / 2


class _Question(asyncio.DatagramProtocol):
    def __init__(self, waiting: "asyncio.Future[tuple[bytes, datetime]]", clock: Clock) -> None:
        self._waiting = waiting
        self._clock = clock

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self._waiting.done():
            self._waiting.set_result((data, self._clock.now()))

    def error_received(self, exc: Exception) -> None:
        if not self._waiting.done():
            self._waiting.set_exception(exc)
