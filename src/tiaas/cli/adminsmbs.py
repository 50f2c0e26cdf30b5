"""`tiaas admin virtual-smb`: virtual SMC-Bs in HSMs shown, activated and deactivated (A_23632-01)."""

import argparse
from collections.abc import Callable

from tiaas.base.errors import InvalidInput
from tiaas.cli.adminaccess import read_secret, with_admin
from tiaas.cli.adminaccounts import shown
from tiaas.cli.writer import out_table
from tiaas.client.admin import Admin, path_of
from tiaas.interfaces.management.virtualsmbs import ActivationCode, VirtualSmbs

_PATH = "/virtual-smbs"


def register_virtual_smbs(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `virtual-smb`."""
    added = action(
        "virtual-smb",
        "virtual SMC-Bs in HSMs: show; activate for a Mandant, the code of the letter is asked for; deactivate",
        _virtual_smb,
    )
    added.add_argument("what", nargs="?", choices=("show", "activate", "deactivate"), default="show")
    added.add_argument("iccsn", nargs="?", metavar="ICCSN", help="with activate and deactivate")
    added.add_argument("--mandant", metavar="ID", help="with activate and deactivate")


def _virtual_smb(args: argparse.Namespace) -> int:
    named = (args.iccsn is not None, args.mandant is not None)
    if named != ((False, False) if args.what == "show" else (True, True)):
        raise InvalidInput("activate and deactivate take an ICCSN and --mandant, show takes nothing")
    code = read_secret("activation code: ") if args.what == "activate" else None

    async def work(admin: Admin) -> VirtualSmbs:
        if args.what != "show":
            path = path_of(f"{_PATH}/{{}}/activations/{{}}", args.iccsn, args.mandant)
            if code is not None:
                await admin.change("PUT", path, ActivationCode(code))
            else:
                await admin.change("DELETE", path)
        return await admin.read(_PATH, VirtualSmbs)

    def text(found: VirtualSmbs) -> None:
        rows = [
            (
                each.iccsn,
                each.order_number,
                f"{each.ct_id} slot {each.slot}",
                each.holder if each.available else "its HSM is not there",
                ", ".join(each.mandanten) or "nobody",
            )
            for each in found.virtual_smbs
        ]
        out_table(("ICCSN", "ORDER", "WHERE", "HOLDER", "ACTIVATED FOR"), rows)

    return shown(args, with_admin(args, work), text)
