"""Who starts the program that an Update-Paket brought, and takes it back if it does not serve (TUC_KON_280, 4184).

`tiaas up` whose folder names another program than the installed one stays small and keeps that program as a child:

    the child says that it serves         it is kept from now on; its exit code is that of `tiaas up`
    it ends before, or takes too long     the program before it is started; the reason is left for that one to tell
    it ends with `AGAIN`                  it was given another program: whatever counts now is started

There is one keeper of a folder at a time. Signals go to the child, once. Its standard input is a pipe that ends with
us: a child whose keeper was killed stops.
"""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

import tiaas
from tiaas.cli.writer import note
from tiaas.konnektor.program.folder import PROGRAM_VARIABLE, ProgramFolder
from tiaas.lab.errors import FolderInUse
from tiaas.lab.lock import is_locked

AGAIN = 75
"""The exit code of a program that was given another one. (EX_TEMPFAIL of sysexits.h: try again.)"""
PROGRAMS = "program"
TRIAL_SECONDS = 180.0
_STOP_SECONDS = 20.0
_LOOK_SECONDS = 0.1
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def is_kept() -> bool:
    """Whether this process is such a child."""
    return PROGRAM_VARIABLE in os.environ


def programs_in(folder: Path) -> ProgramFolder:
    """The programs of a lab's folder."""
    return ProgramFolder(folder.absolute() / PROGRAMS, tiaas.__version__, is_installed=not is_kept())


def start_anew() -> None:
    """Replaces this process by itself as it was started; whatever program counts then serves."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - no shell, our own command line


def keep_program(programs: ProgramFolder, words: Sequence[str], trial_seconds: float = TRIAL_SECONDS) -> int | None:
    """Keeps the chosen program with the arguments `words` until it ends; None: the installed one is to serve, here.

    Raises `FolderInUse`: another process keeps it or serves, and a trial would end because of that.
    """
    if programs.read().runs is None:
        return None
    folder = programs.path.parent
    lock = os.open(programs.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FolderInUse(folder, None) from None
        # A program whose keeper was killed may not have ended yet.
        if is_locked(folder):
            raise FolderInUse(folder, None)
        return _kept(programs, words, trial_seconds)
    finally:
        os.close(lock)


def _kept(programs: ProgramFolder, words: Sequence[str], trial_seconds: float) -> int | None:
    while (version := programs.read().runs) is not None:
        keeper = _Keeper(programs, version, words)
        code = keeper.run(trial_seconds)
        if keeper.was_told:
            return code
        choice = programs.read()
        if choice.trial == version:
            reason = "it did not serve in time" if keeper.was_late else f"it ended with exit code {code}"
            note(f"tiaas: program {version} is given up: {reason}; {choice.current or choice.installed} serves again")
            programs.give_up(reason)
        elif code != AGAIN:
            return code
    return None


class _Keeper:
    """One life of a program."""

    def __init__(self, programs: ProgramFolder, version: str, words: Sequence[str]) -> None:
        self.was_told = False
        """A signal has come: whatever the program ends with, it was to end."""
        self.was_late = False
        self._programs = programs
        self._version = version
        environment = programs.environment(version, os.environ) | {PROGRAM_VARIABLE: version}
        # A group of its own: Ctrl-C at a terminal comes to us only, and goes on to the child once.
        self._process = subprocess.Popen(  # noqa: S603 - a program the Hersteller has signed
            [sys.executable, "-P", "-m", "tiaas", *words], stdin=subprocess.PIPE, env=environment, process_group=0
        )

    def run(self, trial_seconds: float) -> int:
        """Waits for the end; the exit code."""
        before = {number: signal.signal(number, self._pass_on) for number in _SIGNALS}
        try:
            if self._is_trial() and not self._waited(trial_seconds, self._is_trial) and self._is_trial():
                self.was_late = not self.was_told
                self._end()
            code = self._process.wait()
        finally:
            if self._process.stdin is not None:
                self._process.stdin.close()
            for number, handler in before.items():
                signal.signal(number, handler)
        return code if code >= 0 else 128 - code

    def _is_trial(self) -> bool:
        return self._programs.read().trial == self._version

    def _waited(self, seconds: float, still: Callable[[], bool]) -> bool:
        """Whether the child ended within that time; a child that `still` does not hold for is not waited for."""
        for _ in range(int(seconds / _LOOK_SECONDS)):
            try:
                self._process.wait(_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if still():
                    continue
                return False
            return True
        return False

    def _end(self) -> None:
        self._process.terminate()
        if not self._waited(_STOP_SECONDS, lambda: True):
            self._process.kill()

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        self.was_told = True
        if self._process.poll() is None:
            self._process.send_signal(number)
