"""Documents as files: what a file is by its name, and where the result goes."""

import argparse
import codecs
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import MEBIBYTE, is_handed_over, read_input
from tiaas.cli.outputfiles import add_force_argument, check_names, check_targets, make_folder, write
from tiaas.client import ClientError
from tiaas.soap.errors import NotAllowed, NotWellFormed, TooLarge, WrongEncoding
from tiaas.soap.markup import Limits, parse_document_untrusted

XML = "xml"
"""What `--mime` says for XML, which has no MIME type in messages."""
PDF = "application/pdf-a"
"""The MIME type of PDF/A, for which every PDF is taken by its name."""

# MIME types a Konnektor tells apart (gemSpec_Kon V5.18, 4.1.7 and 4.1.8); everything else is binary.
_TYPES = {
    ".xml": XML,
    ".pdf": PDF,
    ".txt": "text/plain; charset=utf-8",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}

_TOKEN = r"[A-Za-z0-9!#$&^_.+\-]+"
_MIME_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}[ \t]*(?:;.*)?")
"""RFC 2045, 5.1, with the names of RFC 6838, 4.2. Parameters are for the Konnektor to read."""
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, b"<\0", b"\0<")
"""How a document in UTF-16 begins, with a byte order mark or without."""
_IN_UTF_8 = 'a Konnektor takes UTF-8: iconv -f UTF-16 -t UTF-8, and encoding="UTF-8" in its first line'
_LISTED = 5
"""Files that a line names."""
_BOUNDS = Limits(octets=64 * MEBIBYTE, nodes=2_000_000)


@dataclass(frozen=True, slots=True)
class DocumentForm:
    """How a document goes into a message: as XML, or as octets of a MIME type (None: binary)."""

    is_xml: bool
    mime_type: str | None


def shown_name(name: str) -> str:
    """A file's name for messages, which hold characters only: what is none, or cannot be shown, is U+FFFD."""
    text = os.fsencode(name).decode("utf-8", "replace")
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def form_of(path: Path, mime: str | None) -> DocumentForm:
    """The form by `mime` (`xml`, `binary` or a MIME type), else by the file's name. Raises `InvalidInput`."""
    found = _TYPES.get(path.suffix.lower()) if mime is None else mime.strip()
    if found == XML:
        return DocumentForm(True, None)
    if found in (None, "binary"):
        return DocumentForm(False, None)
    if _MIME_TYPE.fullmatch(found) is None:
        raise InvalidInput(f"--mime {found} is no MIME type; say xml, binary or TYPE/SUBTYPE, as text/plain")
    return DocumentForm(False, found)


def read(path: Path) -> bytes:
    """The document in a file; raises `InvalidInput`."""
    return read_input(path, _BOUNDS.octets, may_be_empty=True)


def read_as(path: Path, form: DocumentForm) -> bytes:
    """The file, well-formed if it goes as XML, for a Konnektor's answer does not name it. Raises `InvalidInput`."""
    content = read(path)
    if form.is_xml:
        if content.startswith(_UTF_16):
            raise InvalidInput(f"{path}: XML in UTF-16; {_IN_UTF_8}; nothing was sent")
        try:
            parse_document_untrusted(content, _BOUNDS)
        except (TooLarge, WrongEncoding, NotAllowed):
            # Whether these are taken is for the Konnektor to say.
            return content
        except NotWellFormed as error:
            raise InvalidInput(f"{path}: {error}, {error.where}; nothing was sent") from error
    return content


def targets(sources: Sequence[Path], names: Sequence[str], output: str | None, force: bool) -> list[Path]:
    """The `places` of results, after `check_sources` and `check_places`."""
    chosen = places(sources, names, output)
    check_sources(sources, chosen)
    check_places(chosen, output, force)
    return chosen


def places(sources: Sequence[Path], names: Sequence[str], output: str | None) -> list[Path]:
    """Where the results of `sources` go: beside them or into the folder `output`, as `names`; one of one as `output`.

    Raises `InvalidInput`.
    """
    if output == "":
        raise InvalidInput("--output is empty; name a file or a folder, or leave it out")
    folder = None if output is None else Path(output)
    unnamed = next(filter(is_handed_over, sources), None) if folder is None else None
    if unnamed is not None:
        raise InvalidInput(f"{unnamed} is in no folder; say where the result goes: --output FILE")
    if folder is None or folder.is_dir() or _is_made(output):
        chosen = [(folder or source.parent) / name for source, name in zip(sources, names, strict=True)]
    elif len(sources) == 1:
        chosen = [folder]
    else:
        raise InvalidInput(f"{folder} is no folder; several results need one: {folder}/ makes it")
    check_names(chosen)
    return chosen


def results_of_others(sources: Sequence[Path], chosen: Sequence[Path]) -> list[Path]:
    """Those of `sources` that are there as the result of another one of them, as `*.xml` names them after a run."""
    own = [_identity(source) for source in sources]
    made_of = dict(zip(map(_identity, chosen), own, strict=True))
    return [
        source
        for source, file in zip(sources, own, strict=True)
        if file is not None and made_of.get(file, file) != file
    ]


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file it is, whatever leads there; None if none is."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def check_sources(sources: Sequence[Path], chosen: Sequence[Path]) -> None:
    """Whether all are there after their results have been written. Raises `InvalidInput`."""
    replaced = set(map(_identity, chosen)) - {None}
    for source in sources:
        if _identity(source) in replaced:
            raise InvalidInput(f"{source} would be replaced by its own result; name another file")


def check_places(chosen: Sequence[Path], output: str | None, force: bool) -> None:
    """Whether results can be written there. Raises `InvalidInput` and `NotWritten` as `check_targets` does."""
    check_targets(chosen, force, is_made=_is_made(output))


def _is_made(output: str | None) -> bool:
    """Whether it is a folder by its name: such a one is made, with the first result."""
    return output is not None and output.endswith("/")


def write_result(path: Path, content: bytes, *, force: bool) -> None:
    """Writes a result whose place was checked; raises `NotWritten`, for what is there meanwhile `WrittenBeside`."""
    make_folder(path.parent)
    write(path, content, force=force)


@contextmanager
def named(about: str) -> Iterator[None]:
    """What the Konnektor says of a document begins with the document's name."""
    try:
        yield
    except ClientError as error:
        name_error(error, about)
        raise


def name_error(error: ClientError, about: str) -> None:
    """The same for an error that was caught."""
    error.args = (f"{about}: {error}",)


def listed(files: Sequence[Path]) -> str:
    """Files in one line: the first ones, and how many more."""
    shown = ", ".join(map(str, files[:_LISTED]))
    return shown if len(files) <= _LISTED else f"{shown} and {len(files) - _LISTED} more"


def read_certificates(path: Path) -> list[bytes]:
    """The certificates in a file, all of a PEM or the one of a DER, as DER; raises `InvalidInput`."""
    content = read_input(path)
    try:
        found = (
            x509.load_pem_x509_certificates(content)
            if b"-----BEGIN" in content
            else [x509.load_der_x509_certificate(content)]
        )
        return [each.public_bytes(Encoding.DER) for each in found]
    except ValueError:
        raise InvalidInput(f"{path}: no certificate in PEM or DER") from None


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--output` and `--force`."""
    parser.add_argument(
        "-o",
        "--output",
        metavar="PATH",
        help="file or folder for the result (default: beside the file); FOLDER/ is made if need be",
    )
    add_force_argument(parser)
