"""`tiaas up` as a child process, started and stopped as often as a test likes."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from tiaas.cli.compose import CONTROL_PORT, KONNEKTOR_PORT
from tiaas.cli.ldapports import LDAPS_PORT
from tiaas.cli.managing import ADMIN_PORT, BASE_PORT
from tiaas.lab.lab import SICCT_PORT

START_SECONDS = 60.0
STOP_SECONDS = 30.0
_LAST_LINE = "Stop with Ctrl-C."
_PORT = re.compile(r"(?<=127\.0\.0\.1:)[0-9]+")
_USUAL_PORTS = frozenset({CONTROL_PORT, KONNEKTOR_PORT, ADMIN_PORT, BASE_PORT, LDAPS_PORT, SICCT_PORT})


class LabProcess:
    """A lab in `folder`; leaves no process behind. `started_in` are the seconds until `ready.json` was there.

    `before` is a command that replaces itself by the lab; `beside` one that takes other programs to where it went.
    """

    def __init__(self, folder: Path, *options: str, before: Sequence[str] = ()) -> None:
        self.folder = folder
        self.beside: tuple[str, ...] = ()
        self.environ = {**os.environ, "XDG_STATE_HOME": str(folder.parent / "state"), "PYTHONUNBUFFERED": "1"}
        self._log = folder.parent / f"{folder.name}.log"
        started = time.monotonic()
        with self._log.open("wb") as stream:
            self.process = subprocess.Popen(
                [*before, sys.executable, "-m", "tiaas", "up", "--dir", str(folder), *options],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=self.environ,
            )
        try:
            self._wait(started + START_SECONDS)
        except BaseException:
            self.kill()
            raise
        self.started_in = time.monotonic() - started

    def __enter__(self) -> "LabProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.kill()

    @property
    def ready(self) -> dict[str, Any]:
        """`ready.json` as it is now."""
        document: dict[str, Any] = json.loads((self.folder / "ready.json").read_text())
        return document

    @property
    def output(self) -> str:
        """What it wrote; the summary comes after `ready.json`, so ask for it after `stop`."""
        return self._log.read_text()

    def kon(self, number: int = 1) -> dict[str, Any]:
        """The `.kon` file of a practice."""
        document: dict[str, Any] = json.loads(Path(self.ready["instances"][number - 1]["kon_file"]).read_text())
        return document

    def octets(self, *keys: str) -> bytes:
        """The content of a file that `ready.json` names."""
        place: Any = self.ready
        for key in keys:
            place = place[key]
        return Path(place).read_bytes()

    def is_as(self, before: dict[str, Any]) -> bool:
        """Whether everything is where `before` says; another lab on this machine may have taken a port meanwhile."""
        deadline = time.monotonic() + START_SECONDS
        while _LAST_LINE not in self.output and self.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)  # it tells of ports after the ready file is there
        if "is in use by another program" in self.output:
            return _PORT.sub("", json.dumps(self.ready)) == _PORT.sub("", json.dumps(before))
        return self.ready == before

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """An orderly stop: exit code 0, nothing left behind."""
        self.process.send_signal(number)
        assert self.process.wait(STOP_SECONDS) == 0, self.output
        assert not (self.folder / "ready.json").exists()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def tiaas(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Another `tiaas` command beside it."""
        return self.run(sys.executable, "-m", "tiaas", *words)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Another program beside it."""
        return subprocess.run(
            [*self.beside, *command], env=self.environ, capture_output=True, text=True, timeout=60, check=False
        )

    def _wait(self, deadline: float) -> None:
        # After kill -9 the ready file of the life before is still there for a moment: the lock says whose it is.
        while not self._is_ready():
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.output}"
            assert time.monotonic() < deadline, f"not up in time:\n{self.output}"
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        try:
            holder = int((self.folder / "lab.lock").read_text())
        except (OSError, ValueError):
            return False
        return holder == self.process.pid and (self.folder / "ready.json").exists()


@contextmanager
def usual_ports_taken() -> Iterator[None]:
    """A lab that begins meanwhile is on none of the ports that all want: another one on this machine could take those
    as soon as it has stopped, or while its terminal is off."""
    with ExitStack() as stack:
        for port in _USUAL_PORTS:
            with suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
        yield


def on_ports_of_its_own(folder: Path, *options: str) -> LabProcess:
    """A new lab of which that holds for certain."""
    while True:
        with usual_ports_taken():
            process = LabProcess(folder, *options)
        if _USUAL_PORTS.isdisjoint(map(int, _PORT.findall(json.dumps(process.ready)))):
            return process
        # Another lab had it at first, and has stopped meanwhile.
        process.kill()
        shutil.rmtree(folder)


def refused(*options: str, environ: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit code and last line of an `up` that does not come up."""
    done = subprocess.run(
        [sys.executable, "-m", "tiaas", "up", *options],
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.strip().splitlines()[-1]
