"""`tiaas admin …` for administrators and for the instances of a node."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiaas.base.inputfile import read_input
from tiaas.cli.adminaccess import read_secret, require_new, with_admin
from tiaas.cli.calledas import as_called
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.outputfiles import write_own
from tiaas.cli.writer import local_time, note, out, out_fields, out_json, out_table
from tiaas.client.admin import path_of
from tiaas.interfaces.management.accounts import (
    AdministratorList,
    IssuedToken,
    NewAdministrator,
    NewContact,
    NewPassword,
    NewToken,
)
from tiaas.interfaces.management.base import (
    Backup,
    BaseLog,
    DeletionConfirmed,
    HostedInstances,
    InstanceMade,
    NewInstance,
    Restored,
)
from tiaas.interfaces.management.documents import plain
from tiaas.interfaces.management.roles import Role

Action = Callable[..., argparse.ArgumentParser]


def register_accounts(action: Action) -> None:
    """Adds what is done with accounts."""
    action("administrators", "all administrators", _administrators)
    add = action("add-administrator", "make an administrator; the password is asked for", _add_administrator)
    add.add_argument("user_name", metavar="NAME")
    add.add_argument("--role", choices=[role.value for role in Role], default=Role.LOKAL.value)
    add.add_argument("--may-reset", action="store_true", help="USER_RESET_PERMISSION")
    add.add_argument("--contact", default="", metavar="TEXT", help="how the administrator is reached")
    contact = action("set-contact", "set contact data: your own, or somebody's", _set_contact)
    contact.add_argument("who", metavar="NAME")
    contact.add_argument("contact", metavar="TEXT")
    password = action("set-password", "set somebody's password; it is asked for", _set_password)
    password.add_argument("who", metavar="NAME")
    token = action("make-token", "make a token for a program", _make_token)
    token.add_argument("who", metavar="NAME")
    token.add_argument("file", type=Path, metavar="FILE", help="new file for the token")
    token.add_argument("--label", default="program")
    token.add_argument("--days", type=int, metavar="N", help="default: it does not expire")


def register_base(action: Action) -> None:
    """Adds what is done with instances."""
    action("instances", "all instances of the node", _instances, is_base=True)
    create = action("create-instance", "make an instance", _create_instance, is_base=True)
    create.add_argument("name", metavar="NAME")
    create.add_argument("--listen", required=True, metavar="ADDR")
    create.add_argument("--port", type=int, required=True, metavar="N")
    create.add_argument("--admin-port", type=int, required=True, metavar="N")
    create.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder for ca.pem and token")
    backup = action("backup-instance", "save an instance as a file that only this node opens", _back_up, is_base=True)
    backup.add_argument("name", metavar="NAME")
    backup.add_argument("file", type=Path, metavar="FILE", help="new file")
    restore = action("restore-instance", "put an instance back to a backup of it", _restore, is_base=True)
    restore.add_argument("name", metavar="NAME")
    restore.add_argument("file", type=Path, metavar="FILE")
    action("base-log", "what was done with instances and accounts of the node", _base_log, is_base=True)
    remove = action("delete-instance", "order, withdraw or execute the deletion of an instance", _delete, is_base=True)
    remove.add_argument("what", choices=("order", "withdraw", "execute"))
    remove.add_argument("name", metavar="NAME")
    remove.add_argument("--confirm", metavar="NAME", help="with execute: the name once more")


def shown(args: argparse.Namespace, document: Any, text: Callable[[Any], None]) -> int:
    """Writes a document as JSON, or by `text`; the exit code."""
    if args.json:
        out_json(plain(document))
    else:
        text(document)
    return ExitCode.OK


def _administrators(args: argparse.Namespace) -> int:
    def text(shown: AdministratorList) -> None:
        rows = [
            (
                each.user,
                each.role.value,
                "locked" if each.is_locked else "",
                "may reset" if each.may_reset else "",
                each.contact,
            )
            for each in shown.administrators
        ]
        out_table(("NAME", "ROLE", "LOCKED", "RIGHTS", "CONTACT"), rows)

    return shown(args, with_admin(args, lambda admin: admin.read("/administrators", AdministratorList)), text)


def _add_administrator(args: argparse.Namespace) -> int:
    new = NewAdministrator(
        args.user_name,
        read_secret(f"password for {args.user_name}: "),
        Role(args.role),
        args.may_reset,
        args.contact,
    )
    with_admin(args, lambda admin: admin.change("POST", "/administrators", new))
    out(f"{args.user_name} is {args.role}")
    return ExitCode.OK


def _set_contact(args: argparse.Namespace) -> int:
    path = f"{path_of('/administrators/{}', args.who)}/contact"
    with_admin(args, lambda admin: admin.change("PUT", path, NewContact(args.contact)))
    out("the contact data are set")
    return ExitCode.OK


def _set_password(args: argparse.Namespace) -> int:
    new = NewPassword(read_secret(f"new password for {args.who}: "))
    path = f"{path_of('/administrators/{}', args.who)}/password"
    with_admin(args, lambda admin: admin.change("PUT", path, new))
    out("the password is set")
    return ExitCode.OK


def _make_token(args: argparse.Namespace) -> int:
    path = f"{path_of('/administrators/{}', args.who)}/tokens"
    new = NewToken(args.label, args.days)
    require_new(args.file)
    made = with_admin(args, lambda admin: admin.change("POST", path, new, IssuedToken))
    write_own(args.file, made.token.reveal(), force=False)
    out(f"{args.file}: token {made.token_id} of {args.who}")
    return ExitCode.OK


def _instances(args: argparse.Namespace) -> int:
    def text(shown: HostedInstances) -> None:
        rows = [
            (
                each.name,
                each.life.value,
                each.url or "",
                each.admin_url or "",
                "configured" if each.is_configured else "",
            )
            for each in shown.instances
        ]
        out_table(("NAME", "LIFE", "KONNEKTOR", "MANAGEMENT", "ORIGIN"), rows)
        for each in shown.instances:
            if each.not_restarted is not None:
                note(f"{each.name} did not restart: {each.not_restarted}")

    return shown(args, with_admin(args, lambda admin: admin.read("/instances", HostedInstances)), text)


def _create_instance(args: argparse.Namespace) -> int:
    wish = NewInstance(args.name, args.listen, args.port, args.admin_port)
    require_new(args.out)
    made = with_admin(args, lambda admin: admin.change("POST", "/instances", wish, InstanceMade))
    args.out.mkdir(mode=0o700)
    write_own(args.out / "ca.pem", made.ca_pem.encode(), force=False)
    write_own(args.out / "token", made.token.reveal(), force=False)
    out_fields({"instance": made.name, "Konnektor": made.url, "management": made.admin_url, "files": str(args.out)})
    return ExitCode.OK


def _back_up(args: argparse.Namespace) -> int:
    path = f"{path_of('/instances/{}', args.name)}/backup"
    require_new(args.file)
    made = with_admin(args, lambda admin: admin.change("POST", path, kind=Backup))
    write_own(args.file, made.file, force=False)
    out(f"{args.file}: {len(made.file)} octets; only this node opens it")
    return ExitCode.OK


def _restore(args: argparse.Namespace) -> int:
    path = f"{path_of('/instances/{}', args.name)}/restore"
    backup = Backup(read_input(args.file))
    done = with_admin(args, lambda admin: admin.change("POST", path, backup, Restored))
    return shown(args, done, lambda _: out(f"{done.name} is as it was at {local_time(done.saved)}"))


def _base_log(args: argparse.Namespace) -> int:
    def text(found: BaseLog) -> None:
        rows = [(local_time(e.at), e.user, e.action, e.value) for e in found.entries]
        out_table(("AT", "WHO", "WHAT", "VALUE"), rows)

    return shown(args, with_admin(args, lambda admin: admin.read("/log", BaseLog)), text)


def _delete(args: argparse.Namespace) -> int:
    path = f"{path_of('/instances/{}', args.name)}/deletion"
    if args.what == "execute":
        confirmed = DeletionConfirmed(args.confirm or "")
        with_admin(args, lambda admin: admin.exchange("POST", f"{path}/execute", confirmed))
        out(f"{args.name} is deleted with all its data and logs")
    elif args.what == "order":
        with_admin(args, lambda admin: admin.exchange("POST", path))
        out(as_called("ordered; executed by: tiaas admin delete-instance execute NAME --confirm NAME"))
    else:
        with_admin(args, lambda admin: admin.exchange("DELETE", path))
        out("the order is withdrawn")
    return ExitCode.OK
