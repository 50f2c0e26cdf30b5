"""Which Konnektor a verb talks to: `--kon FILE`, or a running lab (see `tiaas.cli.whichlab`)."""

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from tiaas.base.errors import InvalidInput
from tiaas.cli.whichlab import find_lab
from tiaas.cli.writer import note
from tiaas.client import Kon, Konnektor, KonnektorFault, connect, load_kon
from tiaas.lab.ready import read_ready

T = TypeVar("T")
_UNKNOWN_CONTEXT = 4021


def add_konnektor_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--kon`, `--dir`, `--practice`, `--workplace`, `--user` and `--json`."""
    group = parser.add_argument_group("which Konnektor (default: that of the running lab)")
    group.add_argument("--kon", type=Path, metavar="FILE", help="a .kon file: any Konnektor")
    group.add_argument("--dir", type=Path, metavar="DIR", help="folder of a running lab (default: TIAAS_DIR)")
    group.add_argument(
        "--practice", type=int, default=1, metavar="N", help="which practice of the lab, counted from 1 (default: 1)"
    )
    group.add_argument("--workplace", metavar="ID", help="another workplace than that of the .kon file")
    group.add_argument("--user", metavar="ID", help="another userId than that of the .kon file")
    parser.add_argument("--json", action="store_true", help="write JSON instead of text")


def choose_kon(args: argparse.Namespace) -> Kon:
    """The `.kon` meant. Raises `BadKon`, `LabNotFound`, `InvalidInput`."""
    kon = _chosen(args)
    given = {"workplace_id": args.workplace, "user_id": args.user}
    return replace(kon, **{name: value for name, value in given.items() if value is not None})


def _chosen(args: argparse.Namespace) -> Kon:
    if args.kon is not None:
        return load_kon(args.kon, os.environ)
    folder = find_lab(args.dir)
    instances: list[Any] = read_ready(folder)["instances"]
    if not 1 <= args.practice <= len(instances):
        noun = "practice" if len(instances) == 1 else "practices"
        raise InvalidInput(f"the lab in {folder} has {len(instances)} {noun}; --practice counts from 1")
    return load_kon(Path(instances[args.practice - 1]["kon_file"]), os.environ)


def with_konnektor(args: argparse.Namespace, work: Callable[[Konnektor], Awaitable[T]]) -> T:
    """Connects, does `work`, and returns what it returns. Raises what `choose_kon`, `connect` and `work` raise."""

    async def session(kon: Kon) -> T:
        async with connect(kon) as konnektor:
            try:
                return await work(konnektor)
            except KonnektorFault as fault:
                if fault.code == _UNKNOWN_CONTEXT:
                    # The answer does not say which id is unknown.
                    note(f"tiaas: sent: {_context(kon)}")
                raise

    return asyncio.run(session(choose_kon(args)))


def _context(kon: Kon) -> str:
    """The ids of a call's context; `repr` shows blanks at their ends."""
    ids = {"MandantId": kon.mandant_id, "ClientSystemId": kon.client_system_id, "WorkplaceId": kon.workplace_id}
    return ", ".join(f"{name} {value!r}" for name, value in ids.items())
