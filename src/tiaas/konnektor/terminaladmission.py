"""TUC_KON_050 from step 3 on: a terminal to which TLS stands is taken into use, or refused (gemSpec_Kon V5.18, 4.1.4).

Each step may come too late: what was begun for a connection that is gone meanwhile (`generation`) has no effect.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub, Topic
from tiaas.konnektor.slots import Slots
from tiaas.konnektor.store import StaleEpochWrite, StoreError
from tiaas.konnektor.terminalevents import failure_event, link_event
from tiaas.konnektor.terminallist import Correlation, Role, TerminalConfig, TerminalEntry
from tiaas.konnektor.terminalpairing import is_paired
from tiaas.konnektor.terminalstates import TerminalStates
from tiaas.konnektor.trust import UntrustedTerminal
from tiaas.konnektor.trustservice import Trust
from tiaas.terminal.displaysize import read_display
from tiaas.terminal.errors import TerminalError
from tiaas.terminal.front import FrontError, LinkUp, StaleEpoch
from tiaas.terminal.session import SlotState, TerminalSession

_log = logging.getLogger("tiaas.konnektor.terminals")

RETRY_SECONDS = 5.0
SLOTS_MAX = 14
"""SICCT's direct coding of P1 counts to 14 (gemSpec_KT A_24115, note)."""
_ABSENT = frozenset({SlotState.EMPTY, SlotState.UNKNOWN})


class AdmissionHost(Protocol):
    """The terminals, as far as admission may use them; `Terminals` are that."""

    on_session: Callable[[TerminalEntry], None]

    def session(self, ct_id: str) -> TerminalSession:
        """The terminal's commands."""
        ...

    async def change(self, entry: TerminalEntry, config: TerminalConfig) -> None:
        """Keeps what has changed."""
        ...

    async def drop(self, entry: TerminalEntry) -> None:
        """Ends the connection, with its cards."""
        ...

    async def reconnect(self, entry: TerminalEntry) -> None:
        """Ends the connection and begins a new one."""
        ...


class Admission:
    """Takes terminals of one instance into use."""

    def __init__(
        self,
        host: AdmissionHost,
        slots: Slots,
        hub: EventHub,
        states: TerminalStates,
        trust: Trust,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._host = host
        self._slots = slots
        self._hub = hub
        self._states = states
        self._trust = trust
        self._clock = clock
        self._entropy = entropy

    async def begin(self, entry: TerminalEntry, generation: int, link: LinkUp) -> None:
        """TUC_KON_050 from step 3 on; TLS stands. A failure is told by CT/TLS_ESTABLISHMENT_FAILURE."""
        try:
            await self._admit(entry, generation, link)
        except (StaleEpoch, StaleEpochWrite):
            return  # taken over meanwhile: what becomes of the terminal, its owner tells
        except (TerminalError, FrontError, StoreError) as error:
            if entry.generation != generation:
                return
            if not isinstance(error, StoreError):
                self._hub.publish(failure_event(Topic.CT_TLS_ESTABLISHMENT_FAILURE, entry, KonnektorError(4028)))
            _log.info("terminal session failed", extra={"ct_id": entry.config.ct_id, "kind": type(error).__name__})
            await self._redial(entry, generation)

    async def _admit(self, entry: TerminalEntry, generation: int, link: LinkUp) -> None:
        """Takes the terminal into use or refuses it. Raises `TerminalError`, `FrontError`, `StoreError`."""
        try:
            states = await self._open_session(entry, generation, link)
        except KonnektorError as error:
            if entry.generation == generation:
                await self._refuse(entry, error)
            return
        if states is None or entry.generation != generation:
            return
        early, entry.early = entry.early or [], None
        if not entry.config.slots:
            await self._host.change(entry, replace(entry.config, slots=min(len(states), SLOTS_MAX)))
        stood, entry.connected = entry.connected, True
        self._states.certificate(entry)
        self._host.on_session(entry)
        if not stood:
            self._hub.publish(link_event(Topic.CT_CONNECTED, entry))
        self._states.availability(entry)
        for slot, state in enumerate(states[: entry.config.slots], start=1):
            if entry.usable and state not in _ABSENT:
                self._slots.in_use(entry, slot)
        for event in early:
            self._slots.on_event(entry, event)

    async def _open_session(self, entry: TerminalEntry, generation: int, link: LinkUp) -> tuple[SlotState, ...] | None:
        """INIT, VALIDATE, product and slots; None for a terminal that is not paired yet (opened for information)."""
        self._require_trusted(link.certificate, 4028)
        session = self._host.session(entry.config.ct_id)
        begun = entry.begun_pairing
        pairing = None if entry.maintained else entry.config.pairing
        if pairing is not None and pairing.certificate != link.certificate and begun is None:
            raise KonnektorError(4029)
        if not link.session_open:
            entry.session_id, entry.role = await session.init(), Role.USER
        if pairing is not None and not await is_paired(session, pairing, link.certificate, self._entropy):
            if begun is None:
                raise KonnektorError(4029)
            pairing = None
        if begun is not None and entry.generation == generation and entry.begun_pairing == begun:
            correlation = Correlation.ZUGEWIESEN if pairing is None else Correlation.AKTIV
            await self._host.change(entry, replace(entry.config, correlation=correlation, pairing=pairing))
        product = await session.product()
        if entry.generation != generation:
            return None
        entry.product = entry.last_product = product
        if pairing is None:
            return None
        entry.display = await read_display(session)
        # From here on an event may tell of something that happened after the answer to GET STATUS.
        entry.early = []
        return await session.slot_states()

    def _require_trusted(self, certificate: bytes, code: int) -> None:
        try:
            self._trust.check_terminal(certificate, self._clock.now())
        except UntrustedTerminal as error:
            raise KonnektorError(code, f"certificate: {error}") from error

    async def _refuse(self, entry: TerminalEntry, error: KonnektorError) -> None:
        """Wrong certificate or secret: back to `gepairt`, TLS ends, an administrator has to look (steps 5 and 8).

        A certificate that is not trusted (4028) is looked at again when the trust space changes.
        """
        refused_in = self._trust.space
        if entry.config.correlation is Correlation.AKTIV and error.code == 4029:
            await self._host.change(entry, replace(entry.config, correlation=Correlation.GEPAIRT))
        await self._host.drop(entry)
        self._states.availability(entry)
        self._hub.publish(failure_event(Topic.CT_TLS_ESTABLISHMENT_FAILURE, entry, error))
        entry.refusal, entry.untrusted = error, error.code == 4028
        if entry.untrusted and self._trust.space is not refused_in:
            await self._host.reconnect(entry)

    async def _redial(self, entry: TerminalEntry, generation: int) -> None:
        await asyncio.sleep(RETRY_SECONDS)
        if entry.generation == generation:
            await self._host.reconnect(entry)
