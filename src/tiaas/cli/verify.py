"""`tiaas verify`: whether the signatures of files are good, with a report for people and one for programs."""

import argparse
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

from tiaas.base.errors import InvalidInput
from tiaas.cli import documentfiles, outputfiles
from tiaas.cli.exitcodes import ExitCode, exit_code, worst
from tiaas.cli.explain import note_remedies
from tiaas.cli.konnektorargs import add_konnektor_arguments, with_konnektor
from tiaas.cli.mailheader import remark_on_header
from tiaas.cli.signaturefiles import cms_of, document_beside
from tiaas.cli.verifyreport import RENDERERS, VerifiedFile, as_document, as_text, verified_file
from tiaas.cli.writer import OutputLost, note, out, out_json
from tiaas.client import ClientError, DocumentToSign, Konnektor, KonnektorFault
from tiaas.interfaces.signature_service_v7_5 import HighLevelResult

_CMS, _XMLDSIG = "urn:ietf:rfc:5652", "urn:ietf:rfc:3275"
_NONSENSE = 4000
"""What VerifyDocument answers to a signature whose document is nowhere."""
_SIGNATURES = (".p7s", ".p7m", ".p7b")
_ROOT_IS_SIGNATURE = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*+<(?:[\w.-]+:)?Signature[\s>]", re.DOTALL
)
_CODES = {
    HighLevelResult.VALID: ExitCode.OK,
    HighLevelResult.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    HighLevelResult.INVALID: ExitCode.NOT_VALID,
}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds `verify`."""
    parser = subparsers.add_parser(
        "verify",
        description="VerifyDocument (SignatureService 7.5, 7.4). Exit code 0 if all are valid, 6 if one is not, else 7 "
        "if it cannot be told (the status of a certificate is not to be had). A file that cannot be verified is named, "
        "and the others are verified.",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="signed documents, or signatures (CMS of any name, XML)"
    )
    parser.add_argument(
        "--document",
        type=Path,
        metavar="FILE",
        help="what the one signature beside it signs (default: the file of its name without .p7s, -parallel, -counter)",
    )
    parser.add_argument(
        "--certificate", type=Path, metavar="FILE", help="the signer's certificate, if it is not in there"
    )
    parser.add_argument(
        "--at", metavar="TIME", help="verify for this time (ISO 8601, or now), not the one that is claimed"
    )
    parser.add_argument("--mime", metavar="TYPE", help="xml, binary or a MIME type (default: by the file's name)")
    parser.add_argument(
        "--report",
        type=Path,
        action="append",
        metavar="FILE",
        help="write a report: .txt, .json or .html; may be repeated",
    )
    outputfiles.add_force_argument(parser)
    add_konnektor_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Verifies one after the other; the worst outcome is the exit code."""
    at = _moment(args.at)
    reports = args.report or []
    for path in reports:
        if path.suffix not in RENDERERS:
            raise InvalidInput(f"{path}: a report is {', '.join(RENDERERS)}")
    if args.document is not None and len(args.files) > 1:
        raise InvalidInput("--document goes with one signature")
    documentfiles.check_sources(_sources(args), reports)
    outputfiles.check_targets(reports, args.force)
    certificate = None if args.certificate is None else documentfiles.read_certificates(args.certificate)[0]

    codes: list[ExitCode] = []

    async def work(konnektor: Konnektor) -> list[VerifiedFile]:
        found = []
        for number, path in enumerate(args.files, 1):
            try:
                document, signature, kind = _parts(path, args)
                with documentfiles.named(str(path)), _hinted(path, is_alone=document is None):
                    verdict = await konnektor.verify_document(document, signature, kind, certificate=certificate, at=at)
            except (ClientError, InvalidInput) as error:
                if len(args.files) == 1:
                    raise
                note(f"tiaas: {number} of {len(args.files)}: {error}")
                found.append(VerifiedFile(path, None, (), str(error)))
                codes.append(exit_code(error))
                continue
            remark = "" if document is None or signature is not None else remark_on_header(document.content)
            found.append(verified_file(path, verdict, remark))
            codes.append(_CODES[verdict.result])
            if len(args.files) > 1:
                note(f"tiaas: {number} of {len(args.files)}: {path}: {verdict.result.value}")
        return found

    files = with_konnektor(args, work)
    code = worst(codes)
    try:
        _write_reports(reports, files, force=args.force)
    finally:
        try:
            with outputfiles.beside_results(reports):
                _show(files, as_json=args.json)
            _tell_remedy(files)
        except OutputLost as error:
            if code is ExitCode.OK:
                raise
            note(f"tiaas: {error}")
    return code


