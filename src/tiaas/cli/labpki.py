"""`tiaas lab tsl|certificates|revoke`: new trust lists, and what the CAs of a running lab issued and revoked."""

import argparse
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from tiaas.base.errors import InvalidInput
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import add_arguments, ask, control_port
from tiaas.cli.writer import out, out_json, out_table

_ACTIONS = ("show", "renew", "change-anchor")


def register(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds what `tiaas lab` can do with the PKI."""
    tsl = things.add_parser("tsl", help="the trust lists: show them, make new ones, announce a new trust anchor")
    tsl.add_argument("action", nargs="?", choices=_ACTIONS, default="show", help="default: show")
    tsl.add_argument(
        "--after", type=float, metavar="S", help="with change-anchor: seconds until it may be used (default 0)"
    )
    certificates = things.add_parser("certificates", help="what the lab's CAs issued")
    certificates.add_argument("card", nargs="?", metavar="ICCSN", help="of one card only")
    revoke = things.add_parser("revoke", help="revoke a certificate, or all of a card")
    revoke.add_argument("what", metavar="SERIAL|ICCSN", help="serial number in hexadecimal, or a card's number")
    for verb in (tsl, certificates, revoke):
        add_arguments(verb)


def _tsl(args: argparse.Namespace) -> int:
    if args.after is not None and args.action != "change-anchor":
        raise InvalidInput("--after goes with change-anchor")
    with control_port(args) as http:
        if args.action == "show":
            shown = ask(http, "GET", "/tsl")
        else:
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
    return ExitCode.OK


def _list_row(name: str, shown: dict[str, Any]) -> tuple[str, ...]:
    until = shown["next_update"]
    times = (f"{shown['issued'][:19]}Z", "closed" if until is None else f"{until[:19]}Z")
    return (name, str(shown["number"]), shown["id"], *times, str(shown["services"]), shown["url"])


def _certificates(args: argparse.Namespace) -> int:
    query = f"?{urlencode({'card': args.card})}" if args.card else ""
    with control_port(args) as http:
        _show(args, ask(http, "GET", f"/certificates{query}")["certificates"])
    return ExitCode.OK


def _revoke(args: argparse.Namespace) -> int:
    with control_port(args) as http:
        _show(args, ask(http, "POST", "/certificates/revoke", {"what": args.what})["revoked"])
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
