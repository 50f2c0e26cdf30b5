"""`tiaas decrypt`: decrypts files with the key of an SMC-B or HBA."""

import argparse
from pathlib import Path

from tiaas.base.inputfile import check_input
from tiaas.cli import documentfiles
from tiaas.cli.cardchoice import choose_card
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.writer import note
from tiaas.client import Konnektor
from tiaas.interfaces.card_service_common_v2_0 import CardType

_MARK = "-encrypted"


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `decrypt`."""
    parser = subparsers.add_parser(
        "decrypt",
        description="DecryptDocument (EncryptionService 6.1), for CMS, XMLEnc and S/MIME. PIN.SMC or PIN.CH was "
        "verified before: tiaas pin verify, tiaas pin verify PIN.CH.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what to decrypt")
    parser.add_argument(
        "--card", metavar="CARD", help="card handle or ICCSN (default: the only SMC-B, else the only HBA)"
    )
    parser.add_argument("--mime", metavar="TYPE", help="xml or binary (default: by the file's name)")
    documentfiles.add_output_arguments(parser)
    add_konnektor_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Decrypts one file after the other."""
    for path in args.files:
        check_input(path)
    paths = documentfiles.targets(args.files, [_name(path) for path in args.files], args.output, args.force)

    async def work(konnektor: Konnektor) -> None:
        card = await choose_card(konnektor, args.card, (CardType.SMC_B, CardType.HBA))
        for source, target in zip(args.files, paths, strict=True):
            is_xml = documentfiles.form_of(source, args.mime).is_xml
            with documentfiles.named(str(source)):
                found = await konnektor.decrypt_document(card.card_handle, documentfiles.read(source), is_xml=is_xml)
            documentfiles.write_result(target, found.content, force=args.force)
            for entry in found.warning:
                note(f"{source}: warning {entry.code}: {entry.text}")
            if len(paths) > 1:
                note(f"tiaas: {target}")

    with_konnektor(args, work)
    documentfiles.list_results(args.files, paths, as_json=args.json)
    return ExitCode.OK


def _name(path: Path) -> str:
    """What `tiaas encrypt` made of it, undone; else `NAME-decrypted`."""
    if path.suffix.lower() == ".p7m":
        return path.stem
    if path.stem.endswith(_MARK):
        return path.stem.removesuffix(_MARK) + path.suffix
    return f"{path.stem}-decrypted{path.suffix}"
