"""`tiaas admin …` for an instance as a whole: state, operating data, the systems of the TI it depends on, a box's ways
and packet filter."""

import argparse
from collections.abc import Awaitable, Callable
from pathlib import Path

from tiaas.cli.adminaccess import with_admin
from tiaas.cli.adminaccounts import shown
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.outputfiles import write
from tiaas.cli.writer import local_time, out, out_fields, out_table
from tiaas.client.admin import Admin
from tiaas.interfaces.management.centralsystems import CentralSystems
from tiaas.interfaces.management.packetfilter import PacketFilterState
from tiaas.interfaces.management.system import Reachability, ReachabilityTest, SystemState

_FILTER = "/system/packet-filter"


def register_system(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `state`, `operating-data`, `central-systems`, `reach`, `vpn`, `packet-filter`."""
    action("state", "what the instance is and how it is", _state)
    data = action("operating-data", "the operating data as XML (OperatingData.xsd)", _operating_data)
    data.add_argument("file", nargs="?", type=Path, metavar="FILE", help="where to write it (default: standard output)")
    action("central-systems", "the systems of the TI, and whether each can be reached now", _central_systems)
    reach = action("reach", "test whether the instance reaches a host", _reach)
    reach.add_argument("host", metavar="HOST")
    reach.add_argument("port", type=int, metavar="PORT")
    vpn = action("vpn", "set up a box's way to the TI or the SIS now (profile einbox)", _vpn)
    vpn.add_argument("way", choices=("ti", "sis"))
    rules = action("packet-filter", "show a box's packet filter, or load its rules again (profile einbox)", _filter)
    rules.add_argument("what", nargs="?", choices=("show", "load"), default="show")


def _state(args: argparse.Namespace) -> int:
    def text(state: SystemState) -> None:
        out_fields(
            {
                "instance": f"{state.name} ({state.profile})",
                "environment": state.environment or "",
                "address": state.url,
                "serves since": "" if state.serves_since is None else local_time(state.serves_since),
                "product": f"{state.product_name} ({state.product_code})",
                "product type": f"{state.product_type} {state.product_type_version}",
                "vendor": f"{state.vendor_name} ({state.vendor_id})",
                "hardware": state.hardware_version,
                "firmware": state.firmware_version,
                "Fachmodule": ", ".join(f"{each.name} {each.version}" for each in state.fachmodule),
                "restart": "needed: parameters were changed" if state.restart_needed else "",
                "conditions": ", ".join(f"{each.name} ({each.severity})" for each in state.conditions) or "none",
            }
        )

    return shown(args, with_admin(args, lambda admin: admin.read("/system", SystemState)), text)


def _operating_data(args: argparse.Namespace) -> int:
    answer = with_admin(args, lambda admin: admin.exchange("GET", "/system/operating-data"))
    if args.file is None:
        out(answer.body.decode())
    else:
        write(args.file, answer.body, force=True)
        out(f"{args.file}: {len(answer.body)} octets")
    return ExitCode.OK


def _central_systems(args: argparse.Namespace) -> int:
    def text(found: CentralSystems) -> None:
        words = {True: "reachable", False: "not reachable", None: "not tried"}
        rows = [
            (
                each.system,
                each.host,
                str(each.port),
                words[each.is_reachable],
                "" if each.at is None else local_time(each.at),
                each.reason,
            )
            for each in found.systems
        ]
        out_table(("SYSTEM", "HOST", "PORT", "STATE", "AT", "REASON"), rows)

    found = with_admin(args, lambda admin: admin.read("/system/central-systems", CentralSystems))
    return shown(args, found, text)


def _reach(args: argparse.Namespace) -> int:
    wish = ReachabilityTest(args.host, args.port)
    found = with_admin(args, lambda admin: admin.change("POST", "/system/reachability", wish, Reachability))
    shown(args, found, lambda r: out("reachable" if r.is_reachable else f"not reachable: {r.reason}"))
    return ExitCode.OK if found.is_reachable else ExitCode.FAILED


def _vpn(args: argparse.Namespace) -> int:
    with_admin(args, lambda admin: admin.change("POST", f"/vpn/{args.way}/connect"))
    out(f"the way to the {args.way.upper()} is there")
    return ExitCode.OK


def _filter(args: argparse.Namespace) -> int:
    def text(state: PacketFilterState) -> None:
        out_fields(
            {
                "rules": state.file,
                "table": f"inet {state.table}",
                "in force": "yes" if state.in_force else f"no: {state.reason}",
            }
        )

    def ask(admin: Admin) -> Awaitable[PacketFilterState]:
        if args.what == "load":
            return admin.change("POST", f"{_FILTER}/load", kind=PacketFilterState)
        return admin.read(_FILTER, PacketFilterState)

    return shown(args, with_admin(args, ask), text)
