"""TIP1-A_4567 (TUC_KON_012), TIP1-A_4570 (TUC_KON_022): every answer of a card and a terminal, and what comes of it."""

import asyncio
from datetime import UTC, datetime

import pytest

from tests.unit.konnektor_core.scripted import Answer, ScriptedCard, ScriptedPad, sw
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.card.apdu import ResponseApdu
from tiaas.card.link import CardGone, CardTimeout
from tiaas.konnektor.cards import Card, CardData, CardList
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub, Topic
from tiaas.konnektor.infomodel import InfoModel, Kind, Relation, Terminal
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.pins import Pins
from tiaas.konnektor.pinstates import PinOutcome, PinResult, PinState, PinStatus, VerificationType
from tiaas.konnektor.remotepin import RemotePins
from tiaas.konnektor.sessions import AuthValue, CallContext, CardSession
from tiaas.terminal.errors import CardInactive, PinEntryCancelled, PinEntryTimeout, SlotEmpty, TerminalBusy
from tiaas.terminal.front import TerminalGone, TerminalTimeout

ICCSN = "80276883110000017222"
PIN = "PIN.SMC"


def model() -> InfoModel:
    out = InfoModel().add(Kind.MANDANT, "M1")
    for workplace in ("AP1", "AP2", "AP3"):
        out = out.add(Kind.WORKPLACE, workplace).link(Relation.MANDANT_WORKPLACE, "M1", workplace)
    for terminal in ("CT1", "CT2"):
        out = out.add(Kind.TERMINAL, Terminal(terminal)).link(Relation.MANDANT_TERMINAL, "M1", terminal)
    out = out.link(Relation.LOCAL, "AP1", "CT1").link(Relation.REMOTE, "AP2", "CT1").link(Relation.REMOTE, "AP3", "CT1")
    return out.link(Relation.LOCAL, "AP2", "CT2").link(Relation.REMOTE_PIN, "M1", "AP2", "CT2")


class Desk:
    """One card in CT1, one scripted PIN pad, all events."""

    def __init__(
        self, pad: ScriptedPad, card_type: CardType = CardType.SMC_B, line: ScriptedCard | None = None
    ) -> None:
        self.pad = pad
        self.line = line or ScriptedCard()
        self.hub = EventHub()
        self.events: list[Event] = []
        self.hub.subscribe(self.events.append)
        self.cards = CardList(ManualClock(datetime(2026, 3, 1, tzinfo=UTC)), SeededEntropy(b"pins"))
        self.card: Card = self.cards.insert("CT1", 2, CardData(card_type, iccsn=ICCSN), self.line)
        remote = RemotePins(self.cards, lambda wanted, known: None, self.cards.clock)
        self.pins = Pins(LiveInfoModel(model()), pad, self.hub, remote)

    def session(self, mandant: str = "M1") -> CardSession:
        return self.card.session(CallContext(mandant, "CS1", "AP1", "U1"))

    async def verify(
        self, workplace: str = "AP1", pin: str = PIN, verification: VerificationType = VerificationType.MANDATORY
    ) -> PinResult:
        return await self.pins.verify(self.card, self.session(), workplace, pin, verification)

    def topics(self) -> list[Topic | str]:
        return [event.topic for event in self.events]


def answering(answer: Answer) -> Desk:
    return Desk(
        ScriptedPad(sw(0x9000)), line=ScriptedCard(lambda command: answer if command.ins == 0x20 else sw(0x9000))
    )


# ---- TUC_KON_022


@pytest.mark.requirement("TIP1-A_4570")
@pytest.mark.pitfall(17)
@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0x9000, PinStatus(PinState.VERIFIABLE)),
        (0x62C1, PinStatus(PinState.TRANSPORT_PIN)),
        (0x62C7, PinStatus(PinState.EMPTY_PIN)),
        (0x63C3, PinStatus(PinState.VERIFIABLE, 3)),
        (0x63C2, PinStatus(PinState.VERIFIABLE, 2)),
        (0x63C1, PinStatus(PinState.VERIFIABLE, 1)),
        (0x63C0, PinStatus(PinState.BLOCKED, 0)),
        (0x62D0, PinStatus(PinState.DISABLED)),
    ],
)
async def test_status_of_every_answer(word: int, expected: PinStatus) -> None:
    desk = answering(sw(word))
    assert await desk.pins.status(desk.card, desk.session(), PIN) == expected


