"""CardTerminalService over a real terminal connection: a person is asked, does something or not (TIP1-A_5408 ff.)."""

import asyncio
from dataclasses import replace

import pytest

from tests.integration.base_services.conftest import code_of
from tests.integration.konnektor_core.surgery import CT, Surgery, context
from tiaas.card.commands import read_binary
from tiaas.interfaces.card_service_common_v2_0 import CardType as WireType
from tiaas.interfaces.card_service_common_v2_0 import PinResult
from tiaas.interfaces.card_service_v8_1 import GetPinStatus, PinStatus, VerifyPin
from tiaas.interfaces.card_terminal_service_v1_1 import EjectCard, RequestCard, RequestCardResponse, Slot
from tiaas.interfaces.connector_common_v5_0 import Result
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.konnektor.infomodel import Kind, Relation, Terminal
from tiaas.konnektor.terminallist import Correlation
from tiaas.soap.envelope import write_envelope
from tiaas.terminal.sicct.commands import Ins
from tiaas.terminal.sicct.units import KEYPAD
from tiaas.terminal.virtual.config import PinMode, PinPolicy
from tiaas.terminal.virtual.mishaps import CommandMishap, Mishaps

pytestmark = pytest.mark.asyncio(loop_scope="session")


def request(slot: int = 2, card_type: WireType | None = None, text: str | None = None, wait: int = 20) -> RequestCard:
    return RequestCard(
        context=context(), slot=Slot(ct_id=CT, slot_id=slot), card_type=card_type, display_msg=text, time_out=wait
    )


def eject(slot: int = 2, text: str | None = None, wait: int = 20_000) -> EjectCard:
    return EjectCard(context=context(), slot=Slot(ct_id=CT, slot_id=slot), display_msg=text, time_out=wait)


async def shows(surgery: Surgery, text: str) -> None:
    await surgery.until(lambda: surgery.terminal.snapshot().display == text)


def idle(surgery: Surgery) -> bool:
    shown = surgery.terminal.snapshot()
    return shown.display == shown.idle_text


@pytest.mark.requirement("TIP1-A_5412", "TIP1-A_5409")
async def test_a_card_that_is_there_is_told_at_once(surgery: Surgery) -> None:
    before = surgery.terminal.snapshot().history
    answer = await surgery.call(request(card_type=WireType.EGK))
    write_envelope(answer)
    assert answer.already_inserted is True
    assert answer.card.card_handle == surgery.find(CardType.EGK).handle
    assert surgery.terminal.snapshot().history == before


@pytest.mark.requirement("TIP1-A_5408", "TIP1-A_5410", "TIP1-A_5413", "TIP1-A_6725")
@pytest.mark.pitfall(23)
@pytest.mark.code(4051, 4101)
async def test_ejecting_and_requesting_with_a_person(surgery: Surgery) -> None:
    handle = surgery.find(CardType.EGK).handle
    out = asyncio.create_task(surgery.call(EjectCard(context=context(), card_handle=handle)))
    await shows(surgery, "Bitte eGK aus SLOT 2 entnehmen")
    assert await code_of(surgery, request(slot=1, card_type=WireType.EGK)) == 4051
    card = surgery.terminal.eject(2)
    assert (await out).status.result is Result.OK
    assert idle(surgery)
    await surgery.until(lambda: surgery.core.cards.find(handle) is None)
    assert await code_of(surgery, EjectCard(context=context(), card_handle=handle)) == 4101

    wanted = asyncio.create_task(surgery.call(request(card_type=WireType.EGK)))
    await shows(surgery, "Bitte eGK in SLOT 2 stecken")
    surgery.terminal.insert(2, card)
    answer: RequestCardResponse = await wanted
    assert answer.already_inserted is False
    assert answer.card is not None
    assert answer.card.card_type is WireType.EGK
    assert surgery.core.cards.find(answer.card.card_handle) is not None
    assert answer.card.card_handle != handle
    assert idle(surgery)


