"""`tiaas lab networks`: Bestandsnetze.xml of the lab's KSR."""

import argparse
import json
from pathlib import Path

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input_text
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import ask, control_port
from tiaas.cli.writer import out, out_json, out_table

_PATH = "/ksr/networks"


def register(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Adds `networks`."""
    parser = things.add_parser(
        "networks",
        help="Bestandsnetze.xml in the lab's KSR: the networks behind the TI",
        epilog="--json shows them as FILE has to be; `tiaas admin networks check` makes a Konnektor fetch them now.",
    )
    change = parser.add_mutually_exclusive_group()
    change.add_argument("file", nargs="?", type=Path, metavar="FILE", help="networks (JSON) instead of what lies there")
    change.add_argument("--restore", action="store_true", help="the networks of a new lab again")
    return parser


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    wish = None
    if args.file is not None:
        try:
            wish = json.loads(read_input_text(args.file))
        except (ValueError, RecursionError):
            raise InvalidInput(f"{args.file} is no JSON") from None
    method = "PUT" if wish is not None else "DELETE" if args.restore else "GET"
    with control_port(args) as http:
        there = ask(http, method, _PATH, wish)
    if args.json:
        out_json(there)
        return ExitCode.OK
    out(f"Bestandsnetze.xml {there['version']}")
    rows = [
        (each["id"], each["name"], " ".join(each["segments"]), each["domain"], " ".join(each["servers"]))
        for each in there["networks"]
    ]
    out_table(("ID", "NAME", "SEGMENTS", "DOMAIN", "NAME SERVERS"), rows)
    return ExitCode.OK
