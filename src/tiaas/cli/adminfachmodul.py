"""`tiaas admin updates fachmodul`: packages that the KSR offers for a Fachmodul; loads one."""

import argparse

from tiaas.cli.adminaccess import with_admin
from tiaas.cli.adminaccounts import shown
from tiaas.cli.writer import local_time, out, out_table
from tiaas.client.admin import Admin, path_of
from tiaas.interfaces.management.updates import FachmodulUpdates, LoadedPackage, LoadPackage

_PATH = "/updates/fachmodul/{}"


def fachmodul_packages(args: argparse.Namespace, name: str) -> int:
    """Lists, or loads the package that `--load` names."""
    path = path_of(_PATH, name)
    if args.load is not None:
        wish = LoadPackage(args.load)
        loaded = with_admin(args, lambda admin: admin.change("POST", f"{path}/load", wish, LoadedPackage))
        return shown(args, loaded, _tell_loaded)

    async def work(admin: Admin) -> FachmodulUpdates:
        return await admin.read(path, FachmodulUpdates)

    return shown(args, with_admin(args, work), _tell)


def _tell(known: FachmodulUpdates) -> None:
    rows = [
        (update.update_id, update.version, "yes" if update.is_newer else "", update.priority, update.notes)
        for update in known.updates
    ]
    if rows:
        out_table(("ID", "VERSION", "NEWER", "PRIORITY", "NOTES"), rows)
    else:
        out(f"the KSR offers nothing for {known.fachmodul}")
    if known.loaded is not None:
        _tell_loaded(known.loaded)


def _tell_loaded(loaded: LoadedPackage) -> None:
    out(f"{loaded.version} was loaded at {local_time(loaded.loaded)}: {loaded.file}, {loaded.octets} octets")
    out(f"SHA-256 {loaded.sha256}")
