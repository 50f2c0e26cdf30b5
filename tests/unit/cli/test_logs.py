"""`tiaas log` on the files of a data folder."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.protocol.logs import Logs
from tiaas.base.errors import InvalidInput
from tiaas.cli.entry import main
from tiaas.cli.logs import since_of
from tiaas.konnektor.protocol import FolderMedium, Level, LogType


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with a few entries of the first practice, written before a moment and after it."""
    logs = Logs(medium=FolderMedium.of_instance(tmp_path / "protocol", "praxis-1"))
    await logs.service.start()
    logs.service.write(LogType.OPERATION, Level.ERROR, code=4004, event_id="e-1", parameters=(("Mandant", "M9"),))
    logs.clock.advance(3_600)
    logs.service.write(LogType.OPERATION, Level.FATAL, text="late")
    logs.service.write(LogType.OPERATION, Level.ERROR, fm="VSDM", text="of the Fachmodul")
    await logs.service.stop()
    return tmp_path


def _lines(folder: Path, capsys: pytest.CaptureFixture[str], *args: str) -> list[str]:
    assert main(["log", *args, "--dir", str(folder)]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.requirement("TIP1-A_4716")
def test_entries_are_shown_and_filtered(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = _lines(folder, capsys)
    assert re.split(" {2,}", first)[2:] == ["4004 Ungültige Mandanten-ID", "Mandant=M9", "e-1"]
    assert second.endswith("late")
    assert _lines(folder, capsys, "--severity", "Fatal") == [second]
    assert _lines(folder, capsys, "--search", "mandant=m9") == [first]
    assert _lines(folder, capsys, "--event", "e-1") == [first]
    assert _lines(folder, capsys, "--count", "1") == [second]
    assert _lines(folder, capsys, "--since", "2026-03-02T10:00") == [second]
    assert _lines(folder, capsys, "--since", "5s") == []
    assert _lines(folder, capsys, "security") == [], "nothing was written to it yet"
    (entry,) = [json.loads(line) for line in _lines(folder, capsys, "fm", "VSDM", "--json")]
    assert (entry["text"], entry["fm"]) == ("of the Fachmodul", "VSDM")
    assert datetime.fromisoformat(entry["at"]) == datetime(2026, 3, 2, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["fm"], "name a Fachmodul"),
        (["fm", "NFDM"], "there is no log fm-NFDM"),
        (["--practice", "7"], "--practice 7: there are logs of practice 1 only"),
        (["--event", "zzz"], "no entry of system"),
        (["--count", "-3"], "--count -3: give a number from 1 on"),
        (["--since", "yesterday"], "how long ago"),
    ],
)
def test_what_cannot_be_shown_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], args: list[str], said: str
) -> None:
    assert main(["log", *args, "--dir", str(folder)]) != 0
    assert said in capsys.readouterr().err


@pytest.fixture
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_berlin")
def test_times_are_local_with_their_distance_from_utc(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = _lines(folder, capsys)
    assert (first.split()[0], second.split()[0]) == ("2026-03-02T10:30:00+01:00", "2026-03-02T11:30:00+01:00")
    assert _lines(folder, capsys, "--since", "2026-03-02T11:00") == [second]


@pytest.mark.parametrize("text", ["0001-01-01", "99999999999d", "9999-12-31T23:59", "yesterday"])
def test_a_moment_that_no_calendar_has_is_told(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        with suppress(InvalidInput):
            since_of(text, datetime(2026, 1, 1, tzinfo=UTC))
    finally:
        monkeypatch.undo()
        time.tzset()
