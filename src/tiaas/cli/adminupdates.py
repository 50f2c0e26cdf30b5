"""`tiaas admin updates`: firmware that the KSR offers for Konnektor and terminals; the Konnektor's own program."""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input
from tiaas.cli.adminaccess import lab_access, with_admin
from tiaas.cli.adminaccounts import shown
from tiaas.cli.adminfachmodul import fachmodul_packages
from tiaas.cli.calledas import as_called
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.explain import note_remedies
from tiaas.cli.writer import local_time, note, out, out_table
from tiaas.client.admin import Admin, AdminRefused, connect_admin
from tiaas.client.errors import KonnektorUnreachable
from tiaas.interfaces.management.updates import NewProgram, ProgramAttempt, ProgramState, ProgramTaken, UpdateOverview
from tiaas.interfaces.updatepackage import PACKAGE_OCTETS_MAX
from tiaas.lab.errors import LabNotFound

_PATH, _NODE_PATH = "/updates", "/program"
WAIT_SECONDS = 420.0
"""A new program may take its time until it serves, and the one before once more if it does not."""
_LOOK_SECONDS = 0.3


def register_updates(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `updates`."""
    added = action("updates", "firmware that the KSR offers; the program of the Konnektor itself", _updates)
    added.add_argument(
        "what",
        nargs="?",
        choices=("show", "check", "upload", "apply", "fachmodul"),
        default="show",
        help="what is known (default); ask the KSR now; replace the Konnektor's program by the package in FILE, or by "
        "the one that a box has got from the KSR; what the KSR offers for a Fachmodul",
    )
    added.add_argument(
        "file", nargs="?", type=Path, metavar="FILE|NAME", help="with upload: an Update-Paket; with fachmodul: its name"
    )
    added.add_argument("--load", metavar="ID", help="with fachmodul: load that package and keep it for the Fachmodul")
    added.add_argument(
        "--node", dest="is_base", action="store_true", help="with upload: for all instances (base management)"
    )


def _updates(args: argparse.Namespace) -> int:
    if (args.what in ("upload", "fachmodul")) is (args.file is None):
        raise InvalidInput("a FILE goes with upload, a NAME with fachmodul, and with nothing else")
    if args.load is not None and args.what != "fachmodul":
        raise InvalidInput("--load goes with fachmodul")
    if args.is_base and args.what not in ("show", "upload"):
        raise InvalidInput("--node goes with show and upload")
    if args.what in ("upload", "apply"):
        return _replace(args)
    if args.what == "fachmodul":
        return fachmodul_packages(args, str(args.file))
    if args.is_base:
        state = with_admin(args, lambda admin: admin.read(_NODE_PATH, ProgramState))
        return shown(args, state, _tell_program)

    async def work(admin: Admin) -> UpdateOverview:
        if args.what == "check":
            return await admin.change("POST", f"{_PATH}/check", kind=UpdateOverview)
        return await admin.read(_PATH, UpdateOverview)

    overview = with_admin(args, work)
    if overview.code is not None:
        note(f"the KSR could not be asked: {overview.code} {overview.reason}")
        note_remedies([overview.code])
    code = shown(args, overview, _tell)
    not_fetched = "" if overview.program is None else overview.program.not_fetched
    if not_fetched:
        note(f"the package for the Konnektor was not fetched: {not_fetched}")
    has_failed = overview.code is not None or bool(not_fetched)
    return ExitCode.FAILED if args.what == "check" and has_failed else code


def _tell(overview: UpdateOverview) -> None:
    rows = [
        (
            device.device,
            device.firmware_version,
            update.version,
            "yes" if update.is_newer else "",
            update.priority,
            update.deadline or "",
            update.notes,
        )
        for device in overview.devices
        for update in device.updates
    ]
    if rows:
        out_table(("DEVICE", "RUNS", "OFFERED", "NEWER", "PRIORITY", "DEADLINE", "NOTES"), rows)
    else:
        out("the KSR offers nothing for these devices" if overview.asked else "nothing is known of the KSR yet")
    if overview.program is not None:
        _tell_program(overview.program)


def _tell_program(program: ProgramState) -> None:
    out(f"program {program.version}, Firmware-Gruppe {program.group} ({', '.join(program.group_versions)})")
    if program.waiting is not None:
        out(as_called(f"{program.waiting} came from the KSR: tiaas admin updates apply"))
    if program.step is not None:
        out(f"an update is under way: {program.step}")
    if program.history:
        rows = [(local_time(each.at), each.before, each.version, _outcome(each)) for each in program.history]
        out_table(("TRIED AT", "RAN", "PACKAGE", "OUTCOME"), rows)


def _outcome(attempt: ProgramAttempt) -> str:
    return "applied" if attempt.code is None else f"{attempt.code} {attempt.detail}"


# ---- another program -------------------------------------------------------------------------------------------------


def _replace(args: argparse.Namespace) -> int:
    wish = None if args.file is None else NewProgram(read_input(args.file, PACKAGE_OCTETS_MAX))
    path = f"{_PATH}/apply" if wish is None else _NODE_PATH if args.is_base else f"{_PATH}/package"

    async def state(admin: Admin) -> ProgramState | None:
        if args.is_base:
            return await admin.read(_NODE_PATH, ProgramState)
        return (await admin.read(_PATH, UpdateOverview)).program

    async def work(admin: Admin) -> ProgramAttempt | None:
        before = await state(admin)
        taken = await admin.change("POST", path, wish, ProgramTaken)
        note(f"{taken.version} is whole, signed and starts; the node restarts with it")
        return await _settled(lambda: now(admin), before)

    async def now(admin: Admin) -> ProgramState | None:
        if args.url is not None:
            return await state(admin)
        # A lab may have other ports after a restart.
        async with connect_admin(lab_access(args, is_base=args.is_base)) as anew:
            return await state(anew)

    attempt = with_admin(args, work)
    if attempt is None:
        note("tiaas: no answer of the node, or it wants another login; then tiaas admin updates tells what came of it")
        return ExitCode.FAILED
    if attempt.code is None:
        out(f"program {attempt.version} serves")
        return ExitCode.OK
    note(f"tiaas: {attempt.before} serves again: {attempt.code} {attempt.detail}")
    note_remedies([attempt.code])
    return ExitCode.FAULT


async def _settled(
    ask: Callable[[], Awaitable[ProgramState | None]], before: ProgramState | None
) -> ProgramAttempt | None:
    """What the restart has come to, as soon as an instance knows; None: nobody says so."""
    known = () if before is None else before.history
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            now = await ask()
        except (KonnektorUnreachable, LabNotFound):
            continue
        except AdminRefused:
            return None
        if now is not None and now.history and now.history[-1] not in known:
            return now.history[-1]
    return None
