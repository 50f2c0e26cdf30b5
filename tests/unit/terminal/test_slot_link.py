"""The line to a card in a terminal's slot: what a terminal may answer in a card's name."""

from typing import cast

import pytest

from tiaas.card.apdu import DATA_MAX, BadApdu, CommandApdu
from tiaas.card.link import CardGone, CardLinkError, CardTimeout
from tiaas.terminal.front import Front, Owner, StaleEpoch, TerminalGone, TerminalTimeout
from tiaas.terminal.session import TerminalSession

OWNER = Owner("one", 1)
GET_STATUS = 0x13
ENTRY_SECONDS = 60.0
"""How long the virtual terminal lets the holder type the number."""
READ = CommandApdu(0x00, 0xB0, 0x00, 0x00, ne=8)


class ScriptedFront:
    """Answers every command with the same octets or error."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer
        self.sent: list[bytes] = []

    async def exchange(self, owner: Owner, ct_id: str, unit: int, payload: bytes, wait: float) -> bytes:
        self.sent.append(payload)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", CardLinkError),
        (b"\x90", CardLinkError),
        (bytes(9) + b"\x90\x00", CardLinkError),
        (b"\x64\xa1", CardGone),
        (b"\x64\xa2", CardGone),
        (b"\x69\x00", CardLinkError),
        (TerminalGone("x"), CardGone),
        (TerminalTimeout("x"), CardTimeout),
        (StaleEpoch("x"), StaleEpoch),
    ],
)
async def test_what_is_no_answer_of_a_card(answer: bytes | Exception, error: type[Exception]) -> None:
    front = ScriptedFront(answer)
    with pytest.raises(error):
        await TerminalSession(cast(Front, front), OWNER, "kt").card(1).transmit(READ)


async def test_as_many_octets_as_asked_for() -> None:
    link = TerminalSession(cast(Front, ScriptedFront(bytes(8) + b"\x90\x00")), OWNER, "kt").card(1)
    assert (await link.transmit(READ)).data == bytes(8)
    with pytest.raises(CardLinkError):
        await link.transmit(CommandApdu(0x00, 0x22, 0x41, 0xA4, b"\x84\x01\x09"))


async def test_a_command_that_no_terminal_could_carry_is_not_sent() -> None:
    front = ScriptedFront(b"\x90\x00")
    with pytest.raises(CardLinkError):
        await (
            TerminalSession(cast(Front, front), OWNER, "kt")
            .card(1)
            .transmit(CommandApdu(0x00, 0x88, 0x00, 0x00, bytes(DATA_MAX + 1), 256))
        )
    assert front.sent == []
    with pytest.raises(BadApdu):
        CommandApdu(0x00, 0x88, 0x00, 0x00, bytes(DATA_MAX + 1)).encode()
    assert len(CommandApdu(0x00, 0x88, 0x00, 0x00, bytes(DATA_MAX)).encode()) == DATA_MAX + 7


class Slotted(ScriptedFront):
    """A terminal whose slot 5 is an antenna; notes how long it may take."""

    def __init__(self) -> None:
        super().__init__(b"")
        self.waits: list[float] = []

    async def exchange(self, owner: Owner, ct_id: str, unit: int, payload: bytes, wait: float) -> bytes:
        if payload[1] == GET_STATUS:
            return b"\x83\x01\x11\x90\x00" if payload[2] == 5 else b"\x6a\x00"
        self.waits.append(wait)
        return b"\x90\x01"


async def test_a_card_on_the_antenna_has_the_time_in_which_its_number_is_typed() -> None:
    front = Slotted()
    session = TerminalSession(cast(Front, front), OWNER, "kt", wait=10.0)
    await session.activate(1)
    await session.activate(5)
    contact, antenna = front.waits
    assert contact == 10.0
    assert antenna > ENTRY_SECONDS
