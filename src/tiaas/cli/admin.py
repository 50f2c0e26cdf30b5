"""`tiaas admin …`: the management interface on the command line. Secrets are typed or read from files, never arguments.

`tiaas admin call METHOD PATH` reaches every row of the tables; the other actions are what people do often.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input
from tiaas.base.secret import Secret
from tiaas.cli import adminterminals
from tiaas.cli.adminaccess import (
    add_access_arguments,
    read_json,
    read_secret,
    require_new,
    with_admin,
)
from tiaas.cli.adminaccounts import register_accounts, register_base, shown
from tiaas.cli.adminadapters import register_adapters
from tiaas.cli.admincall import register_call
from tiaas.cli.admincertificates import register_certificates
from tiaas.cli.adminimportedcas import register_imported_cas
from tiaas.cli.adminlogs import register_logs
from tiaas.cli.adminnetworks import register_networks
from tiaas.cli.adminparameters import register_parameters
from tiaas.cli.adminregistration import register_registration
from tiaas.cli.adminrestart import register_restart, said_whether_back, with_restart
from tiaas.cli.adminsmbs import register_virtual_smbs
from tiaas.cli.adminsystem import register_system
from tiaas.cli.adminupdates import register_updates
from tiaas.cli.calledas import as_called
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.explain import note_remedies
from tiaas.cli.outputfiles import write_own
from tiaas.cli.writer import local_time, note, out, out_fields, out_json, out_table
from tiaas.client.admin import Admin, path_of
from tiaas.interfaces.management.clientsystems import (
    ClientSystemList,
    IssuedCertificate,
    KeyType,
    NewClientCertificate,
)
from tiaas.interfaces.management.documents import plain, read
from tiaas.interfaces.management.infomodel import InfoModelDocument
from tiaas.interfaces.management.system import (
    CardOverview,
    ConfigImport,
    ConfigShown,
    ExpiryRun,
    ExportedConfig,
    FactoryReset,
    ListImport,
    ListRefreshed,
    SmbPinCall,
    SmbPinState,
    SmbUnblock,
    TrustState,
)

Work = Callable[[argparse.Namespace], int]


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `admin` and what it does."""
    parser = subparsers.add_parser("admin")
    things = parser.add_subparsers(dest="thing", metavar="WHAT", required=True)
    adminterminals.register(things)

    def action(name: str, text: str, work: Work, *, is_base: bool = False) -> argparse.ArgumentParser:
        added = things.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        added.set_defaults(act=work, is_base=is_base)
        add_access_arguments(added)
        return added

    register_system(action)
    register_adapters(action)
    action("cards", "all inserted cards", _cards)
    action("clients", "how Clientsysteme authenticate", _clients)
    made = action("make-certificate", "make a client certificate as PKCS#12", _make_certificate)
    made.add_argument("client", metavar="CLIENT_SYSTEM")
    made.add_argument("file", type=Path, metavar="FILE", help="new file; its password goes to FILE.password")
    made.add_argument("--key", choices=[kind.value for kind in KeyType], default=KeyType.P256.value)
    register_certificates(action)
    model = action("model", "the information model as JSON: show it, or replace it by a file", _model)
    model.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a whole model, as `admin model` shows it")
    trust = action("trust", "trust lists: show, fetch now, import", _trust)
    trust.add_argument("what", nargs="?", choices=("show", "refresh", "import"), default="show")
    trust.add_argument("file", nargs="?", type=Path, metavar="FILE", help="with import: a TSL")
    kind = trust.add_mutually_exclusive_group()
    kind.add_argument("--bnetza", action="store_true", help="with import: FILE is a BNetzA-VL")
    kind.add_argument("--crl", action="store_true", help="with import: FILE is a CRL (DER), profile einbox only")
    register_imported_cas(action)
    register_virtual_smbs(action)
    register_updates(action)
    register_networks(action)
    register_registration(action)
    action("expiry", "read the certificates of all reachable cards: which end soon, which of SM-Bs count", _expiry)
    register_parameters(action)
    pin = action("pin", "state of PIN.SMC; have it typed, changed or unblocked at the terminal", _pin)
    pin.add_argument("what", choices=("status", "verify", "change", "unblock"))
    pin.add_argument("iccsn", metavar="ICCSN")
    pin.add_argument("--mandant", required=True, metavar="ID")
    pin.add_argument("--workplace", required=True, metavar="ID")
    register_restart(action)
    reset = action("factory-reset", "back to the delivery state", _reset)
    reset.add_argument("--confirm", required=True, metavar="NAME", help="the instance's name")
    export = action("export", "the configuration as an encrypted, signed file", _export)
    export.add_argument("file", type=Path, metavar="FILE", help="new file; its passphrase goes to FILE.passphrase")
    moved = action("import", "check and show an exported configuration; with --yes, take it", _import)
    moved.add_argument("file", type=Path, metavar="FILE")
    moved.add_argument("--passphrase-file", type=Path, metavar="FILE", help="default: it is asked for")
    moved.add_argument("--yes", action="store_true", help="replace the configuration and restart")
    register_logs(action)
    register_accounts(action)
    register_base(action)
    register_call(action)


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    act: Work = args.act
    return act(args)


