"""A lab that is killed: started without waiting, watched by its output, ended by `kill -9` at a moment of choice."""

import os
import random
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from types import TracebackType
from typing import Any

SECONDS = 60.0
_TEMPORARY = re.compile(r"\..*\.[0-9]+")


@unique
class Phase(StrEnum):
    """In what a lab is interrupted."""

    FOUNDING = "founding"
    """The first start, from the empty folder to the Konnektor instances."""
    PAIRING = "pairing"
    """The first start, from there on: terminals are paired, PIN.SMC is verified, the ready file is written."""
    START = "start"
    """A start of a lab that was up before."""
    PIN_RIGHT = "pin-right"
    """Somebody types a right PIN."""
    PIN_WRONG = "pin-wrong"
    """Somebody types a wrong PIN."""
    UPDATE = "update"
    """A health card is updated by its insurer."""
    EVENTS = "events"
    """Cards move, and practice software is told."""


@dataclass(frozen=True, slots=True)
class Moment:
    """`progress` steps of the phase were observed, then `seconds` pass, then the process is killed."""

    phase: Phase
    progress: int
    seconds: float

    def __str__(self) -> str:
        return f"{self.phase}-{self.progress}-{self.seconds * 1000:.0f}ms"


_STEPS: dict[Phase, tuple[tuple[int, float], ...]] = {
    # Lines of output seen, and how long the step that follows takes at most.
    Phase.FOUNDING: ((0, 0.3), (1, 0.03), (2, 0.15), (3, 0.05), (4, 0.2)),
    Phase.PAIRING: ((5, 0.1), (5, 0.1), (6, 0.25), (7, 0.02)),
    Phase.START: ((0, 0.3), (1, 0.03), (2, 0.05), (3, 0.03), (4, 0.3), (5, 0.1), (6, 0.2), (7, 0.02)),
    # Keys pressed: six digits and OK.
    Phase.PIN_RIGHT: ((0, 0.005), (4, 0.005), (7, 0.001), (7, 0.004), (7, 0.02)),
    Phase.PIN_WRONG: ((0, 0.005), (4, 0.005), (7, 0.001), (7, 0.004), (7, 0.02)),
    # Requests that the insurer's service has answered; a package of commands to the card follows each.
    Phase.UPDATE: ((0, 0.3), (1, 0.12), (1, 0.12), (2, 0.1), (2, 0.1), (3, 0.12), (4, 0.05)),
    # Events that came.
    Phase.EVENTS: ((0, 0.05), (1, 0.05), (3, 0.05), (6, 0.05)),
}


def moments(seed: int, counts: dict[Phase, int]) -> Iterator[Moment]:
    """As many random moments of each phase as told, phase after phase."""
    chance = random.Random(seed)
    for phase, count in counts.items():
        for _ in range(count):
            progress, longest = chance.choice(_STEPS[phase])
            yield Moment(phase, progress, chance.uniform(0.0, longest))


class Mortal:
    """`tiaas up` in `folder`, not waited for."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self._log = folder.parent / f"{folder.name}.mortal.log"
        environ = {**os.environ, "XDG_STATE_HOME": str(folder.parent / "state"), "PYTHONUNBUFFERED": "1"}
        with self._log.open("wb") as stream:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tiaas", "up", "--dir", str(folder), *options],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environ,
            )

    def __enter__(self) -> "Mortal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def lines(self) -> int:
        """Lines of its output so far."""
        return self._log.read_bytes().count(b"\n")

    def killed_at(self, moment: Moment) -> None:
        """Waits for the moment and kills. A process that ended by itself before is a failure."""
        wait_until(lambda: self.lines >= moment.progress or self.process.poll() is not None)
        time.sleep(moment.seconds)
        assert self.process.poll() is None, f"it ended by itself:\n{self._log.read_text()}"
        self.kill()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(SECONDS)


def wait_until(happened: Callable[[], bool]) -> None:
    """Looks every millisecond."""
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.001)


def assert_whole(folder: Path) -> None:
    """Databases are in order, and no half-written file is left."""
    for database in folder.glob("*.sqlite"):
        with closing(sqlite3.connect(database)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",), database
    assert [path for path in folder.rglob(".*") if _TEMPORARY.fullmatch(path.name)] == []


def stored(folder: Path, query: str, *values: str) -> list[Any]:
    """Rows of the lab's database, read beside the running process."""
    with closing(sqlite3.connect(f"file:{folder / 'lab.sqlite'}?mode=ro", uri=True)) as connection:
        return connection.execute(query, values).fetchall()
