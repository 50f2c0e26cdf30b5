"""`tiaas sign`: signs files with an SMC-B, or qualified with an HBA."""

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from tiaas.ades.found import SignatureFormat
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.cli import documentfiles
from tiaas.cli.cardchoice import choose_card
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.outputfiles import NotWritten, WrittenBeside, beside_results
from tiaas.cli.signjobs import HBAX, Signed, SigningJobs, ToSign
from tiaas.cli.writer import note, out_json, out_table
from tiaas.client import ClientError, Crypt, DocumentToSign, Konnektor, Update, under_policy
from tiaas.client.signaturepolicies import POLICY_NAMES
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.signature_service_v7_5 import SHORT_TEXT_LENGTH

_TYPES = {
    "cades": "urn:ietf:rfc:5652",
    "xades": "urn:ietf:rfc:3275",
    "pades": "http://uri.etsi.org/02778/3",
    "smime": "urn:ietf:rfc:5751",
}
_CMS, _XADES = _TYPES["cades"], _TYPES["xades"]
_UPDATES = {"parallel": Update.PARALLEL, "counter": Update.COUNTER}
_STACK = 50
"""Documents in one call: every Konnektor takes as many (gemSpec_Kon V5.18, SignRequest)."""
_ENDED, _INTERRUPTED = "the job ended before", "interrupted"


@dataclass(frozen=True, slots=True)
class _Format:
    """How a file goes into a message, and the signature's type (None: what the Konnektor takes for such a one)."""

    form: documentfiles.DocumentForm
    kind: str | None


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `sign`."""
    parser = subparsers.add_parser(
        "sign",
        description="SignDocument (SignatureService 7.5, 7.4). XML gets an XAdES signature, PDF/A a PAdES signature, "
        "anything else a CAdES signature beside it (.p7s). Ctrl-C or SIGTERM stops the job: what jobs before it signed "
        "is written, what it signed itself may be discarded.",
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
        "--stack",
        type=int,
        default=_STACK,
        metavar="N",
        help=f"documents in one job, which Ctrl-C may discard (default: {_STACK})",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="leave out files whose result is there already: an intact signature of the file as it is now, with --qes "
        "a qualified one, with --enveloping one around it; with --parallel and --counter the file's signatures and one "
        "more",
    )
    documentfiles.add_output_arguments(parser)
    add_konnektor_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Signs. Exit code 1 if a stack ended before all were signed, 3 if a job was answered with an error."""
    _check(args)
    wishes = _wishes(args)
    jobs = SigningJobs(wishes, args.stack, None if args.crypt is None else Crypt(args.crypt), force=args.force)

    async def work(konnektor: Konnektor) -> None:
        card = await choose_card(konnektor, args.card, (CardType.HBA if args.qes else CardType.SMC_B,))
        if args.qes and card.card_type not in HBAX:
            raise InvalidInput(f"--qes takes an HBA; {args.card} is a card of type {card.card_type.value}")
        if not args.qes and card.card_type in HBAX:
            raise InvalidInput(f"{args.card} is an HBA, whose signature is a qualified one; say --qes if it shall be")
        await jobs.run(konnektor, card)

    failure: ClientError | NotWritten | KeyboardInterrupt | None = None
    try:
        if wishes:
            with_konnektor(args, work)
    except (ClientError, NotWritten, KeyboardInterrupt) as error:
        # What was signed before is saved, and told as such.
        failure = error
    except asyncio.CancelledError:
        # By SIGTERM.
        failure = KeyboardInterrupt()
    left = _left(wishes, jobs)
    if jobs.signed or jobs.unwritten or failure is None:
        with beside_results(wish.target for wish in wishes):
            _show(args, jobs, left, _ENDED if failure is None else str(failure) or _INTERRUPTED)
    _tell_lost(wishes, jobs, left)
    if failure is not None:
        raise failure
    return ExitCode.FAILED if left else ExitCode.OK


