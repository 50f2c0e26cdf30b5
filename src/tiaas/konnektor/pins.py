"""PIN use cases: TUC_KON_012 "PIN verifizieren", 019 "PIN ändern", 021 "PIN entsperren", 022 "Liefere PIN-Status", 027
"PIN-Schutz ein-/ausschalten" (gemSpec_Kon V5.18 TIP1-A_4567, 4568, 4569-02, 4570, 5486).

An entry is made at the card's own terminal if that is local to the workplace, else at the workplace's Remote-PIN-KT
(`remotepin`). One operation holds the card (4093), the terminal's PIN pad (4060) and the session's channel; nobody
waits for the first two, so other cards and other slots go on meanwhile.
"""

from contextlib import nullcontext
from dataclasses import replace

from tiaas.base.dataclass import dataclass
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.konnektor import displaytexts as texts
from tiaas.konnektor.cardmap import PIN_AMTS_REP, PIN_CH, PIN_QES, PINS, PinObject
from tiaas.konnektor.cards import GENERATION_2_1, Card, Reservation
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub, Topic, parameters
from tiaas.konnektor.infomodel import InfoModel
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.pinentry import Dialogue, PinPads, enter_here
from tiaas.konnektor.pinstates import (
    PinOutcome,
    PinResult,
    PinState,
    PinStatus,
    Purpose,
    VerificationType,
    outcome_of,
    status_of,
)
from tiaas.konnektor.remotepin import RemotePins
from tiaas.konnektor.sessions import AuthValue, CardSession, ChannelClosed
from tiaas.terminal.session import NewPinPrompts, PinPrompts

_FAULT_OF_STATE = {
    PinState.VERIFIED: 4001,
    PinState.TRANSPORT_PIN: 4065,
    PinState.EMPTY_PIN: 4065,
    PinState.BLOCKED: 4063,
}
"""TUC_KON_012 step 5."""

_TO_UNBLOCK = frozenset({PinState.BLOCKED, PinState.TRANSPORT_PIN, PinState.EMPTY_PIN})
"""TUC_KON_021 step 3: in any other state there is nothing to do."""

_TOPICS = {
    Purpose.VERIFY: (Topic.PIN_VERIFY_STARTED, Topic.PIN_VERIFY_FINISHED),
    Purpose.CHANGE: (Topic.PIN_CHANGE_STARTED, Topic.PIN_CHANGE_FINISHED),
    Purpose.UNBLOCK: (Topic.PIN_UNBLOCK_STARTED, Topic.PIN_UNBLOCK_FINISHED),
    Purpose.ENABLE: (Topic.PIN_ENABLE_STARTED, Topic.PIN_ENABLE_FINISHED),
    Purpose.DISABLE: (Topic.PIN_DISABLE_STARTED, Topic.PIN_DISABLE_FINISHED),
}
_WITHOUT_RESULT = frozenset({Purpose.ENABLE, Purpose.DISABLE})
"""Their FINISHED events have no Result (TAB_KON_240)."""

_MRPIN = "MRPIN."
_MRPIN_AMTS = "MRPIN.AMTS"


@dataclass(frozen=True, slots=True)
class _Call:
    """One operation on one PIN: the card, the session, and where the holder types."""

    card: Card
    session: CardSession
    holder: Reservation
    pin: str
    where: PinObject
    input_ct: str
    only_slot: bool

    @property
    def shown(self) -> tuple[CardType, str, int]:
        """What the texts depend on."""
        return self.card.card_type, self.pin, self.card.slot

    def dialogue(self, purpose: Purpose, command: CommandApdu, prompts: PinPrompts | NewPinPrompts) -> Dialogue:
        """An entry for this PIN."""
        kept = None if _is_g2_0(self.card) and self.pin.startswith(_MRPIN) else self.pin
        return Dialogue(purpose, command, prompts, self.where.folder, kept)


