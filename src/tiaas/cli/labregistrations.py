"""`tiaas lab registrations`: contracts of the lab's VPN-Zugangsdienst, and the boxes that are registered there."""

import argparse

from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import ask, control_port
from tiaas.cli.writer import out_json, out_table


def register(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Adds `registrations`."""
    return things.add_parser(
        "registrations",
        help="contracts of the lab's VPN-Zugangsdienst, and which boxes are registered",
        epilog="--json also shows the operating data that came last.",
    )


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    with control_port(args) as http:
        there = ask(http, "GET", "/registrations")
    if args.json:
        out_json(there)
        return ExitCode.OK
    rows = [
        (contract["contract"], contract["status"], entry["device"], entry["at"])
        for contract in there["contracts"]
        for entry in [each for each in there["registrations"] if each["contract"] == contract["contract"]]
        or [{"device": "", "at": ""}]
    ]
    out_table(("CONTRACT", "STATUS", "C.NK.VPN", "REGISTERED"), rows)
    return ExitCode.OK
