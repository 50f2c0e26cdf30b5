"""`tiaas lab ksr`: puts firmware into the lab's KSR, lists it, takes it away."""

import argparse
from base64 import b64encode
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import ask, ask_octets, control_port
from tiaas.cli.outputfiles import check_targets, write
from tiaas.cli.writer import out, out_json, out_table
from tiaas.interfaces.updatepackage import FirmwareGroup, is_version
from tiaas.lab.ksr.offers import PRODUCTS

_EPILOG = """\
without VERSION: list what lies there.

Konnektors ask once a day and when they start; `tiaas admin updates check` makes one ask now.
"""
_OF_A_PROGRAM = ("group", "allow", "fails")
_OF_A_PACKAGE = ("critical", "out", "file")
_PLAIN = ("start", "deadline", "notes", "vendor_id", "product_code", "hardware_version", "group", "octets")


def register(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Adds `ksr`."""
    parser = things.add_parser(
        "ksr",
        help="firmware that the lab's KSR offers to Konnektors, card terminals and Fachmodule",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("version", nargs="?", metavar="VERSION", help="offer this firmware version, X.Y.Z")
    parser.add_argument("--for", dest="kind", choices=tuple(PRODUCTS), default="konnektor", help="default: konnektor")
    parser.add_argument("--critical", action="store_true", help="FWPriority Kritisch instead of Normal")
    parser.add_argument("--start", metavar="DATE", help="StartDate, YYYY-MM-DD")
    parser.add_argument("--deadline", metavar="DATE", help="until when it has to be installed, YYYY-MM-DD")
    parser.add_argument("--notes", metavar="TEXT", help="FirmwareReleaseNotes, with the package's Internet address")
    parser.add_argument("--vendor-id", metavar="ID", help="ProductVendorID; default: the lab's own")
    parser.add_argument("--product-code", metavar="CODE", help="ProductCode; default: the lab's own")
    parser.add_argument("--hardware-version", metavar="X.Y.Z", help="HWVersion; default: the lab's own")
    parser.add_argument("--group", metavar="N", help="number of the Firmware-Gruppe, five digits; default: 00001")
    parser.add_argument(
        "--allow",
        nargs="+",
        metavar="X.Y.Z",
        help="for a Konnektor: the versions in the group; default: the running one and VERSION",
    )
    parser.add_argument("--fails", action="store_true", help="for a Konnektor: the program ends when it is to serve")
    parser.add_argument("--octets", type=int, metavar="N", help="for a Fachmodul: how long the file is, up to 64 MiB")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the package's file here as well")
    parser.add_argument("--file", type=Path, metavar="FILE", help="the firmware file; default: one made for it")
    gone = parser.add_mutually_exclusive_group()
    gone.add_argument("--withdraw", metavar="ID", help="take the package with that id away")
    gone.add_argument("--clear", action="store_true", help="take all packages away")
    return parser


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    if args.version is None:
        for name in (*_PLAIN, *_OF_A_PROGRAM, *_OF_A_PACKAGE):
            if getattr(args, name):
                raise InvalidInput(f"--{name.replace('_', '-')} needs a VERSION that is offered")
        return _list(args) if args.withdraw is None and not args.clear else _withdraw(args)
    if args.clear or args.withdraw is not None:
        raise InvalidInput("VERSION goes neither with --withdraw nor with --clear")
    _require_sound(args)
    body: dict[str, Any] = {"for": args.kind, "version": args.version}
    body |= {name: getattr(args, name) for name in _PLAIN if getattr(args, name) is not None}
    if args.allow is not None:
        body["group_versions"] = args.allow
    if args.fails:
        body["fails"] = True
    if args.critical:
        body["priority"] = "Kritisch"
    if args.file is not None:
        body["content"] = b64encode(read_input(args.file)).decode("ascii")
    if args.out is not None:
        check_targets([args.out], force=False)
    with control_port(args) as http:
        made = ask(http, "POST", "/ksr", body)
        if args.out is not None:
            write(args.out, ask_octets(http, f"/ksr/{made['update_id']}"), force=False)
    if args.json:
        out_json(made)
    else:
        out(f"package {made['update_id']}: {made['product_name']} {made['version']}, {made['priority']}")
    return ExitCode.OK


def _require_sound(args: argparse.Namespace) -> None:
    """Raises `InvalidInput` for what the lab would refuse, or pass over in silence."""
    for version in (args.version, *(args.allow or ())):
        if not is_version(version):
            raise InvalidInput(f"{version} is no version: three numbers up to 999, like 1.2.3")
    if args.group is not None and not FirmwareGroup(args.group, (args.version,)).is_sound:
        raise InvalidInput("--group is five digits, like 00002")
    for name in ("start", "deadline"):
        try:
            date.fromisoformat(getattr(args, name) or "2026-01-01")
        except ValueError:
            raise InvalidInput(f"--{name} is a date, YYYY-MM-DD") from None
    for name in _OF_A_PROGRAM:
        if getattr(args, name) and args.file is not None:
            raise InvalidInput(f"--{name} does not go with --file, which has its own")
        if getattr(args, name) and args.kind != "konnektor" and name != "group":
            raise InvalidInput(f"--{name} is for a package for a Konnektor")
    if args.group is not None and args.kind == "fachmodul":
        raise InvalidInput("--group is for a package for a Konnektor or a card terminal")
    if args.octets is not None and args.kind != "fachmodul":
        raise InvalidInput("--octets is for a package for a Fachmodul")


def _withdraw(args: argparse.Namespace) -> int:
    if args.withdraw is not None and not args.withdraw.strip():
        raise InvalidInput("--withdraw needs the id of a package; tiaas lab ksr lists them")
    path = "/ksr" if args.clear else f"/ksr/{quote(args.withdraw, safe='')}"
    with control_port(args) as http:
        gone = ask(http, "DELETE", path)
    if args.json:
        out_json(gone)
    else:
        out(f"{gone['withdrawn']} packages withdrawn")
    return ExitCode.OK


def _list(args: argparse.Namespace) -> int:
    with control_port(args) as http:
        packages = ask(http, "GET", "/ksr")["packages"]
    if args.json:
        out_json(packages)
    else:
        names = ("update_id", "product_code", "hardware_version", "version", "priority", "deadline", "notes")
        titles = ("ID", "PRODUCT", "HARDWARE", "VERSION", "PRIORITY", "DEADLINE", "NOTES")
        out_table(titles, [tuple(package[name] or "" for name in names) for package in packages])
    return ExitCode.OK
