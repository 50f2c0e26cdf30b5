"""A PIN entry addresses a slot: it must be the card's own, and what the terminal refuses takes no state away."""

import asyncio
from datetime import UTC, datetime

import pytest

from tests.unit.konnektor_core.scripted import ScriptedCard, ScriptedPad, sw
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.card.apdu import ResponseApdu
from tiaas.konnektor.cards import CardData, CardList
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.infomodel import InfoModel, Kind, Relation, Terminal
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.pins import Pins
from tiaas.konnektor.pinstates import PinResult
from tiaas.konnektor.remotepin import RemotePins
from tiaas.konnektor.sessions import AuthValue, CallContext
from tiaas.terminal.errors import BadTerminalAnswer, CardInactive, NotAllowed, TerminalBusy
from tiaas.terminal.front import TerminalTimeout

PIN = "PIN.SMC"


class Slot:
    """An SM-B in slot 1 of a terminal local to the workplace."""

    def __init__(self, result: ResponseApdu | Exception) -> None:
        self.pad = ScriptedPad(result)
        model = InfoModel().add(Kind.MANDANT, "M1").add(Kind.WORKPLACE, "AP1").add(Kind.TERMINAL, Terminal("CT1"))
        model = model.link(Relation.MANDANT_WORKPLACE, "M1", "AP1").link(Relation.MANDANT_TERMINAL, "M1", "CT1")
        self.cards = CardList(ManualClock(datetime(2026, 3, 1, tzinfo=UTC)), SeededEntropy(b"slot"))
        self.card = self.cards.insert("CT1", 1, CardData(CardType.SMC_B), ScriptedCard())
        self.session = self.card.session(CallContext("M1", "CS1", "AP1"))
        remote = RemotePins(self.cards, lambda wanted, known: None, self.cards.clock)
        self.pins = Pins(LiveInfoModel(model.link(Relation.LOCAL, "AP1", "CT1")), self.pad, EventHub(), remote)

    async def verify(self) -> PinResult:
        return await self.pins.verify(self.card, self.session, "AP1", PIN)


async def test_no_entry_begins_for_a_card_pulled_while_waiting_for_the_slot() -> None:
    slot = Slot(sw(0x63C2))
    async with slot.session.use():
        pass
    await slot.card.basic.turn.acquire()
    entry = asyncio.create_task(slot.verify())
    await asyncio.sleep(0.01)
    slot.cards.remove("CT1", 1)
    slot.card.basic.turn.release()
    with pytest.raises(KonnektorError) as caught:
        await entry
    assert caught.value.code == 4094
    assert slot.pad.templates == []


async def test_no_entry_begins_for_a_card_pulled_while_waiting_for_the_channel() -> None:
    slot = Slot(sw(0x63C2))
    async with slot.session.use():
        entry = asyncio.create_task(slot.verify())
        await asyncio.sleep(0.01)
        slot.cards.remove("CT1", 1)
    with pytest.raises(KonnektorError) as caught:
        await entry
    assert caught.value.code == 4094
    assert slot.pad.templates == []


@pytest.mark.parametrize("result", [sw(0x9000), sw(0x63C2), TerminalBusy("p", 0x6941)])
async def test_an_answer_after_removal_counts_for_no_card(result: ResponseApdu | Exception) -> None:
    slot = Slot(result)
    slot.pad.gate = asyncio.Event()
    entry = asyncio.create_task(slot.verify())
    await slot.pad.asked.wait()
    slot.cards.remove("CT1", 1)
    slot.pad.gate.set()
    with pytest.raises(KonnektorError) as caught:
        await entry
    assert caught.value.code == 4094
    assert slot.session.auth_state == {}


@pytest.mark.parametrize(
    ("result", "kept"),
    [
        (TerminalBusy("p", 0x6941), True),
        (CardInactive("p", 0x64A2), True),
        (NotAllowed("p", 0x6900), True),
        (BadTerminalAnswer("p"), False),
        (TerminalTimeout("late"), False),
    ],
)
async def test_what_the_terminal_refuses_itself_takes_no_state_away(result: Exception, kept: bool) -> None:
    slot = Slot(result)
    slot.session.auth_state[PIN] = AuthValue.VERIFIED
    with pytest.raises(KonnektorError):
        await slot.verify()
    assert (PIN in slot.session.auth_state) is kept


async def test_a_channel_closed_at_every_try_is_an_unverified_pin() -> None:
    slot = Slot(sw(0x6881))
    slot.session.auth_state[PIN] = AuthValue.VERIFIED
    with pytest.raises(KonnektorError) as caught:
        await slot.verify()
    assert caught.value.code == 4085
    assert len(slot.pad.templates) == 2
    assert slot.session.auth_state == {}
