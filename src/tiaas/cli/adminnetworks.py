"""`tiaas admin networks`: the networks behind the TI, and which of them are used."""

import argparse
from collections.abc import Callable

from tiaas.base.errors import InvalidInput
from tiaas.cli.adminaccess import with_admin
from tiaas.cli.adminaccounts import shown
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.explain import note_remedies
from tiaas.cli.writer import note, out, out_table
from tiaas.client.admin import Admin, path_of
from tiaas.interfaces.management.networks import NetworkChoice, NetworkOverview, NetworkSettingsData

_PATH = "/networks"
_OF_ONE = ("activate", "deactivate")
_OF_NEW = {"activate-new": True, "leave-new": False}


def register_networks(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `networks`."""
    added = action("networks", "networks behind the TI: show, fetch the list now, choose which are used", _networks)
    added.add_argument("what", nargs="?", choices=("show", "check", *_OF_ONE, *_OF_NEW), default="show")
    added.add_argument("network", nargs="?", metavar="ID", help="with activate and deactivate: which network")


def _networks(args: argparse.Namespace) -> int:
    if (args.what in _OF_ONE) is not bool(args.network):
        raise InvalidInput("activate and deactivate need the Id of a network, nothing else does")

    async def work(admin: Admin) -> NetworkOverview:
        if args.what == "check":
            return await admin.change("POST", f"{_PATH}/check", kind=NetworkOverview)
        if args.what in _OF_ONE:
            choice = NetworkChoice(args.what == "activate")
            await admin.change("PUT", path_of("/networks/{}/choice", args.network), choice)
        if args.what in _OF_NEW:
            await admin.change("PUT", f"{_PATH}/settings", NetworkSettingsData(_OF_NEW[args.what]))
        return await admin.read(_PATH, NetworkOverview)

    def text(overview: NetworkOverview) -> None:
        if not overview.networks:
            out("no list of networks was taken over yet")
            return
        rows = [
            (
                network.network_id,
                "yes" if network.is_active else "no",
                network.name,
                " ".join(network.segments),
                network.domain,
                " ".join(network.servers),
            )
            for network in overview.networks
        ]
        out_table(("ID", "ACTIVE", "NAME", "SEGMENTS", "DOMAIN", "NAME SERVERS"), rows)

    overview = with_admin(args, work)
    if overview.code is not None:
        note(f"the last list was not taken over: {overview.code} {overview.reason}")
        note_remedies([overview.code])
    code = shown(args, overview, text)
    return ExitCode.FAILED if args.what == "check" and overview.code is not None else code
