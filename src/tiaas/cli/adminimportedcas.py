"""`tiaas admin imported-ca`: CAs outside of the TI that documents are encrypted below (CERT_IMPORTED_CA_LIST)."""

import argparse
from collections.abc import Callable
from pathlib import Path

from tiaas.base.errors import InvalidInput
from tiaas.cli.adminaccess import with_admin
from tiaas.cli.adminaccounts import shown
from tiaas.cli.documentfiles import read_certificates
from tiaas.cli.writer import note, out_table
from tiaas.client.admin import Admin, path_of
from tiaas.interfaces.management.importedcas import CaImport, ImportedCaEntry, ImportedCaList

_PATH = "/trust/imported-cas"


def register_imported_cas(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `imported-ca`."""
    added = action("imported-ca", "CAs outside of the TI for encryption: show, add, remove", _imported_ca)
    added.add_argument("what", nargs="?", choices=("show", "add", "remove"), default="show")
    added.add_argument(
        "which", nargs="?", metavar="FILE|SHA-256", help="with add: certificates (PEM or DER); with remove: fingerprint"
    )


def _imported_ca(args: argparse.Namespace) -> int:
    if (args.what == "show") is not (args.which is None):
        raise InvalidInput("add takes a FILE, remove a fingerprint, show nothing")
    certificates = read_certificates(Path(args.which)) if args.what == "add" else []

    async def work(admin: Admin) -> ImportedCaList:
        for der in certificates:
            entry = await admin.change("POST", _PATH, CaImport(der), ImportedCaEntry)
            note(f"{entry.subject}: its holders may be encrypted for, whatever became of their certificates")
        if args.what == "remove":
            await admin.change("DELETE", path_of(f"{_PATH}/{{}}", args.which.replace(":", "").lower()))
        return await admin.read(_PATH, ImportedCaList)

    def text(found: ImportedCaList) -> None:
        rows = [(each.fingerprint, f"{each.not_after:%Y-%m-%d}", each.subject) for each in found.imported_cas]
        out_table(("SHA-256", "ENDS", "CA"), rows)

    return shown(args, with_admin(args, work), text)