def pin_object(card_type: CardType, pin: str) -> PinObject:
    """Where a PIN is on a card. Raises 4072 if that type of card has no such PIN."""
    found = PINS.get(card_type, {}).get(pin)
    if found is None:
        raise KonnektorError(4072)
    return found


def pin_input_terminal(model: InfoModel, card: Card, mandant_id: str, workplace_id: str) -> str:
    """PinInputKT: the card's own terminal if it is local to the workplace, else the Remote-PIN-KT. 4053, 4092."""
    if model.is_local(workplace_id, card.ct_id):
        return card.ct_id
    if card.card_type is CardType.EGK:
        raise KonnektorError(4053)
    remote = model.remote_pin_terminal(mandant_id, workplace_id)
    if remote is None:
        raise KonnektorError(4092)
    return remote


class Pins:
    """The PIN use cases of one instance.

    All but `status` raise 4043 timeout, 4049 cancelled, 4053 and 4092 for remote PIN entry, 4060 terminal in use, 4066
    no PIN pad, 4072 no such PIN, 4093, 4094, 4221, 4222. A wrong PIN or PUK is an outcome, no error.
    """

    def __init__(self, model: LiveInfoModel, terminals: PinPads, hub: EventHub, remote: RemotePins) -> None:
        self._model = model
        self._terminals = terminals
        self._hub = hub
        self._remote = remote

    async def status(self, card: Card, session: CardSession, pin: str, holder: Reservation | None = None) -> PinStatus:
        """TUC_KON_022. Raises 4072, 4093, 4094, 4001 for any other answer of the card."""
        where = pin_object(card.card_type, pin)
        card.require_free(holder)
        if card.held is not None:
            card.take_activations()
        known = session.state_of(pin)
        if known is not None:
            return PinStatus(PinState.DISABLED if known is AuthValue.DISABLED else PinState.VERIFIED)
        if card.held is not None:
            return PinStatus(PinState.VERIFIABLE)
        status = await _card_status(session, where)
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
        holder: Reservation | None = None,
        *,
        mandant_id: str | None = None,
    ) -> PinResult:
        """TUC_KON_012; `holder` is the caller's own lock, if he has one. Also raises 4063 blocked before, 4065
        transport PIN.

        `mandant_id`, here and below, is the caller's: Mandanten share the session of an HBA, not the terminal for PINs.
        None: the one that the session was made for.
        """
        pin_object(card.card_type, pin)
        if card.held is not None:
            return _activated(session, pin)
        async with card.reserve() if holder is None else nullcontext(holder) as lock:
            card.require_held(lock)
            if verification is VerificationType.SESSION and pin != PIN_QES:
                if pin in session.auth_state:
                    return PinResult(PinOutcome.OK)
                status = await self.status(card, session, pin, lock)
                if status.state is PinState.DISABLED:
                    return PinResult(PinOutcome.OK)
                if status.state in _FAULT_OF_STATE:
                    raise KonnektorError(_FAULT_OF_STATE[status.state])
            call = self._call(card, session, lock, (mandant_id, workplace_id), pin)
            prompts = texts.verify_prompts(*call.shown, only_slot=call.only_slot)
            return await self._verify(call, prompts)

    async def change(
        self, card: Card, session: CardSession, workplace_id: str, pin: str, *, mandant_id: str | None = None
    ) -> PinResult:
        """TUC_KON_019; also takes a PIN out of its transport state.

        Also raises 4063 blocked before, 4067 repetition differs, 4068 new PIN too long.
        """
        _require_card_pin(card, pin)
        async with card.reserve() as holder:
            status = await self.status(card, session, pin, holder)
            if status.state is PinState.BLOCKED:
                raise KonnektorError(4063)
            call = self._call(card, session, holder, (mandant_id, workplace_id), pin)
            if pin == PIN_AMTS_REP:
                allowed = await self._allow_representative(call, texts.REPRESENTATIVE_CHANGE)
                if allowed.outcome is not PinOutcome.OK:
                    return allowed
            transport = status.state is PinState.TRANSPORT_PIN
            prompts = texts.change_prompts(*call.shown, only_slot=call.only_slot, transport=transport)
            without_old = status.state is PinState.EMPTY_PIN or pin == PIN_AMTS_REP
            command = commands.change_template(call.where.ref, with_old=not without_old)
            return await self._enter(call, call.dialogue(Purpose.CHANGE, command, prompts))

    async def unblock(
        self,
        card: Card,
        session: CardSession,
        workplace_id: str,
        pin: str,
        *,
        set_new: bool = False,
        mandant_id: str | None = None,
    ) -> PinResult:
        """TUC_KON_021: resets the retry counter with the PUK, with `set_new` for a new PIN.

        `left_tries` of the result are those of the PUK. A PIN that is not blocked stays as it is. PIN.AMTS_REP has no
        PUK: it gets a new PIN by the right of PIN.CH. Also raises 4064 PUK used up, 4067, 4068; 4072 for `set_new` with
        PIN.QES, which gets no new PIN here.
        """
        _require_card_pin(card, pin)
        if pin == PIN_QES and set_new:
            raise KonnektorError(4072)
        async with card.reserve() as holder:
            call = self._call(card, session, holder, (mandant_id, workplace_id), pin)
            # Not the session's state: another session's wrong entries block a PIN that is verified in this one.
            if (await _card_status(session, call.where)).state not in _TO_UNBLOCK:
                return PinResult(PinOutcome.OK)
            with_puk = pin != PIN_AMTS_REP
            if not with_puk:
                allowed = await self._allow_representative(call, texts.REPRESENTATIVE_UNBLOCK)
                if allowed.outcome is not PinOutcome.OK:
                    return allowed
            with_new = set_new or not with_puk
            command = commands.reset_template(call.where.ref, with_puk=with_puk, with_new=with_new)
            make = texts.unblock_and_change_prompts if with_new else texts.unblock_prompts
            prompts = make(*call.shown, only_slot=call.only_slot)
            return await self._enter(call, call.dialogue(Purpose.UNBLOCK, command, prompts))

    async def switch(self, card: Card, session: CardSession, workplace_id: str, pin: str, *, on: bool) -> PinResult:
        """TUC_KON_027: switches the need for a PIN of an eGK on or off; nobody is asked if it is so already.

        Also raises 4063 blocked before, 4085 for a PIN that cannot be switched, 4209 for another card.
        """
        if card.card_type is not CardType.EGK:
            raise KonnektorError(4209, fill=card.card_type.value)
        pin_object(card.card_type, pin)
        if pin == _MRPIN_AMTS and _is_g2_0(card):
            raise KonnektorError(4072)
        async with card.reserve() as holder:
            status = await self.status(card, session, pin, holder)
            if status.state is PinState.BLOCKED:
                raise KonnektorError(4063)
            if (status.state is not PinState.DISABLED) is on:
                return PinResult(PinOutcome.OK)
            call = self._call(card, session, holder, (None, workplace_id), pin)
            command = commands.switch_template(call.where.ref, on=on)
            purpose = Purpose.ENABLE if on else Purpose.DISABLE
            return await self._enter(call, call.dialogue(purpose, command, texts.switch_prompts(pin, on=on)))

    def _call(
        self, card: Card, session: CardSession, holder: Reservation, place: tuple[str | None, str], pin: str
    ) -> _Call:
        """`place`: Mandant and workplace."""
        mandant_id, workplace_id = place
        mandant_id = mandant_id or session.context.mandant_id
        input_ct = pin_input_terminal(self._model.current, card, mandant_id, workplace_id)
        only_slot = self._terminals.slot_count(card.ct_id) == 1
        return _Call(card, session, holder, pin, pin_object(card.card_type, pin), input_ct, only_slot)

    async def _allow_representative(self, call: _Call, text: str) -> PinResult:
        """Step 4: PIN.AMTS_REP is set by the right of PIN.CH, on a card of generation 2.0 of MRPIN.AMTS."""
        pin = _MRPIN_AMTS if _is_g2_0(call.card) else PIN_CH
        right = replace(call, pin=pin, where=pin_object(call.card.card_type, pin))
        return await self._verify(right, texts.representative_prompts(text))

    async def _verify(self, call: _Call, prompts: PinPrompts) -> PinResult:
        return await self._enter(call, call.dialogue(Purpose.VERIFY, commands.verify_template(call.where.ref), prompts))

    async def _enter(self, call: _Call, dialogue: Dialogue) -> PinResult:
        """Step 7: always ends with the FINISHED event and the session's AUTHSTATE brought up to date."""
        started, finished = _TOPICS[dialogue.purpose]
        self._hub.publish(pin_event(started, call.card, call.pin, call.input_ct))
        outcome = PinOutcome.ERROR
        try:
            result = outcome_of(await self._type(call, dialogue), dialogue.purpose)
            outcome = result.outcome
            return result
        finally:
            shown = None if dialogue.purpose in _WITHOUT_RESULT else outcome
            self._hub.publish(pin_event(finished, call.card, call.pin, call.input_ct, shown))

    async def _type(self, call: _Call, dialogue: Dialogue) -> ResponseApdu:
        with link_faults():
            async with self._terminals.pinpad(call.input_ct) as terminal:
                if call.input_ct != call.card.ct_id:
                    return await self._remote.enter(terminal, call.input_ct, call.card, call.session, dialogue)
                try:
                    return await enter_here(terminal, call.card.slot, call.session, dialogue)
                except ChannelClosed:
                    # The card was reset before and compared nothing: once more, on a new channel.
                    return await enter_here(terminal, call.card.slot, call.session, dialogue)


