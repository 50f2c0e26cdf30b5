"""A person at the terminal is asked for a card or to take one out: TUC_KON_056 "Karte anfordern", TUC_KON_057 "Karte
auswerfen" (gemSpec_Kon V5.18 TIP1-A_5409, 5410).

Theory of operation. While a dialogue runs on a slot, a card that comes is not opened: two REQUEST ICC would disturb
each other. So the dialogue holds the slot's lock, and `Slots` opens what came as soon as it is let go. A card that was
asked to leave is given up, whether somebody took it or not: the terminal has switched it off, so its sessions and
states are gone, and the next RequestCard finds it as a new card. That is how a Primärsystem resets a card (A_21528).
"""

import math
from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext, suppress

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub, Topic
from tiaas.konnektor.linkfaults import STOPPING
from tiaas.konnektor.terminalevents import failure_event
from tiaas.konnektor.terminallist import TerminalEntry
from tiaas.konnektor.terminals import Terminals
from tiaas.terminal.errors import DialogueEnded, PinEntryCancelled, TerminalBusy, TerminalError
from tiaas.terminal.front import FrontError
from tiaas.terminal.session import Ejected, SlotState, TerminalSession

LONGEST_SECONDS = 255
"""What fits SICCT's waiting time object (5.5.10.21): one octet. Longer wishes end there."""
_ABSENT = frozenset({SlotState.EMPTY, SlotState.UNKNOWN})
_OFF = frozenset({SlotState.EMPTY, SlotState.NOT_IN_POSITION, SlotState.UNPOWERED})


@dataclass(frozen=True, slots=True)
class Found:
    """The card in the slot; `already`: it was there before anybody was asked."""

    card: Card
    already: bool


class CardDialogues:
    """The dialogues of one instance's terminals."""

    def __init__(self, terminals: Terminals, cards: CardList, hub: EventHub) -> None:
        self._terminals = terminals
        self._cards = cards
        self._hub = hub

    async def request(
        self, ct_id: str, slot: int, text: str, seconds: float, wanted: frozenset[CardType] | None = None
    ) -> Found:
        """TUC_KON_056: the card in `slot`; nobody is asked if one is there. `wanted` None: any type will do.

        Raises `KonnektorError` 4007, 4039, 4044, 4049 (cancel key), 4051, 4097, 4202, 4221, 4222; each raises CT/ERROR.
        """
        entry = self._terminals.entry(ct_id)
        with self._telling(entry):
            self._require_slot(entry, slot)
            found = await self._find(entry, slot, text, seconds)
            if wanted is not None and found.card.card_type not in wanted:
                raise KonnektorError(4051)
            return found

    async def eject(self, ct_id: str, slot: int, text: str, seconds: float) -> None:
        """TUC_KON_057: EJECT ICC, also for a slot that seems to be empty; returns when the card is out.

        Raises `KonnektorError` 4007, 4039, 4044, 4049 (cancel key), 4093, 4097, 4203, 4221, 4222; each raises CT/ERROR.
        """
        entry = self._terminals.entry(ct_id)
        with self._telling(entry):
            self._require_slot(entry, slot)
            card = self._cards.at(ct_id, slot)
            async with nullcontext() if card is None else card.reserve():
                ejected = await self._eject(entry, slot, card, text, seconds)
            if ejected is Ejected.NOT_REMOVED:
                raise KonnektorError(4203)

    async def _find(self, entry: TerminalEntry, slot: int, text: str, seconds: float) -> Found:
        ct_id = entry.config.ct_id
        if slot in entry.opening and not entry.dialogue(slot).locked():
            await self._terminals.opened(entry, slot)
        card = self._cards.at(ct_id, slot)
        if card is not None:
            return Found(card, already=True)
        already = await self._ask(entry, slot, text, seconds)
        await self._terminals.opened(entry, slot)
        card = self._cards.at(ct_id, slot)
        if card is None:
            raise KonnektorError(4202)
        return Found(card, already)

    async def _ask(self, entry: TerminalEntry, slot: int, text: str, seconds: float) -> bool:
        """Until a card is in the slot and on its way to be opened; whether it was there before."""
        session = self._terminals.session(entry.config.ct_id)
        with _faults():
            states = await session.slot_states()
        already = slot <= len(states) and states[slot - 1] not in _ABSENT
        if not already:
            async with self._display(entry), entry.dialogue(slot):
                await self._shown(session, slot, text, seconds)
        if slot not in entry.opening and self._cards.at(entry.config.ct_id, slot) is None:
            self._terminals.take_up(entry, slot)
        return already

    async def _shown(self, session: TerminalSession, slot: int, text: str, seconds: float) -> None:
        with _faults():
            try:
                requested = await session.request(slot, text, _whole(seconds))
            finally:
                await _clear(session)
        if requested is None:
            raise KonnektorError(4202)

    async def _eject(self, entry: TerminalEntry, slot: int, card: Card | None, text: str, seconds: float) -> Ejected:
        async with self._display(entry) as session:
            if card is not None:
                async with card.basic.turn:
                    pass  # A command under way ends first: a busy slot refuses to be switched off.
            async with entry.dialogue(slot):
                try:
                    with _faults():
                        ejected = await session.eject(slot, text, _whole(seconds))
                    self._switched_off(entry, slot)
                    return ejected
                except KonnektorError:
                    # The terminal switches a card off before it asks the person: one that stayed is none any more.
                    if await _is_off(session, slot):
                        self._switched_off(entry, slot)
                    raise
                except CancelledError:
                    self._switched_off(entry, slot)
                    raise
                finally:
                    await _clear(session)

    def _display(self, entry: TerminalEntry) -> AbstractAsyncContextManager[TerminalSession]:
        """Display and keypad for this dialogue alone; raises 4039."""
        return self._terminals.pinpad(entry.config.ct_id, taken=4039)

    def _switched_off(self, entry: TerminalEntry, slot: int) -> None:
        if self._cards.at(entry.config.ct_id, slot) is not None:
            self._terminals.give_up(entry, slot)

    def _require_slot(self, entry: TerminalEntry, slot: int) -> None:
        if not 1 <= slot <= entry.config.slots:
            raise KonnektorError(4097)
        self._terminals.require_usable(entry)

    @contextmanager
    def _telling(self, entry: TerminalEntry) -> Iterator[None]:
        try:
            yield
        except KonnektorError as error:
            self._hub.publish(failure_event(Topic.CT_ERROR, entry, error))
            raise


async def _clear(session: TerminalSession) -> None:
    """TIP1-A_6725: the text goes with its reason. A terminal that shows something else by now keeps that."""
    with suppress(TerminalError, FrontError):
        await session.clear()


async def _is_off(session: TerminalSession, slot: int) -> bool:
    """Whether no card in the slot has power; a terminal that does not tell is believed to have done nothing."""
    with suppress(TerminalError, FrontError):
        return any(state in _OFF for state in (await session.slot_states())[slot - 1 : slot])
    return False


def _whole(seconds: float) -> int:
    return math.ceil(min(seconds, LONGEST_SECONDS))


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except TerminalBusy as error:
        raise KonnektorError(4039) from error
    except PinEntryCancelled as error:
        raise KonnektorError(4049) from error
    except DialogueEnded as error:
        raise KonnektorError(4044, STOPPING) from error
    except TerminalError as error:
        raise KonnektorError(4044, "" if error.sw is None else f"SICCT {error.sw:04X}") from error
    except FrontError as error:
        raise KonnektorError(4044) from error
