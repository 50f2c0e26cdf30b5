"""`tiaas sign`: signs files with an SMC-B, or qualified with an HBA."""

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tiaas.base.errors import InvalidInput
from tiaas.cli import documentfiles, outputfiles
from tiaas.cli.cardchoice import choose_card
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.writer import note, out_json, out_table
from tiaas.client import ClientError, DocumentToSign, Konnektor, KonnektorFault, SignedResult, Update, under_policy
from tiaas.client.signaturepolicies import POLICY_NAMES
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import Card
from tiaas.interfaces.signature_service_v7_5 import SHORT_TEXT_LENGTH, Crypt

_TYPES = {
    "cades": "urn:ietf:rfc:5652",
    "xades": "urn:ietf:rfc:3275",
    "pades": "http://uri.etsi.org/02778/3",
    "smime": "urn:ietf:rfc:5751",
}
_CMS, _XADES = _TYPES["cades"], _TYPES["xades"]
_UPDATES = {"parallel": Update.PARALLEL, "counter": Update.COUNTER}
_HBA = frozenset({CardType.HBA, CardType.HBA_QSIG})
_WRONG_TYPE, _CARD_BUSY = 4111, 4093
_XML_HINT = (
    "the qualified signature of XML is a CAdES signature (--type cades, for an E-Rezept with --enveloping) "
    "or one under a signature policy (--policy nfdm)"
)
_STACK = 50
"""Documents in one call: every Konnektor takes as many (gemSpec_Kon V5.18, SignRequest)."""
_JOB_OCTETS = 30 * 1024 * 1024
"""Octets of all documents in one call: with base64 less than the client takes in one answer."""
_ENDED = "the job ended before"


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `sign`."""
    parser = subparsers.add_parser(
        "sign",
        description="SignDocument (SignatureService 7.5, 7.4). XML gets an XAdES signature, PDF/A a PAdES signature, "
        "anything else a CAdES signature beside it (.p7s). A job that is interrupted is stopped.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="what to sign")
    parser.add_argument("--card", metavar="CARD", help="card handle or ICCSN (default: the only SMC-B)")
    parser.add_argument(
        "--qes", action="store_true", help="qualified signature: the only HBA, with PIN.QES at the terminal"
    )
    parser.add_argument("--type", choices=_TYPES, help="format of the signature (default: by the file)")
    parser.add_argument(
        "--enveloping",
        action="store_true",
        help="the signature contains the document: CAdES (.p7m), or with --type xades XML (-signed.xml)",
    )
    updates = parser.add_mutually_exclusive_group()
    updates.add_argument(
        "--parallel",
        dest="update",
        action="store_const",
        const="parallel",
        help="add a signature beside those of a signed XML document or of a signature (.p7s, .p7m)",
    )
    updates.add_argument(
        "--counter",
        dest="update",
        action="store_const",
        const="counter",
        help="the same, but sign the signatures that are there and not the document",
    )
    parser.add_argument(
        "--policy",
        choices=POLICY_NAMES,
        help="with --qes: XAdES under this signature policy (nfdm: an emergency data set)",
    )
    parser.add_argument("--mime", metavar="TYPE", help="xml, binary or a MIME type (default: by the file's name)")
    parser.add_argument("--short-text", metavar="TEXT", help="what the document is called (default: its file name)")
    parser.add_argument("--crypt", choices=[crypt.value for crypt in Crypt], help="which key of the card")
    parser.add_argument(
        "--ocsp", action="store_true", help="embed the status of the certificate where the format allows"
    )
    parser.add_argument(
        "--stack", type=int, default=_STACK, metavar="N", help=f"documents in one job (default: {_STACK})"
    )
    documentfiles.add_output_arguments(parser)
    add_konnektor_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Signs. Exit code 1 if a stack ended before all were signed, 3 if a job was answered with an error."""
    _check(args)
    documents = [_document(path, args) for path in args.files]
    names = [_name(path, document) for path, document in zip(args.files, documents, strict=True)]
    paths = documentfiles.targets(args.files, names, args.output, args.force)

    results: list[SignedResult] = []
    failure: ClientError | None = None

    async def work(konnektor: Konnektor) -> None:
        card = await choose_card(konnektor, args.card, (CardType.HBA,) if args.qes else (CardType.SMC_B, CardType.HBA))
        if args.qes and card.card_type not in _HBA:
            raise InvalidInput(f"--qes takes an HBA; {args.card} is a card of type {card.card_type.value}")
        await _sign(konnektor, card, documents, paths, args, results)

    try:
        with_konnektor(args, work)
    except ClientError as error:
        # What earlier jobs brought is saved, and told as such.
        if not results:
            raise
        failure = error
    rows = [
        (
            str(args.files[result.index]),
            str(paths[result.index]),
            result.signature_type or _inside(documents[result.index]),
        )
        for result in results
    ]
    if args.json:
        saved = [dict(zip(("file", "output", "type"), row, strict=True)) for row in rows]
        why = _ENDED if failure is None else str(failure)
        signed = {result.index for result in results}
        lost = [{"file": str(path), "error": why} for at, path in enumerate(args.files) if at not in signed]
        out_json([*saved, *lost])
    else:
        out_table(("FILE", "OUTPUT", "TYPE"), rows)
    for text, of in _warnings(results).items():
        note(f"{args.files[of[0]]}{f' and {len(of) - 1} more' if len(of) > 1 else ''}: {text}")
    if failure is not None:
        raise failure
    if len(results) == len(documents):
        return ExitCode.OK
    note(f"{len(documents) - len(results)} of {len(documents)} documents are not signed: {_ENDED}")
    return ExitCode.FAILED