@pytest.mark.requirement("TIP1-A_4570")
@pytest.mark.code(4072, 4001, 4094)
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (sw(0x6A88), 4072),
        (sw(0x6988), 4072),
        (sw(0x6F00), 4001),
        (sw(0x6982), 4001),
        (CardTimeout("late"), 4094),
        (CardGone("pulled"), 4094),
    ],
)
async def test_status_aborts(answer: Answer, code: int) -> None:
    desk = answering(answer)
    with pytest.raises(KonnektorError) as caught:
        await desk.pins.status(desk.card, desk.session(), PIN)
    assert caught.value.code == code


async def test_status_from_authstate_asks_no_card_and_disabled_is_remembered() -> None:
    desk = answering(sw(0x62D0))
    assert (await desk.pins.status(desk.card, desk.session(), PIN)).state is PinState.DISABLED
    asked = len(desk.line.sent)
    assert (await desk.pins.status(desk.card, desk.session(), PIN)).state is PinState.DISABLED
    desk.session().auth_state[PIN] = AuthValue.VERIFIED
    assert await desk.pins.status(desk.card, desk.session(), PIN) == PinStatus(PinState.VERIFIED)
    assert len(desk.line.sent) == asked


@pytest.mark.code(4093)
async def test_status_of_a_reserved_card_is_4093() -> None:
    desk = answering(sw(0x63C3))
    session = desk.session()
    async with desk.card.reserve():
        with pytest.raises(KonnektorError) as caught:
            await desk.pins.status(desk.card, session, PIN)
    assert caught.value.code == 4093


@pytest.mark.parametrize(
    ("card_type", "pin", "known"),
    [
        (CardType.SMC_B, "PIN.SMC", True),
        (CardType.SMC_B, "PIN.CH", False),
        (CardType.HBA, "PIN.CH", True),
        (CardType.HBA, "PIN.QES", True),
        (CardType.HBA, "PIN.SMC", False),
        (CardType.EGK, "PIN.CH", True),
        (CardType.EGK, "MRPIN.NFD", True),
        (CardType.EGK, "MRPIN.NFD_READ", True),
        (CardType.EGK, "MRPIN.DPE", True),
        (CardType.EGK, "MRPIN.GDD", True),
        (CardType.EGK, "MRPIN.OSE", True),
        (CardType.EGK, "MRPIN.AMTS", True),
        (CardType.EGK, "PIN.AMTS_REP", True),
        (CardType.EGK, "PIN.QES", False),
        (CardType.EGK, "", False),
    ],
)
async def test_pin_references_by_card_type(card_type: CardType, pin: str, known: bool) -> None:
    desk = Desk(ScriptedPad(sw(0x9000)), card_type, ScriptedCard(lambda c: sw(0x63C3 if c.ins == 0x20 else 0x9000)))
    if known:
        assert (await desk.pins.status(desk.card, desk.session(), pin)).left_tries == 3
    else:
        with pytest.raises(KonnektorError) as caught:
            await desk.pins.status(desk.card, desk.session(), pin)
        assert caught.value.code == 4072


async def test_pin_qes_is_asked_for_in_its_folder() -> None:
    desk = Desk(ScriptedPad(sw(0x9000)), CardType.HBA)
    await desk.pins.status(desk.card, desk.session(), "PIN.QES")
    select, status = desk.line.sent[-2:]
    assert (select.ins, select.data) == (0xA4, bytes.fromhex("D27600006601"))
    assert (status.cla & 0xFC, status.ins, status.p2) == (0x80, 0x20, 0x81)


# ---- TUC_KON_012


