"""Card terminals of one instance: connections and sessions (gemSpec_Kon V5.18 §4.1.4).

Cards are `slots`' work, TUC_KON_050 is `terminaladmission`'s, pairing is `terminalpairing`'s, what an administrator
does is `terminaladmin`'s.

Theory of operation. The front reports in the order things happened. What takes a terminal or a card away (`LinkDown`,
event 85) is done at once. What takes time (TUC_KON_050 after `LinkUp`, opening a card after event 84) runs in tasks,
for each slot one at most; each remembers the generation of its terminal or slot and gives up its result if that has
moved on. So no late answer brings back a card that was pulled.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub, Topic
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.slots import Slots
from tiaas.konnektor.store import InstanceStore
from tiaas.konnektor.terminaladmission import Admission
from tiaas.konnektor.terminalevents import link_event
from tiaas.konnektor.terminallist import Correlation, Role, TerminalConfig, TerminalEntry
from tiaas.konnektor.terminalpairing import Pairer
from tiaas.konnektor.terminalstates import TerminalStates
from tiaas.konnektor.trustservice import Trust
from tiaas.terminal.front import Dial, Front, FrontError, LinkDown, LinkEvent, LinkUp, Patience
from tiaas.terminal.personwaits import PersonWaits
from tiaas.terminal.session import TerminalSession

_log = logging.getLogger("tiaas.konnektor.terminals")

STORE_KIND = "terminal"
_LOGICAL_MAC = bytes.fromhex("0200000000")
"""A locally administered address (IEEE 802), for what has none."""


class Terminals:
    """All terminals of one instance. `prepare` runs in a task of its own for each card that was opened.

    `konnektor_name` is shown at the terminal when pairing (MGM_KONN_HOSTNAME).
    """

    def __init__(
        self,
        front: Front,
        store: InstanceStore,
        cards: CardList,
        hub: EventHub,
        opstate: OperatingState,
        trust: Trust,
        clock: Clock,
        entropy: Entropy,
        *,
        konnektor_name: str,
        prepare: Callable[[Card], Awaitable[None]] | None = None,
        may_connect: Callable[[], bool] = lambda: True,
        card_seconds: float = 20.0,
    ) -> None:
        self._front = front
        self._store = store
        self._owner = store.owner
        self._cards = cards
        self._hub = hub
        self._states = TerminalStates(opstate, clock)
        self._trust = trust
        self._clock = clock
        self._entropy = entropy
        self.pairer = Pairer(self, hub, trust, clock, entropy, konnektor_name=konnektor_name)
        self._slots = Slots(cards, hub, self.session, self._spawn, prepare, card_seconds)
        self._admission = Admission(self, self._slots, hub, self._states, trust, clock, entropy)
        self._entries: dict[str, TerminalEntry] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()
        self._may_connect = may_connect
        self._suspended = False
        self._persons = PersonWaits()
        self.patience: Patience | None = None
        """For connections made from now on; None: the front's own."""
        self.on_session: Callable[[TerminalEntry], None] = lambda entry: None
        """Called when a terminal's session stands, with its product information."""

    # ---- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Reads the stored terminals and keeps connections to those that are assigned. Raises `StaleEpoch`."""
        for ct_id, document in (await self._store.list(STORE_KIND)).items():
            config = TerminalConfig.from_document(document)
            if config.correlation is Correlation.AKTUALISIEREND:
                config = replace(config, correlation=Correlation.AKTIV)  # whoever updated it has ended meanwhile
            self._entries[ct_id] = TerminalEntry(config)
        self._trust.on_change(self._on_trust)
        self._front.claim(self._owner, self._on_event)
        for entry in self._entries.values():
            await self._connect(entry)

    def permission_changed(self) -> None:
        """In some critical states there is no TLS to terminals (TAB_KON_504); afterwards they are connected again."""
        if self._suspended is not self._may_connect():
            return
        self._suspended = not self._suspended
        for entry in self._physical():
            self._spawn(self.reconnect(entry))

    def end_dialogues(self) -> None:
        """Waits for nobody at a terminal any more: what calls wait for ends with 4044. To be followed by `stop`."""
        self._persons.end()

    async def stop(self) -> None:
        """Closes all connections and ends all tasks. No events are raised: who stops the instance knows."""
        self._trust.on_change(lambda: None)
        for ct_id in [entry.config.ct_id for entry in self._physical()]:
            try:
                await self._front.disconnect(self._owner, ct_id)
            except FrontError:
                _log.info("terminal not disconnected", extra={"ct_id": ct_id})
        while tasks := tuple(self._tasks):
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks.difference_update(tasks)

    # ---- administration --------------------------------------------------------------------------------------------

    async def add(self, config: TerminalConfig) -> None:
        """Adds a terminal (or changes its address) and keeps a connection to it. Raises `StaleEpoch`, `StoreError`."""
        await self._store.put(STORE_KIND, config.ct_id, config.to_document())
        entry = self._entries.get(config.ct_id)
        if entry is None:
            entry = self._entries[config.ct_id] = TerminalEntry(config)
            await self._connect(entry)
            return
        entry.config = config
        await self.reconnect(entry)

    async def remove(self, ct_id: str) -> None:
        """Forgets a terminal with its pairing; its cards are removed. Raises 4007."""
        entry = self.entry(ct_id)
        if not entry.config.is_physical:
            raise KonnektorError(4058)
        await self._store.delete(STORE_KIND, ct_id)
        await self._front.disconnect(self._owner, ct_id)
        self._lost(entry)
        entry.config = replace(entry.config, correlation=Correlation.BEKANNT)
        self._states.availability(entry)
        self._states.forget(ct_id)
        del self._entries[ct_id]

    def add_logical(self, ct_id: str, slots: int) -> None:
        """A logical terminal for the virtual SMC-Bs of an HSM (TIP1-A_4535), not connected yet.

        A terminal of that name gives way to it: both would have the same cards.
        """
        number = sum(not entry.config.is_physical for entry in self._entries.values()) + 1
        config = TerminalConfig(
            ct_id,
            ct_id,
            _LOGICAL_MAC + number.to_bytes(1, "big"),
            "localhost",
            0,
            slots,
            Correlation.AKTIV,
            is_physical=False,
        )
        self._entries[ct_id] = TerminalEntry(config)

    def logical_up(self, ct_id: str) -> None:
        """The HSM behind a logical terminal is there."""
        entry = self.entry(ct_id)
        entry.connected = True
        self._hub.publish(link_event(Topic.CT_CONNECTED, entry))
        self._states.availability(entry)

    def logical_down(self, ct_id: str) -> None:
        """The HSM behind a logical terminal is not there any more, and with it its cards."""
        entry = self.entry(ct_id)
        self._lost(entry)
        self._states.availability(entry)

    async def pair(self, ct_id: str, confirm: Callable[[str], bool], wait: float = 30.0) -> None:
        """TUC_KON_053 at one go, see `Pairer.pair`."""
        await self.pairer.pair(ct_id, confirm, wait)

    async def change(self, entry: TerminalEntry, config: TerminalConfig) -> None:
        """Keeps what has changed of a terminal; its connection stays as it is. Raises `StoreError`."""
        await self._store.put(STORE_KIND, config.ct_id, config.to_document())
        entry.config = config
        if config.correlation is not Correlation.AKTIV:
            self._states.availability(entry)  # nobody misses it any more

    async def reconnect(self, entry: TerminalEntry) -> None:
        """Ends the connection, with its cards, and begins a new one unless the terminal is only `bekannt`."""
        await self.drop(entry)
        await self._connect(entry)

    async def drop(self, entry: TerminalEntry) -> None:
        """Ends the connection, with its cards, for good."""
        await self._front.disconnect(self._owner, entry.config.ct_id)
        self._lost(entry)

    async def answered(self, entry: TerminalEntry, wait: float) -> None:
        """Waits until TUC_KON_050 came to an end, good or bad (`entry.refusal`). Raises `TimeoutError`."""
        async with asyncio.timeout(wait), self._changed:
            await self._changed.wait_for(lambda: entry.product is not None or entry.refusal is not None)

    def switched_off(self, entry: TerminalEntry) -> None:
        """Another CT session is to be opened: the terminal's cards lose their power, so they are gone."""
        entry.next_connection()
        self._cards.remove_terminal(entry.config.ct_id)

    async def resume(self, entry: TerminalEntry) -> None:
        """Opens the user's session again on the connection that stands, with all of TUC_KON_050 from step 6 on."""
        if entry.certificate is None:
            return  # the connection is gone: the next one does it all
        entry.product = None
        link = LinkUp(entry.config.ct_id, entry.certificate, "")
        await self._spawn(self._admission.begin(entry, entry.next_connection(), link))

    async def in_use(self, entry: TerminalEntry, wait: float) -> None:
        """Waits until the terminal is in use. Raises `TimeoutError`."""
        async with asyncio.timeout(wait), self._changed:
            await self._changed.wait_for(lambda: entry.usable)

    @asynccontextmanager
    async def administered(self, ct_id: str) -> AsyncIterator[TerminalEntry]:
        """The terminal for one action of an administrator. Raises 4007, 4060 while another one is under way."""
        entry = self.entry(ct_id)
        if entry.administered:
            raise KonnektorError(4060)
        entry.administered = True
        try:
            yield entry
        finally:
            entry.administered = False

    # ---- questions -------------------------------------------------------------------------------------------------

    def entry(self, ct_id: str) -> TerminalEntry:
        """The terminal; raises 4007 if it is not known."""
        if ct_id not in self._entries:
            raise KonnektorError(4007)
        return self._entries[ct_id]

    def _physical(self) -> list[TerminalEntry]:
        return [entry for entry in self._entries.values() if entry.config.is_physical]

    def __iter__(self) -> Iterator[TerminalEntry]:
        """All terminals, ordered by ctId."""
        return iter([self._entries[ct_id] for ct_id in sorted(self._entries)])

    def slot_count(self, ct_id: str) -> int:
        """How many slots the terminal has. Raises 4007."""
        return self.entry(ct_id).config.slots

    def session(self, ct_id: str) -> TerminalSession:
        """The terminal's commands."""
        return TerminalSession(self._front, self._owner, ct_id, persons=self._persons)

    def require_usable(self, entry: TerminalEntry) -> None:
        """Raises 4221 for a terminal that is not aktiv, 4222 for one that is not connected."""
        if entry.config.correlation is not Correlation.AKTIV:
            raise KonnektorError(4221)
        if not entry.connected:
            raise KonnektorError(4222)

    @asynccontextmanager
    async def pinpad(self, ct_id: str, taken: int = 4060) -> AsyncIterator[TerminalSession]:
        """PIN pad and display for one use. Raises 4007, 4221 not aktiv, 4222 not connected, `taken` if it is in use."""
        entry = self.entry(ct_id)
        self.require_usable(entry)
        if entry.pinpad_taken:
            raise KonnektorError(taken)
        entry.pinpad_taken = True
        try:
            yield self.session(ct_id)
        finally:
            entry.pinpad_taken = False

    async def settled(self, ct_id: str, wait: float = 30.0) -> None:
        """Waits until the terminal is in use and no card is being opened in it. Raises `TimeoutError`."""
        entry = self.entry(ct_id)
        async with asyncio.timeout(wait), self._changed:
            await self._changed.wait_for(lambda: entry.usable and not entry.opening)

    def take_up(self, entry: TerminalEntry, slot: int) -> None:
        """There is a card in the slot that nobody told of: it is opened."""
        self._slots.in_use(entry, slot)

    def give_up(self, entry: TerminalEntry, slot: int) -> None:
        """The card in the slot is switched off: it is a card no more until it is switched on again."""
        self._slots.free(entry, slot)

    async def opened(self, entry: TerminalEntry, slot: int) -> None:
        """Waits until no card is being opened in the slot."""
        async with self._changed:
            await self._changed.wait_for(lambda: slot not in entry.opening)

    def judge(self) -> None:
        """Determines EC_CardTerminal_Not_Available of all terminals: at the end of the boot it must be known."""
        for entry in self._entries.values():
            self._states.availability(entry)

    # ---- link events -----------------------------------------------------------------------------------------------

    def _on_event(self, event: LinkEvent) -> None:
        entry = self._entries.get(event.ct_id)
        if entry is None:
            return
        if isinstance(event, LinkUp):
            entry.certificate = event.certificate
            self._spawn(self._admission.begin(entry, entry.next_connection(), event))
        elif isinstance(event, LinkDown):
            self._lost(entry)
            self._states.availability(entry)
        else:
            self._slots.on_event(entry, event)

    def _lost(self, entry: TerminalEntry) -> None:
        entry.next_connection()
        was_connected, entry.connected = entry.connected, False
        entry.certificate, entry.product, entry.session_id, entry.role = None, None, "", Role.USER
        self._cards.remove_terminal(entry.config.ct_id)
        if was_connected:
            self._hub.publish(link_event(Topic.CT_DISCONNECTED, entry))

    def judge_certificates(self) -> None:
        """EC_CardTerminal_gSMC-KT_Certificate_Expires_Soon of all terminals: days pass while a connection stands."""
        for entry in self._entries.values():
            self._states.certificate(entry)

    # ---- trust, connections ------------------------------------------------------------------------------------------

    def _on_trust(self) -> None:
        """The trust space has changed: terminals refused for their certificate get another chance."""
        for entry in self._entries.values():
            if entry.untrusted:
                entry.untrusted = False
                self._spawn(self.reconnect(entry))

    async def _connect(self, entry: TerminalEntry) -> None:
        config = entry.config
        entry.untrusted, entry.refusal = False, None
        if not config.is_physical:
            return
        if config.correlation is Correlation.BEKANNT or self._suspended:
            return
        profile = config.pairing.tls_profile if config.pairing is not None else "any"
        await self._front.connect(self._owner, Dial(config.ct_id, config.host, config.port, profile, self.patience))

    # ---- tasks -------------------------------------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # cancelled before its first step, nobody else ends it
        return task

    async def _guarded(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except TiaasError as error:
            _log.warning("terminal task failed", extra={"kind": type(error).__name__})
        finally:
            async with self._changed:
                self._changed.notify_all()
