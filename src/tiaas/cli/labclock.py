"""`tiaas lab clock`: what time it is in a running lab, and days that pass at once."""

import argparse

from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import ask, control_port
from tiaas.cli.writer import out, out_json

_EPILOG = """\
The lab's services, cards and Konnektors share this clock until the lab ends; it never goes back. Certificates of cards
and trust lists are looked at within seconds. What else is done every so many hours is not done at once: tiaas admin
restart makes the Konnektor look at everything anew.
"""


def register(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Adds `clock`."""
    parser = things.add_parser(
        "clock",
        help="the lab's time; let days pass at once",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--days", type=float, metavar="N", help="so many days later it is now, up to 3650")
    return parser


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    with control_port(args) as http:
        told = ask(http, "GET", "/clock") if args.days is None else ask(http, "POST", "/clock", {"days": args.days})
    if args.json:
        out_json(told)
    else:
        out(told["now"])
    return ExitCode.OK