@pytest.mark.event("CARD/PIN/VERIFY_STARTED", "CARD/PIN/VERIFY_FINISHED")
@pytest.mark.requirement("TIP1-A_4567")
@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (0x9000, PinResult(PinOutcome.OK)),
        (0x63C2, PinResult(PinOutcome.REJECTED, 2)),
        (0x63C1, PinResult(PinOutcome.REJECTED, 1)),
        (0x63C0, PinResult(PinOutcome.BLOCKED, 0)),
    ],
)
async def test_verify_outcomes_and_events(word: int, expected: PinResult) -> None:
    desk = Desk(ScriptedPad(sw(word)))
    assert await desk.verify() == expected
    assert desk.topics() == [Topic.PIN_VERIFY_STARTED, Topic.PIN_VERIFY_FINISHED]
    base = {
        "CardHandle": desk.card.handle,
        "CardType": "SMC-B",
        "ICCSN": ICCSN,
        "CtID": "CT1",
        "SlotID": "2",
        "PinRef": PIN,
        "PinInputCtID": "CT1",
    }
    assert dict(desk.events[0].parameters) == base
    assert dict(desk.events[1].parameters) == base | {"Result": expected.outcome.value}
    assert all(not event.log and event.deliver for event in desk.events)
    assert (PIN in desk.session().auth_state) is (word == 0x9000)
    assert not desk.card.reserved


@pytest.mark.requirement("TIP1-A_4567")
@pytest.mark.code(4043, 4049, 4060, 4063, 4065, 4072, 4001, 4094, 4044)
@pytest.mark.parametrize(
    ("result", "code"),
    [
        (PinEntryTimeout("p", 0x6400), 4043),
        (PinEntryCancelled("p", 0x6401), 4049),
        (TerminalBusy("p", 0x6941), 4060),
        (sw(0x6983), 4063),
        (sw(0x6985), 4065),
        (sw(0x6A88), 4072),
        (sw(0x6F00), 4001),
        (SlotEmpty("p", 0x64A1), 4094),
        (CardInactive("p", 0x64A2), 4094),
        (TerminalTimeout("late"), 4044),
        (TerminalGone("gone"), 4044),
    ],
)
async def test_an_error_ends_the_use_case_only_after_the_finished_event(
    result: ResponseApdu | Exception, code: int
) -> None:
    desk = Desk(ScriptedPad(result))
    with pytest.raises(KonnektorError) as caught:
        await desk.verify()
    assert caught.value.code == code
    assert desk.topics() == [Topic.PIN_VERIFY_STARTED, Topic.PIN_VERIFY_FINISHED]
    assert dict(desk.events[1].parameters)["Result"] == "ERROR"
    assert PIN not in desk.session().auth_state
    assert not desk.card.reserved
    assert not desk.pad.taken


@pytest.mark.requirement("TIP1-A_4567")
@pytest.mark.pitfall(16)
async def test_mandatory_always_asks_and_a_wrong_pin_takes_the_state_away() -> None:
    desk = Desk(ScriptedPad(sw(0x9000)))
    await desk.verify()
    await desk.verify()
    assert len(desk.pad.templates) == 2
    desk.pad.result = sw(0x63C2)
    await desk.verify()
    assert PIN not in desk.session().auth_state


@pytest.mark.parametrize("result", [PinEntryTimeout("p", 0x6400), PinEntryCancelled("p", 0x6401)])
async def test_who_types_nothing_keeps_what_was_verified(result: Exception) -> None:
    desk = Desk(ScriptedPad(sw(0x9000)))
    await desk.verify()
    desk.pad.result = result
    with pytest.raises(KonnektorError):
        await desk.verify()
    assert desk.session().auth_state[PIN] is AuthValue.VERIFIED


@pytest.mark.requirement("TIP1-A_4566")
@pytest.mark.pitfall(18)
async def test_one_mandants_state_is_not_the_others() -> None:
    desk = Desk(ScriptedPad(sw(0x9000)))
    await desk.verify()
    assert PIN not in desk.session("M2").auth_state
    async with desk.session("M2").use() as other, desk.session("M1").use() as mine:
        assert other.number != mine.number
    assert desk.pad.templates[0].cla == mine.number


@pytest.mark.requirement("TIP1-A_4567")
@pytest.mark.code(4053, 4092)
@pytest.mark.parametrize(
    ("card_type", "workplace", "code"),
    [
        (CardType.SMC_B, "AP3", 4092),
        (CardType.SMC_B, "AP2", 4053),
        (CardType.HBA, "AP3", 4092),
        (CardType.HBA, "AP2", 4053),
        (CardType.EGK, "AP2", 4053),
        (CardType.EGK, "AP3", 4053),
    ],
)
async def test_entry_elsewhere_than_at_a_local_terminal(card_type: CardType, workplace: str, code: int) -> None:
    desk = Desk(ScriptedPad(sw(0x9000)), card_type)
    with pytest.raises(KonnektorError) as caught:
        await desk.verify(workplace, "PIN.SMC" if card_type is CardType.SMC_B else "PIN.CH")
    assert caught.value.code == code
    # Without a gSMC-KT in the Remote-PIN-KT the operation has begun before it fails.
    begun = code == 4053 and card_type is not CardType.EGK
    assert desk.topics() == ([Topic.PIN_VERIFY_STARTED, Topic.PIN_VERIFY_FINISHED] if begun else [])
    assert not desk.pad.templates