def _show(args: argparse.Namespace, jobs: SigningJobs, left: Sequence[Path], why: str) -> None:
    rows = [
        (str(each.wish.source), str(each.wish.target), each.result.signature_type or _inside(each.wish.document))
        for each in jobs.signed
    ]
    if args.json:
        saved = [dict(zip(("file", "output", "type"), row, strict=True)) for row in rows]
        lost = [{"file": str(each.wish.source), "error": str(each.error)} for each in jobs.unwritten]
        lost += [{"file": str(path), "error": why} for path in left]
        out_json([*saved, *lost])
    elif rows:
        out_table(("FILE", "OUTPUT", "TYPE"), rows)
    for text, files in _warnings(jobs.signed).items():
        note(f"{files[0]}{f' and {len(files) - 1} more' if len(files) > 1 else ''}: {text}")


def _tell_lost(wishes: Sequence[ToSign], jobs: SigningJobs, left: Sequence[Path]) -> None:
    """Which files have no result, and whether they were signed all the same."""
    if len(wishes) == 1 and not jobs.unwritten:
        return
    lost = []
    # The first one ends the verb, and is told as its error.
    for error in (each.error for each in jobs.unwritten[1:] if isinstance(each.error, WrittenBeside)):
        note(f"tiaas: {error}")
    beside = [each.wish.source for each in jobs.unwritten if isinstance(each.error, WrittenBeside)]
    unwritten = [each.wish.source for each in jobs.unwritten if not isinstance(each.error, WrittenBeside)]
    if unwritten:
        lost.append(f"signed, but not written: {documentfiles.listed(unwritten)}")
    if beside:
        lost.append(f"signed, but written to a name with a number: {documentfiles.listed(beside)}")
    if left:
        lost.append(f"not signed: {documentfiles.listed(left)}")
    if lost:
        note(f"tiaas: {len(wishes) - len(left)} of {len(wishes)} documents are signed; {'; '.join(lost)}")


def _left(wishes: Sequence[ToSign], jobs: SigningJobs) -> list[Path]:
    """What was not signed."""
    done = {each.wish.target for each in jobs.signed} | {each.wish.target for each in jobs.unwritten}
    return [wish.source for wish in wishes if wish.target not in done]


def _warnings(signed: Sequence[Signed]) -> dict[str, list[Path]]:
    """Each warning once, with the files it is about."""
    found: dict[str, list[Path]] = {}
    for each in signed:
        for entry in each.result.warning:
            found.setdefault(f"warning {entry.code}: {entry.text}", []).append(each.wish.source)
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
    if args.resume and args.force:
        raise InvalidInput("--resume keeps results that are there, --force replaces them")


def _wishes(args: argparse.Namespace) -> list[ToSign]:
    """What is to be signed, with --resume what is still to be signed."""
    files = _documents(args) if args.resume else args.files
    formats = [_format(path, args) for path in files]
    places = _places(files, formats, args)
    documentfiles.check_sources(files, places)
    wanted = list(zip(files, formats, places, strict=True))
    if args.resume:
        wanted = [each for each in wanted if not _is_signed(*each, args)]
        note(f"tiaas: {len(files) - len(wanted)} of {len(files)} are signed already")
    wishes = [ToSign(path, _document(path, form, args), place) for path, form, place in wanted]
    documentfiles.check_places([wish.target for wish in wishes], args.output, args.force)
    return wishes


def _documents(args: argparse.Namespace) -> list[Path]:
    """The files without those that are the result of another one, as `*.xml` names them after a run."""
    places = _places(args.files, [_format(path, args) for path in args.files], args)
    results = documentfiles.results_of_others(args.files, places)
    if results:
        note(f"tiaas: left out as results of others: {documentfiles.listed(results)}")
    return [path for path in args.files if path not in results]


