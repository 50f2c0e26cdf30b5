"""How lines that name a command call us."""

import ast
from pathlib import Path

import pytest

from tiaas import cli
from tiaas.cli.calledas import VARIABLE, as_called
from tiaas.cli.entry import main
from tiaas.cli.verbs import VERBS
from tiaas.cli.writer import note

CLI = Path(str(cli.__file__)).parent
_RESULTS = frozenset({"out", "out_live"})


@pytest.fixture(autouse=True)
def unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)


def test_a_launcher_says_its_name_and_a_wheel_is_in_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    for verb in VERBS:
        assert as_called(f"tiaas {verb}") == f"tiaas {verb}"
    for called, shown in (("./tiaas", "./tiaas"), ("/a clone/tiaas", "'/a clone/tiaas'"), ("", "tiaas")):
        monkeypatch.setenv(VARIABLE, called)
        for verb in VERBS:
            assert as_called(f"(tiaas {verb} x, `tiaas\n{verb}`)") == f"({shown} {verb} x, `{shown}\n{verb}`)"


@pytest.mark.parametrize(
    "text", ["tiaas: up", "tiaas 0.1", "the tiaas upstream", "./tiaas up", "my-tiaas up", "lab.tiaas up", "a tiaasup"]
)
def test_what_is_no_command_stays(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, "X")
    assert as_called(text) == text


def test_notes_errors_remedies_and_help_name_us_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv(VARIABLE, "./tiaas")
    note("tiaas: see: tiaas get cards")
    assert capsys.readouterr().err == "tiaas: see: ./tiaas get cards\n"
    assert main(["get", "cards", "--dir", str(tmp_path)]) == 1
    assert f"start it with: ./tiaas up --dir {tmp_path}" in capsys.readouterr().err
    assert main(["explain", "4085"]) == 0
    assert "PIN.CH of an HBA: ./tiaas pin verify PIN.CH)" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["authenticate", "--help"])
    told = capsys.readouterr().out
    assert told.startswith("usage: ./tiaas authenticate ")
    assert "./tiaas pin verify PIN.CH." in " ".join(told.split())
    with pytest.raises(SystemExit):
        main(["authenticate", "--nonsense"])
    assert "./tiaas authenticate: error: " in capsys.readouterr().err


def _results_with_a_command() -> list[str]:
    """Where a result is written that names a command and is not passed on."""
    found = []
    for path in sorted(CLI.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _RESULTS):
                continue
            inner = list(ast.walk(node))
            texts = [part.value for part in inner if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            is_passed = any(isinstance(part, ast.Name) and part.id == "as_called" for part in inner)
            if not is_passed and any(as_called(text) != text for text in texts):
                found.append(f"{path.name}:{node.lineno}")
    return found


def test_results_with_a_command_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "./tiaas")
    assert not _results_with_a_command()
