"""`tiaas lab tsl|certificates|revoke`: new trust lists, and what the CAs of a running lab issued and revoked."""

import argparse
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from tiaas.base.errors import InvalidInput
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import add_arguments, ask, control_port
from tiaas.cli.writer import out, out_json, out_table

_ACTIONS = ("show", "renew", "change-anchor")
_FETCH = "a Konnektor fetches lists once a day, or every ti.lists_minutes (1 is good for a test lab)"
_ANNOUNCED = f"""\
next: 1. wait until the Konnektor has fetched this announcement: {_FETCH}
      2. after the date above: tiaas lab tsl renew; a Konnektor that does not know the announcement refuses that list"""
_RENEWED = f"it takes effect with the next fetch: {_FETCH}"
_RENEWED_ANCHOR = f"""\
this TSL is signed under the new trust anchor; a Konnektor that has not fetched the announcement refuses it
{_RENEWED}"""
_KEPT = "a Konnektor that asked already may keep the old status for ti.ocsp_grace_minutes (10 unless configured)"


def register(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds what `tiaas lab` can do with the PKI."""
    tsl = things.add_parser("tsl", help="the trust lists: show them, make new ones, announce a new trust anchor")
    tsl.add_argument("action", nargs="?", choices=_ACTIONS, default="show", help="default: show")
    tsl.add_argument(
        "--after", type=float, metavar="S", help="with change-anchor: seconds until it may be used (default 0)"
    )
    certificates = things.add_parser("certificates", help="what the lab's CAs issued")
    certificates.add_argument("what", nargs="?", metavar="ICCSN|SERIAL", help="of one card only, or one certificate")
    revoke = things.add_parser("revoke", help="revoke a certificate, or all of a card")
    revoke.add_argument(
        "what", metavar="SERIAL|ICCSN", help="serial number (hexadecimal as printed, else decimal), or a card's number"
    )
    for verb in (tsl, certificates, revoke):
        add_arguments(verb)


def _tsl(args: argparse.Namespace) -> int:
    if args.after is not None and args.action != "change-anchor":
        raise InvalidInput("--after goes with change-anchor")
    if args.after is not None and not (math.isfinite(args.after) and args.after >= 0):
        raise InvalidInput("--after is a number of seconds from now, 0 or more")
    with control_port(args) as http:
        before = shown = ask(http, "GET", "/tsl")
        if args.action != "show":
            body = {"after": args.after} if args.after is not None else {}
            shown = ask(http, "POST", f"/tsl/{args.action}", body)
    if args.json:
        out_json(shown)
        return ExitCode.OK
    out_table(
        ("LIST", "NUMBER", "ID", "ISSUED", "NEXT UPDATE", "SERVICES", "URL"),
        [_list_row(name, shown[name]) for name in ("tsl", "bnetza")],
    )
    if shown["next_anchor_from"] is not None:
        out(f"the next trust anchor is announced, to be used from {shown['next_anchor_from']} on")
    if args.action == "change-anchor":
        out(_ANNOUNCED)
    elif args.action == "renew":
        was_announced = before["next_anchor_from"] is not None and shown["next_anchor_from"] is None
        out(_RENEWED_ANCHOR if was_announced else _RENEWED)
    return ExitCode.OK


def _list_row(name: str, shown: dict[str, Any]) -> tuple[str, ...]:
    until = shown["next_update"]
    times = (f"{shown['issued'][:19]}Z", "closed" if until is None else f"{until[:19]}Z")
    return (name, str(shown["number"]), shown["id"], *times, str(shown["services"]), shown["url"])


def _certificates(args: argparse.Namespace) -> int:
    query = f"?{urlencode({'what': args.what})}" if args.what else ""
    with control_port(args) as http:
        _show(args, ask(http, "GET", f"/certificates{query}")["certificates"])
    return ExitCode.OK


def _revoke(args: argparse.Namespace) -> int:
    with control_port(args) as http:
        _show(args, ask(http, "POST", "/certificates/revoke", {"what": args.what})["revoked"])
    if not args.json:
        out(_KEPT)
    return ExitCode.OK


def _show(args: argparse.Namespace, certificates: list[dict[str, Any]]) -> None:
    if args.json:
        out_json(certificates)
    else:
        rows = [(c["serial"], c["kind"], c["name"], c["card"], c["issuer"], c["revoked"] or "") for c in certificates]
        out_table(("SERIAL", "KIND", "NAME", "CARD", "ISSUER", "REVOKED"), rows)


THINGS: dict[str, Callable[[argparse.Namespace], int]] = {
    "tsl": _tsl,
    "certificates": _certificates,
    "revoke": _revoke,
}
"""What `tiaas lab THING` calls."""
