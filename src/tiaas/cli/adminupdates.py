"""`tiaas admin updates`: which firmware the KSR offers for the Konnektor and its card terminals."""

import argparse
from collections.abc import Callable

from tiaas.cli.adminaccess import with_admin
from tiaas.cli.adminaccounts import shown
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.explain import note_remedies
from tiaas.cli.writer import note, out, out_table
from tiaas.client.admin import Admin
from tiaas.interfaces.management.updates import UpdateOverview

_PATH = "/updates"


def register_updates(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `updates`."""
    added = action("updates", "firmware that the KSR offers: show what is known, or ask now", _updates)
    added.add_argument("what", nargs="?", choices=("show", "check"), default="show")


def _updates(args: argparse.Namespace) -> int:
    async def work(admin: Admin) -> UpdateOverview:
        if args.what == "check":
            return await admin.change("POST", f"{_PATH}/check", kind=UpdateOverview)
        return await admin.read(_PATH, UpdateOverview)

    def text(overview: UpdateOverview) -> None:
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

    overview = with_admin(args, work)
    if overview.code is not None:
        note(f"the KSR could not be asked: {overview.code} {overview.reason}")
        note_remedies([overview.code])
    code = shown(args, overview, text)
    return ExitCode.FAILED if args.what == "check" and overview.code is not None else code
