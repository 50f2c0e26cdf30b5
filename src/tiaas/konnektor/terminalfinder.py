"""Finding card terminals: discovery on request and in a cycle, announcements (gemSpec_Kon V5.18: TIP1-A_4538-02, 4540,
4550, 6477; TUC_KON_054 with Mode AutoAdded).
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from tiaas.base.clock import Clock
from tiaas.base.errors import TiaasError
from tiaas.konnektor.discovery import Discovery, FoundTerminal
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.store import InstanceStore
from tiaas.konnektor.terminallist import Correlation, TerminalConfig, TerminalEntry
from tiaas.konnektor.terminals import Terminals
from tiaas.konnektor.terminalsettings import Target, TerminalSettings

_log = logging.getLogger("tiaas.konnektor.terminals")

SETTINGS_KIND, SETTINGS_KEY = "terminal-settings", "current"
KNOWN_MAX = 256
"""Terminals that were only found (`bekannt`): anybody in the LAN can announce some."""
_HEARD_MAX = 64
_AGAIN_SECONDS = 5.0
_CERTIFICATES_SECONDS = 6 * 3600.0
_MINUTE = 60.0


class TerminalFinder:
    """See module; also looks after certificates that run out while connections stand."""

    def __init__(
        self, terminals: Terminals, discovery: Discovery, store: InstanceStore, clock: Clock, settings: TerminalSettings
    ) -> None:
        """`settings` count until an administrator has changed them."""
        self.settings = settings
        self._terminals = terminals
        self._discovery = discovery
        self._store = store
        self._clock = clock
        self._heard: asyncio.Queue[FoundTerminal] = asyncio.Queue(_HEARD_MAX)
        self._tried: dict[str, float] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._turn = asyncio.Lock()
        self.listens_at: int | None = None
        """The UDP port of announcements, None while they are not listened to."""

    async def load(self) -> None:
        """Reads the settings; before the terminals are dialled. Raises `StoreError`, `BadTerminalSettings`."""
        row = await self._store.get(SETTINGS_KIND, SETTINGS_KEY)
        if row is not None:
            self.settings = TerminalSettings.from_document(row)
        self._terminals.patience = self.settings.patience

    async def start(self) -> None:
        """Listens for announcements, begins the cyclic query."""
        async with self._turn:
            await self._run()

    async def stop(self) -> None:
        """Ends all that `start` began."""
        async with self._turn:
            await self._end()

    async def _end(self) -> None:
        self._discovery.close()
        self.listens_at = None
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def put_settings(self, settings: TerminalSettings) -> None:
        """TIP1-A_4550: keeps other settings and goes on with them; connections that stand keep theirs. `StoreError`."""
        async with self._turn:
            await self._store.put(SETTINGS_KIND, SETTINGS_KEY, settings.to_document())
            self.settings = settings
            self._terminals.patience = settings.patience
            if self._tasks:
                await self._end()
                await self._run()

    async def _run(self) -> None:
        if self.settings.announcement_port:
            await self._listen(self.settings.announcement_port)
        works = [self._take_heard(), self._judge_certificates()]
        if self.settings.discovery_cycle:
            works.append(self._look_for_lost(self.settings.discovery_cycle * _MINUTE))
        self._tasks = [asyncio.create_task(work) for work in works]

    async def _listen(self, port: int) -> None:
        """A port that is taken costs the announcements, not the instance: terminals are found by asking, too."""
        try:
            self.listens_at = await self._discovery.listen(port, self._hear)
        except OSError as error:
            _log.warning("announcements are not heard", extra={"address": f":{port}", "kind": type(error).__name__})

    # ---- discovery -----------------------------------------------------------------------------------------------

    async def discover(
        self, addresses: Sequence[str] | None = None, *, broadcast: bool | None = None
    ) -> tuple[FoundTerminal, ...]:
        """TIP1-A_6477: asks `addresses` (default: those of the settings); who answers is in the list afterwards.

        New ones are `bekannt`. Raises `BadTerminalSettings` for an address, `KonnektorError` 4033 without network.
        """
        settings = self.settings
        given = settings.addresses if addresses is None else tuple(addresses)
        wide = settings.broadcast if broadcast is None else broadcast
        found = await self.ask(replace(settings, addresses=given).targets(), broadcast=wide)
        for terminal in found:
            await self._take(terminal)
        return found

    async def ask(self, targets: Sequence[Target], *, broadcast: bool = False) -> tuple[FoundTerminal, ...]:
        """Who answers within CTM_SERVICE_DISCOVERY_TIMEOUT. Raises 4033 without network."""
        settings = self.settings
        try:
            return await self._discovery.ask(
                targets, settings.discovery_port, settings.discovery_timeout, broadcast=broadcast
            )
        except OSError as error:
            raise KonnektorError(4033) from error

    def _hear(self, found: FoundTerminal) -> None:
        """An announcement; more than can be worked off are dropped."""
        with suppress(asyncio.QueueFull):
            self._heard.put_nowait(found)

    async def _take_heard(self) -> None:
        while True:
            found = await self._heard.get()
            try:
                await self._take(found)
            except TiaasError as error:
                _log.warning("announcement not taken", extra={"kind": type(error).__name__})

    async def _take(self, found: FoundTerminal) -> None:
        """TUC_KON_054 with Mode AutoAdded; a known one that is away is dialled where it is now (TIP1-A_4540).

        A connected terminal is not moved: that its connection stands proves more than a datagram.
        """
        entry = self.by_mac(found.mac)
        if entry is None:
            known = sum(entry.config.correlation is Correlation.BEKANNT for entry in self._terminals)
            if known < KNOWN_MAX:
                await self._terminals.add(new_config(found, Correlation.BEKANNT))
            return
        if entry.certificate is not None or entry.administered or not self._is_time(entry):
            return
        moved = replace(entry.config, host=found.host, port=found.port, name=found.name)
        if moved != entry.config or entry.config.correlation is Correlation.AKTIV:
            await self._terminals.add(moved)

    def _is_time(self, entry: TerminalEntry) -> bool:
        """Whether the last attempt because of a datagram is long enough ago."""
        now, ct_id = self._clock.monotonic(), entry.config.ct_id
        if now - self._tried.get(ct_id, -_AGAIN_SECONDS) < _AGAIN_SECONDS:
            return False
        self._tried[ct_id] = now
        return True

    async def _look_for_lost(self, seconds: float) -> None:
        """TIP1-A_4538-02: asks every terminal in use that is away, one by one."""
        while True:
            await asyncio.sleep(seconds)
            away = [
                Target(entry.config.host, entry.config.udp_port)
                for entry in self._terminals
                if entry.config.correlation is Correlation.AKTIV
                and not entry.connected
                and (entry.last_product is None or entry.valid_version)
            ]
            try:
                for found in await self.ask(away) if away else ():
                    if self.by_mac(found.mac) is not None:
                        await self._take(found)
            except TiaasError as error:
                _log.warning("cyclic discovery failed", extra={"kind": type(error).__name__})

    async def _judge_certificates(self) -> None:
        while True:
            await asyncio.sleep(_CERTIFICATES_SECONDS)
            self._terminals.judge_certificates()

    def by_mac(self, mac: bytes) -> TerminalEntry | None:
        """The terminal with that MAC address."""
        return next((entry for entry in self._terminals if entry.config.mac == mac), None)


def new_config(found: FoundTerminal, correlation: Correlation) -> TerminalConfig:
    """A new entry: its ctId is its MAC address, so that a terminal removed and added again is the same one."""
    ct_id = found.mac.hex(":").upper()
    return TerminalConfig(ct_id, found.name, found.mac, found.host, found.port, 0, correlation, udp_port=found.udp_port)
