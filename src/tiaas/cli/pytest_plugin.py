"""pytest plugin: a Konnektor with terminals and cards for tests of practice software (docs/how-to/pvs-tests.md).

One lab per test process (with pytest-xdist one per worker, each on free ports in a folder of its own), started by the
first test that wants it; between tests it is brought back to its beginning. Fixtures: `konnektor`, `card`, `terminal`,
`fault`, `recording`.

pytest loads this in every run of an environment that has tiaas, so it imports next to nothing before a test asks.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tiaas.base import opensslconf

if TYPE_CHECKING:
    from tiaas.cli.testlab import CardHandle, Konnektor, RecordingHandle, TerminalHandle

START_SECONDS = 120.0
STOP_SECONDS = 30.0


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of `tiaas up`, and where recordings of failed tests go."""
    parser.addini("tiaas_up", "further options of tiaas up", type="args", default=[])
    group = parser.getgroup("tiaas")
    group.addoption(
        "--tiaas-recordings",
        metavar="DIR",
        help="keep diagrams of failed tests that ask for the fixture `recording`; of others there is none",
    )


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Lets `recording` know whether its test failed."""
    outcome: Any = yield
    report = outcome.get_result()
    if report.when == "call":
        item.stash[_FAILED] = bool(report.failed)


_FAILED = pytest.StashKey[bool]()


class LabProcess:
    """`tiaas up` as a child process in a folder of its own."""

    def __init__(self, folder: os.PathLike[str], options: list[str]) -> None:
        self.folder = os.fspath(folder)
        own = {
            "XDG_STATE_HOME": os.path.join(self.folder, "state"),
            "PYTHONUNBUFFERED": "1",
            # Named from the first, or the interpreter starts twice.
            opensslconf.VARIABLE: opensslconf.CONFIGURATION,
        }
        environ = {**os.environ, **own}
        command = [sys.executable, "-m", "tiaas", "up", "--dir", os.path.join(self.folder, "lab"), *options]
        started = time.monotonic()
        self._output = os.path.join(self.folder, "tiaas.log")
        with open(self._output, "wb") as stream:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, env=environ
            )
        try:
            self._wait(os.path.join(self.folder, "lab", "ready.json"))
        except BaseException:
            self.stop()
            raise
        self.started_in = time.monotonic() - started
        """Seconds until `ready.json` was there."""

    @property
    def ready_file(self) -> str:
        """The path of `ready.json`."""
        return os.path.join(self.folder, "lab", "ready.json")

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait(self, ready: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not os.path.exists(ready):
            if self._process.poll() is not None or time.monotonic() > deadline:
                with open(self._output, encoding="utf-8", errors="replace") as stream:
                    pytest.fail(f"tiaas up did not come up:\n{stream.read()[-4000:]}", pytrace=False)
            try:
                self._process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue


@pytest.fixture(scope="session")
def tiaas_lab(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[LabProcess]:
    """The lab's process; tests use `konnektor` and the others."""
    process = LabProcess(tmp_path_factory.mktemp("tiaas"), list(pytestconfig.getini("tiaas_up")))
    yield process
    process.stop()


@pytest.fixture
def konnektor(tiaas_lab: LabProcess) -> "Konnektor":
    """The Konnektor of the first practice, as a Primärsystem sees it, and its lab; as new for every test."""
    from tiaas.cli.testlab import Konnektor

    handle = Konnektor(tiaas_lab.ready_file)
    handle.lab.reset()
    return handle


@pytest.fixture
def card(konnektor: "Konnektor") -> "Callable[[str], CardHandle]":
    """`card("egk-2")`: a card of the practice by kind and number (egk, smcb, hba), or by ICCSN."""
    return konnektor.lab.card


@pytest.fixture
def terminal(konnektor: "Konnektor") -> "TerminalHandle":
    """The first terminal of the practice; others: `konnektor.lab.terminal("CT-1-2")`."""
    return konnektor.lab.terminal()


@pytest.fixture
def fault(konnektor: "Konnektor") -> "Callable[..., int]":
    """`fault("card", code="6581", match="HBA")`: makes something go wrong in this test; see docs/how-to/faults.md."""
    return konnektor.lab.faults.add


@pytest.fixture
def recording(
    konnektor: "Konnektor", request: pytest.FixtureRequest, pytestconfig: pytest.Config
) -> "Iterator[RecordingHandle]":
    """What is done at the Konnektor in this test; with --tiaas-recordings a diagram of a failed test is kept."""
    handle = konnektor.lab.record(konnektor.instance)
    yield handle
    handle.stop()
    folder = pytestconfig.getoption("--tiaas-recordings")
    if folder and request.node.stash.get(_FAILED, False):
        handle.write(folder, request.node.name)
