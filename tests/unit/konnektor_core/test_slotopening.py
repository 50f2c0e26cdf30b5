"""A card that was powered before: its channels are forgotten, somehow."""

from typing import cast

import pytest

from tests.unit.konnektor_core.scripted import Answer, ScriptedCard, sw
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu
from tiaas.card.link import CardGone, CardTimeout
from tiaas.konnektor.slotopening import open_slot
from tiaas.terminal.session import RequestedCard, TerminalSession


class Slot:
    """The two commands of `TerminalSession` that opening needs."""

    def __init__(self, already_active: bool) -> None:
        self.requested = RequestedCard(b"\x3b", already_active)
        self.resets = 0

    async def activate(self, slot: int) -> RequestedCard:
        return self.requested

    async def reset(self, slot: int) -> bytes:
        self.resets += 1
        return b"\x3b"

    def session(self) -> TerminalSession:
        return cast(TerminalSession, self)


def card_that(answer: Answer) -> ScriptedCard:
    def react(command: CommandApdu) -> Answer:
        return answer if command == commands.card_reset() else sw(0x9000)

    return ScriptedCard(react)


@pytest.mark.parametrize(
    ("answer", "resets"), [(sw(0x9000), 0), (sw(0x6D00), 1), (sw(0x6881), 1), (CardTimeout("late"), 1)]
)
async def test_a_powered_card_loses_its_channels_or_is_reset(answer: Answer, resets: int) -> None:
    slot, card = Slot(already_active=True), card_that(answer)
    assert await open_slot(slot.session(), 1, card) is not None
    assert card.sent[-1] == commands.card_reset()
    assert slot.resets == resets


async def test_a_card_powered_just_now_is_left_as_it_is() -> None:
    slot, card = Slot(already_active=False), card_that(sw(0x9000))
    assert await open_slot(slot.session(), 1, card) is not None
    assert commands.card_reset() not in card.sent
    assert slot.resets == 0


async def test_a_card_pulled_meanwhile_is_not_reset() -> None:
    slot = Slot(already_active=True)
    with pytest.raises(CardGone):
        await open_slot(slot.session(), 1, card_that(CardGone("pulled")))
    assert slot.resets == 0
