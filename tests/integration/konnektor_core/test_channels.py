"""Logical channels of cards that compute, when answers get lost, a card refuses or was reset without an event."""

from collections.abc import Callable

import pytest

from tests.integration.konnektor_core.practice import CALL, DirectLine, Practice, TypingPad
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.link import CardTimeout
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.infomodel import InfoModel, Kind, Relation, Terminal
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.pins import Pins
from tiaas.konnektor.pinstates import PinOutcome, PinState
from tiaas.konnektor.remotepin import RemotePins
from tiaas.konnektor.sessions import CallContext
from tiaas.konnektor.vsdm import Wishes

PIN = "PIN.SMC"


class DamagedLine:
    """Between Konnektor and card: answers may be lost (`after` raises), commands refused with 6F00."""

    def __init__(self, line: DirectLine) -> None:
        self._carry = line.transmit
        self.after: Callable[[CommandApdu], None] = lambda command: None
        self.refuses: Callable[[CommandApdu], bool] = lambda command: False
        line.transmit = self.transmit  # type: ignore[method-assign]

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        if self.refuses(command):
            return ResponseApdu(b"", 0x6F00)
        response = await self._carry(command)
        self.after(command)
        return response


def call(mandant: str) -> CallContext:
    return CallContext(mandant, "CS1", "AP1")


def lose_open(command: CommandApdu) -> None:
    if (command.ins, command.p1) == (0x70, 0x00):
        raise CardTimeout("answer lost")


def lose_reset(command: CommandApdu) -> None:
    if (command.ins, command.p1) == (0x70, 0x40):
        raise CardTimeout("command lost")


def is_release(command: CommandApdu) -> bool:
    """MANAGE CHANNEL: reset or close."""
    return command.ins == 0x70 and command.p1 in (0x40, 0x80)


async def channel_of(card: Card, mandant: str) -> int:
    async with card.session(call(mandant)).use() as channel:
        return channel.number


async def code_of(card: Card, mandant: str) -> int:
    with pytest.raises(KonnektorError) as caught:
        await channel_of(card, mandant)
    return caught.value.code


def pins(practice: Practice, pad: TypingPad) -> Pins:
    model = InfoModel().add(Kind.MANDANT, "M1").add(Kind.WORKPLACE, "AP1").add(Kind.TERMINAL, Terminal("CT1"))
    model = model.link(Relation.MANDANT_WORKPLACE, "M1", "AP1").link(Relation.MANDANT_TERMINAL, "M1", "CT1")
    remote = RemotePins(practice.cards, practice.trust.cross_to, practice.clock)
    return Pins(LiveInfoModel(model.link(Relation.LOCAL, "AP1", "CT1")), pad, practice.hub, remote)


def pad_of(practice: Practice, card: Card) -> TypingPad:
    return TypingPad(practice.lines[card.handle], practice.personalised[card.handle].pins[PIN])


async def test_channels_whose_number_got_lost_are_closed_before_a_session_goes_without() -> None:
    practice = Practice()
    smcb = await practice.smcb()
    line = DamagedLine(practice.lines[smcb.handle])
    line.after = lose_open
    for number in range(3):
        with pytest.raises(CardTimeout):
            await channel_of(smcb, f"L{number}")
    line.after = lambda command: None
    assert sorted(practice.lines[smcb.handle].card._channels) == [0, 1, 2, 3]
    for mandant in ("M1", "M2", "M3", "M4"):
        await practice.unlock(smcb, PIN, call(mandant))
    assert sorted([await channel_of(smcb, mandant) for mandant in ("M1", "M2", "M3", "M4")]) == [0, 1, 2, 3]
    assert await code_of(smcb, "M5") == 4093


async def test_a_channel_whose_reset_got_lost_is_reset_before_another_session_has_it() -> None:
    practice = Practice()
    smcb = await practice.smcb()
    line = practice.lines[smcb.handle]
    for mandant in ("M2", "M3", "M4", "M1"):
        await practice.unlock(smcb, PIN, call(mandant))
    assert await channel_of(smcb, "M1") == 0
    smcb.session(call("M1")).auth_state.clear()
    line.before = lose_reset
    with pytest.raises(CardTimeout):
        await channel_of(smcb, "M5")
    line.before = None
    assert line.card._channels[0].verified
    assert await channel_of(smcb, "M5") == 0
    assert not line.card._channels[0].verified


async def test_what_the_card_does_not_reset_is_nobodys() -> None:
    practice = Practice()
    smcb = await practice.smcb()
    line = DamagedLine(practice.lines[smcb.handle])
    await practice.unlock(smcb, PIN, call("M1"))
    for mandant in ("M2", "M3", "M4"):
        await practice.unlock(smcb, PIN, call(mandant))
    card = practice.lines[smcb.handle].card
    raised = smcb.session(call("M1"))
    stuck = await channel_of(smcb, "M1")
    raised.auth_state.clear()
    line.refuses = is_release
    assert [await code_of(smcb, "M5"), await code_of(smcb, "M6")] == [4093, 4093]
    assert card._channels[stuck].verified
    line.refuses = lambda command: False
    assert await channel_of(smcb, "M5") == stuck
    assert not card._channels[stuck].verified


async def test_a_refused_reset_is_an_error() -> None:
    practice = Practice()
    egk = await practice.egk()
    DamagedLine(practice.lines[egk.handle]).refuses = is_release
    with pytest.raises(KonnektorError) as caught:
        await egk.basic.reset()
    assert (caught.value.code, caught.value.detail) == (4094, "MANAGE CHANNEL: 6F00")


async def test_after_a_reset_nobody_was_told_of_readvsd_wants_the_pin_again() -> None:
    practice = Practice()
    egk, smcb = await practice.egk(), await practice.smcb()
    await practice.unlock(smcb, PIN)
    practice.lines[smcb.handle].card.reset()
    for _ in range(2):
        with pytest.raises(KonnektorError) as caught:
            await practice.vsdm.read(egk, smcb, CALL, Wishes())
        assert (caught.value.code, caught.value.detail) == (3041, smcb.handle)
    await practice.unlock(smcb, PIN)
    assert (await practice.vsdm.read(egk, smcb, CALL, Wishes())).gvd is not None


async def test_after_a_reset_nobody_was_told_of_pins_are_asked_for_on_a_new_channel() -> None:
    practice = Practice()
    smcb = await practice.smcb()
    use, session = pins(practice, pad_of(practice, smcb)), smcb.session(call("M1"))
    assert (await use.verify(smcb, session, "AP1", PIN)).outcome is PinOutcome.OK
    practice.lines[smcb.handle].card.reset()
    assert (await use.verify(smcb, session, "AP1", PIN)).outcome is PinOutcome.OK
    assert (await use.status(smcb, session, PIN)).state is PinState.VERIFIED
    other = smcb.session(call("M2"))
    await channel_of(smcb, "M2")
    practice.lines[smcb.handle].card.reset()
    assert (await use.status(smcb, other, PIN)).state is PinState.VERIFIABLE
    assert (await use.status(smcb, session, PIN)).state is PinState.VERIFIABLE


async def test_a_number_given_anew_after_a_reset_is_not_the_old_owners_too() -> None:
    practice = Practice()
    smcb = await practice.smcb()
    await practice.unlock(smcb, PIN, call("M1"))
    old = smcb.session(call("M1"))
    assert old.channel is not None
    assert old.channel.number == 1
    practice.lines[smcb.handle].card.reset()
    await practice.unlock(smcb, PIN, call("M2"))
    assert await channel_of(smcb, "M2") == 1
    assert old.auth_state == {}
    assert await channel_of(smcb, "M1") == 2
