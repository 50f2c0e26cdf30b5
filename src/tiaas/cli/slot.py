"""`tiaas slot request|eject`: what a Primärsystem asks of a person at a terminal (CardTerminalService 1.1).

The hand that puts a card of the lab in and takes it out is `tiaas card insert|eject`.
"""

import argparse

from tiaas.base.errors import InvalidInput
from tiaas.cli.cardchoice import card_type, choose_card
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.writer import out, out_json
from tiaas.client import Konnektor, RequestedCard

_MESSAGE_MAX = 48
"""Characters of DisplayMsg (CardTerminalService.xsd 1.1.2)."""


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `slot` and what it does."""
    parser = subparsers.add_parser("slot")
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    request = actions.add_parser(
        "request", help="ask for a card", description="RequestCard (CardTerminalService 1.1). Waits for the card."
    )
    request.add_argument("--type", metavar="TYPE", help="EGK, KVK, HBAx or SM-B (default: any card)")
    request.add_argument("--seconds", type=int, metavar="N", help="how long to wait (default: 20)")
    eject = actions.add_parser(
        "eject", help="ask to take a card out", description="EjectCard (CardTerminalService 1.1). Waits for the hand."
    )
    eject.add_argument("--card", metavar="CARD", help="card handle or ICCSN, instead of --terminal and --slot")
    eject.add_argument("--milliseconds", type=int, metavar="N", help="how long to wait (default: 20000)")
    for action in (request, eject):
        action.add_argument("--terminal", metavar="CT", help="ctId of the terminal")
        action.add_argument("--slot", type=int, metavar="N", help="slot of the terminal, from 1")
        action.add_argument("--message", metavar="TEXT", help="text for the display, 48 characters at most")
        add_konnektor_arguments(action)


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    _check(args)
    return _request(args) if args.action == "request" else _eject(args)


def _check(args: argparse.Namespace) -> None:
    """Raises `InvalidInput` for what no message can carry, in the words of the options."""
    for option in ("seconds", "milliseconds"):
        value = getattr(args, option, None)
        if value is not None and value < 0:
            raise InvalidInput(f"--{option} {value}: give a number from 0 on")
    if args.slot is not None and args.slot < 1:
        raise InvalidInput(f"--slot {args.slot}: slots count from 1")
    if args.message is not None and len(args.message) > _MESSAGE_MAX:
        raise InvalidInput(f"--message has {len(args.message)} characters; the display takes {_MESSAGE_MAX} at most")


def _request(args: argparse.Namespace) -> int:
    if args.terminal is None or args.slot is None:
        raise InvalidInput("name the place: --terminal CT --slot N")
    wanted = None if args.type is None else card_type(args.type)

    async def request(konnektor: Konnektor) -> RequestedCard:
        return await konnektor.request_card(args.terminal, args.slot, wanted, args.message, args.seconds)

    found = with_konnektor(args, request)
    card = found.card
    if args.json:
        out_json(
            {
                "already_inserted": found.already_inserted,
                "card_handle": card.card_handle,
                "card_type": card.card_type.value,
                "iccsn": card.iccsn,
            }
        )
    else:
        was = " (was in already)" if found.already_inserted else ""
        out(f"{card.card_type.value} {card.iccsn or ''} handle {card.card_handle}{was}".replace("  ", " "))
    return ExitCode.OK


def _eject(args: argparse.Namespace) -> int:
    if args.card is None and (args.terminal is None or args.slot is None):
        raise InvalidInput("name the card (--card), or its place: --terminal CT --slot N")

    async def eject(konnektor: Konnektor) -> None:
        handle = None
        if args.card is not None:
            handle = (await choose_card(konnektor, args.card, ())).card_handle
        await konnektor.eject_card(
            handle,
            ct_id=None if handle else args.terminal,
            slot_id=None if handle else args.slot,
            message=args.message,
            milliseconds=args.milliseconds,
        )

    with_konnektor(args, eject)
    if args.json:
        out_json({"ejected": True})
    else:
        out("the card is out")
    return ExitCode.OK
