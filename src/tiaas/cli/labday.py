"""`tiaas lab day`: plays a day in a practice against a running lab and reports it."""

import argparse
import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

from tiaas.base.clock import SystemClock
from tiaas.base.errors import InvalidInput
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.outputfiles import check_targets, write
from tiaas.cli.whichlab import find_lab
from tiaas.cli.writer import note, out, out_json
from tiaas.lab.day.schedule import PATIENTS_MIN, Options
from tiaas.lab.ready import read_ready

if TYPE_CHECKING:
    from tiaas.lab.day.record import DayRecord

PATIENTS = 60


def register(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Adds `day` to `tiaas lab` and returns its parser."""
    parser = things.add_parser(
        "day",
        help="play a day in a practice and compare it with a model",
        description="Patients, errors and what practice software does about them, as a function of --seed. The lab "
        "should have several terminals and enough patients: tiaas up --terminals 4 --patients 60. "
        "Exit code 1 if anything was not as the model says.",
    )
    parser.add_argument(
        "--patients", type=int, default=PATIENTS, metavar="N", help=f"at least {PATIENTS_MIN}, default: {PATIENTS}"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which day (default: 1)")
    parser.add_argument(
        "--faults", action=argparse.BooleanOptionalAction, default=True, help="things go wrong now and then"
    )
    parser.add_argument(
        "--ti", action=argparse.BooleanOptionalAction, default=True, help="first contacts ask for an online check"
    )
    parser.add_argument("--practice", type=int, default=1, metavar="N", help="which practice (default: 1)")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a report for people")
    parser.add_argument("--record", type=Path, metavar="FILE.json", help="write everything that happened")
    parser.add_argument("--summary", type=Path, metavar="FILE.md", help="write a short report with FILE.svg beside it")
    return parser


def run(args: argparse.Namespace) -> int:
    """Plays, reports, and says whether it was a good day."""
    import uvloop

    from tiaas.lab.day.place import Place
    from tiaas.lab.day.play import play

    if args.patients < PATIENTS_MIN:
        raise InvalidInput(f"--patients needs a number from {PATIENTS_MIN} on")
    # Before the day rather than after it.
    check_targets([path for path in (args.report, args.record, args.summary) if path is not None], force=True)
    folder = find_lab(args.dir)
    place = Place.of(folder, read_ready(folder), args.practice)
    options = Options(ti=args.ti, faults=args.faults)
    work = play(place, args.seed, args.patients, options, clock=SystemClock(), environ=os.environ, say=note)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        record = runner.run(work)
    try:
        _write(args, record)
    finally:
        _show(args, record)
    return ExitCode.OK if not record.failures else ExitCode.FAILED


def _show(args: argparse.Namespace, record: "DayRecord") -> None:
    from tiaas.lab.day.report import lines

    if args.json:
        out_json(record.to_document())
        return
    for line in lines(record):
        out(line)


def _write(args: argparse.Namespace, record: "DayRecord") -> None:
    import json

    from tiaas.lab.day.drawing import timeline
    from tiaas.lab.day.report import html, markdown

    if args.record is not None:
        write(args.record, (json.dumps(record.to_document(), indent=1, ensure_ascii=False) + "\n").encode(), force=True)
    if args.report is not None:
        write(args.report, html(record).encode(), force=True)
    if args.summary is not None:
        drawing = args.summary.with_suffix(".svg")
        write(drawing, timeline(record).encode(), force=True)
        write(args.summary, markdown(record, drawing.name).encode(), force=True)
