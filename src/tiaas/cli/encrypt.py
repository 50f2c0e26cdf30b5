"""`tiaas encrypt`: encrypts files for certificates and for a card."""

import argparse
import asyncio
from pathlib import Path

from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import check_input
from tiaas.cli import documentfiles
from tiaas.cli.cardchoice import choose_card
from tiaas.cli.eachfile import Convert, convert_each
from tiaas.cli.konnektorargs import add_konnektor_arguments
from tiaas.cli.ldapaddress import add_ldap_argument, choose_ldap
from tiaas.cli.writer import note
from tiaas.client import Converted, Crypt, Konnektor, find_recipient
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.encryption_service_v6_1 import EncryptionType

_TYPES = {"cms": EncryptionType.CMS, "xml": EncryptionType.XML, "smime": EncryptionType.SMIME}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `encrypt`."""
    parser = subparsers.add_parser(
        "encrypt",
        description="EncryptDocument (EncryptionService 6.1). XML becomes XMLEnc (NAME-encrypted.xml), anything else "
        "CMS (.p7m). Nobody has to type a PIN. A file that cannot be encrypted is named, and the others are encrypted.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what to encrypt")
    parser.add_argument(
        "--to",
        action="append",
        type=Path,
        default=[],
        metavar="CERTIFICATE",
        help="recipients, PEM (all certificates in it) or DER; may be repeated",
    )
    parser.add_argument(
        "--to-directory",
        action="append",
        default=[],
        metavar="NAME",
        help="recipient from the directory of the TI: KIM address, Telematik-ID, BSNR, IK or whole name, with all its "
        "certificates; may be repeated",
    )
    add_ldap_argument(parser)
    parser.add_argument(
        "--for-card", metavar="CARD", help="recipient: card handle or ICCSN (default without others: the only SMC-B)"
    )
    parser.add_argument("--type", choices=_TYPES, help="format (default: by the file)")
    parser.add_argument("--mime", metavar="TYPE", help="xml, binary or a MIME type (default: by the file's name)")
    parser.add_argument(
        "--crypt",
        choices=[crypt.value for crypt in Crypt],
        default="RSA_ECC",
        help="which keys of the card (default: both)",
    )
    documentfiles.add_output_arguments(parser)
    add_konnektor_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Encrypts one file after the other; the worst outcome is the exit code."""
    for path in args.files:
        check_input(path)
    certificates = [each for path in args.to for each in documentfiles.read_certificates(path)]
    names = [f"{path.stem}-encrypted.xml" if _form(path, args).is_xml else f"{path.name}.p7m" for path in args.files]
    paths = documentfiles.targets(args.files, names, args.output, args.force)
    certificates += _from_directory(args)

    async def begin(konnektor: Konnektor) -> Convert:
        card = None
        if args.for_card is not None or not certificates:
            card = (await choose_card(konnektor, args.for_card, (CardType.SMC_B,))).card_handle

        async def encrypt(source: Path) -> Converted:
            form = _form(source, args)
            return await konnektor.encrypt_document(
                documentfiles.read_as(source, form),
                certificates,
                card_handle=card,
                crypt=None if card is None else Crypt(args.crypt),
                is_xml=form.is_xml,
                mime_type=form.mime_type,
                encryption_type=_TYPES.get(args.type),
            )

        return encrypt

    return convert_each(args, paths, begin)


def _from_directory(args: argparse.Namespace) -> list[bytes]:
    if not args.to_directory:
        return []
    url, context = choose_ldap(args)
    found: list[bytes] = []
    for name in args.to_directory:
        recipient = asyncio.run(find_recipient(url, name, context))
        note(f"tiaas: {recipient.name}, {recipient.telematik_id}: certificates {len(recipient.certificates)}")
        found += recipient.certificates
    return found


def _form(path: Path, args: argparse.Namespace) -> documentfiles.DocumentForm:
    """XML is XML for XMLEnc only; with `--type cms` it is octets."""
    form = documentfiles.form_of(path, args.mime)
    if args.type == "xml" and not form.is_xml:
        raise InvalidInput(f"{path}: --type xml encrypts XML; say --mime xml if it is")
    if args.type in ("cms", "smime"):
        return documentfiles.DocumentForm(False, form.mime_type or ("text/xml" if form.is_xml else None))
    return form
