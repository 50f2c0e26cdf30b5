"""TIP1-A_4568 (TUC_KON_019), 4569-02 (021), 5486 (027) at the card's own terminal, with cards that compute.

Every state that a PIN of a G2.1 card can be in, what comes of each entry in it, and what is left in the session.
"""

import asyncio
from collections.abc import Awaitable

import pytest

from tests.integration.konnektor_core.desk import CT_SERVER, Desk
from tiaas.base.secret import Secret
from tiaas.card.commands import get_pin_status
from tiaas.card.objsys.model import TransportStatus
from tiaas.card.virtual.image import PasswordState
from tiaas.konnektor import displaytexts as texts
from tiaas.konnektor.cardmap import EF_GDO
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.konnektor.pinstates import PinOutcome, PinResult, PinState, PinStatus
from tiaas.konnektor.sessions import AuthValue, CardSession
from tiaas.terminal.errors import NoPinPad, PinEntryCancelled, PinEntryTimeout, TerminalBusy

NEW, WRONG = "24681357", "11111111"
OK = PinResult(PinOutcome.OK)


def state_of(desk: Desk, card: Card, pin: str) -> PasswordState:
    image = desk.practice.personalised[card.handle].image
    return next(state for path, state in image.passwords.items() if path.endswith(pin))


def topics(desk: Desk) -> list[str]:
    return [str(event.topic).removeprefix("CARD/PIN/") for event in desk.events if "CARD/PIN/" in str(event.topic)]


async def code(work: Awaitable[object]) -> int:
    with pytest.raises(KonnektorError) as caught:
        await work
    return caught.value.code


# ---- TUC_KON_019 "PIN ändern"


@pytest.mark.event("CARD/PIN/CHANGE_STARTED", "CARD/PIN/CHANGE_FINISHED")
@pytest.mark.requirement("TIP1-A_4568")
@pytest.mark.parametrize(
    ("kind", "pin"),
    [("egk", "PIN.CH"), ("egk", "MRPIN.NFD_READ"), ("hba", "PIN.CH"), ("hba", "PIN.QES"), ("smcb", "PIN.SMC")],
)
async def test_change(kind: str, pin: str) -> None:
    desk = Desk()
    card = await getattr(desk, kind)()
    session = desk.session(card)
    old = desk.secret(card, "PIN.CH" if pin.startswith("MRPIN") else pin)
    desk.types([WRONG, NEW, NEW])
    assert await desk.pins.change(card, session, "AP1", pin) == PinResult(PinOutcome.REJECTED, 2)
    desk.types([old, NEW, NEW])
    assert await desk.pins.change(card, session, "AP1", pin) == OK
    assert topics(desk) == ["CHANGE_STARTED", "CHANGE_FINISHED"] * 2
    finished = [dict(event.parameters) for event in desk.events if event.topic is Topic.PIN_CHANGE_FINISHED]
    assert [event["Result"] for event in finished] == ["REJECTED", "OK"]
    assert finished[0] == {
        "CardHandle": card.handle,
        "CardType": card.card_type.value,
        "ICCSN": card.data.iccsn,
        "CtID": CT_SERVER,
        "SlotID": "1",
        "PinRef": pin,
        "PinInputCtID": CT_SERVER,
        "Result": "REJECTED",
    }
    assert session.auth_state == {}  # CHANGE REFERENCE DATA does not verify
    assert await desk.pins.status(card, session, pin) == PinStatus(PinState.VERIFIABLE, 3)
    assert state_of(desk, card, "PIN.CH" if pin.startswith("MRPIN") else pin).secret == Secret(NEW.encode())


@pytest.mark.requirement("TIP1-A_4568")
@pytest.mark.parametrize(("kind", "pin"), [("hba", "PIN.CH"), ("hba", "PIN.QES"), ("smcb", "PIN.SMC")])
@pytest.mark.pitfall(19)
@pytest.mark.code(4065)
async def test_a_transport_pin_is_refused_by_verify_and_left_by_change(kind: str, pin: str) -> None:
    desk = Desk()
    card = await getattr(desk, kind)(transport=True)
    session = desk.session(card)
    transport = desk.secret(card, pin)
    assert len(transport) == 5
    assert await desk.pins.status(card, session, pin) == PinStatus(PinState.TRANSPORT_PIN)
    if pin != "PIN.QES":
        desk.types([transport])
        assert await code(desk.pins.verify(card, session, "AP1", pin)) == 4065
    desk.types([transport, NEW, NEW])
    assert await desk.pins.change(card, session, "AP1", pin) == OK
    assert "Transport-" in desk.pads[CT_SERVER].prompts[-1].prompt
    assert await desk.pins.status(card, session, pin) == PinStatus(PinState.VERIFIABLE, 3)