# ---- the instance ---------------------------------------------------------------------------------------------------


def _cards(args: argparse.Namespace) -> int:
    def text(overview: CardOverview) -> None:
        rows = [
            (card.card_type, card.iccsn or "", f"{card.ct_id} slot {card.slot}", card.holder or "", card.expires or "")
            for card in overview.cards
        ]
        out_table(("TYPE", "ICCSN", "WHERE", "HOLDER", "EXPIRES"), rows)

    return shown(args, with_admin(args, lambda admin: admin.read("/cards", CardOverview)), text)


def _clients(args: argparse.Namespace) -> int:
    def text(shown: ClientSystemList) -> None:
        rows = [
            (client.client_system_id, certificate.fingerprint, certificate.subject, f"{certificate.not_after:%Y-%m-%d}")
            for client in shown.client_systems
            for certificate in client.certificates
        ]
        rows += [(c.client_system_id, "", f"user {user}", "") for c in shown.client_systems for user in c.users]
        out_table(("CLIENTSYSTEM", "CERTIFICATE (SHA-256)", "WHO", "EXPIRES"), rows)

    return shown(args, with_admin(args, lambda admin: admin.read("/client-systems", ClientSystemList)), text)


def _make_certificate(args: argparse.Namespace) -> int:
    path = f"{path_of('/client-systems/{}', args.client)}/certificates"
    wish = NewClientCertificate(KeyType(args.key))
    require_new(args.file, _beside(args.file, "password"))
    issued = with_admin(args, lambda admin: admin.change("POST", path, wish, IssuedCertificate))
    write_own(args.file, issued.pkcs12, force=False)
    write_own(_beside(args.file, "password"), issued.password.reveal(), force=False)
    out(f"{args.file}: certificate {issued.fingerprint}, valid until {issued.not_after:%Y-%m-%d}")
    return ExitCode.OK


def _model(args: argparse.Namespace) -> int:
    wish = None if args.file is None else read(InfoModelDocument, read_json(args.file))

    async def replace(admin: Admin) -> InfoModelDocument:
        model, tag = await admin.read_tagged("/infomodel", InfoModelDocument)
        if wish is None:
            return model
        return await admin.change("PUT", "/infomodel", wish, InfoModelDocument, tag)

    out_json(plain(with_admin(args, replace)))
    return ExitCode.OK


def _trust(args: argparse.Namespace) -> int:
    if (args.what == "import") is (args.file is None):
        raise InvalidInput("a FILE goes with import and with nothing else")
    found = None if args.file is None else ListImport(read_input(args.file))
    failed: list[str] = []

    async def work(admin: Admin) -> TrustState:
        if args.what == "refresh":
            for name in ("tsl", "bnetza"):
                done = await admin.change("POST", f"/trust/{name}/refresh", kind=ListRefreshed)
                note(f"{name}: {'fetched' if done.succeeded else 'not fetched; see the reason below'}")
                failed.extend([] if done.succeeded else [name])
                contact = (await admin.read("/trust", TrustState)).tsl_service
                if contact is not None and contact.code is not None:
                    note(f"{name}: TSL service refused: {contact.code} {contact.reason}")
                    note_remedies([contact.code])
        elif found is not None:
            name = "bnetza" if args.bnetza else "crl" if args.crl else "tsl"
            await admin.change("POST", f"/trust/{name}/import", found)
        return await admin.read("/trust", TrustState)

    def text(state: TrustState) -> None:
        rows = [
            (
                name,
                str(each.sequence_number or ""),
                "" if each.next_update is None else f"{each.next_update:%Y-%m-%d}",
                "" if each.imported is None else local_time(each.imported),
                each.last_reason,
            )
            for name, each in (("TSL", state.tsl), ("BNetzA-VL", state.bnetza))
        ]
        out_table(("LIST", "NUMBER", "NEXT UPDATE", "IMPORTED", "LAST FAILURE"), rows)
        contact = state.tsl_service
        if contact is not None and contact.code is not None:
            at = local_time(contact.at)
            out_fields({"TSL service": f"refused at {at}: {contact.code} {contact.reason}"})
        anchor = state.anchor
        if anchor is not None:
            since = "not told by a TSL" if anchor.since is None else local_time(anchor.since)
            out_fields(
                {
                    "type of the TSL": state.tsl_type or "",
                    "trust anchor": anchor.name,
                    "in status since": since,
                    "valid until": local_time(anchor.not_after),
                    "SHA-256": anchor.fingerprint,
                }
            )

    code = shown(args, with_admin(args, work), text)
    return ExitCode.FAILED if failed else code


