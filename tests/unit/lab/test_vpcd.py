"""The one command that the adapter translates, and that it leaves all others alone."""

import pytest

from tiaas.lab.vpcd import BadVpcdMessage, answer_untrusted, translate_select_by_path


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
        ("00A4080002D00100", "00A4020402D00100"),
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