@pytest.mark.requirement("TIP1-A_4568")
async def test_an_empty_pin_is_set_without_an_old_one() -> None:
    """Leer-PIN: no PIN that this service reaches leaves the factory so, but an issuer of eGKs may choose it."""
    desk = Desk()
    card = await desk.egk()
    state = state_of(desk, card, "MF/PIN.CH")
    state.transport, state.secret = TransportStatus.LEER_PIN, None
    session = desk.session(card)
    assert await desk.pins.status(card, session, "PIN.CH") == PinStatus(PinState.EMPTY_PIN)
    desk.types([NEW, NEW])
    line = desk.pads[CT_SERVER].lines[1]
    # The object system at hand has CHANGE P1 01 for PIN.AMTS_REP only: this card says no to the right command.
    assert await code(desk.pins.change(card, session, "AP1", "PIN.CH")) == 4001
    assert line.sent[-1].encode()[:5].hex() == "0024010108"


@pytest.mark.requirement("TIP1-A_4568")
async def test_the_representatives_pin_needs_the_insured_persons() -> None:
    desk = Desk()
    card = await desk.egk()
    session, pin = desk.session(card), desk.secret(card, "PIN.CH")
    desk.types([WRONG])
    assert await desk.pins.change(card, session, "AP1", "PIN.AMTS_REP") == PinResult(PinOutcome.REJECTED, 2)
    desk.types([pin, NEW, NEW])
    assert await desk.pins.change(card, session, "AP1", "PIN.AMTS_REP") == OK
    assert topics(desk)[2:] == ["VERIFY_STARTED", "VERIFY_FINISHED", "CHANGE_STARTED", "CHANGE_FINISHED"]
    assert [prompts.prompt for prompts in desk.pads[CT_SERVER].prompts][:2] == [texts.REPRESENTATIVE_CHANGE] * 2
    assert state_of(desk, card, "PIN.AMTS_REP").secret == Secret(NEW.encode())
    assert session.auth_state == {"PIN.CH": AuthValue.VERIFIED}


@pytest.mark.requirement("TIP1-A_4568")
async def test_a_verified_pin_stays_verified_when_changed_and_not_when_mistyped() -> None:
    desk = Desk()
    card = await desk.smcb()
    session, pin = desk.session(card), desk.secret(card, "PIN.SMC")
    desk.types([pin])
    await desk.pins.verify(card, session, "AP1", "PIN.SMC")
    desk.types([pin, NEW, NEW])
    await desk.pins.change(card, session, "AP1", "PIN.SMC")
    async with session.use() as channel:
        verified = (await channel.transmit(get_pin_status(0x01))).sw == 0x9000
    assert ("PIN.SMC" in session.auth_state) is verified
    desk.types([WRONG, NEW, NEW])
    await desk.pins.change(card, session, "AP1", "PIN.SMC")
    assert session.auth_state == {}


@pytest.mark.requirement("TIP1-A_4568")
@pytest.mark.code(4043, 4049, 4060, 4063, 4066, 4067, 4068, 4072, 4093)
async def test_what_ends_a_change() -> None:
    desk = Desk()
    card = await desk.smcb()
    session, pin = desk.session(card), desk.secret(card, "PIN.SMC")

    async def ended(*entries: str | Exception) -> int:
        desk.types(entries)
        return await code(desk.pins.change(card, session, "AP1", "PIN.SMC"))

    assert await ended(PinEntryTimeout("p", 0x6400)) == 4043
    assert await ended(PinEntryCancelled("p", 0x6401)) == 4049
    assert await ended(TerminalBusy("p", 0x6941)) == 4060
    assert await ended(NoPinPad("p", 0x6A00)) == 4066
    assert await ended(pin, NEW, "24681358") == 4067
    assert await ended(pin, "123456789", "123456789") == 4068
    assert set(topics(desk)) == {"CHANGE_STARTED", "CHANGE_FINISHED"}
    assert await code(desk.pins.change(card, session, "AP1", "PIN.CH")) == 4072
    async with card.reserve():
        assert await code(desk.pins.change(card, session, "AP1", "PIN.SMC")) == 4093
    async with desk.pinpad(CT_SERVER):
        assert await code(desk.pins.change(card, session, "AP1", "PIN.SMC")) == 4060
    assert await desk.pins.status(card, session, "PIN.SMC") == PinStatus(PinState.VERIFIABLE, 3)
    for left in (2, 1):
        desk.types([WRONG, NEW, NEW])
        assert await desk.pins.change(card, session, "AP1", "PIN.SMC") == PinResult(PinOutcome.REJECTED, left)
    desk.types([WRONG, NEW, NEW])
    assert await desk.pins.change(card, session, "AP1", "PIN.SMC") == PinResult(PinOutcome.BLOCKED, 0)
    assert await code(desk.pins.change(card, session, "AP1", "PIN.SMC")) == 4063
    assert not card.reserved