def _warnings(results: Sequence[SignedResult]) -> dict[str, list[int]]:
    """Each warning once, with the documents it is about."""
    found: dict[str, list[int]] = {}
    for result in results:
        for entry in result.warning:
            found.setdefault(f"warning {entry.code}: {entry.text}", []).append(result.index)
    return found


def _check(args: argparse.Namespace) -> None:
    if args.enveloping and args.type not in (None, "cades", "xades"):
        raise InvalidInput("--enveloping goes with --type cades and xades only")
    if args.update and (args.enveloping or args.policy or args.type not in (None, "cades", "xades")):
        raise InvalidInput(f"--{args.update} goes with CAdES and XAdES only, and not with --enveloping or --policy")
    if args.policy and (not args.qes or args.enveloping or args.type not in (None, "xades")):
        raise InvalidInput("--policy goes with --qes and XAdES only")
    if args.stack < 1:
        raise InvalidInput("--stack is at least 1")


async def _sign(
    konnektor: Konnektor,
    card: Card,
    documents: Sequence[DocumentToSign],
    paths: Sequence[Path],
    args: argparse.Namespace,
    done: list[SignedResult],
) -> None:
    """Job by job; what is signed is written and `done` at once, so a job that fails costs only itself."""
    first = 0
    while first < len(documents):
        part = _job(documents, first, args.stack)
        number = await konnektor.get_job_number()
        if card.card_type in _HBA:
            note(f"tiaas: job {number}: type PIN.QES at terminal {card.ct_id} (unless comfort signature is on)")
        try:
            crypt = None if args.crypt is None else Crypt(args.crypt)
            with documentfiles.named(_job_name(args.files[first : first + len(part)])):
                results = await konnektor.sign_documents(card.card_handle, part, number, crypt)
        except asyncio.CancelledError:
            note(f"tiaas: stopping job {number}")
            # It may have ended, or not have begun.
            with suppress(ClientError):
                await asyncio.shield(konnektor.stop_signature(number))
            raise
        except KonnektorFault as error:
            if error.code == _WRONG_TYPE and args.qes and any(document.is_xml for document in part):
                note(f"tiaas: {_XML_HINT}")
            if error.code == _CARD_BUSY and card.card_type in _HBA:
                note(
                    f"tiaas: another job holds the card; its prompt, if it stands at {card.ct_id}, ends by cancel there"
                )
            raise
        for result in results:
            moved = SignedResult(
                first + result.index, result.content, result.is_document, result.signature_type, result.warning
            )
            outputfiles.write(paths[moved.index], moved.content)
            done.append(moved)
        if len(part) < len(documents):
            note(f"tiaas: {len(done)} of {len(documents)} signed")
        if len(results) < len(part):
            break
        first += len(part)


def _inside(document: DocumentToSign) -> str:
    """The type of a signature in its document, which the answer does not tell."""
    if document.is_xml:
        return _XADES
    return _TYPES["pades"] if document.mime_type == "application/pdf-a" else ""


def _job_name(files: Sequence[Path]) -> str:
    return str(files[0]) if len(files) == 1 else f"{files[0]} to {files[-1]} ({len(files)} documents)"


def _job(documents: Sequence[DocumentToSign], first: int, most: int) -> Sequence[DocumentToSign]:
    """The documents of the next job: one at least, at most `most`, together no more than an answer may carry."""
    size, last = len(documents[first].content), first + 1
    while last < min(len(documents), first + most) and size + len(documents[last].content) <= _JOB_OCTETS:
        size += len(documents[last].content)
        last += 1
    return documents[first:last]


def _document(path: Path, args: argparse.Namespace) -> DocumentToSign:
    form = documentfiles.form_of(path, args.mime)
    kind = _TYPES.get(args.type)
    if kind is None and args.enveloping:
        kind = _CMS
    if kind is None and args.update:
        kind = _XADES if form.is_xml else _CMS
    if kind == _XADES and not form.is_xml:
        raise InvalidInput(f"{path}: XAdES signs XML; say --mime xml if it is")
    content, under = documentfiles.read_as(path, form), None
    if args.policy:
        if not form.is_xml:
            raise InvalidInput(f"{path}: --policy signs XML; say --mime xml if it is")
        kind, under = _XADES, under_policy(POLICY_NAMES[args.policy], content)
    return DocumentToSign(
        content=content,
        is_xml=form.is_xml,
        mime_type=form.mime_type,
        signature_type=kind,
        enveloping=True if args.enveloping else None,
        short_text=args.short_text or documentfiles.shown_name(path.name)[:SHORT_TEXT_LENGTH],
        include_revocation_info=args.ocsp,
        under=under,
        update=_UPDATES.get(args.update),
    )


def _name(path: Path, document: DocumentToSign) -> str:
    """`letter-signed.pdf` where the signature is in the document, else `letter.txt.p7s` or `.p7m`; what is added to a
    signature is in `letter.txt-parallel.p7s`."""
    kind = document.signature_type
    if document.update is not None:
        return f"{path.stem}-{document.update.name.lower()}{path.suffix}"
    if kind == _TYPES["smime"]:
        return f"{path.stem}-signed.eml"
    inside = document.is_xml or document.mime_type == "application/pdf-a"
    if kind != _CMS and inside:
        return f"{path.stem}-signed{path.suffix}"
    return f"{path.name}.{'p7m' if document.enveloping else 'p7s'}"
