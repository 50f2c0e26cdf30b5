"""Files that are named on the command line and cannot be used: one sentence and one exit code, whatever the verb."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import MEBIBYTE, read_input, read_input_text
from tiaas.cli.entry import main
from tiaas.cli.exitcodes import ExitCode
from tiaas.interfaces.updatepackage import PACKAGE_OCTETS_MAX
from tiaas.lab.lock import FolderLock

_PATIENCE_SECONDS = 10.0

VERBS = (
    "sign FILE",
    "encrypt FILE",
    "decrypt FILE",
    "encrypt good.txt --to FILE",
    "authenticate --file FILE",
    "authenticate --challenge FILE",
    "verify good.txt --certificate FILE",
    "certificate verify FILE",
    "get cards --kon FILE",
    "card make FILE",
    "card import FILE",
    "lab play ./FILE",
    "lab play --check ./FILE",
    "lab ksr 1.2.3 --file FILE",
    "record show FILE",
    "record export FILE -o new.html",
    "check pvs FILE",
    "terminal serve --card FILE --state state",
    "admin call PUT /information-model --body FILE",
    "admin model FILE",
    "admin trust import FILE",
    "admin imported-ca add FILE",
    "admin import-certificate pvs-1 FILE",
    "admin restore-instance praxis-1 FILE",
    "admin updates upload FILE",
    "admin import FILE --passphrase-file good.txt --yes",
    "admin state --url https://127.0.0.1:9 --ca FILE --token-file good.txt",
    "up --config FILE --dir new",
    "up --seed FILE --dir new",
    "up --scenario ./FILE --dir new",
)
EMPTY_IS_GOOD = ("sign", "encrypt FILE", "decrypt", "authenticate --file", "up --config")
TAKING_STANDARD_INPUT = ("admin call", "admin model", "card make")


@pytest.fixture(autouse=True)
def _lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder that looks like a running lab at which nobody answers."""
    folder = tmp_path / "lab"
    folder.mkdir()
    lock = FolderLock.take(folder)
    admin = {"url": "https://127.0.0.1:9", "ca": str(tmp_path / "ca.pem"), "token": "token"}
    instance = {"kon_file": str(tmp_path / "lab.kon"), "admin": admin}
    ready = {"version": 1, "instances": [instance], "base": admin, "lab": {"control": "http://127.0.0.1:9"}}
    (folder / "ready.json").write_text(json.dumps(ready))
    (tmp_path / "ca.pem").write_text("")
    (tmp_path / "good.txt").write_text("good")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIAAS_DIR", str(folder))
    try:
        yield
    finally:
        lock.release()


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[Path]:
    """A named pipe that nobody writes; whoever waits for it after all gets an end of file, so no test hangs."""
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def end() -> None:
        with suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))

    timer = threading.Timer(_PATIENCE_SECONDS, end)
    timer.start()
    yield path
    timer.cancel()


def _ends(verb: str, path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    words = verb.replace("FILE", os.path.relpath(path)).split()
    assert main(words) == ExitCode.USAGE, capsys.readouterr().err
    return capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_what_cannot_be_read_is_wrong_usage_with_every_verb(
    verb: str, tmp_path: Path, pipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path, why in (
        (tmp_path / "none", "cannot be read: No such file or directory"),
        (tmp_path / "lab", "cannot be read: Is a directory"),
        (pipe, "is a named pipe; name a regular file"),
    ):
        assert why in _ends(verb, path, capsys)
    if not verb.startswith(EMPTY_IS_GOOD):
        (tmp_path / "empty").touch()
        assert "is empty" in _ends(verb, tmp_path / "empty", capsys)


@pytest.mark.parametrize("verb", [each for each in VERBS if not each.startswith(TAKING_STANDARD_INPUT)])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_hyphen_is_no_file(verb: str, is_there: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who says so means standard input, which has a name of its own."""
    if is_there:
        (tmp_path / "-").write_text("a")
    assert "is not read; standard input is /dev/stdin, a file" in _ends(verb, Path("-"), capsys)


def test_a_file_that_is_called_hyphen_has_a_folder(tmp_path: Path) -> None:
    (tmp_path / "-").write_text("a")
    assert read_input(tmp_path / "-") == b"a"


@pytest.mark.parametrize("verb", ["sign", "encrypt", "decrypt"])
def test_a_hyphen_is_no_result(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "good.txt", "-o", "-"]) == ExitCode.USAGE
    assert "- is not written; standard output is /dev/stdout, with --force" in capsys.readouterr().err


def test_a_device_is_refused_and_what_a_shell_hands_over_is_bounded(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="/dev/zero is a device"):
        read_input(Path("/dev/zero"))
    read, write = os.pipe()
    try:
        os.write(write, b"<a/>")
        os.close(write)
        assert read_input(Path(f"/dev/fd/{read}")) == b"<a/>"
    finally:
        os.close(read)
    with open("/dev/zero", "rb") as zero, pytest.raises(InvalidInput, match="is longer than 1 MiB"):
        read_input(Path(f"/dev/fd/{zero.fileno()}"), MEBIBYTE)
    (tmp_path / "latin").write_bytes(b"M\xfcller")
    with pytest.raises(InvalidInput, match="no text in UTF-8: octet 2"):
        read_input_text(tmp_path / "latin")


def test_an_update_package_may_be_as_long_as_the_konnektor_takes_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for octets, is_too_long in ((PACKAGE_OCTETS_MAX, False), (PACKAGE_OCTETS_MAX + 1, True)):
        with (tmp_path / "package.zip").open("wb") as package:
            package.truncate(octets)
        assert main(["admin", "updates", "upload", "package.zip"]) != ExitCode.OK
        assert ("is longer than 32 MiB" in capsys.readouterr().err) is is_too_long


def test_networks_need_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["activate"], ["activate", ""], ["check", "N"]):
        assert main(["admin", "networks", *words]) == ExitCode.USAGE
        assert "need the Id of a network" in capsys.readouterr().err


def test_a_damaged_card_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = {"format": "x", "version": 1, "image": {}}
    (tmp_path / "card.json").write_text(json.dumps(whole, indent=1)[:-4])
    for verb in ("card import card.json", "terminal serve --card card.json --state state"):
        assert main(verb.split()) == ExitCode.USAGE
        assert "card.json is damaged at line 4, column" in capsys.readouterr().err
