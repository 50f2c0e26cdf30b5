"""What a terminal that is told to misbehave does on the wire."""

import asyncio

import pytest

from tests.integration.terminal.fakecards import FakeCard
from tests.integration.terminal.rooms import OWNER, Room
from tiaas.card.apdu import CommandApdu
from tiaas.card.link import CardLinkError, CardTimeout
from tiaas.terminal.front import LinkDown, TerminalGone
from tiaas.terminal.session import TerminalSession
from tiaas.terminal.virtual.config import SlotCard
from tiaas.terminal.virtual.mishaps import CardMishap, CommandMishap, Lie, Mishaps

ECHO = CommandApdu(0x00, 0xB0, 0x00, 0x00, ne=256)


class Once(Mishaps):
    """One mishap, for the next command or card command."""

    def __init__(self, command: CommandMishap | None = None, card: CardMishap | None = None) -> None:
        self._command = command
        self._card = card
        self.headers: list[bytes | None] = []

    def at_command(self, unit: int, command: bytes) -> CommandMishap | None:
        mishap, self._command = self._command, None
        return mishap

    def at_card(self, slot: int, card: SlotCard, header: bytes | None) -> CardMishap | None:
        self.headers.append(header)
        mishap, self._card = self._card, None
        return mishap


@pytest.mark.parametrize(
    "mishap", [CommandMishap(is_silent=True), CommandMishap(lie=Lie.WRONG_SEQUENCE), CommandMishap(delay=0.4)]
)
async def test_no_answer_in_time_and_the_next_one_is_right(room: Room, mishap: CommandMishap) -> None:
    terminal, session = await room.working(cards=[FakeCard()])
    await session.activate(1)
    terminal.mishaps = Once(mishap)
    with pytest.raises(CardTimeout):
        await session.card(1, wait=0.2).transmit(ECHO)
    await asyncio.sleep(0.3)  # a late answer goes nowhere
    assert (await session.card(1).transmit(ECHO)).ok


async def test_garbage_and_status_words_replace_the_answer(room: Room) -> None:
    card = FakeCard()
    terminal, session = await room.working(cards=[card])
    await session.activate(1)
    right = await session.card(1).transmit(ECHO)
    terminal.mishaps = Once(CommandMishap(lie=Lie.GARBAGE))
    assert await session.card(1).transmit(ECHO) != right
    done = len(card.commands)
    terminal.mishaps = Once(CommandMishap(status=0x6400))
    assert (await session.card(1).transmit(ECHO)).sw == 0x6400
    assert len(card.commands) == done


async def test_the_connection_breaks(room: Room) -> None:
    terminal, session = await room.working(cards=[FakeCard()])
    terminal.mishaps = Once(CommandMishap(breaks=True))
    with pytest.raises(TerminalGone):
        await TerminalSession(room.front, OWNER, "kt", wait=1).slot_states()
    await room.heard.next(LinkDown, "kt")
    assert (await room.session(terminal)) is not session


async def test_a_mute_card_and_one_with_another_status(room: Room) -> None:
    card = FakeCard()
    terminal, session = await room.working(cards=[card])
    await session.activate(1)
    done = len(card.commands)
    terminal.mishaps = once = Once(card=CardMishap(is_mute=True))
    with pytest.raises(CardLinkError, match="6F00"):
        await session.card(1).transmit(ECHO)
    assert once.headers == [ECHO.encode()[:4]]
    terminal.mishaps = Once(card=CardMishap(status=0x6581))
    assert (await session.card(1).transmit(ECHO)).sw == 0x6581
    assert len(card.commands) == done
