"""`tiaas card make|show|export|import`: cards of any kind and in any state, made in a running lab."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tiaas.base.errors import InvalidInput
from tiaas.cli.cardquestions import KINDS, ask_form
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.formfile import read_card_file, read_form_file
from tiaas.cli.labport import add_arguments, ask
from tiaas.cli.outputfiles import add_force_argument, check_targets, write_own
from tiaas.cli.writer import out, out_json
from tiaas.interfaces.card_service_common_v2_0 import CardType


def register(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds these verbs to those of `tiaas card`."""
    make = things.add_parser(
        "make",
        help="make a card from a form",
        description="Makes a card and puts it into the drawer of a running lab. Without FILE it asks questions; an "
        "empty answer takes the default, and --type takes all of them. docs/reference/cards.md describes the form.",
    )
    kinds = "a valid card of that kind, of an invented holder"
    make.add_argument("--type", choices=KINDS, help=kinds)
    make.add_argument("file", nargs="?", type=Path, metavar="FILE", help="form: .toml, .json, .yaml; -: JSON on stdin")
    show = things.add_parser("show", help="show a card and the state it is in")
    export = things.add_parser("export", help="write a card with its keys and PINs to a file")
    take = things.add_parser("import", help="take in a card that was exported")
    for verb in (show, export):
        verb.add_argument("iccsn", metavar="ICCSN", help="the card's number, 20 digits")
    for verb in (export, take):
        verb.add_argument("file", type=Path, metavar="FILE", help="the image file (JSON)")
    add_force_argument(export)
    for verb in (make, show, export, take):
        add_arguments(verb)


def _make(http: httpx.Client, args: argparse.Namespace) -> int:
    if args.file is not None and args.type is not None:
        raise InvalidInput("a form file and --type do not go together")
    if args.type is not None:
        form = ask_form(lambda question: "", args.type)
    elif args.file is not None:
        form = read_form_file(args.file)
    elif sys.stdin.isatty():
        form = ask_form()
    else:
        raise InvalidInput("name a form file: there is nobody here to answer questions")
    _tell(args, ask(http, "POST", "/cards", form), "made")
    return ExitCode.OK


def _show(http: httpx.Client, args: argparse.Namespace) -> int:
    card = ask(http, "GET", _path(args.iccsn))
    if args.json:
        out_json(card)
        return ExitCode.OK
    where = "drawer" if card["in"] is None else f"{card['in']['ct_id']} slot {card['in']['slot']}"
    out(f"{card['type']} {card['iccsn']}, {card['holder']}, {where}")
    out(f"object system {card['object_system'] or _no_version(card)}, keys {card['keys']}")
    if card["private_keys"]:
        out(f"private keys: {', '.join(card['private_keys'])}")
    for path in card["locked"]:
        out(f"locked: {path}")
    if card["defect"] is not None:
        out(f"broken: {card['defect']['kind']} {card['defect']['path'] or ''}".rstrip())
    for pin in card["pins"]:
        out(f"{pin['name']}: {pin['state']}{_counters(pin)}")
    for certificate in card["certificates"]:
        state = "revoked" if certificate["revoked"] else f"until {certificate['until'][:10]}"
        out(f"{certificate['file']}: {state}")
    for certificate in card["cv_certificates"]:
        out(f"{certificate['file']}: until {certificate['until']}")
    return ExitCode.OK


def _no_version(card: dict[str, Any]) -> str:
    is_old = card["type"] == CardType.HBA_QSIG
    return "without a version (a card of before generation 2)" if is_old else "unreadable"


def _counters(pin: dict[str, Any]) -> str:
    return f", {pin['tries']} tries left, PUK {pin['puk_uses']} uses left" if "tries" in pin else ""


def _export(http: httpx.Client, args: argparse.Namespace) -> int:
    check_targets([args.file], args.force, is_own=True)
    image = ask(http, "GET", _path(args.iccsn) + "/image")
    write_own(args.file, (json.dumps(image, indent=1) + "\n").encode("utf-8"), force=args.force)
    if args.json:
        out_json({"iccsn": args.iccsn, "file": str(args.file)})
    else:
        out(f"{args.iccsn} written to {args.file}, with its keys and PINs (TEST-ONLY)")
    return ExitCode.OK


def _import(http: httpx.Client, args: argparse.Namespace) -> int:
    _tell(args, ask(http, "POST", "/cards/import", read_card_file(args.file)), "taken in")
    return ExitCode.OK


VERBS = {"make": _make, "show": _show, "export": _export, "import": _import}


def _path(iccsn: str) -> str:
    return f"/cards/{quote(iccsn, safe='')}"


def _tell(args: argparse.Namespace, card: dict[str, Any], done: str) -> None:
    if args.json:
        out_json(card)
    else:
        out(f"{card['iccsn']} {card['type']} of {card['holder']} {done}, in the drawer")