# ---- TUC_KON_021 "PIN entsperren"


@pytest.mark.event("CARD/PIN/UNBLOCK_STARTED", "CARD/PIN/UNBLOCK_FINISHED")
@pytest.mark.requirement("TIP1-A_4569-02")
@pytest.mark.code(4064)
@pytest.mark.parametrize(
    ("kind", "pin"), [("egk", "MRPIN.AMTS"), ("hba", "PIN.CH"), ("hba", "PIN.QES"), ("smcb", "PIN.SMC")]
)
async def test_unblock(kind: str, pin: str) -> None:
    desk = Desk()
    card = await getattr(desk, kind)()
    base = "PIN.CH" if pin.startswith("MRPIN") else pin
    session, puk = desk.session(card), desk.secret(card, base.replace("PIN", "PUK"))
    state = state_of(desk, card, base)
    # Not blocked: nothing to do, nobody is asked.
    assert await desk.pins.unblock(card, session, "AP1", pin) == OK
    assert topics(desk) == []
    state.retry_counter = 0
    desk.types([WRONG])
    assert await desk.pins.unblock(card, session, "AP1", pin) == PinResult(PinOutcome.REJECTED, 9)
    desk.types([puk])
    assert await desk.pins.unblock(card, session, "AP1", pin) == OK
    assert state.puk_uses == 8  # a right PUK is used up too
    assert topics(desk) == ["UNBLOCK_STARTED", "UNBLOCK_FINISHED"] * 2
    assert await desk.pins.status(card, session, pin) == PinStatus(PinState.VERIFIABLE, 3)
    state.retry_counter, state.puk_uses = 0, 1
    desk.types([WRONG])
    assert await desk.pins.unblock(card, session, "AP1", pin) == PinResult(PinOutcome.BLOCKED, 0)
    desk.types([puk])
    assert await code(desk.pins.unblock(card, session, "AP1", pin)) == 4064


@pytest.mark.requirement("TIP1-A_4569-02")
@pytest.mark.code(4067, 4068, 4072)
async def test_unblock_with_a_new_pin() -> None:
    desk = Desk()
    card = await desk.hba()
    session, puk = desk.session(card), desk.secret(card, "PUK.CH")
    state = state_of(desk, card, "MF/PIN.CH")
    state.retry_counter = 0
    desk.types([puk, NEW, "24681358"])
    assert await code(desk.pins.unblock(card, session, "AP1", "PIN.CH", set_new=True)) == 4067
    desk.types([puk, "123456789", "123456789"])
    assert await code(desk.pins.unblock(card, session, "AP1", "PIN.CH", set_new=True)) == 4068
    assert state.puk_uses == 10
    desk.types([puk, NEW, NEW])
    assert await desk.pins.unblock(card, session, "AP1", "PIN.CH", set_new=True) == OK
    assert state.secret == Secret(NEW.encode())
    # The card has no rule for a new PIN.QES by PUK, so nobody is asked for one.
    assert await code(desk.pins.unblock(card, session, "AP1", "PIN.QES", set_new=True)) == 4072


@pytest.mark.requirement("TIP1-A_4569-02")
async def test_the_representatives_pin_is_unblocked_by_the_insured_persons() -> None:
    desk = Desk()
    card = await desk.egk()
    session = desk.session(card)
    state_of(desk, card, "PIN.AMTS_REP").retry_counter = 0
    desk.types([desk.secret(card, "PIN.CH"), NEW, NEW])
    assert await desk.pins.unblock(card, session, "AP1", "PIN.AMTS_REP") == OK
    assert desk.pads[CT_SERVER].prompts[0].prompt == texts.REPRESENTATIVE_UNBLOCK
    assert topics(desk) == ["VERIFY_STARTED", "VERIFY_FINISHED", "UNBLOCK_STARTED", "UNBLOCK_FINISHED"]
    assert state_of(desk, card, "PIN.AMTS_REP").secret == Secret(NEW.encode())


# ---- TUC_KON_027 "PIN-Schutz ein-/ausschalten"


