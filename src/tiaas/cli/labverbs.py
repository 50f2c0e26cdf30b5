"""`tiaas card …`: the hand at the virtual terminals of a running lab, through its control port.

`eject`, `insert` and `list` are here, making cards is in `cardverbs`.
"""

import argparse
from typing import Any
from urllib.parse import quote

import httpx

from tiaas.base.errors import InvalidInput
from tiaas.cli import cardverbs
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import add_arguments, ask, control_port
from tiaas.cli.writer import out, out_json, out_table
from tiaas.lab.errors import LabError


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `card` and what it does."""
    parser = subparsers.add_parser("card")
    things = parser.add_subparsers(dest="thing", metavar="WHAT", required=True)
    listed = things.add_parser("list", help="all cards of the lab and where they are")
    eject = things.add_parser("eject", help="take a card out of its terminal, into the drawer")
    insert = things.add_parser("insert", help="put a card from the drawer into a terminal")
    for verb in (eject, insert):
        verb.add_argument("iccsn", metavar="ICCSN", help="the card's number, 20 digits")
    insert.add_argument("--terminal", metavar="CT", help="ctId of the terminal (with --slot; default: where it was)")
    insert.add_argument("--slot", type=int, metavar="N", help="slot of the terminal, from 1 (with --terminal)")
    kvk = things.add_parser("insert-kvk", help="put a Krankenversichertenkarte made for it into an empty slot")
    kvk.add_argument("--terminal", metavar="CT", required=True, help="ctId of the terminal")
    kvk.add_argument("--slot", type=int, metavar="N", required=True, help="slot of the terminal, from 1")
    kvk.add_argument("--damage", choices=["checksum", "unreadable"], help="what is wrong with it")
    for verb in (listed, eject, insert, kvk):
        add_arguments(verb)
    cardverbs.register(things)


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    with control_port(args) as http:
        verbs = {"list": _list, "eject": _eject, "insert": _insert, "insert-kvk": _insert_kvk, **cardverbs.VERBS}
        return verbs[args.thing](http, args)


def _list(http: httpx.Client, args: argparse.Namespace) -> int:
    cards = ask(http, "GET", "/cards")["cards"]
    if args.json:
        out_json(cards)
    else:
        titles = ("TYPE", "ICCSN", "HOLDER", "KVNR", "PRACTICE", "WHERE")
        out_table(titles, [_row(card) for card in cards])
    return ExitCode.OK


def _row(card: dict[str, Any]) -> tuple[str, ...]:
    where = f"{card['in']['ct_id']} slot {card['in']['slot']}" if card["in"] else "drawer"
    return card["type"], card["iccsn"], card["holder"], card["kvnr"] or "", str(card["practice"]), where


def _eject(http: httpx.Client, args: argparse.Namespace) -> int:
    place = _card(http, args.iccsn)["in"]
    if place is None:
        raise LabError(f"card {args.iccsn} is in no terminal")
    ask(http, "POST", _slot_path(place, "eject"))
    _tell(args, place, f"ejected from {place['ct_id']} slot {place['slot']}")
    return ExitCode.OK


def _insert(http: httpx.Client, args: argparse.Namespace) -> int:
    if (args.terminal is None) is not (args.slot is None):
        raise InvalidInput("--terminal and --slot go together")
    card = _card(http, args.iccsn)
    place = card["home"] if args.terminal is None else {"ct_id": args.terminal, "slot": args.slot}
    ask(http, "POST", _slot_path(place, "insert"), {"iccsn": args.iccsn})
    _tell(args, place, f"inserted into {place['ct_id']} slot {place['slot']}")
    return ExitCode.OK


def _insert_kvk(http: httpx.Client, args: argparse.Namespace) -> int:
    place = {"ct_id": args.terminal, "slot": args.slot}
    ask(http, "POST", _slot_path(place, "insert-kvk"), {"damage": args.damage} if args.damage else {})
    if args.json:
        out_json(place)
    else:
        url = str(http.base_url).rstrip("/") + _slot_path(place, "eject")
        out(f"KVK inserted into {args.terminal} slot {args.slot}; taking it out: POST {url}")
    return ExitCode.OK


def _tell(args: argparse.Namespace, place: dict[str, Any], text: str) -> None:
    if args.json:
        out_json({"iccsn": args.iccsn, "ct_id": place["ct_id"], "slot": place["slot"]})
    else:
        out(f"{args.iccsn} {text}")


def _card(http: httpx.Client, iccsn: str) -> dict[str, Any]:
    for card in ask(http, "GET", "/cards")["cards"]:
        if card["iccsn"] == iccsn:
            found: dict[str, Any] = card
            return found
    raise LabError(f"this lab has no card {iccsn}; tiaas card list shows all")


def _slot_path(place: dict[str, Any], verb: str) -> str:
    return f"/terminals/{quote(place['ct_id'], safe='')}/slots/{place['slot']}/{verb}"
