"""`tiaas record start|stop|show|export`: what practice software does at a Konnektor of a running lab."""

import argparse
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input
from tiaas.cli.calledas import as_called
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import add_arguments, ask, control_port
from tiaas.cli.outputfiles import add_force_argument, check_targets, make_folder, write_own
from tiaas.cli.whichlab import find_lab
from tiaas.cli.writer import out, out_json, out_table
from tiaas.lab.errors import LabError
from tiaas.pvs.diagram import diagram, rows
from tiaas.pvs.messages import Story, read_story
from tiaas.pvs.pages import LANGUAGES
from tiaas.pvs.recording import (
    DOCUMENT_MAX,
    BadRecording,
    Recording,
    Struck,
    decode_recording_untrusted,
    encode_recording,
)

FOLDER = "recordings"


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `record` and what it does."""
    parser = subparsers.add_parser("record")
    things = parser.add_subparsers(dest="thing", metavar="WHAT", required=True)
    start = things.add_parser("start", help="begin a recording")
    start.add_argument(
        "--client", action="append", default=[], metavar="ID", help="of this Clientsystem only; repeatable"
    )
    stop = things.add_parser("stop", help=f"end it and write it to DIR/{FOLDER}, or to a file")
    stop.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where to (default: a new file in the lab's folder)"
    )
    show = things.add_parser("show", help="list the messages of a recording")
    export = things.add_parser("export", help="a sequence diagram (HTML, one file) or JSON")
    for verb in (show, export):
        verb.add_argument(
            "recording", nargs="?", type=Path, metavar="RECORDING", help="a file (default: the one running)"
        )
    export.add_argument("-o", "--output", type=Path, metavar="FILE", required=True, help="FILE.html or FILE.json")
    export.add_argument("--lang", choices=LANGUAGES, default="en", help="language of the labels at first (default: en)")
    for verb in (stop, export):
        add_force_argument(verb)
    for verb in (start, stop, show, export):
        verb.add_argument("--instance", metavar="NAME", help="of several Konnektors: which (praxis-N)")
        add_arguments(verb)


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    return {"start": _start, "stop": _stop, "show": _show, "export": _export}[args.thing](args)


def fetch_recording(args: argparse.Namespace, *, stop: bool = False) -> Recording:
    """The recording that runs in a lab, with the faults that struck meanwhile; `stop` ends it. Raises `LabError`."""
    with control_port(args) as http:
        name = instance_name(args, http)
        answer = http.request("DELETE" if stop else "GET", f"/recordings/{name}")
        if answer.is_error:
            raise LabError(str(answer.json().get("error", answer.status_code)))
        recording = decode_recording_untrusted(answer.content)
        return with_faults(recording, ask(http, "GET", "/faults")["fired"])


def with_faults(recording: Recording, fired: list[dict[str, Any]]) -> Recording:
    """The recording with those faults of the lab that struck while it ran."""
    struck = (
        Struck(each["fault"], each["service"], datetime.fromisoformat(each["at"]), each["line"]) for each in fired
    )
    ended = recording.ended
    during = tuple(one for one in struck if recording.began <= one.at and (ended is None or one.at <= ended))
    return replace(recording, struck=during)


def read_recording(path: Path) -> Recording:
    """A recording from a file. Raises `InvalidInput`."""
    try:
        return decode_recording_untrusted(read_input(path, DOCUMENT_MAX))
    except BadRecording as error:
        raise InvalidInput(f"{path}: {error}") from None


def instance_name(args: argparse.Namespace, http: httpx.Client) -> str:
    """The instance meant: the one named, or the only one. Raises `InvalidInput`."""
    known = [each["instance"] for each in ask(http, "GET", "/recordings")["recordings"]]
    if args.instance is not None:
        if args.instance not in known:
            raise InvalidInput(f"no instance {args.instance} records here; there are {', '.join(known) or 'none'}")
        return str(args.instance)
    if len(known) != 1:
        raise InvalidInput(f"name one with --instance: {', '.join(known) or 'none can record (setting recorder)'}")
    return str(known[0])


def _start(args: argparse.Namespace) -> int:
    body = {"client_systems": args.client} if args.client else None
    with control_port(args) as http:
        name = instance_name(args, http)
        ask(http, "POST", f"/recordings/{name}", body)
    if args.json:
        out_json({"instance": name, "recording": True})
    else:
        out(as_called(f"recording {name}; tiaas record stop ends it (TEST DATA)"))
    return ExitCode.OK


def _stop(args: argparse.Namespace) -> int:
    folder = find_lab(args.dir) / FOLDER
    # Before the recording ends, which nobody has elsewhere.
    make_folder((args.output or folder / "new.json").parent, 0o700)
    check_targets([args.output or folder / "new.json"], args.force, is_own=True)
    recording = fetch_recording(args, stop=True)
    path = args.output or folder / f"{recording.instance}-{recording.began:%Y%m%dT%H%M%S}.json"
    # A name that nobody chose is of the moment at which it began.
    write_own(path, encode_recording(recording), force=args.force or args.output is None)
    if args.json:
        out_json({"file": str(path), "calls": len(recording.calls), "events": len(recording.deliveries)})
    else:
        counts = f"{len(recording.calls)} calls, {len(recording.deliveries)} events"
        out(as_called(f"{path}: {counts} (TEST DATA)\ntiaas record export {path} -o FILE.html, tiaas check pvs {path}"))
    return ExitCode.OK


def _story(args: argparse.Namespace) -> Story:
    return read_story(fetch_recording(args) if args.recording is None else read_recording(args.recording))


def _show(args: argparse.Namespace) -> int:
    story = _story(args)
    if args.json:
        out(encode_recording(story.recording).decode())
        return ExitCode.OK
    table = [
        (str(row.number or ""), row.time, _direction(row.outbound), row.title, row.answer, row.ms)
        for row in rows(story)
    ]
    out_table(("NUMBER", "AT", "", "MESSAGE", "ANSWER", "MS"), table)
    return ExitCode.OK


def _direction(outbound: bool) -> str:
    return "->" if outbound else "<-"


def _export(args: argparse.Namespace) -> int:
    if args.output.suffix not in (".html", ".json"):
        raise InvalidInput(f"{args.output}: a file that ends in .html or .json")
    check_targets([args.output], args.force, is_own=True)
    story = _story(args)
    is_page = args.output.suffix == ".html"
    content = diagram(story, args.lang).encode() if is_page else encode_recording(story.recording)
    write_own(args.output, content, force=args.force)
    out(f"{args.output} written (TEST DATA)")
    return ExitCode.OK
