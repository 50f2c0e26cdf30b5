"""PIN handling: TUC_KON_012 "PIN verifizieren", TUC_KON_022 "Liefere PIN-Status" (gemSpec_Kon V5.18 TIP1-A_4567, 4570).

PINs are typed at a terminal and pass the Konnektor by: it sends a template and gets the card's status word. Remote PIN
entry (TIP1-A_5012) is not built yet: where it would be needed the answer is 4092 without a Remote-PIN-KT, else 4053.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum, StrEnum, unique
from typing import Protocol

from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.status import StatusWord, tries_in
from tiaas.konnektor.cardmap import PIN_QES, PINS, PinObject
from tiaas.konnektor.cards import Card, Reservation
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.displaytexts import verify_prompts
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub, Topic, parameters
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.sessions import AuthValue, CardSession, ChannelClosed
from tiaas.terminal.errors import CardInactive, NotAllowed, PinEntryCancelled, PinEntryTimeout, TerminalBusy
from tiaas.terminal.session import PinPrompts


@unique
class PinState(StrEnum):
    """pinStatus of TUC_KON_022, spelled as on the wire."""

    VERIFIED = "VERIFIED"
    TRANSPORT_PIN = "TRANSPORT_PIN"
    EMPTY_PIN = "EMPTY_PIN"
    BLOCKED = "BLOCKED"
    VERIFIABLE = "VERIFIABLE"
    DISABLED = "DISABLED"


@unique
class PinOutcome(StrEnum):
    """pinResult of TUC_KON_012; also the Result of CARD/PIN/VERIFY_FINISHED."""

    OK = "OK"
    ERROR = "ERROR"
    REJECTED = "REJECTED"
    BLOCKED = "BLOCKED"


@unique
class VerificationType(Enum):
    """Whether the PIN is asked for even if the session has it verified already."""

    MANDATORY = "Mandatorisch"
    SESSION = "Sitzung"


@dataclass(frozen=True, slots=True)
class PinStatus:
    """Result of TUC_KON_022."""

    state: PinState
    left_tries: int | None = None


@dataclass(frozen=True, slots=True)
class PinResult:
    """Result of TUC_KON_012."""

    outcome: PinOutcome
    left_tries: int | None = None


_STATE_OF_SW: Mapping[int, PinStatus] = {
    StatusWord.OK: PinStatus(PinState.VERIFIABLE),
    StatusWord.TRANSPORT_PIN: PinStatus(PinState.TRANSPORT_PIN),
    StatusWord.LEER_PIN: PinStatus(PinState.EMPTY_PIN),
    StatusWord.PASSWORD_DISABLED: PinStatus(PinState.DISABLED),
    StatusWord.PASSWORD_BLOCKED_STATUS: PinStatus(PinState.BLOCKED, 0),
}
"""TUC_KON_022 step 3b. 9000 means verified on the card, but not in this session."""

_FAULT_OF_SW: Mapping[int, int] = {
    StatusWord.BLOCKED_OR_EXPIRED: 4063,
    StatusWord.NOT_USABLE: 4065,
    StatusWord.KEY_OR_PASSWORD_NOT_FOUND: 4072,
    # Some cards answer 6988 here (SICCT digest §8).
    StatusWord.SM_OBJECT_INCORRECT: 4072,
}
"""Status words that are no outcome of a PIN entry (TAB_KON_087, step 7)."""

_FAULT_OF_STATE = {
    PinState.VERIFIED: 4001,
    PinState.TRANSPORT_PIN: 4065,
    PinState.EMPTY_PIN: 4065,
    PinState.BLOCKED: 4063,
}
"""TUC_KON_012 step 5."""

_NOTHING_SENT = (PinEntryTimeout, PinEntryCancelled, TerminalBusy, NotAllowed, CardInactive)
"""The terminal ended the entry itself, so the card's state is what it was. Of other faults nobody knows."""


def pin_object(card_type: CardType, pin: str) -> PinObject:
    """Where a PIN is on a card. Raises 4072 if that type of card has no such PIN."""
    found = PINS.get(card_type, {}).get(pin)
    if found is None:
        raise KonnektorError(4072)
    return found


class PinEntry(Protocol):
    """A terminal at which a PIN can be typed; `TerminalSession` is one."""

    async def perform_verification(self, slot: int, template: CommandApdu, prompts: PinPrompts) -> ResponseApdu:
        """See `TerminalSession`."""
        ...


class PinPads(Protocol):
    """The PIN pads of all terminals; `Terminals` are that."""

    def pinpad(self, ct_id: str) -> AbstractAsyncContextManager[PinEntry]:
        """PIN pad and display for one use. Raises 4007, 4060, 4221, 4222."""
        ...

    def slot_count(self, ct_id: str) -> int:
        """How many slots the terminal has. Raises 4007."""
        ...


