"""`tiaas admin registration|register|deregister|send-operating-data`: a box and its VPN-Zugangsdienst."""

import argparse
from collections.abc import Awaitable, Callable

from tiaas.base.errors import InvalidInput
from tiaas.cli.adminaccess import with_admin
from tiaas.cli.adminaccounts import shown
from tiaas.cli.writer import local_time, out_fields
from tiaas.client.admin import Admin
from tiaas.interfaces.management.registration import RegistrationState, RegistrationWish

_PATH = "/registration"


def register_registration(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds the four actions."""
    action("registration", "how a box is registered at its VPN-Zugangsdienst (profile einbox)", _registration)
    added = action("register", "register a box at its VPN-Zugangsdienst (profile einbox)", _register)
    added.add_argument("contract", nargs="?", metavar="CONTRACT", help="ContractID; default: as before")
    added.add_argument("--smb", metavar="ICCSN", help="the managed SM-B that signs; with CONTRACT")
    action("deregister", "take the registration of a box back (profile einbox)", _deregister)
    action("send-operating-data", "send operating data to the VPN-Zugangsdienst now (profile einbox)", _send)


def _registration(args: argparse.Namespace) -> int:
    return _show(args, lambda admin: admin.read(_PATH, RegistrationState))


def _register(args: argparse.Namespace) -> int:
    if (args.contract is None) is not (args.smb is None):
        raise InvalidInput("CONTRACT and --smb go together")

    async def work(admin: Admin) -> RegistrationState:
        if args.contract is not None:
            await admin.change("PUT", _PATH, RegistrationWish(args.contract, args.smb))
        return await admin.change("POST", f"{_PATH}/register", kind=RegistrationState)

    return _show(args, work)


def _deregister(args: argparse.Namespace) -> int:
    return _show(args, lambda admin: admin.change("POST", f"{_PATH}/deregister", kind=RegistrationState))


def _send(args: argparse.Namespace) -> int:
    return _show(args, lambda admin: admin.change("POST", f"{_PATH}/operating-data", kind=RegistrationState))


def _show(args: argparse.Namespace, work: Callable[[Admin], Awaitable[RegistrationState]]) -> int:
    def text(state: RegistrationState) -> None:
        since = "" if state.registered_at is None else f" since {local_time(state.registered_at)}"
        out_fields(
            {
                "service": state.server_url,
                "registered": f"yes{since}" if state.access_granted else "no",
                "contract": state.registered_contract_id or state.contract_id,
                "contract status": state.contract_status,
                "SM-B": state.registered_smb or state.smb,
                "C.NK.VPN": state.registered_serial,
                "information": state.information,
                "data sent": "" if state.data_sent is None else local_time(state.data_sent),
                "not sent": state.send_failure,
            }
        )

    return shown(args, with_admin(args, work), text)