def _write_reports(reports: Sequence[Path], files: Sequence[VerifiedFile], *, force: bool) -> None:
    """All that can be written; raises `NotWritten` of the last one that cannot."""
    failed: outputfiles.NotWritten | None = None
    for path in reports:
        try:
            outputfiles.write(path, RENDERERS[path.suffix](files).encode(), force=force)
        except outputfiles.NotWritten as error:
            if failed is not None:
                note(f"tiaas: {failed}")
            failed = error
    if failed is not None:
        raise failed


def _show(files: Sequence[VerifiedFile], *, as_json: bool) -> None:
    if as_json:
        out_json(as_document(files))
    else:
        out(as_text(files).rstrip("\n"))


def _tell_remedy(files: Sequence[VerifiedFile]) -> None:
    """What to do about the one file that is not valid; of several each would have something else."""
    verdict = files[0].verdict
    if len(files) == 1 and verdict is not None and verdict.result is not HighLevelResult.VALID:
        note_remedies(entry.code for entry in verdict.warning)


@contextmanager
def _hinted(path: Path, *, is_alone: bool) -> Iterator[None]:
    """What the fault does not say of a signature without its document."""
    try:
        yield
    except KonnektorFault as error:
        if is_alone and error.code == _NONSENSE:
            note(f"tiaas: {path}: its document is not in it and not found beside it; name it: --document FILE")
        raise


def _sources(args: argparse.Namespace) -> list[Path]:
    """All that is read, which no report may replace."""
    beside = [_document_of(path, args) for path in args.files]
    return [path for path in (*args.files, *beside, args.certificate) if path is not None]


def _document_of(path: Path, args: argparse.Namespace) -> Path | None:
    """The file that a signature beside it signs: the one that is named, else that of its name."""
    return document_beside(path) if args.document is None else Path(args.document)


def _parts(path: Path, args: argparse.Namespace) -> tuple[DocumentToSign | None, bytes | None, str | None]:
    """Document, signature beside it, and its type: what goes where in the message (gemSpec_Kon V5.18, TIP1-A_5034)."""
    content = documentfiles.read(path)
    cms = cms_of(content, path)
    beside = _document_of(path, args)
    is_cms = cms is not None or path.suffix.lower() in _SIGNATURES
    is_xmldsig = not is_cms and _ROOT_IS_SIGNATURE.match(content) is not None
    if not is_cms and not is_xmldsig and beside is None:
        return _document(content, path, args.mime), None, None
    document = None if beside is None else _document(documentfiles.read(beside), beside, args.mime)
    return document, content if cms is None else cms, _XMLDSIG if is_xmldsig else _CMS


def _document(content: bytes, path: Path, mime: str | None) -> DocumentToSign:
    form = documentfiles.form_of(path, mime)
    return DocumentToSign(content=content, is_xml=form.is_xml, mime_type=form.mime_type)


def _moment(text: str | None) -> datetime | Literal["now"] | None:
    if text is None:
        return None
    if text == "now":
        return "now"
    try:
        moment = datetime.fromisoformat(text)
        # Of the first and the last days of the calendar not every zone has a time.
        return moment.astimezone() if moment.tzinfo is None else moment
    except (ValueError, OverflowError):
        raise InvalidInput(f"--at {text}: no time in the form 2026-11-26T08:00:00+01:00, nor now") from None
