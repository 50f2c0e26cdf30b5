"""The one command that the adapter translates, and that it leaves all others alone."""

import pytest

from tests.cardbench import desk
from tiaas.card import commands
from tiaas.lab.vpcd import BadVpcdMessage, answer_untrusted, fit_short, translate_select_by_path
from tiaas.tlv import decode_one_untrusted


class EchoCard:
    def __init__(self) -> None:
        self.resets = 0

    @property
    def atr(self) -> bytes:
        return b"\x3b\x90"

    def reset(self) -> bytes:
        self.resets += 1
        return self.atr

    def process(self, raw: bytes) -> bytes:
        return raw + b"\x90\x00"


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("00A4080002D00100", "00A40204000002D0010000"),
        ("00A4080C02D001", "00A4020C02D001"),
        ("00A4040C06D27600000102", "00A4040C06D27600000102"),
        ("00A4020C022F00", "00A4020C022F00"),
        ("00B08100000000", "00B08100000000"),
        ("00A4080004DF01D001", "00A4080004DF01D001"),
        ("10A4080002D00100", "10A4080002D00100"),
        ("00", "00"),
    ],
)
def test_only_select_by_path_is_translated(sent: str, seen: str) -> None:
    assert translate_select_by_path(bytes.fromhex(sent)).hex().upper() == seen


def test_controls() -> None:
    card = EchoCard()
    assert answer_untrusted(card, b"\x04") == b"\x3b\x90"
    assert [answer_untrusted(card, bytes([control])) for control in (0, 1, 2)] == [None, None, None]
    assert card.resets == 3
    assert answer_untrusted(card, b"\x00\xb0\x00\x00") == b"\x00\xb0\x00\x00\x90\x00"
    with pytest.raises(BadVpcdMessage):
        answer_untrusted(card, b"\x03")
    with pytest.raises(BadVpcdMessage):
        answer_untrusted(card, b"")


def test_control_parameters_are_told_without_access_rules() -> None:
    card = desk()
    assert decode_one_untrusted(card.ok(commands.select_ef(0x2F02, fcp=True)))[0].child(0xA1).value
    template, rest = decode_one_untrusted((answer_untrusted(card.card, bytes.fromhex("00A40800022F0200")) or b"")[:-2])
    assert not rest
    assert template.child(0x83).value == b"\x2f\x02"
    assert 0xA1 not in [item.tag for item in template.children()]
    for other in (b"\x6a\x82", b"\x62\x01\x90\x00", b"\x70\x00\x90\x00"):
        assert fit_short(other) == other