@pytest.mark.event(
    "CARD/PIN/ENABLE_STARTED", "CARD/PIN/ENABLE_FINISHED", "CARD/PIN/DISABLE_STARTED", "CARD/PIN/DISABLE_FINISHED"
)
@pytest.mark.requirement("TIP1-A_5486")
@pytest.mark.parametrize("pin", ["MRPIN.NFD", "MRPIN.DPE", "MRPIN.GDD", "MRPIN.AMTS"])
async def test_switch(pin: str) -> None:
    desk = Desk()
    card = await desk.egk()
    session, right = desk.session(card), desk.secret(card, "PIN.CH")
    if (await desk.pins.status(card, session, pin)).state is not PinState.DISABLED:
        desk.types([right])
        assert await desk.pins.switch(card, session, "AP1", pin, on=False) == OK
        assert topics(desk) == ["DISABLE_STARTED", "DISABLE_FINISHED"]
    assert session.auth_state == {pin: AuthValue.DISABLED}
    before = len(desk.events)
    assert await desk.pins.switch(card, session, "AP1", pin, on=False) == OK
    assert len(desk.events) == before  # it is off already: nobody is asked
    desk.types([WRONG])
    assert await desk.pins.switch(card, session, "AP1", pin, on=True) == PinResult(PinOutcome.REJECTED, 2)
    desk.types([right])
    assert await desk.pins.switch(card, session, "AP1", pin, on=True) == OK
    assert session.auth_state == {}
    assert topics(desk)[-2:] == ["ENABLE_STARTED", "ENABLE_FINISHED"]
    assert dict(desk.events[-1].parameters) == dict(desk.events[-2].parameters)  # no Result
    assert await desk.pins.status(card, session, pin) == PinStatus(PinState.VERIFIABLE, 3)


@pytest.mark.requirement("TIP1-A_5486")
@pytest.mark.code(4063, 4072, 4085, 4209)
async def test_what_ends_a_switch() -> None:
    desk = Desk()
    card, smcb = await desk.egk(), await desk.smcb()
    session = desk.session(card)
    assert await code(desk.pins.switch(smcb, desk.session(smcb), "AP1", "PIN.SMC", on=False)) == 4209
    assert await code(desk.pins.switch(card, session, "AP1", "PIN.QES", on=False)) == 4072
    desk.types([desk.secret(card, "PIN.CH")])
    assert await code(desk.pins.switch(card, session, "AP1", "MRPIN.OSE", on=False)) == 4085
    for outcome in (PinOutcome.REJECTED, PinOutcome.REJECTED, PinOutcome.BLOCKED):
        desk.types([WRONG])
        assert (await desk.pins.switch(card, session, "AP1", "MRPIN.GDD", on=False)).outcome is outcome
    assert await code(desk.pins.switch(card, session, "AP1", "MRPIN.GDD", on=False)) == 4063


async def _use(session: CardSession) -> None:
    async with session.use():
        pass


# ---- sessions


@pytest.mark.pitfall(17, 18)
@pytest.mark.requirement("TIP1-A_4560")
async def test_an_smb_is_unlocked_for_one_mandant_and_tells_the_other_no_tries() -> None:
    desk = Desk()
    card = await desk.smcb()
    first, second = desk.session(card, "M1"), desk.session(card, "M2")
    desk.types([desk.secret(card, "PIN.SMC")])
    assert await desk.pins.verify(card, first, "AP1", "PIN.SMC") == OK
    assert await desk.pins.status(card, first, "PIN.SMC") == PinStatus(PinState.VERIFIED)
    assert (await desk.pins.status(card, second, "PIN.SMC")).state is PinState.VERIFIABLE
    desk.types([WRONG])
    await desk.pins.verify(card, second, "AP1", "PIN.SMC")
    assert await desk.pins.status(card, first, "PIN.SMC") == PinStatus(PinState.VERIFIED)
    async with first.use() as channel:
        assert (await channel.transmit(get_pin_status(0x01))).sw == 0x9000


async def test_a_long_entry_starves_nobody() -> None:
    """Another card in the same terminal answers, and the status of a third, while somebody thinks at the keypad."""
    desk = Desk()
    card, hba, egk = await desk.smcb(), await desk.hba(), await desk.egk()
    other = desk.session(card, "M2")
    thinking, typed = asyncio.Event(), asyncio.Event()
    line = desk.pads[CT_SERVER].lines[1]
    carry = line.transmit

    async def slow(command: object) -> object:
        thinking.set()
        await typed.wait()
        return await carry(command)  # type: ignore[arg-type]

    line.transmit = slow  # type: ignore[method-assign,assignment]
    desk.types([desk.secret(card, "PIN.SMC")])
    entry = asyncio.create_task(desk.pins.verify(card, desk.session(card), "AP1", "PIN.SMC"))
    await thinking.wait()
    assert (await desk.pins.status(hba, desk.session(hba), "PIN.CH")).left_tries == 3
    assert (await desk.pins.status(egk, desk.session(egk), "PIN.CH")).left_tries == 3
    assert await code(desk.pins.verify(hba, desk.session(hba), "AP1", "PIN.CH")) == 4060
    assert await code(desk.pins.status(card, desk.session(hba), "PIN.SMC")) == 4093
    # Who uses the card already, or reads what needs no session, is told at once, too.
    assert await code(card.basic.read(EF_GDO)) == 4093
    assert await code(_use(other)) == 4093
    typed.set()
    assert await entry == OK