def _require_card_pin(card: Card, pin: str) -> None:
    """Raises 4072 for a PIN that the card does not have; a virtual SMC-B has none that could be changed."""
    pin_object(card.card_type, pin)
    if card.held is not None:
        raise KonnektorError(4072)


def _activated(session: CardSession, pin: str) -> PinResult:
    """A virtual SMC-B asks nobody: it is activated for the Mandant, or an administrator has to do that (4085)."""
    if pin not in session.auth_state:
        raise KonnektorError(4085, "the virtual SMC-B is not activated for the Mandant")
    return PinResult(PinOutcome.OK)


def _is_g2_0(card: Card) -> bool:
    """Whether an eGK is of generation 2.0; a card that tells no version is taken for a current one."""
    versions = card.data.versions
    return card.card_type is CardType.EGK and versions is not None and versions.object_system < GENERATION_2_1


async def _card_status(session: CardSession, where: PinObject) -> PinStatus:
    """What the card says, whatever the session has verified."""
    with link_faults():
        try:
            response = await _ask(session, where)
        except ChannelClosed:
            # The card was reset; asking needs no state, so a new channel does.
            response = await _ask(session, where)
    return status_of(response.sw)


async def _ask(session: CardSession, where: PinObject) -> ResponseApdu:
    async with session.use() as channel:
        await channel.select(where.folder)
        return await channel.transmit(commands.get_pin_status(where.ref))


def pin_event(topic: Topic, card: Card, pin: str, input_ct: str, outcome: PinOutcome | None = None) -> Event:
    """A PIN event (TAB_KON_240 ff.) about an entry at the terminal `input_ct`."""
    return Event(
        topic,
        parameters(
            ("CardHandle", card.handle),
            ("CardType", card.card_type.value),
            ("ICCSN", card.data.iccsn),
            ("CtID", card.ct_id),
            ("SlotID", card.slot),
            ("PinRef", pin),
            ("PinInputCtID", input_ct),
            ("Result", outcome.value if outcome is not None else None),
        ),
        log=False,
        ct_id=card.ct_id,
        card_handle=card.handle,
    )
