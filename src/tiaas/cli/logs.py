"""`tiaas log [system|security|fm NAME]` and `tiaas state`: the logs in a data folder, and the operating state.

Logs are read from the files below `protocol/`, so they can be read when nothing runs; who may read the folder may
read them. The state is asked from the Konnektor.
"""

import argparse
import asyncio
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from tiaas.base.clock import SystemClock
from tiaas.base.errors import InvalidInput
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.whichlab import find_lab
from tiaas.cli.writer import json_text, local_time, out, out_json, out_live, out_table
from tiaas.client import Konnektor
from tiaas.interfaces.connector_common_v5_0 import Connector
from tiaas.konnektor.protocol import Entry, FolderMedium, Level, Query
from tiaas.konnektor.protocol.query import select
from tiaas.konnektor.protocol.ring import stored_entries

PROTOCOL_FOLDER = "protocol"
_FOLLOW_SECONDS = 0.5
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `log` and `state`."""
    parser = subparsers.add_parser(
        "log",
        description="Entries of the system log, the security log or a Fachmodul's log, oldest first. Reads the files "
        "in the data folder: the Konnektor need not run.",
    )
    parser.add_argument("log", nargs="?", choices=("system", "security", "performance", "fm"), default="system")
    parser.add_argument("fm", nargs="?", metavar="NAME", help="with fm: which Fachmodul (VSDM)")
    parser.add_argument("--since", metavar="WHEN", help="from then on: 2026-01-31T12:00, or 30m, 12h, 7d ago")
    parser.add_argument("--severity", choices=[level.value for level in Level], help="this one or a worse one")
    parser.add_argument("--search", default="", metavar="TEXT", help="only entries with this text")
    parser.add_argument("--event", default="", metavar="ID", help="EventID, LogReference or MessageID of a fault")
    parser.add_argument("--count", type=int, default=200, metavar="N", help="the last N entries (default 200)")
    parser.add_argument("--follow", action="store_true", help="go on with what comes")
    parser.add_argument("--dir", type=Path, metavar="DIR", help="data folder (default: that of the running lab)")
    parser.add_argument("--practice", type=int, default=1, metavar="N", help="which practice (default: 1)")
    parser.add_argument("--json", action="store_true", help="write JSON lines instead of text")
    state = subparsers.add_parser(
        "state",
        description="The error conditions (EC_…) that hold, as GetResourceInformation tells them; --all: those, too, "
        "that do not.",
    )
    state.add_argument("--all", action="store_true", help="all conditions")
    add_konnektor_arguments(state)


def run(args: argparse.Namespace) -> int:
    """Shows entries or conditions."""
    if args.verb == "state":
        return with_konnektor(args, lambda konnektor: _state(args, konnektor))
    if (args.fm is not None) is not (args.log == "fm"):
        raise InvalidInput("name a Fachmodul after fm: tiaas log fm VSDM")
    if args.count < 1:
        raise InvalidInput(f"--count {args.count}: give a number from 1 on")
    name = f"fm-{args.fm}" if args.log == "fm" else args.log
    query = Query(
        since=None if args.since is None else since_of(args.since, SystemClock().now()),
        level=None if args.severity is None else Level(args.severity),
        search=args.search,
        event_id=args.event,
        limit=args.count,
        oldest_first=True,
    )
    protocol = _folder(args) / PROTOCOL_FOLDER
    medium = FolderMedium.of_instance(protocol, f"praxis-{args.practice}")
    if not medium.logs() and (others := _practices(protocol)):
        raise InvalidInput(f"--practice {args.practice}: there are logs of practice {', '.join(map(str, others))} only")
    if not medium.logs() or (args.log == "fm" and name not in medium.logs()):
        raise InvalidInput(f"there is no log {name} there; there are: {', '.join(medium.logs()) or 'none'}")
    last = _show(args, medium, name, query)
    if args.event and last == query.after and not args.follow:
        raise InvalidInput(
            f"--event: no entry of {name} that was asked for has this EventID, LogReference or MessageID; "
            f"there are the logs {', '.join(medium.logs())}"
        )
    if args.follow:
        asyncio.run(_follow(args, medium, name, query, last))
    return ExitCode.OK


def _practices(protocol: Path) -> list[int]:
    """Numbers of the practices that have logs."""
    numbers = (re.fullmatch(r"i-praxis-([0-9]+)", each.name) for each in protocol.glob("i-praxis-*"))
    return sorted(int(found[1]) for found in numbers if found is not None)


def _show(args: argparse.Namespace, medium: FolderMedium, name: str, query: Query) -> int:
    """Writes the entries asked for; the number of the last one."""
    entries = select(stored_entries(medium, name), query)
    for entry in entries:
        out_live(json_text(entry.document()) if args.json else _line(entry))
    return max((entry.number for entry in entries), default=query.after)


async def _follow(args: argparse.Namespace, medium: FolderMedium, name: str, query: Query, last: int) -> None:
    while True:
        await asyncio.sleep(_FOLLOW_SECONDS)
        last = _show(args, medium, name, replace(query, after=last, limit=10_000))


def _line(entry: Entry) -> str:
    what = entry.topic or (f"{entry.code} {entry.text}" if entry.code is not None else entry.text)
    call = f"{entry.operation}#{entry.call}" if entry.operation else ""
    pairs = " ".join(f"{key}={value}" for key, value in entry.parameters)
    parts = (local_time(entry.at), f"{entry.level.value:7}", what, pairs, call, entry.event_id)
    return "  ".join(part for part in parts if part)


def since_of(text: str, now: datetime) -> datetime:
    """The moment that `2026-01-31T12:00`, or how long ago (`12h`), names. Raises `InvalidInput`."""
    try:
        if text[:-1].isdecimal() and text[-1:] in _UNITS:
            return now - timedelta(seconds=int(text[:-1]) * _UNITS[text[-1]])
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise InvalidInput("--since is a time (2026-01-31T12:00) or how long ago (30m, 12h, 7d)") from None


def _folder(args: argparse.Namespace) -> Path:
    if args.dir is not None and (args.dir / PROTOCOL_FOLDER).is_dir():
        folder: Path = args.dir
        return folder
    return find_lab(args.dir)


async def _state(args: argparse.Namespace, konnektor: Konnektor) -> int:
    connector = await konnektor.get_resource_information()
    if not isinstance(connector, Connector):
        raise InvalidInput("the Konnektor told nothing about itself")
    shown = [state for state in connector.operating_state.error_state if state.value or args.all]
    if args.json:
        out_json(
            [
                {
                    "condition": state.error_condition,
                    "severity": state.severity.value,
                    "type": state.type.value,
                    "value": state.value,
                    "since": state.valid_from.isoformat(),
                }
                for state in shown
            ]
        )
        return ExitCode.OK
    if not shown:
        out("no error condition holds")
        return ExitCode.OK
    rows = [
        (state.error_condition, state.severity.value, "true" if state.value else "false", local_time(state.valid_from))
        for state in shown
    ]
    out_table(("CONDITION", "SEVERITY", "VALUE", "SINCE"), rows)
    return ExitCode.OK