def _places(files: Sequence[Path], formats: Sequence[_Format], args: argparse.Namespace) -> list[Path]:
    names = [_name(path, each, args) for path, each in zip(files, formats, strict=True)]
    return documentfiles.places(files, names, args.output)


def _is_signed(source: Path, chosen: _Format, place: Path, args: argparse.Namespace) -> bool:
    """Whether a result is there; raises `InvalidInput` for what is none of the file as it is now."""
    if not os.path.lexists(place):
        return False
    if not place.is_file() or not place.stat().st_size:
        raise InvalidInput(f"{place} is there, but no signature; remove it, and --resume makes it")
    # Imported here: only who resumes pays for the readers of all formats.
    from tiaas.cli.signedalready import is_added_to, is_signature_of

    read, form = (documentfiles.read(source), documentfiles.read(place)), _kind(chosen)
    if args.update is None:
        is_made = is_signature_of(*read, form, qualified=args.qes, enveloping=args.enveloping)
    else:
        is_made = is_added_to(*read, form, qualified=args.qes)
    if not is_made:
        kind = f"{'qualified ' if args.qes else ''}{'enveloping ' if args.enveloping else ''}signature"
        what = f"{kind} {'of' if args.update is None else 'added to'} {source}"
        raise InvalidInput(f"{place} is there, but no {what} as it is now; remove it, and --resume makes it")
    return True


def _kind(chosen: _Format) -> SignatureFormat:
    """The type of a result, where none is asked for that which a Konnektor takes."""
    if chosen.kind is not None:
        return SignatureFormat(chosen.kind)
    if chosen.form.is_xml:
        return SignatureFormat.XADES
    return SignatureFormat.PADES if chosen.form.mime_type == documentfiles.PDF else SignatureFormat.CADES


def _inside(document: DocumentToSign) -> str:
    """The type of a signature in its document, which the answer does not tell."""
    if document.is_xml:
        return _XADES
    return _TYPES["pades"] if document.mime_type == documentfiles.PDF else ""


def _format(path: Path, args: argparse.Namespace) -> _Format:
    form = documentfiles.form_of(path, args.mime)
    kind = _TYPES.get(args.type)
    if args.policy:
        kind = _XADES
    elif kind is None and args.enveloping:
        kind = _CMS
    elif kind is None and args.update:
        kind = _XADES if form.is_xml else _CMS
    if kind == _XADES and not form.is_xml:
        what = "--policy" if args.policy else "XAdES"
        raise InvalidInput(f"{path}: {what} signs XML; say --mime xml if it is")
    return _Format(form, kind)


def _document(path: Path, chosen: _Format, args: argparse.Namespace) -> DocumentToSign:
    content = documentfiles.read_as(path, chosen.form)
    return DocumentToSign(
        content=content,
        is_xml=chosen.form.is_xml,
        mime_type=chosen.form.mime_type,
        signature_type=chosen.kind,
        enveloping=True if args.enveloping else None,
        short_text=args.short_text or documentfiles.shown_name(path.name)[:SHORT_TEXT_LENGTH],
        include_revocation_info=args.ocsp,
        under=under_policy(POLICY_NAMES[args.policy], content) if args.policy else None,
        update=_UPDATES.get(args.update),
    )


def _name(path: Path, chosen: _Format, args: argparse.Namespace) -> str:
    """`letter-signed.pdf` where the signature is in the document, else `letter.txt.p7s` or `.p7m`; what is added to a
    signature is in `letter.txt-parallel.p7s`."""
    if args.update is not None:
        return f"{path.stem}-{args.update}{path.suffix}"
    if chosen.kind == _TYPES["smime"]:
        return f"{path.stem}-signed.eml"
    inside = chosen.form.is_xml or chosen.form.mime_type == documentfiles.PDF
    if chosen.kind != _CMS and inside:
        return f"{path.stem}-signed{path.suffix}"
    return f"{path.name}.{'p7m' if args.enveloping else 'p7s'}"
