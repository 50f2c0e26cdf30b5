"""`tiaas admin …` for certificates that Clientsysteme show and see (gemSpec_Kon V5.18 TIP1-A_4517, A_23511), and all
that are in use, those of the device with their keys (A_18931)."""

import argparse
from collections.abc import Callable
from pathlib import Path

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input
from tiaas.base.secret import Secret
from tiaas.cli.adminaccess import read_secret, with_admin
from tiaas.cli.adminaccounts import shown
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.writer import out, out_fields, out_table
from tiaas.client.admin import Admin, path_of
from tiaas.interfaces.management.clientsystems import (
    ClientCertificate,
    ForeignCertificate,
    ForeignServerCertificate,
    KeyType,
    NewServerCertificate,
    ServerCertificate,
)
from tiaas.interfaces.management.system import CertificateOverview

_PATH = "/server-certificate"


def register_certificates(action: Callable[..., argparse.ArgumentParser]) -> None:
    """Adds `certificates`, `import-certificate` and `server-certificate`."""
    action("certificates", "all certificates in use, their keys, when they end", _certificates)
    added = action("import-certificate", "accept a client certificate made elsewhere", _import_client)
    added.add_argument("client", metavar="CLIENT_SYSTEM")
    added.add_argument("file", type=Path, metavar="FILE", help="the certificate, PEM or DER")
    server = action("server-certificate", "the server's certificate: show, make a new one, import one", _server)
    server.add_argument("what", nargs="?", choices=("show", "make", "import"), default="show")
    server.add_argument("file", nargs="?", type=Path, metavar="FILE", help="with import: PKCS#12 with its key")
    server.add_argument("--key", choices=[kind.value for kind in KeyType], default=KeyType.P256.value)
    server.add_argument("--password-file", type=Path, metavar="FILE", help="with import; default: it is asked for")
    server.add_argument("--ca-pem", action="store_true", help="write the CA to trust (PEM), nothing else")


def _certificates(args: argparse.Namespace) -> int:
    def text(found: CertificateOverview) -> None:
        rows = [
            (f"{each.not_after:%Y-%m-%d}", str(each.days_left), each.use, each.key or "", each.where, each.subject)
            for each in found.certificates
        ]
        out_table(("EXPIRES", "DAYS", "USE", "KEY", "WHERE", "SUBJECT"), rows)
        out(f"the device's own identities have {'RSA keys only' if found.is_rsa_only else 'ECC keys'}")

    return shown(args, with_admin(args, lambda admin: admin.read("/certificates", CertificateOverview)), text)


def _import_client(args: argparse.Namespace) -> int:
    path = f"{path_of('/client-systems/{}', args.client)}/certificates/import"
    wish = ForeignCertificate(read_input(args.file))
    taken = with_admin(args, lambda admin: admin.change("POST", path, wish, ClientCertificate))
    text = f"{args.client}: certificate {taken.fingerprint}, valid until {taken.not_after:%Y-%m-%d}"
    return shown(args, taken, lambda _: out(text))


def _server(args: argparse.Namespace) -> int:
    if (args.what == "import") is (args.file is None):
        raise InvalidInput("a FILE goes with import and with nothing else")
    foreign = None
    if args.file is not None:
        file, given = read_input(args.file), args.password_file
        password = read_secret(f"password of {args.file}: ") if given is None else Secret(read_input(given).strip())
        foreign = ForeignServerCertificate(file, password)

    async def work(admin: Admin) -> ServerCertificate:
        if foreign is not None:
            return await admin.change("POST", f"{_PATH}/import", foreign, ServerCertificate)
        if args.what == "make":
            return await admin.change("POST", _PATH, NewServerCertificate(KeyType(args.key)), ServerCertificate)
        return await admin.read(_PATH, ServerCertificate)

    def text(found: ServerCertificate) -> None:
        out_fields(
            {
                "subject": found.subject,
                "issuer": found.issuer,
                "hosts": ", ".join(found.hosts),
                "key": found.key,
                "valid until": f"{found.not_after:%Y-%m-%d}",
                "SHA-256": found.fingerprint,
                "made": "elsewhere" if found.is_imported else "by the instance's CA",
            }
        )

    certificate = with_admin(args, work)
    if args.ca_pem:
        out(certificate.ca_pem.rstrip())
        return ExitCode.OK
    return shown(args, certificate, text)
