"""`tiaas decrypt`: decrypts files with the key of an SMC-B or HBA."""

import argparse
from pathlib import Path

from tiaas.base.inputfile import check_input
from tiaas.cli import documentfiles
from tiaas.cli.cardchoice import choose_sm_b_or_hba
from tiaas.cli.eachfile import Convert, convert_each
from tiaas.cli.konnektorargs import add_konnektor_arguments
from tiaas.client import Converted, Konnektor

_MARK = "-encrypted"


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `decrypt`."""
    parser = subparsers.add_parser(
        "decrypt",
        description="DecryptDocument (EncryptionService 6.1), for CMS, XMLEnc and S/MIME. PIN.SMC or PIN.CH was "
        "verified before: tiaas pin verify, tiaas pin verify PIN.CH. A file that cannot be decrypted is named, and the "
        "others are decrypted.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what to decrypt")
    parser.add_argument(
        "--card", metavar="CARD", help="card handle or ICCSN (default: the only SMC-B, else the only HBA)"
    )
    parser.add_argument("--mime", metavar="TYPE", help="xml or binary (default: by the file's name)")
    documentfiles.add_output_arguments(parser)
    add_konnektor_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Decrypts one file after the other; the worst outcome is the exit code."""
    for path in args.files:
        check_input(path)
    are_xml = {path: documentfiles.form_of(path, args.mime).is_xml for path in args.files}
    paths = documentfiles.targets(args.files, [_name(path) for path in args.files], args.output, args.force)

    async def begin(konnektor: Konnektor) -> Convert:
        card = await choose_sm_b_or_hba(konnektor, args.card, "decrypts")

        async def decrypt(source: Path) -> Converted:
            content = documentfiles.read(source)
            return await konnektor.decrypt_document(card.card_handle, content, is_xml=are_xml[source])

        return decrypt

    return convert_each(args, paths, begin)


def _name(path: Path) -> str:
    """What `tiaas encrypt` made of it, undone; else `NAME-decrypted`."""
    if path.suffix.lower() == ".p7m":
        return path.stem
    if path.stem.endswith(_MARK):
        return path.stem.removesuffix(_MARK) + path.suffix
    return f"{path.stem}-decrypted{path.suffix}"
