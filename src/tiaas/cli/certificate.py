"""`tiaas certificate check|verify`: when certificates end, and whether one is valid (CertificateService 6.0).

The certificates of a card themselves: `tiaas get certificates`.
"""

import argparse
from datetime import datetime
from pathlib import Path

from tiaas.base.errors import InvalidInput
from tiaas.cli.cardchoice import choose_card
from tiaas.cli.documentfiles import read_certificates
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.writer import note, out, out_json, out_table
from tiaas.client import CertificateEnds, CertificateVerdict, Konnektor
from tiaas.interfaces.certificate_service_v6_0 import Crypt, VerificationResult

_TITLES = ("TERMINAL", "ICCSN", "HOLDER", "VALID UNTIL", "SERIAL NUMBER")


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `certificate` and what it does."""
    parser = subparsers.add_parser("certificate")
    actions = parser.add_subparsers(dest="action", metavar="WHAT", required=True)
    check = actions.add_parser(
        "check",
        help="when the certificates of cards end",
        description="CheckCertificateExpiration (CertificateService 6.0). Without --card: all cards and the Konnektor.",
    )
    check.add_argument("--card", metavar="CARD", help="card handle or ICCSN")
    check.add_argument("--crypt", choices=[crypt.value for crypt in Crypt], help="RSA (default) or ECC")
    verify = actions.add_parser(
        "verify",
        help="whether a certificate is valid",
        description="VerifyCertificate (CertificateService 6.0). Exit code 1 if it is not VALID.",
    )
    verify.add_argument("file", type=Path, metavar="FILE", help="the certificate, PEM or DER")
    verify.add_argument("--at", metavar="TIME", help="reference time, ISO 8601 with zone (default: now)")
    for action in (check, verify):
        add_konnektor_arguments(action)


def run(args: argparse.Namespace) -> int:
    """Does what was asked."""
    return _check(args) if args.action == "check" else _verify(args)


def _check(args: argparse.Namespace) -> int:
    async def check(konnektor: Konnektor) -> CertificateEnds:
        handle = None if args.card is None else (await choose_card(konnektor, args.card, ())).card_handle
        crypt = None if args.crypt is None else Crypt(args.crypt)
        return await konnektor.check_certificate_expiration(handle, crypt)

    ends = with_konnektor(args, check)
    rows = [
        (entry.ct_id or "(Konnektor)", entry.iccsn, entry.subject_common_name, entry.validity, entry.serial_number)
        for entry in ends.certificates
    ]
    if args.json:
        keys = ("ct_id", "iccsn", "common_name", "validity", "serial_number")
        out_json([dict(zip(keys, map(str, row), strict=True)) for row in rows])
    else:
        out_table(_TITLES, [tuple(map(str, row)) for row in rows])
    for entry in ends.warning:
        note(f"tiaas: {entry.code}: {entry.text}")
    return ExitCode.OK


def _verify(args: argparse.Namespace) -> int:
    der, at = read_certificates(args.file)[0], None if args.at is None else _time(args.at)

    async def verify(konnektor: Konnektor) -> CertificateVerdict:
        return await konnektor.verify_certificate(der, at)

    verdict = with_konnektor(args, verify)
    if args.json:
        reasons = [{"code": entry.code, "text": entry.text, "detail": entry.detail} for entry in verdict.reasons]
        out_json({"result": verdict.result.value, "reasons": reasons, "roles": list(verdict.roles)})
    else:
        out(verdict.result.value + "".join(f" {role}" for role in verdict.roles))
        for entry in verdict.reasons:
            note(f"tiaas: {entry.code}: {entry.text}: {entry.detail}")
    return ExitCode.OK if verdict.result is VerificationResult.VALID else ExitCode.FAILED


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text} is no time; write 2026-01-31T12:00:00+01:00") from None
    if found.tzinfo is None:
        raise InvalidInput(f"{text} has no zone; write 2026-01-31T12:00:00+01:00")
    return found