@pytest.mark.pitfall(20)
async def test_the_units_of_time(surgery: Surgery) -> None:
    """7 of RequestCard are 7000 of EjectCard: the terminal is told seven seconds each time."""
    told: list[tuple[int, bytes]] = []

    class Listening(Mishaps):
        def at_command(self, unit: int, command: bytes) -> CommandMishap | None:
            if command[1] in (Ins.REQUEST_ICC, Ins.EJECT_ICC):
                told.append((command[1], command))
            return None

    before, surgery.terminal.mishaps = surgery.terminal.mishaps, Listening()
    try:
        out = asyncio.create_task(surgery.call(eject(wait=7000)))
        await shows(surgery, "Bitte eGK aus SLOT 2 entnehmen")
        card = surgery.terminal.eject(2)
        await out
        back = asyncio.create_task(surgery.call(request(card_type=WireType.EGK, wait=7)))
        await shows(surgery, "Bitte eGK in SLOT 2 stecken")
        surgery.terminal.insert(2, card)
        await back
    finally:
        surgery.terminal.mishaps = before
    # A card that was inserted is asked for once more, without waiting.
    assert {ins for ins, command in told if b"\x80\x01\x07" in command} == {Ins.REQUEST_ICC, Ins.EJECT_ICC}


@pytest.mark.event("CT/SLOT_FREE", "CT/SLOT_IN_USE")
@pytest.mark.code(4203, 4202)
@pytest.mark.pitfall(21)
async def test_a_card_left_in_comes_back_as_a_new_one(surgery: Surgery) -> None:
    """EjectCard and RequestCard reset a card (A_21528): handle and PIN state are gone, nobody had to move."""
    handle = surgery.find(CardType.SMC_B).handle
    verify = VerifyPin(context=context(), card_handle=handle, pin_typ="PIN.SMC")
    assert (await surgery.call(verify)).pin_result is PinResult.OK
    surgery.events.clear()
    assert await code_of(surgery, eject(1, wait=400)) == 4203
    assert surgery.core.cards.find(handle) is None
    assert [event.topic for event in surgery.events if event.topic is not Topic.CT_SLOT_FREE] == [
        Topic.CARD_REMOVED,
        Topic.CT_ERROR,
    ]
    assert surgery.terminal.snapshot().slots[0] == "inserted"
    answer = await surgery.call(request(1, WireType.SM_B, wait=0))
    assert answer.already_inserted is True
    fresh = answer.card.card_handle
    assert fresh != handle
    status = await surgery.call(GetPinStatus(context=context(), card_handle=fresh, pin_typ="PIN.SMC"))
    assert status.pin_status is PinStatus.VERIFIABLE
    # An empty slot: ejecting is fine, asking in vain is not.
    card = surgery.terminal.eject(2)
    await surgery.until(lambda: surgery.core.cards.at(CT, 2) is None)
    assert (await surgery.call(eject(2))).status.result is Result.OK
    assert await code_of(surgery, request(2, wait=1)) == 4202
    assert dict(surgery.events[-1].parameters)["Error"] == "4202"
    assert idle(surgery)
    surgery.terminal.insert(2, card)
    await surgery.until(lambda: surgery.core.cards.at(CT, 2) is not None)
    moves = [event for event in surgery.events if event.topic in (Topic.CT_SLOT_FREE, Topic.CT_SLOT_IN_USE)]
    assert [event.topic for event in moves][-2:] == [Topic.CT_SLOT_FREE, Topic.CT_SLOT_IN_USE]
    assert dict(moves[-1].parameters) == {"CtID": CT, "SlotNo": "2"}
    assert not any(event.deliver for event in moves)


@pytest.mark.code(4039, 4049, 4060, 4093)
@pytest.mark.requirement("TIP1-A_5409", "TIP1-A_5410")
async def test_a_display_belongs_to_one(surgery: Surgery) -> None:
    out = asyncio.create_task(surgery.call(eject(2, "Danke [Müller] §")))
    await shows(surgery, "Danke ?Müller? ?")
    assert await code_of(surgery, eject(3)) == 4039
    assert await code_of(surgery, eject(2)) == 4093
    smb = surgery.find(CardType.SMC_B).handle
    assert await code_of(surgery, VerifyPin(context=context(), card_handle=smb, pin_typ="PIN.SMC")) == 4060
    surgery.terminal.press("cancel")
    with pytest.raises(KonnektorError) as caught:
        await out
    assert caught.value.code == 4049
    assert (await surgery.call(request(2))).already_inserted is True
    # A PIN entry holds the display, too.
    surgery.terminal.pin_policy = PinPolicy(PinMode.MANUAL)
    smb = surgery.find(CardType.SMC_B).handle
    entry = asyncio.create_task(surgery.call(VerifyPin(context=context(), card_handle=smb, pin_typ="PIN.SMC")))
    await surgery.until(lambda: surgery.terminal.snapshot().prompt != "")
    assert await code_of(surgery, eject(3)) == 4039
    surgery.terminal.press("cancel")
    with pytest.raises(KonnektorError):
        await entry
    surgery.terminal.pin_policy = PinPolicy()


