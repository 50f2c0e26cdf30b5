"""Who keeps a program out of an Update-Paket: it serves, it dies, it hangs, it is given another one."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.konnektor_core.programs import small_program
from tiaas.cli.programs import AGAIN, keep_program
from tiaas.interfaces.updatepackage import FirmwareGroup
from tiaas.konnektor.program.folder import Choice, ProgramFolder
from tiaas.lab.errors import FolderInUse
from tiaas.lab.lock import FolderLock

GROUP = FirmwareGroup("00001", ("0.2.0",))
CONFIRM = """
import json, os, pathlib
state = pathlib.Path(os.environ["PYTHONPATH"].split(":")[0]).parent / "state.json"
told = json.loads(state.read_text())
told["current"], told["trial"] = told["trial"] or told["current"], None
state.with_name("new").write_text(json.dumps(told))
state.with_name("new").replace(state)
"""
WORDS = "\nassert sys.argv[1:] == ['up', '--locked'] and os.environ['TIAAS_PROGRAM'] == '0.2.0'"


@pytest.fixture
def folder(tmp_path: Path) -> ProgramFolder:
    return ProgramFolder(tmp_path / "program", "0.1.0", is_installed=True)


def _tried(folder: ProgramFolder, main: str, before: Choice | None = None) -> None:
    """A program in the folder that is to be tried."""
    folder.unpack("0.2.0", small_program("0.2.0", main))
    folder.write((before or Choice("0.1.0")).tried("0.2.0", GROUP))


def test_without_a_package_the_installed_program_serves(folder: ProgramFolder) -> None:
    assert keep_program(folder, ["up"]) is None


def test_a_program_that_serves_is_kept(folder: ProgramFolder) -> None:
    _tried(folder, f"{CONFIRM}{WORDS}\nsys.exit(4)")
    assert keep_program(folder, ["up", "--locked"]) == 4
    assert folder.read().current == "0.2.0"
    assert keep_program(folder, ["up", "--locked"]) == 4, "from now on"


@pytest.mark.code(4184)
@pytest.mark.parametrize(
    ("main", "reason"),
    [
        ("sys.exit(1)", "exit code 1"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "exit code 137"),
        ("import time\ntime.sleep(60)", "in time"),
    ],
    ids=["ends", "is killed", "hangs"],
)
def test_4184_a_program_that_does_not_serve_is_taken_back(folder: ProgramFolder, main: str, reason: str) -> None:
    _tried(folder, main)
    assert keep_program(folder, ["up"], 0.5 if "sleep" in main else 60.0) is None
    choice = folder.read()
    assert (choice.runs, choice.refused) == (None, "0.2.0")
    assert reason in choice.refusal


@pytest.mark.parametrize("before", [None, "0.1.5"])
def test_a_full_disk_does_not_keep_the_one_before_from_serving(folder: ProgramFolder, before: str | None) -> None:
    _tried(folder, "sys.exit(1)", Choice("0.1.0", before, group=FirmwareGroup("00007", ("0.1.5",))))
    if before is not None:
        folder.unpack(before, small_program(before, "sys.exit(5)"))
    # The state cannot be written any more.
    (folder.path / ".state.json.part").mkdir()
    assert keep_program(folder, ["up"]) == (None if before is None else 5)
    choice = folder.read()
    assert (choice.runs, choice.refused, choice.held_group.number) == (before, "0.2.0", "00007")


def test_the_one_before_comes_back_and_another_one_is_started(folder: ProgramFolder) -> None:
    """0.3.0 serves and is given 0.2.0, which dies; 0.3.0 serves again."""
    state, marks = folder.path / "state.json", folder.path / "marks"
    _tried(folder, "sys.exit(1)")
    refused = state.read_text().replace('"current": null', '"current": "0.3.0"')
    main = f"""
import pathlib
marks = pathlib.Path({str(marks)!r})
marks.write_text(marks.read_text() + "x" if marks.exists() else "x")
if marks.read_text() == "x":
    pathlib.Path({str(state)!r}).write_text({refused!r})
    sys.exit({AGAIN})
sys.exit(6)
"""
    folder.unpack("0.3.0", small_program("0.3.0", main))
    folder.write(Choice("0.1.0", current="0.3.0"))
    assert keep_program(folder, ["up"]) == 6
    assert marks.read_text() == "xx"
    assert (folder.read().current, folder.read().refused) == ("0.3.0", "0.2.0")


_KEEPER = """
import sys
from pathlib import Path
from tiaas.cli.programs import keep_program
from tiaas.konnektor.program.folder import ProgramFolder
sys.exit(keep_program(ProgramFolder(Path(sys.argv[1]), "0.1.0", is_installed=True), ["up"]))
"""


def _kept(folder: ProgramFolder, main: str, before: str = "") -> tuple[subprocess.Popen[bytes], int]:
    """A keeper as a process, and the id of its child."""
    mark = folder.path / "pid"
    _tried(
        folder, f"{CONFIRM}\n{before}\nmark = pathlib.Path({str(mark)!r})\nmark.write_text(str(os.getpid()))\n{main}"
    )
    keeper = subprocess.Popen([sys.executable, "-c", _KEEPER, str(folder.path)])
    _until(lambda: mark.exists() and mark.read_text() != "")
    return keeper, int(mark.read_text())


def _until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not fact():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_of_two_keepers_the_second_takes_nothing_back(folder: ProgramFolder) -> None:
    """`tiaas up` twice: a second life of the trial would end because the folder is in use."""
    go = folder.path / "go"
    waits = f"mark = pathlib.Path({str(folder.path / 'pid')!r})\nif mark.exists():\n    sys.exit(6)\n"
    _tried(
        folder,
        f"import os, pathlib, time\n{waits}mark.write_text(str(os.getpid()))\n"
        f"while not pathlib.Path({str(go)!r}).exists():\n    time.sleep(0.02)\n{CONFIRM}",
    )
    first = subprocess.Popen([sys.executable, "-c", _KEEPER, str(folder.path)])
    _until((folder.path / "pid").exists)
    with pytest.raises(FolderInUse):
        keep_program(folder, ["up"])
    assert folder.read().trial == "0.2.0"
    go.touch()
    assert first.wait(30) == 0
    assert folder.read().current == "0.2.0"
    assert keep_program(folder, ["up"]) == 6, "whoever comes later keeps it"


def test_nothing_is_tried_while_another_program_serves(folder: ProgramFolder) -> None:
    """The installed one that has just taken a package, or one that stops because its keeper was killed."""
    _tried(folder, "sys.exit(6)")
    lock = FolderLock.take(folder.path.parent)
    with pytest.raises(FolderInUse):
        keep_program(folder, ["up"])
    lock.release()
    assert folder.read().trial == "0.2.0"


def test_a_signal_goes_on_to_the_program(folder: ProgramFolder) -> None:
    ends = "import signal, threading\nsignal.signal(signal.SIGTERM, lambda *_: os._exit(7))"
    keeper, _ = _kept(folder, "threading.Event().wait(60)", ends)
    keeper.send_signal(signal.SIGTERM)
    assert keeper.wait(30) == 7


def test_a_program_learns_that_its_keeper_is_gone(folder: ProgramFolder) -> None:
    keeper, child = _kept(folder, "sys.stdin.read()")
    keeper.kill()
    keeper.wait(30)

    def is_gone() -> bool:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "Z"

    _until(is_gone)
