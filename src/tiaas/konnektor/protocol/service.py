"""TUC_KON_271 and TUC_KON_272: one instance's logs.

`write` takes an entry and returns at once; a thread appends what has gathered a moment later. So a SOAP call neither
waits for a disk nor pays for an fsync, and of a process that is killed the last moment's entries may be missing. The
security log is synced to the disk with each of these writes. What cannot be written is kept, up to a bound, and tried
again; the failure raises LOG/ERROR, and for the security log the condition EC_Security_Log_Not_Writable.
"""

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import datetime
from functools import cache, partial

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.konnektor.codes import CODES, CompType, ErrorType, Severity
from tiaas.konnektor.errors import LoggedError
from tiaas.konnektor.events import Event, EventHub, EventSeverity, EventType, Topic, parameters
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.protocol.entry import PERFORMANCE, SECURITY, SYSTEM, Entry, Level, LogName, LogType
from tiaas.konnektor.protocol.medium import Medium, MediumError
from tiaas.konnektor.protocol.personal import fit_text, fit_to_log
from tiaas.konnektor.protocol.query import Query, select
from tiaas.konnektor.protocol.ring import Ring
from tiaas.konnektor.protocol.settings import LogSettings
from tiaas.konnektor.store import InstanceStore, StoreError
from tiaas.soap.dispatch import SERVED_CALL, ServedCall

_log = logging.getLogger("tiaas.konnektor.protocol")

FLUSH_SECONDS = 0.25
RETRY_SECONDS = 1.0
WAITING_MAX = 5_000
"""Entries of one log that wait for a medium that fails; the oldest are lost first, and their number is told."""
_KIND = "protocol"
_SETTINGS, _OVERFLOW, _SEAL = "settings", "overflow", "seal"

_WRITE_FAILED = {LogType.SECURITY: (4152, 4152), LogType.OPERATION: (4150, 4151), LogType.PERFORMANCE: (4216, 4217)}
_NO_ACCESS = {LogType.SECURITY: (4153, 4153), LogType.OPERATION: (4154, 4155), LogType.PERFORMANCE: (4218, 4219)}
"""Per type of log the code for the Konnektor's own and for a Fachmodul's (TAB_KON_608, TAB_KON_611)."""

FACHMODULE = ("VSDM",)
"""The Fachmodule of the software."""
_ALWAYS = ("MGM/", "OPERATIONAL_STATE/", "BOOTUP/", "KSR/")
"""Topics with a duty of their own to be logged (TIP1-A_5005 and others), whatever LOG_LEVEL_SYSLOG is."""

_Told = tuple[LogType, Level, str, int | None, str, str, str, str, tuple[tuple[str, str], ...]]
"""What an entry says, fit to be logged: type, level, topic, code, text, Fachmodul, ids of event and message,
parameters."""
_Waiting = tuple[datetime, ServedCall | None, _Told]
"""Becomes an entry in the thread that writes it: whoever tells something does not wait for that either."""

_LEVEL = {severity: Level(severity.value) for severity in Severity}


@cache
def _told_of(code: int, comp_type: CompType) -> tuple[LogName, LogType, Level, str, str]:
    """Where an error with this code is written, and as what: log, type, level, Fachmodul, text."""
    entry = CODES[code]
    type_ = LogType.SECURITY if entry.error_type is ErrorType.SECURITY else LogType.OPERATION
    fm = "VSDM" if comp_type is CompType.FM_VSDM else ""
    return LogName.of(type_, fm), type_, _LEVEL[entry.severity], fm, entry.filled("")


