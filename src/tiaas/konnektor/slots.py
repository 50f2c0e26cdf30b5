"""Cards in the slots of an instance's terminals, as they come and go (gemSpec_Kon V5.18, TUC_KON_001).

The theory of operation is told in `terminals`.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

from tiaas.base.errors import TiaasError
from tiaas.card.link import CardGone
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.events import EventHub, Topic
from tiaas.konnektor.slotopening import open_slot
from tiaas.konnektor.terminalevents import card_event, slot_event
from tiaas.konnektor.terminallist import TerminalEntry
from tiaas.terminal.front import FrontError, UnitEvent
from tiaas.terminal.session import TerminalSession
from tiaas.terminal.sicct.events import EventTag

_log = logging.getLogger("tiaas.konnektor.terminals")


class Slots:
    """Opens cards that were inserted and takes those away that were pulled.

    `session` gives the commands of a terminal by its ctId; `spawn` runs work in a task that ends with the instance's
    terminals. `prepare` runs in a task of its own for each card that was opened.
    """

    def __init__(
        self,
        cards: CardList,
        hub: EventHub,
        session: Callable[[str], TerminalSession],
        spawn: Callable[[Coroutine[object, object, None]], asyncio.Task[None]],
        prepare: Callable[[Card], Awaitable[None]] | None,
        card_seconds: float,
    ) -> None:
        """`card_seconds` is CARD_TIMEOUT_CARD, for every command to a card."""
        self._card_seconds = card_seconds
        self._cards = cards
        self._hub = hub
        self._session = session
        self._spawn = spawn
        self._prepare = prepare

    def on_event(self, entry: TerminalEntry, event: UnitEvent) -> None:
        """An event of a slot (SICCT tags 83, 84, 85); kept for later while the state of the slots is asked for."""
        if entry.early is not None:
            entry.early.append(event)
            return
        slot = int.from_bytes(event.value[:2], "big")
        if not entry.usable or not 1 <= slot <= entry.config.slots:
            return
        if event.tag == EventTag.CARD_INSERTED:
            self.in_use(entry, slot)
        elif event.tag == EventTag.CARD_REMOVED:
            self.free(entry, slot)
        elif event.tag == EventTag.UNIT_REMOVED and self._cards.at(entry.config.ct_id, slot) is not None:
            self.free(entry, slot)  # the antenna was switched off; nobody tells of the card

    def free(self, entry: TerminalEntry, slot: int) -> None:
        """There is no card in the slot any more, or none that is switched on."""
        entry.next_card(slot)
        self._hub.publish(slot_event(Topic.CT_SLOT_FREE, entry, slot))
        self._remove(entry, slot)

    def in_use(self, entry: TerminalEntry, slot: int) -> None:
        """There is a card in the slot: it is opened, and one that was known there before is gone."""
        if slot in entry.to_open:
            return  # told once more before anything was done about it
        self._hub.publish(slot_event(Topic.CT_SLOT_IN_USE, entry, slot))
        self._remove(entry, slot)
        entry.next_card(slot)
        entry.to_open.add(slot)
        if slot not in entry.opening:
            entry.opening[slot] = self._spawn(self._open(entry, slot))

    def _remove(self, entry: TerminalEntry, slot: int) -> None:
        """The card that was known in the slot is gone, though a command to it may be under way."""
        before = self._cards.at(entry.config.ct_id, slot)
        if before is not None:
            entry.leaving[slot] = before.basic.turn
        self._cards.remove(entry.config.ct_id, slot)

    async def _open(self, entry: TerminalEntry, slot: int) -> None:
        """TUC_KON_001 for one slot, again if a card came meanwhile: the commands of two openings must not mix."""
        try:
            while slot in entry.to_open:
                async with entry.dialogue(slot):
                    leaving = entry.leaving.pop(slot, None)
                    if leaving is not None:
                        # The last command to the card before must have its answer: a busy slot refuses to be activated.
                        async with leaving:
                            pass
                    if slot not in entry.to_open:
                        break  # pulled again meanwhile; one that bounced is opened once
                    entry.to_open.remove(slot)
                    await self._open_current(entry, slot, entry.slot_generations[slot])
        finally:
            entry.opening.pop(slot, None)

    async def _open_current(self, entry: TerminalEntry, slot: int, generation: int) -> None:
        session = self._session(entry.config.ct_id)
        line = session.card(slot, self._card_seconds)
        try:
            data = await open_slot(session, slot, line)
        except (CardGone, FrontError):
            return
        if data is None or entry.slot_generations.get(slot) != generation:
            return
        card = self._cards.insert(entry.config.ct_id, slot, data, line)
        self._hub.publish(card_event(Topic.CARD_INSERTED, card))
        if self._prepare is not None:
            self._spawn(self._run_prepare(card, self._prepare))

    async def _run_prepare(self, card: Card, prepare: Callable[[Card], Awaitable[None]]) -> None:
        try:
            await prepare(card)
        except TiaasError as error:
            _log.info("card not prepared", extra={"ct_id": card.ct_id, "slot": card.slot, "kind": type(error).__name__})