class Pins:
    """The PIN use cases of one instance."""

    def __init__(self, model: LiveInfoModel, terminals: PinPads, hub: EventHub) -> None:
        self._model = model
        self._terminals = terminals
        self._hub = hub

    async def status(self, card: Card, session: CardSession, pin: str, holder: Reservation | None = None) -> PinStatus:
        """TUC_KON_022. Raises 4072, 4093, 4094, 4001 for any other answer of the card."""
        where = pin_object(card.card_type, pin)
        card.require_free(holder)
        known = session.auth_state.get(pin)
        if known is not None:
            return PinStatus(PinState.DISABLED if known is AuthValue.DISABLED else PinState.VERIFIED)
        with link_faults():
            try:
                response = await _ask(session, where)
            except ChannelClosed:
                # The card was reset; asking needs no state, so a new channel does.
                response = await _ask(session, where)
        status = status_of(response.sw)
        if status.state is PinState.DISABLED:
            session.auth_state[pin] = AuthValue.DISABLED
        return status

    async def verify(
        self,
        card: Card,
        session: CardSession,
        workplace_id: str,
        pin: str,
        verification: VerificationType = VerificationType.MANDATORY,
    ) -> PinResult:
        """TUC_KON_012. A wrong PIN is an outcome, no error.

        Raises 4043 timeout, 4049 cancelled, 4053, 4060 terminal in use, 4063 blocked before, 4065 transport PIN,
        4072, 4092, 4093, 4094, 4221, 4222.
        """
        where = pin_object(card.card_type, pin)
        async with card.reserve() as holder:
            if verification is VerificationType.SESSION and pin != PIN_QES:
                if pin in session.auth_state:
                    return PinResult(PinOutcome.OK)
                status = await self.status(card, session, pin, holder)
                if status.state is PinState.DISABLED:
                    return PinResult(PinOutcome.OK)
                if status.state in _FAULT_OF_STATE:
                    raise KonnektorError(_FAULT_OF_STATE[status.state])
            self._require_local_entry(card, session, workplace_id)
            return await self._enter(card, session, pin, where)

    def _require_local_entry(self, card: Card, session: CardSession, workplace_id: str) -> None:
        """Step 6: the card's own terminal if it is local to the workplace, else remote PIN entry."""
        model = self._model.current
        if model.is_local(workplace_id, card.ct_id):
            return
        if card.card_type is CardType.EGK:
            raise KonnektorError(4053)
        if model.remote_pin_terminal(session.context.mandant_id, workplace_id) is None:
            raise KonnektorError(4092)
        raise KonnektorError(4053)

    async def _enter(self, card: Card, session: CardSession, pin: str, where: PinObject) -> PinResult:
        """Step 7: always ends with VERIFY_FINISHED and the session's AUTHSTATE brought up to date."""
        self._hub.publish(_pin_event(Topic.PIN_VERIFY_STARTED, card, pin))
        outcome = PinOutcome.ERROR
        try:
            result = await self._type(card, session, pin, where)
            outcome = result.outcome
            return result
        finally:
            self._hub.publish(_pin_event(Topic.PIN_VERIFY_FINISHED, card, pin, outcome))

    async def _type(self, card: Card, session: CardSession, pin: str, where: PinObject) -> PinResult:
        only_slot = self._terminals.slot_count(card.ct_id) == 1
        prompts = verify_prompts(card.card_type, pin, card.slot, only_slot=only_slot)
        with link_faults():
            async with self._terminals.pinpad(card.ct_id) as terminal:
                try:
                    response = await _typed(terminal, card.slot, session, pin, where, prompts)
                except ChannelClosed:
                    # The card was reset before and compared nothing: once more, on a new channel.
                    response = await _typed(terminal, card.slot, session, pin, where, prompts)
        return outcome_of(response)


def status_of(sw: int) -> PinStatus:
    """The PIN status that an answer to GET PIN STATUS tells. Raises 4072, 4001."""
    if sw in _STATE_OF_SW:
        return _STATE_OF_SW[sw]
    tries = tries_in(sw)
    if tries is not None:
        return PinStatus(PinState.VERIFIABLE, tries)
    raise _fault(sw)


def outcome_of(response: ResponseApdu) -> PinResult:
    """The outcome that an answer to VERIFY tells. Raises 4063, 4065, 4072, 4001."""
    if response.ok:
        return PinResult(PinOutcome.OK)
    tries = tries_in(response.sw)
    if tries == 0:
        return PinResult(PinOutcome.BLOCKED, 0)
    if tries is not None:
        return PinResult(PinOutcome.REJECTED, tries)
    raise _fault(response.sw)


def _fault(sw: int) -> KonnektorError:
    if sw in _FAULT_OF_SW:
        return KonnektorError(_FAULT_OF_SW[sw])
    return KonnektorError(4001, f"Statuswort der Karte {sw:04X}")


async def _ask(session: CardSession, where: PinObject) -> ResponseApdu:
    async with session.use() as channel:
        await channel.select(where.folder)
        return await channel.transmit(commands.get_pin_status(where.ref))


async def _typed(
    terminal: PinEntry, slot: int, session: CardSession, pin: str, where: PinObject, prompts: PinPrompts
) -> ResponseApdu:
    """The card's answer to the PIN typed; the session's AUTHSTATE for it is gone then, unless nothing reached the card.

    The terminal is told a slot, not a card, hence the look at the channel before and after.
    """
    async with session.use() as channel:
        await channel.select(where.folder)
        template = commands.with_channel(commands.verify_template(where.ref), channel.number)
        async with channel.turn:
            channel.require_open()
            before = session.auth_state.pop(pin, None)
            try:
                response = await terminal.perform_verification(slot, template, prompts)
            except _NOTHING_SENT as error:
                channel.require_open()
                if before is not None:
                    session.auth_state[pin] = before
                if isinstance(error, PinEntryTimeout | PinEntryCancelled):
                    raise KonnektorError(4043 if isinstance(error, PinEntryTimeout) else 4049) from error
                raise
            channel.require_answer(response)
            if response.ok:
                session.auth_state[pin] = AuthValue.VERIFIED
            return response


def _pin_event(topic: Topic, card: Card, pin: str, outcome: PinOutcome | None = None) -> Event:
    return Event(
        topic,
        parameters(
            ("CardHandle", card.handle),
            ("CardType", card.card_type.value),
            ("ICCSN", card.data.iccsn),
            ("CtID", card.ct_id),
            ("SlotID", card.slot),
            ("PinRef", pin),
            ("PinInputCtID", card.ct_id),
            ("Result", outcome.value if outcome is not None else None),
        ),
        log=False,
        ct_id=card.ct_id,
        card_handle=card.handle,
    )
