"""`tiaas lab update`: makes an update wait for a health card, lists those that wait, takes one back."""

import argparse
from typing import Any
from urllib.parse import quote

from tiaas.base.errors import InvalidInput
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import ask, control_port
from tiaas.cli.writer import out, out_json, out_table

# Option → name of the value in the VSD, and what it is.
_VALUES = {
    "--first-name": ("vorname", "first name"),
    "--surname": ("nachname", "surname"),
    "--title": ("titel", "academic title; empty: none"),
    "--street": ("strasse", "street"),
    "--number": ("hausnummer", "house number"),
    "--postcode": ("postleitzahl", "postcode"),
    "--city": ("ort", "city"),
    "--exempt-until": ("zuzahlung_befreit_bis", "last day without co-payment, YYYYMMDD; empty: not exempt"),
}
_EPILOG = """\
without any option: list the updates that wait.

The update waits until a Konnektor asks for the card online (ReadVSD with PerformOnlineCheck) and is then written to
the card. One that was interrupted is begun again the next time; cancelled, it restores the old data instead.
"""


def register(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Adds `update`."""
    parser = things.add_parser(
        "update",
        help="make an update of a health card wait at its insurer",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("iccsn", nargs="?", metavar="ICCSN", help="the card's number, 20 digits; tiaas card list")
    for option, (name, text) in _VALUES.items():
        parser.add_argument(option, dest=name, metavar="TEXT", help=text)
    parser.add_argument(
        "--insured-as", dest="versichertenart", type=int, choices=(1, 3, 5), help="1 member, 3 family, 5 pensioner"
    )
    lock = parser.add_mutually_exclusive_group()
    lock.add_argument("--lock", action="store_true", help="lock the health application instead (CMS)")
    lock.add_argument("--unlock", action="store_true", help="unlock it")
    parser.add_argument("--optional", action="store_true", help="the Konnektor may leave it out")
    parser.add_argument("--cancel", metavar="ID", help="take the update with that id back")
    return parser


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    names = [name for name, _ in _VALUES.values()] + ["versichertenart"]
    change = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    task = "lock" if args.lock else "unlock" if args.unlock else "data"
    wanted = bool(change) or task != "data"
    if args.cancel is not None:
        if wanted or args.iccsn or args.optional:
            raise InvalidInput("--cancel goes with nothing else")
        if not args.cancel.strip():
            raise InvalidInput("--cancel needs the id of an update; tiaas lab update lists them")
        return _cancel(args)
    if args.iccsn is None or not wanted:
        if wanted or args.optional:
            raise InvalidInput("name the card: tiaas lab update ICCSN …; tiaas card list shows all")
        return _list(args)
    if change and task != "data":
        raise InvalidInput(f"--{task} changes no data; give two updates")
    priority = "OPTIONAL" if args.optional else "MANDATORY"
    body = {"iccsn": args.iccsn, "task": task, "priority": priority, "change": change}
    with control_port(args) as http:
        made = ask(http, "POST", "/updates", body)
    if args.json:
        out_json(made)
    else:
        out(f"update {made['update_id']} waits for card {made['iccsn']}: {_what(made)}")
    return ExitCode.OK


def _cancel(args: argparse.Namespace) -> int:
    with control_port(args) as http:
        repair = ask(http, "DELETE", f"/updates/{quote(args.cancel, safe='')}")["repair"]
    if args.json:
        out_json({"repair": repair})
    elif repair is None:
        out(f"update {args.cancel} cancelled")
    else:
        out(f"update {args.cancel} was begun: it stays and restores the old data")
    return ExitCode.OK


def _list(args: argparse.Namespace) -> int:
    with control_port(args) as http:
        updates = ask(http, "GET", "/updates")["updates"]
    updates = [update for update in updates if args.iccsn in (None, update["iccsn"])]
    if args.json:
        out_json(updates)
    else:
        rows = [
            (
                update["update_id"],
                update["iccsn"],
                update["priority"],
                _what(update),
                "yes" if update["is_begun"] else "",
            )
            for update in updates
        ]
        out_table(("ID", "ICCSN", "PRIORITY", "WHAT", "BEGUN"), rows)
    return ExitCode.OK


def _what(update: dict[str, Any]) -> str:
    if update["task"] != "data":
        return str(update["task"])
    return ", ".join(f"{name} {value!r}" for name, value in update["change"].items()) or "restore the data"