def _expiry(args: argparse.Namespace) -> int:
    def text(found: ExpiryRun) -> None:
        rows = [
            (each.expires, str(each.days_left), each.certificate, f"{each.ct_id} slot {each.slot}", each.holder or "")
            for each in found.expiring
        ]
        if rows:
            out_table(("EXPIRES", "DAYS", "CERTIFICATE", "WHERE", "HOLDER"), rows)
        for card in found.unread:
            reason = "" if card.code is None else f": {card.code}"
            note(f"{card.card_type} in {card.ct_id} slot {card.slot} could not be read{reason}")
        bad = [smb for smb in found.smbs if smb.status != "Good"]
        for smb in bad:
            why = "" if smb.code is None else f": {smb.code}"
            out(f"{smb.certificate} of the {smb.card_type} in {smb.ct_id} slot {smb.slot} is {smb.status}{why}")
        out(
            f"{found.certificates} certificates of {found.cards} cards were read; "
            f"{len(rows)} have ended or end within {found.warn_days} days; "
            f"the status of {len(found.smbs)} certificates of SM-Bs was asked for, {len(bad)} are not Good"
        )

    found = with_admin(args, lambda admin: admin.change("POST", "/certificates/expiry-run", kind=ExpiryRun))
    return shown(args, found, text)


def _pin(args: argparse.Namespace) -> int:
    path = f"{path_of('/smbs/{}', args.iccsn)}/pin/{args.what}"
    asked = (SmbUnblock if args.what == "unblock" else SmbPinCall)(args.mandant, args.workplace)
    state = with_admin(args, lambda admin: admin.change("POST", path, asked, SmbPinState))
    shown(args, state, lambda shown: out(f"PIN.SMC: {shown.state}"))
    return ExitCode.PIN_REFUSED if args.what != "status" and state.state != "OK" else ExitCode.OK


def _reset(args: argparse.Namespace) -> int:
    wish = FactoryReset(args.confirm)
    _, reason = with_restart(args, lambda admin: admin.exchange("POST", "/system/factory-reset", wish))
    note("tiaas: the instance goes back to its delivery state; who managed it makes new accounts")
    return said_whether_back(reason)


def _export(args: argparse.Namespace) -> int:
    require_new(args.file, _beside(args.file, "passphrase"))
    made = with_admin(args, lambda admin: admin.change("POST", "/config/export", kind=ExportedConfig))
    write_own(args.file, made.file, force=False)
    write_own(_beside(args.file, "passphrase"), made.passphrase.reveal(), force=False)
    out(f"{args.file}: {len(made.file)} octets; keep the passphrase elsewhere than the file")
    return ExitCode.OK


def _import(args: argparse.Namespace) -> int:
    given = args.passphrase_file
    passphrase = read_secret("passphrase: ") if given is None else Secret(read_input(given).strip())
    wish = ConfigImport(read_input(args.file), passphrase, args.yes)

    def text(shown: ConfigShown) -> None:
        out_fields(
            {
                "instance": shown.instance,
                "exported": local_time(shown.exported),
                "signed by": f"{shown.signer} ({shown.signer_fingerprint})",
                "content": f"{shown.rows} rows: {', '.join(shown.kinds)}",
                "taken": "yes" if shown.was_imported else "no; take it with --yes",
            }
        )
        if shown.was_imported and shown.to_be_activated:
            out("terminals are gepairt and not in use, nor are their cards, until each is confirmed:")
            for ct_id in shown.to_be_activated:
                out(as_called(f"  tiaas admin terminal activate {ct_id}"))

    found, reason = with_restart(
        args,
        lambda admin: admin.change("POST", "/config/import", wish, ConfigShown),
        lambda found: found.was_imported,
    )
    shown(args, found, text)
    return said_whether_back(reason) if found.was_imported else ExitCode.OK


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")