@pytest.mark.parametrize(("word", "code"), [(0x62C1, 4065), (0x62C7, 4065), (0x63C0, 4063)])
async def test_not_mandatory_looks_at_the_status_first(word: int, code: int) -> None:
    desk = answering(sw(word))
    with pytest.raises(KonnektorError) as caught:
        await desk.verify(verification=VerificationType.SESSION)
    assert caught.value.code == code
    assert not desk.pad.templates


async def test_not_mandatory_does_not_ask_twice_nor_for_a_disabled_pin() -> None:
    desk = answering(sw(0x62D0))
    assert (await desk.verify(verification=VerificationType.SESSION)).outcome is PinOutcome.OK
    assert (await desk.verify(verification=VerificationType.SESSION)).outcome is PinOutcome.OK
    assert not desk.pad.templates
    desk = answering(sw(0x63C3))
    assert (await desk.verify(verification=VerificationType.SESSION)).outcome is PinOutcome.OK
    assert len(desk.pad.templates) == 1


@pytest.mark.requirement("TIP1-A_4571")
@pytest.mark.code(4060, 4093)
async def test_the_second_entry_at_the_same_card_is_4093_at_the_same_terminal_4060() -> None:
    desk = Desk(ScriptedPad(sw(0x9000)))
    desk.pad.gate = asyncio.Event()
    first = asyncio.create_task(desk.verify())
    await desk.pad.asked.wait()
    with pytest.raises(KonnektorError) as caught:
        await desk.verify()
    assert caught.value.code == 4093
    other = desk.cards.insert("CT1", 3, CardData(CardType.SMC_B), ScriptedCard())
    session = other.session(CallContext("M1", "CS1", "AP1"))
    with pytest.raises(KonnektorError) as caught:
        await desk.pins.verify(other, session, "AP1", PIN)
    assert caught.value.code == 4060
    desk.pad.gate.set()
    assert (await first).outcome is PinOutcome.OK


async def test_a_cancelled_entry_leaves_nothing_locked_and_nothing_verified() -> None:
    desk = Desk(ScriptedPad(sw(0x9000)))
    await desk.verify()
    desk.pad.gate = asyncio.Event()
    desk.pad.asked.clear()
    task = asyncio.create_task(desk.verify())
    await desk.pad.asked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not desk.card.reserved
    assert not desk.pad.taken
    assert PIN not in desk.session().auth_state
    assert desk.topics()[-1] is Topic.PIN_VERIFY_FINISHED


# ---- TIP1-A_4561-02, TAB_KON_090


@pytest.mark.parametrize(
    ("card_type", "pin", "slots", "text"),
    [
        (CardType.SMC_B, "PIN.SMC", 4, "Eingabe \x0bPIN SMC-B \x0bSLOT:2\x0fPIN.SMC:"),
        (CardType.SMC_B, "PIN.SMC", 1, "Eingabe \x0bPIN SMC-B\x0fPIN.SMC:"),
        (CardType.HBA, "PIN.CH", 4, "Eingabe \x0bFreigabe-PIN \x0bHBA\x0fPIN.HBA:"),
    ],
)
async def test_display_texts(card_type: CardType, pin: str, slots: int, text: str) -> None:
    desk = Desk(ScriptedPad(sw(0x9000), slots), card_type)
    await desk.verify(pin=pin)
    assert desk.pad.prompts[0].prompt == text
    assert desk.pad.prompts[0].success == "PIN \x0berfolgreich \x0bverifiziert!"
    assert desk.pad.prompts[0].failure == "PIN \x0bfalsch \x0boder \x0bgesperrt!"
    message, _, prompt = text.partition("\x0f")
    assert len(prompt) <= 10
    assert len(message) <= 48
    assert desk.pad.templates[0].data == b"\xff" * 8
