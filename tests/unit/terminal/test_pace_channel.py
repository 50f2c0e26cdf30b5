"""The channel of a terminal with an antenna: commands of somebody who knows nothing of it."""

import pytest

from tests.cardbench import block, desk
from tiaas.base.entropy import SeededEntropy
from tiaas.base.secret import Secret
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu, decode_response_untrusted
from tiaas.card.link import CardLinkError
from tiaas.card.objsys import egk
from tiaas.card.objsys.addresses import SFID_GDO
from tiaas.card.objsys.model import Interface
from tiaas.card.pace import PaceError, PaceFailure
from tiaas.card.virtual.card import VirtualCard
from tiaas.terminal.virtual.pacechannel import PaceChannel


def in_field() -> VirtualCard:
    card = desk().card
    card.reset(Interface.CONTACTLESS)
    return card


def channel(card: VirtualCard, can: bytes = b"123123") -> PaceChannel:
    return PaceChannel(card.process, Secret(can), SeededEntropy(b"antenna"))


def send(line: PaceChannel, command: CommandApdu) -> ResponseApdu:
    return decode_response_untrusted(line.process(command.encode()))


def test_reading_and_a_pin_as_if_there_were_contacts() -> None:
    card = in_field()
    line = channel(card)
    assert send(line, commands.select_mf(fcp=True)).data[:1] == b"\x62"
    assert send(line, commands.read_binary(sfid=SFID_GDO)).data[2:] == card.image.iccsn
    assert send(line, commands.verify(egk.PIN_CH, block("123456"))).ok
    assert send(line, commands.get_pin_status(egk.PIN_CH)).sw == 0x9000
    assert send(line, commands.select_ef(0x9999)).sw == 0x6A82
    assert line.process(b"\x00") == b"\x67\x00"


def test_a_wrong_number() -> None:
    with pytest.raises(PaceError) as caught:
        channel(in_field(), b"000000")
    assert caught.value.failure is PaceFailure.WRONG_NUMBER


def test_a_protected_command_ends_the_channel() -> None:
    card = in_field()
    line = channel(card)
    assert send(line, CommandApdu(0x0C, 0xB0, 0x82, 0x00, b"\x8e\x08" + bytes(8), 256)).sw == 0x6988
    assert send(line, commands.read_binary(sfid=SFID_GDO)).sw == 0x6982


def test_a_card_that_answers_nonsense() -> None:
    card = in_field()
    line = PaceChannel(lambda raw: answer(card, raw), Secret(b"123123"), SeededEntropy(b"antenna"))
    with pytest.raises(CardLinkError, match="the channel broke"):
        send(line, commands.read_binary(sfid=SFID_GDO))


def answer(card: VirtualCard, raw: bytes) -> bytes:
    """Honest until the channel stands, then without protection."""
    return b"\x90\x00" if raw[0] & 0x0C == 0x0C else card.process(raw)