class ProtocolService:
    """The logs of one instance. Before `start` and without an event loop entries wait in memory.

    `fachmodule` are the Fachmodule that have logs from the beginning.
    """

    def __init__(
        self,
        medium: Medium,
        store: InstanceStore,
        hub: EventHub,
        opstate: OperatingState,
        clock: Clock,
        entropy: Entropy,
        fachmodule: Iterable[str] = FACHMODULE,
    ) -> None:
        self.settings = LogSettings()
        self._medium = medium
        self._store = store
        self._hub = hub
        self._opstate = opstate
        self._clock = clock
        self._entropy = entropy
        self._rings: dict[LogName, Ring] = {}
        self._known = [SECURITY, SYSTEM, PERFORMANCE]
        for fm in fachmodule:
            self._known += [LogName(LogType.OPERATION, fm), LogName(LogType.PERFORMANCE, fm)]
        self._waiting: dict[LogName, deque[_Waiting]] = {}
        self._lost: dict[LogName, int] = {}
        self._failing: set[LogName] = set()
        self._unopened: set[LogName] = set()
        self._crowded: set[LogName] = set()
        self._overflown: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._one_at_a_time = asyncio.Lock()
        self._changed = asyncio.Event()
        self._started = False
        self._stopping = False
        hub.subscribe(self._on_event, logged=True)

    # ---- writing ---------------------------------------------------------------------------------------------------

    def write(
        self,
        type_: LogType,
        level: Level,
        *,
        topic: str = "",
        code: int | None = None,
        text: str = "",
        fm: str = "",
        event_id: str = "",
        message_id: str = "",
        parameters: Iterable[tuple[str, str]] = (),
    ) -> None:
        """TUC_KON_271: writes an entry, if its log takes this level. Never raises and never waits.

        `code` is a gematik error code, `text` defaults to its official text. Of `parameters` only those are written
        that are known to hold nothing personal (`personal.ALLOWED`). The SOAP call under way is added.
        """
        log = LogName.of(type_, fm)
        if not self.settings.takes(log, level):
            return
        # An official text is fit for any log.
        text = CODES[code].filled("") if not text and code is not None else fit_text(text)
        fit = fit_to_log(parameters, type_=type_, level=level, topic=topic, fm=fm) if parameters else ()
        self._put(log, (type_, level, topic, code, text, fm, event_id, message_id, fit))

    def write_error(self, logged: LoggedError) -> None:
        """The entry of an error in a trace, with its inner code: one of ErrorType Security goes into the security log,
        a Fachmodul's into its own."""
        error = logged.error
        log, type_, level, fm, text = _told_of(error.code, error.comp_type)
        if not self.settings.takes(log, level):
            return
        if error.fill:
            text = fit_text(error.entry.filled(error.fill))
        given = logged.evidence
        fit = fit_to_log(given, type_=type_, level=level, topic="", fm=fm) if given else ()
        self._put(log, (type_, level, "", error.code, text, fm, logged.event_id, logged.message_id, fit))

    def _put(self, log: LogName, told: _Told) -> None:
        waiting = self._waiting.get(log)
        if waiting is None:
            waiting = self._waiting[log] = deque()
        waiting.append((self._clock.now(), SERVED_CALL.get(), told))
        while len(waiting) > WAITING_MAX:
            waiting.popleft()
            self._lost[log] = self._lost.get(log, 0) + 1
        if self._timer is None:
            self._schedule(FLUSH_SECONDS)

    def _entry(self, at: datetime, call: ServedCall | None, told: _Told) -> Entry:
        type_, level, topic, code, text, fm, event_id, message_id, parameters = told
        return Entry(
            0,
            at,
            type_,
            level,
            topic=topic,
            code=code,
            text=text,
            fm=fm,
            event_id=event_id,
            message_id=message_id,
            operation=call.operation if call is not None else "",
            call=f"{self._store.owner.epoch}-{call.number}" if call is not None else "",
            parameters=parameters,
        )

    def _on_event(self, event: Event) -> None:
        """Step 2 of TUC_KON_256: an event that is to be logged becomes an entry."""
        type_ = LogType.SECURITY if event.kind is EventType.SECURITY else LogType.OPERATION
        topic = str(event.topic)
        fm = topic.partition("/")[0] if topic.startswith("VSDM/") else ""
        log, level = LogName.of(type_, fm), Level(event.severity.value)
        if topic.startswith(_ALWAYS) or self.settings.takes(log, level):
            fit = fit_to_log(event.parameters, type_=type_, level=level, topic=topic, fm=fm)
            self._put(log, (type_, level, topic, None, "", fm, "", "", fit))

    # ---- boot and end ----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """TUC_KON_272: opens all logs and checks them; what is wrong is told by events and does not stop the boot.

        Raises `StoreError`.
        """
        row = await self._store.get(_KIND, _SETTINGS)
        self.settings = LogSettings.from_document(row) if row is not None else LogSettings()
        key = await self._key()
        overflow = await self._store.get(_KIND, _OVERFLOW)
        for log in self._known:
            ring = self._rings[log] = Ring(self._medium, log.text, key)
            try:
                sound = await asyncio.to_thread(ring.open)
                await asyncio.to_thread(self._medium.check)
            except MediumError as error:
                self._unopened.add(log)
                self._failed(log, _NO_ACCESS, error.reason)
            else:
                if not sound:
                    self._failed(log, _NO_ACCESS, "the log was changed from outside", writable=True)
        if overflow is not None and overflow["logs"]:
            self._overflow(overflow["logs"])
        self._started = True
        await self.flush()

    async def stop(self) -> None:
        """Writes what waits."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
        await self.flush()
        self._started = False

    async def _key(self) -> bytes:
        row = await self._store.get(_KIND, _SEAL)
        if row is not None:
            return bytes.fromhex(row["key"])
        key = self._entropy.octets(32)
        await self._store.put(_KIND, _SEAL, {"key": key.hex()})
        return key

    # ---- the writer ------------------------------------------------------------------------------------------------

    def _schedule(self, seconds: float) -> None:
        if self._timer is not None or not self._started:
            return
        self._timer = asyncio.get_running_loop().call_later(seconds, self._begin_flush)

    def _begin_flush(self) -> None:
        self._timer = None
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self.flush())

    async def flush(self) -> None:
        """Writes what waits, now."""
        if not self._started:
            return
        async with self._one_at_a_time:
            for log in [log for log, waiting in self._waiting.items() if waiting]:
                await self._flush(log)
        if any(self._waiting.values()) and not self._stopping:
            self._schedule(RETRY_SECONDS)

    async def _flush(self, log: LogName) -> None:
        waiting = self._waiting[log]
        drafts = list(waiting)
        lost = self._lost.pop(log, 0)
        if lost:
            told = log.type, Level.WARNING, "", None, "entries were lost", log.fm, "", "", (("Count", str(lost)),)
            drafts.append((self._clock.now(), None, told))
        written, failure = await asyncio.to_thread(self._append, log, drafts)
        for _ in range(min(written, len(drafts) - bool(lost), len(waiting))):
            waiting.popleft()
        if failure is not None:
            if lost:
                self._lost[log] = self._lost.get(log, 0) + lost
            self._failed(log, _WRITE_FAILED, failure.reason)
            return
        self._mended(log)
        self._changed.set()
        self._changed = asyncio.Event()
        await self._make_room(log)

    async def _make_room(self, log: LogName) -> None:
        """Lets old entries go. Apart from the writing: a segment that stays must not make entries be written twice."""
        try:
            overflow = await asyncio.to_thread(self._trim, log)
        except MediumError as error:
            if log not in self._crowded:
                self._crowded.add(log)
                self._failed(log, _WRITE_FAILED, error.reason, writable=True)
            return
        self._crowded.discard(log)
        if overflow and log.text not in self._overflown:
            self._overflow([log.text])
            try:
                await self._keep_overflow()
            except StoreError as error:
                _log.warning("overflow not kept", extra={"reason": error.reason})

    def _append(self, log: LogName, drafts: list[_Waiting]) -> tuple[int, MediumError | None]:
        """How many of `drafts` are in the log now, and why not all."""
        ring = self._rings[log]
        before = ring.written
        try:
            if log in self._unopened:
                ring.open()
                self._unopened.discard(log)
                before = ring.written
            ring.append([self._entry(*draft) for draft in drafts], durable=log.type is LogType.SECURITY)
        except MediumError as error:
            return max(0, ring.written - before), error
        return len(drafts), None

    def _trim(self, log: LogName) -> bool:
        """Whether entries went that are younger than they should be."""
        ring, now, settings = self._rings[log], self._clock.now(), self.settings
        if log.type is not LogType.SECURITY:
            ring.expire(settings.days_of(log), now)
        return ring.trim(settings.size_of(log), settings.days_of(log), now)

    def _failed(
        self, log: LogName, codes: dict[LogType, tuple[int, int]], reason: str, *, writable: bool = False
    ) -> None:
        if not writable:
            if log in self._failing:
                return
            self._failing.add(log)
        code = CODES[codes[log.type][bool(log.fm)]]
        _log.error("log unusable", extra={"code": code.number, "reason": reason})
        self._hub.publish(
            Event(
                Topic.LOG_ERROR,
                parameters(("Error", code.number), ("Bedeutung", code.text)),
                kind=EventType.SECURITY if code.error_type is ErrorType.SECURITY else EventType.OPERATION,
                severity=EventSeverity(code.severity.value),
                log=False,
                deliver=False,
            )
        )
        if log == SECURITY and not writable:
            self._opstate.set(Condition.SECURITY_LOG_NOT_WRITABLE, True)

    def _mended(self, log: LogName) -> None:
        if log in self._failing:
            self._failing.discard(log)
            if log == SECURITY:
                self._opstate.set(Condition.SECURITY_LOG_NOT_WRITABLE, False)

    def _overflow(self, logs: Iterable[str]) -> None:
        self._overflown = sorted({*self._overflown, *logs})
        self._opstate.set(Condition.LOG_OVERFLOW, True, (("Protokoll", ",".join(self._overflown)),))

    async def _keep_overflow(self) -> None:
        """The condition lasts over a restart. Raises `StoreError`."""
        await self._store.put(_KIND, _OVERFLOW, {"logs": self._overflown})

    # ---- administration --------------------------------------------------------------------------------------------

    @property
    def logs(self) -> tuple[LogName, ...]:
        """All logs of the instance."""
        return tuple(self._known)

    def counts(self) -> dict[LogName, int]:
        """How many entries each log holds; what waits to be written is not counted."""
        return {log: len(self._rings[log]) if log in self._rings else 0 for log in self._known}

    def find(self, text: str) -> LogName | None:
        """The log of that name (`system`, `security`, `fm-VSDM` …)."""
        return next((log for log in self._known if log.text == text), None)

    @property
    def overflown(self) -> tuple[str, ...]:
        """Logs that lost entries too early since the last `reset_overflow`."""
        return tuple(self._overflown)

    async def entries(self, log: LogName, query: Query) -> list[Entry]:
        """The entries looked for. Raises `MediumError`; `KeyError` for a log the instance does not have."""
        await self.flush()
        ring = self._rings[log]
        async with self._one_at_a_time:
            return await asyncio.to_thread(partial(select, ring.newest_first(), query))

    async def follow(self, log: LogName, query: Query) -> AsyncIterator[Entry]:
        """The entries looked for, oldest first, and then each that comes."""
        after = query.after
        while True:
            changed = self._changed
            asked = replace(query, after=after, oldest_first=True)
            for entry in await self.entries(log, asked):
                after = max(after, entry.number)
                yield entry
            await changed.wait()

    async def export(self, log: LogName, query: Query) -> bytes:
        """The entries looked for as JSON lines, oldest first."""
        asked = replace(query, oldest_first=True)
        lines = [json.dumps(entry.document(), ensure_ascii=False) for entry in await self.entries(log, asked)]
        return "".join(f"{line}\n" for line in lines).encode()

    async def clear(self, log: LogName) -> None:
        """Deletes the entries of a log. Raises `PermissionError` for the security log (TIP1-A_4709), `MediumError`."""
        if log.type is LogType.SECURITY:
            raise PermissionError("the security log is never deleted")
        await self.flush()
        async with self._one_at_a_time:
            await asyncio.to_thread(self._rings[log].clear)

    async def reset_overflow(self) -> None:
        """The administrator has seen EC_LOG_OVERFLOW. Raises `StoreError`."""
        await self._store.delete(_KIND, _OVERFLOW)
        self._overflown = []
        self._opstate.set(Condition.LOG_OVERFLOW, False)

    async def configure(self, settings: LogSettings) -> None:
        """Puts other settings in force and stores them. Raises `StoreError`."""
        await self._store.put(_KIND, _SETTINGS, settings.document())
        self.settings = settings
