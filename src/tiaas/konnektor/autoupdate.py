"""Firmware of card terminals by itself, at a set time (gemSpec_Kon V5.18 A_18387, A_18390, A_18391; TAB_KON_670).

Brought is what the KSR offers above the version that runs. What the Konnektor did not run at is not made up for. A
terminal without an administrator's account, or one that is away, is left as it is, and the log says so.
"""

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.konnektor.store import InstanceStore
from tiaas.konnektor.terminaladmin import TerminalAdmin
from tiaas.konnektor.terminaladminsession import NO_ACCOUNT
from tiaas.konnektor.terminallist import Correlation, TerminalEntry
from tiaas.konnektor.terminals import Terminals
from tiaas.konnektor.updateoffers import version_numbers
from tiaas.konnektor.updates import Updates

_log = logging.getLogger("tiaas.konnektor.ksr")

AUTO_UPDATE_KIND, _KEY = "auto-update", "current"
_LOOK_SECONDS = 20.0
_LATE = timedelta(hours=1)
"""A host that slept through the time wakes up too late."""
_AT_ONCE = 5
"""TAB_KON_666: at least so many terminals at the same time."""
DAYS = 7


@dataclass(frozen=True, slots=True)
class AutoUpdateSettings:
    """MGM_KSR_AUTO_UPDATE, of all devices and by device, and MGM_KSR_AUTO_UPDATE_TIME.

    `day` is 0 for Monday to 6, None for every day; the time is that of the host. `excluded` are ctIds.
    """

    enabled: bool = True
    day: int | None = 0
    hour: int = 1
    minute: int = 0
    excluded: frozenset[str] = frozenset()

    def to_row(self) -> dict[str, Any]:
        """For the store."""
        return {
            "enabled": self.enabled,
            "day": self.day,
            "hour": self.hour,
            "minute": self.minute,
            "excluded": sorted(self.excluded),
        }

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> "AutoUpdateSettings":
        """What `to_row` wrote. Raises `KeyError`, `TypeError`, `ValueError` for a damaged row."""
        day = row["day"]
        if day not in (None, *range(DAYS)):
            raise ValueError("no day of the week")
        at = time(row["hour"], row["minute"])
        return AutoUpdateSettings(bool(row["enabled"]), day, at.hour, at.minute, frozenset(map(str, row["excluded"])))


def next_run(after: datetime, settings: AutoUpdateSettings) -> datetime:
    """The first time of the settings later than `after`, in the host's time zone."""
    today, at = after.astimezone().date(), time(settings.hour, settings.minute)
    days = (datetime.combine(today + timedelta(days=ahead), at).astimezone() for ahead in range(DAYS + 2))
    return next(day for day in days if day > after and settings.day in (None, day.weekday()))


class AutoUpdate:
    """Updates the terminals of one instance between `start` and `stop`."""

    def __init__(
        self, updates: Updates, admin: TerminalAdmin, terminals: Terminals, store: InstanceStore, clock: Clock
    ) -> None:
        self.settings = AutoUpdateSettings()
        self._updates = updates
        self._admin = admin
        self._terminals = terminals
        self._store = store
        self._clock = clock
        self._due = next_run(clock.now(), self.settings)
        self._task: asyncio.Task[None] | None = None

    @property
    def is_on(self) -> bool:
        """Whether anything is ever updated by itself."""
        return self.settings.enabled and self._updates.has_ksr

    async def start(self) -> None:
        """Reads the settings, the usual ones if they are damaged, and waits for the time. Raises `StoreError`."""
        row = await self._store.get(AUTO_UPDATE_KIND, _KEY)
        if row is not None:
            try:
                self._take(AutoUpdateSettings.from_row(row))
            except (KeyError, TypeError, ValueError):
                _log.error("stored settings of updates not readable")
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Begins no more updates; one that runs is broken off, and the terminal keeps what it has."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def configure(self, settings: AutoUpdateSettings) -> None:
        """Counts from now on. Raises `StoreError`."""
        await self._store.put(AUTO_UPDATE_KIND, _KEY, settings.to_row())
        self._take(settings)

    async def look(self) -> bool:
        """Updates what is old if the time has come; whether it had."""
        now = self._clock.now()
        if now < self._due:
            return False
        is_late = now - self._due > _LATE
        self._due = next_run(now, self.settings)
        if not self.is_on or is_late:
            return False
        await self._update_all()
        return True

    def _take(self, settings: AutoUpdateSettings) -> None:
        self.settings = settings
        self._due = next_run(self._clock.now(), settings)

    async def _update_all(self) -> None:
        await self._updates.check()
        places = asyncio.Semaphore(_AT_ONCE)

        async def update(ct_id: str, version: str) -> None:
            async with places:
                try:
                    await self._admin.update_firmware(ct_id, version)
                except TiaasError as error:
                    _log.warning("terminal not updated", extra={"ct_id": ct_id, "reason": str(error)})

        newer = [(entry.config.ct_id, self._newer(entry)) for entry in self._terminals]
        await asyncio.gather(*(update(ct_id, version) for ct_id, version in newer if version is not None))

    def _newer(self, entry: TerminalEntry) -> str | None:
        """The version that a terminal is to get."""
        config, product = entry.config, entry.last_product
        if product is None or config.correlation is not Correlation.AKTIV or config.ct_id in self.settings.excluded:
            return None
        offered = self._updates.newest_version(product)
        if offered is None or version_numbers(offered) <= version_numbers(product.firmware_version):
            return None
        if config.admin is None:
            # To find that out at the terminal would cost its cards their power.
            _log.warning("terminal not updated", extra={"ct_id": config.ct_id, "reason": NO_ACCOUNT})
            return None
        return offered

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - a defect met once must not end all updates
                _log.error("terminals not updated", extra={"reason": type(error).__name__})
