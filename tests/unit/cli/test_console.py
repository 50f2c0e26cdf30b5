"""Lines of a console as keys of a terminal; the folder of a terminal; PC/SC without pyscard or reader."""

import sys
from pathlib import Path

import pytest

from tests.cardbench import make_image
from tiaas.base.entropy import SeededEntropy
from tiaas.base.errors import InvalidInput
from tiaas.card.objsys.model import CardKind
from tiaas.cli.console import press_line
from tiaas.cli.terminalidentity import TerminalFolder
from tiaas.terminal import pcsc


class Keys:
    def __init__(self) -> None:
        self.pressed: list[str] = []

    def press(self, key: str) -> None:
        self.pressed.append(key)


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("", ["ok"]),
        ("1234", ["1", "2", "3", "4", "ok"]),
        ("c", ["cancel"]),
        ("CANCEL", ["cancel"]),
        ("12a4", []),
        ("١٢", []),
    ],
)
def test_lines_become_keys(line: str, keys: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Keys()
    press_line(terminal, line)
    assert terminal.pressed == keys
    assert ("type digits" in capsys.readouterr().err) is (not keys)


def test_a_folder_needs_a_gsmckt(tmp_path: Path) -> None:
    folder = TerminalFolder(tmp_path / "terminal")
    for card in ({}, {"image": make_image(CardKind.EGK).to_document()}):
        with pytest.raises(InvalidInput):
            folder.create(card, "", SeededEntropy(b"terminal"))
    assert not folder.exists


def test_without_pyscard_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smartcard.scard", None)
    with pytest.raises(pcsc.PcscError, match="-m pip install pyscard"):
        pcsc.readers()
