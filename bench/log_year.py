"""A year of warnings and errors of a large environment (LE-U4) in the logs as they are by default (TIP1-A_4711).

    python -m bench.log_year [--share 0.01]

The loads are those of the peak hour (gemSpec_Perf V2.27.0, Tab_gemSpec_Perf_Konnektor), taken for 16 hours on each of
365 days, more than any house has. Ours: `share` of all calls end with an error or a warning, a tenth of these with one
of ErrorType Security, and each of 300 terminals cannot be reached once a day. The entries are written by the ring that
writes logs, and trimmed as it trims; told are entries, octets, what is left of the first day, and the time of a boot
that checks all seals.
"""

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tiaas.konnektor.codes import CODES  # noqa: E402
from tiaas.konnektor.protocol import Entry, FolderMedium, Level, LogName, LogSettings, LogType  # noqa: E402
from tiaas.konnektor.protocol.ring import SEGMENT_ENTRIES, Ring  # noqa: E402

_HOURS, _DAYS, _TERMINALS = 16, 365, 300
_SIGNATURES = 575 + 13 + 442 + 74
_OTHER = (575 + 13 + 282) + 2 * (575 + 13)
_READ_VSD = 11 + 437
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_ID = "6d0c2f6e-1b1f-4b7e-9a53-0c1de0f4a7b2"


def amounts(share: float) -> dict[LogName, int]:
    """Entries of a year by log."""
    own = round((_SIGNATURES + _OTHER) * _HOURS * _DAYS * share)
    vsdm = round(_READ_VSD * _HOURS * _DAYS * share)
    security = own // 10
    return {
        LogName.of(LogType.OPERATION, ""): own - security + _TERMINALS * _DAYS,
        LogName.of(LogType.OPERATION, "VSDM"): vsdm,
        LogName.of(LogType.SECURITY, ""): security,
    }


def _entries(log: LogName, number: int) -> Iterator[Entry]:
    """Faults as they are logged: code, text, ids, what the caller named."""
    code = 3001 if log.fm else 4204 if log.type is LogType.SECURITY else 4047
    named = (("Mandant", "M1"), ("Clientsystem", "pvs-station-12"), ("Arbeitsplatz", "ap-0317"), ("CardHandle", _ID))
    step = timedelta(days=_DAYS) / number
    for at in range(number):
        yield Entry(
            0, _BEGIN + at * step, log.type, Level.ERROR, code=code, text=CODES[code].text, fm=log.fm, event_id=_ID,
            message_id=_ID, operation="SignDocument", call=f"SignDocument#{at}", parameters=named,
        )  # fmt: skip


def _measure(folder: Path, log: LogName, number: int) -> None:
    settings, medium, key = LogSettings(), FolderMedium(folder), bytes(32)
    ring, batch = Ring(medium, log.text, key), []
    for entry in _entries(log, number):
        batch.append(entry)
        if len(batch) == SEGMENT_ENTRIES:
            ring.append(batch, durable=False)
            ring.trim(settings.size_of(log), 365, entry.at)
            batch.clear()
    ring.append(batch, durable=False)
    ring.trim(settings.size_of(log), 365, _BEGIN + timedelta(days=_DAYS))
    octets = sum(file.stat().st_size for file in folder.glob("*.jsonl"))
    begin = process_time()
    sound = Ring(medium, log.text, key).open()
    seconds = process_time() - begin
    lost = ring.written - len(ring)
    verdict = "holds" if not lost and sound else f"{lost} lost"
    print(
        f"{log.text:9} {number:8,} entries a year, default {settings.size_of(log):8,}: {verdict}; "
        f"{octets / max(len(ring), 1):.0f} octets each, {octets / 1e6:.0f} MB, checked at boot in {seconds:.1f} s"
    )


def main() -> None:
    """Measures all three logs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=0.01)
    for log, number in amounts(parser.parse_args().share).items():
        with TemporaryDirectory() as folder:
            _measure(Path(folder), log, number)


if __name__ == "__main__":
    main()
