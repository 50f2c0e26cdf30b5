"""`tiaas check pvs`: what a recording says about the conformance of practice software."""

import argparse
import asyncio
from pathlib import Path

from tiaas.base.errors import InvalidInput
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import add_arguments, ask, control_port
from tiaas.cli.outputfiles import check_targets, make_folder, write_own
from tiaas.cli.record import fetch_recording, instance_name, read_recording
from tiaas.cli.writer import note, out, out_table
from tiaas.pvs.checks.model import Verdict
from tiaas.pvs.checks.suite import Judged, judge, worst
from tiaas.pvs.messages import Story, read_story
from tiaas.pvs.pages import LANGUAGES
from tiaas.pvs.recording import Recording
from tiaas.pvs.report import VERDICTS, as_html, as_json, as_junit

_SECONDS_MAX = 24 * 3600.0
_SUFFIXES = (".html", ".json", ".xml")


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `check` and what it does."""
    parser = subparsers.add_parser("check")
    things = parser.add_subparsers(dest="thing", metavar="WHAT", required=True)
    pvs = things.add_parser("pvs", help="a conformance report of practice software (HTML, JSON, JUnit)")
    pvs.add_argument("recording", nargs="?", type=Path, metavar="RECORDING", help="a file of tiaas record stop")
    pvs.add_argument("--live", type=float, metavar="SECONDS", help="record a running lab for so long, then judge")
    pvs.add_argument(
        "-o", "--output", type=Path, action="append", default=[], metavar="FILE",
        help="FILE.html, FILE.json or FILE.xml (JUnit); repeatable",
    )  # fmt: skip
    pvs.add_argument("--lang", choices=LANGUAGES, default="en", help="language of reasons and, at first, of the page")
    pvs.add_argument("--strict", action="store_true", help="warnings count as failures for the exit code")
    pvs.add_argument("--instance", metavar="NAME", help="of several Konnektors: which (praxis-N)")
    add_arguments(pvs)


def run(args: argparse.Namespace) -> int:
    """Judges; 1 if a check failed."""
    for path in args.output:
        if path.suffix not in _SUFFIXES:
            raise InvalidInput(f"{path}: a file that ends in {', '.join(_SUFFIXES)}")
    if (args.recording is None) is (args.live is None):
        raise InvalidInput("name a recording, or the seconds of a new one with --live")
    for path in args.output:
        make_folder(path.parent, 0o700)
    # A report is made anew at each run.
    check_targets(args.output, force=True, is_own=True)
    story = read_story(read_recording(args.recording) if args.live is None else _record(args))
    if story.recording.lost:
        note(f"the oldest {story.recording.lost} entries were lost; what they would have shown may be missed in vain")
    judged = judge(story)
    try:
        for path in args.output:
            write_own(path, _written(path.suffix, story, judged, args.lang).encode(), force=True)
    finally:
        _print(args, story, judged)
    verdict = worst(judged)
    is_bad = verdict is Verdict.FAIL or (args.strict and verdict is Verdict.WARN)
    return ExitCode.FAILED if is_bad else ExitCode.OK


def _written(suffix: str, story: Story, judged: tuple[Judged, ...], lang: str) -> str:
    if suffix == ".html":
        return as_html(story, judged, lang)
    return as_json(story, judged) if suffix == ".json" else as_junit(story, judged)


def _record(args: argparse.Namespace) -> Recording:
    if not 0 < args.live <= _SECONDS_MAX:
        raise InvalidInput(f"--live is more than 0, up to {_SECONDS_MAX:g} seconds")
    with control_port(args) as http:
        ask(http, "POST", f"/recordings/{instance_name(args, http)}")
    note(f"recording for {args.live:g} s (Ctrl-C ends it early)")
    try:
        asyncio.run(asyncio.sleep(args.live))
    except KeyboardInterrupt:
        note("ended early")
    return fetch_recording(args, stop=True)


def _print(args: argparse.Namespace, story: Story, judged: tuple[Judged, ...]) -> None:
    if args.json:
        out(as_json(story, judged).rstrip())
        return
    rows = []
    for each in judged:
        finding = each.finding
        said, title = (getattr(text, args.lang) for text in (finding.said, each.check.title))
        evidence = ", ".join(str(number) for number in finding.evidence[:5])
        rows.append((each.check.id, getattr(VERDICTS[finding.verdict], args.lang), title, said, evidence))
    out_table(("CHECK", "VERDICT", "WHAT", "WHY", "MESSAGES"), rows)
