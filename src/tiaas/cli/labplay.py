"""`tiaas lab play`: a scenario against a running lab."""

import argparse
import asyncio
from collections.abc import Callable

from tiaas.base.errors import InvalidInput
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labport import add_arguments, ask, control_port
from tiaas.cli.writer import note, out, out_json, out_live, out_table
from tiaas.lab.day.hand import Hand
from tiaas.lab.errors import LabNotFound
from tiaas.lab.scenario.model import Scenario
from tiaas.lab.scenario.named import unknown_names
from tiaas.lab.scenario.play import Player, load_scenario, packaged


def register(things: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Adds `play`."""
    parser = things.add_parser("play", help="play a scenario: cards, terminals, people, faults, a timeline")
    parser.add_argument("scenario", nargs="?", metavar="FILE|NAME", help="a YAML file, or one that comes with tiaas")
    parser.add_argument("--list", action="store_true", help="list those that come with tiaas")
    parser.add_argument("--check", action="store_true", help="only read it, and compare it with a lab that runs")
    add_arguments(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    """Plays to the end."""
    if args.list:
        return _list(args)
    if args.scenario is None:
        raise InvalidInput("name a file or a scenario; --list shows those that come with tiaas")
    scenario = load_scenario(args.scenario)
    if args.check:
        return _check(args, scenario)
    if scenario.quarter_in is not None:
        raise InvalidInput("a scenario with quarter_in sets the clock; only tiaas up --scenario can do that")
    with control_port(args) as http:
        url = str(http.base_url)
    try:
        asyncio.run(play(scenario, url, out_live))
    except KeyboardInterrupt:
        note("what the scenario has done so far stays; tiaas lab fault --clear ends its faults")
        raise
    return ExitCode.OK


def _check(args: argparse.Namespace, scenario: Scenario) -> int:
    """Also what a lab that runs does not have, for a file alone does not say which cards there are."""
    found: tuple[str, ...] = ()
    try:
        with control_port(args) as http:
            cards, terminals = ask(http, "GET", "/cards")["cards"], ask(http, "GET", "/")["terminals"]
        found = tuple(unknown_names(scenario, cards, terminals))
        compared = "its cards and terminals are those of the lab"
    except LabNotFound as error:
        if args.dir is not None:
            raise
        compared = f"its cards and terminals were compared with no lab ({error})"
    for text in found:
        note(f"tiaas: {args.scenario}, {text}")
    if found:
        return ExitCode.FAILED
    out(f"{scenario.title}: {len(scenario.setup) + len(scenario.timeline)} steps; {compared}")
    return ExitCode.OK


async def play(scenario: Scenario, control_url: str, say: Callable[[str], None]) -> None:
    """Plays a scenario at a control port. Raises `LabError`."""
    async with Hand(control_url) as hand:
        await Player(hand, say).play(scenario)


def _list(args: argparse.Namespace) -> int:
    known = packaged()
    if args.json:
        out_json([{"name": name, "title": each.title, "about": each.about} for name, each in known.items()])
    else:
        out_table(("NAME", "TITLE"), [(name, each.title) for name, each in known.items()])
    return ExitCode.OK