@pytest.mark.code(4049, 4039)
@pytest.mark.requirement("TIP1-A_5410")
async def test_a_card_switched_off_is_given_up_however_the_dialogue_ends(surgery: Surgery) -> None:
    """EJECT ICC takes the power first and asks then: a card that stays has no state, and no handle."""

    async def cancelled() -> int:
        out = asyncio.create_task(surgery.call(eject(2, wait=10**400)))
        await shows(surgery, "Bitte eGK aus SLOT 2 entnehmen")
        surgery.terminal.press("cancel")
        with pytest.raises(KonnektorError) as caught:
            await out
        return caught.value.code

    async def busy() -> int:
        with surgery.terminal.machine.using(KEYPAD):
            return await code_of(surgery, eject(2))

    async def stopped() -> int:
        out = asyncio.create_task(surgery.call(eject(2)))
        await shows(surgery, "Bitte eGK aus SLOT 2 entnehmen")
        out.cancel()
        await asyncio.wait([out])
        surgery.terminal.press("cancel")
        await surgery.until(lambda: surgery.terminal.snapshot().display != "Bitte eGK aus SLOT 2 entnehmen")
        return 0

    for way, code in ((cancelled, 4049), (busy, 4039), (stopped, 0)):
        handle = surgery.find(CardType.EGK).handle
        assert await way() == code
        assert surgery.core.cards.find(handle) is None
        answer = await surgery.call(request(2, WireType.EGK))
        assert answer.already_inserted is True
        card = surgery.find(CardType.EGK)
        assert answer.card.card_handle == card.handle
        assert (await card.basic.transmit(read_binary(sfid=2))).ok
    # Refused before anything was done, a card stays what it was.
    handle = surgery.find(CardType.EGK).handle
    with surgery.terminal.machine.using(2):
        assert await code_of(surgery, eject(2)) == 4039
    assert surgery.find(CardType.EGK).handle == handle


@pytest.mark.code(4058, 4097, 4007, 4221, 4222, 4044)
@pytest.mark.requirement("TIP1-A_6478")
async def test_what_is_refused(surgery: Surgery) -> None:
    for foreign in (WireType.SMC_KT, WireType.UNKNOWN, WireType.ZOD_2_0):
        assert await code_of(surgery, request(card_type=foreign)) == 4058
    assert await code_of(surgery, request(5)) == 4097
    assert await code_of(surgery, eject(15)) == 4097
    unknown = RequestCard(context=context(), slot=Slot(ct_id="CT-0815", slot_id=1))
    assert await code_of(surgery, unknown) == 4007
    entry = surgery.core.terminals.entry(CT)
    for correlation, connected, code in ((Correlation.ZUGEWIESEN, True, 4221), (Correlation.AKTIV, False, 4222)):
        config, entry.config = entry.config, replace(entry.config, correlation=correlation)
        entry.connected = connected
        assert await code_of(surgery, request()) == code
        entry.config, entry.connected = config, True
    # The terminal does not know the command as it came: its own trouble.
    slots, surgery.terminal.machine._contact = surgery.terminal.machine._contact, {}
    assert await code_of(surgery, eject(2)) == 4044
    surgery.terminal.machine._contact = slots
    model = surgery.core.infomodel.current
    await surgery.core.infomodel.apply(
        lambda m: (
            m.add(Kind.TERMINAL, Terminal("CT-2"))
            .link(Relation.MANDANT_TERMINAL, "M1", "CT-2")
            .link(Relation.LOCAL, "AP1", "CT-2")
        )
    )
    assert await code_of(surgery, RequestCard(context=context(), slot=Slot(ct_id="CT-2", slot_id=1))) == 4007
    await surgery.core.infomodel.apply(lambda _: model)
