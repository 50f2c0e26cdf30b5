"""Documents that clients hand in: their formats and their size (gemSpec_Kon V5.18 TIP1-A_4500-02, TAB_KON_775)."""

import enum
from collections.abc import Iterable, Mapping
from typing import Literal

from tiaas.ades.found import SignatureFormat
from tiaas.ades.pdfa import NotPdfa, pdfa_level_untrusted
from tiaas.ades.pdffile import PdfFile
from tiaas.ades.pdfvalues import BadPdf, Budget
from tiaas.ades.xadesdocument import LIMITS as SIGNED_LIMITS
from tiaas.ades.xadesdocument import XmlDocument
from tiaas.base.dataclass import dataclass
from tiaas.interfaces.connector_common_v5_0 import Document
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.xmldocuments import DOCUMENT_LIMITS, check_xml, parse_document

DOCUMENT_OCTETS_MAX = 26_214_400
"""TIP1-A_4500-02: 25 MB have to be taken, more must not."""
SIGNATURES_OCTETS_MAX = 2 * 1024 * 1024
"""So much larger a document may be for the signatures in it: twenty with everything embedded are a tenth of that."""
_IN_BASE64_MAX = (DOCUMENT_OCTETS_MAX + SIGNATURES_OCTETS_MAX) * 4 // 3 * 78 // 76
"""The same in base64, in lines of 76 characters."""
ALL_DOCUMENTS_OCTETS_MAX = 10 * DOCUMENT_OCTETS_MAX
"""TIP1-A_5010: 250 MB over all documents of a call have to be taken; we take no more."""


@enum.unique
class DocumentFormat(enum.StrEnum):
    """Classes of formats; the value is the specification's name, which stands in 4024 and 4110."""

    XML = "XML"
    PDF_A = "PDF/A"
    TEXT = "Text"
    TIFF = "TIFF"
    BINARY = "Binär"


QES_FORMATS = frozenset(DocumentFormat) - {DocumentFormat.BINARY}
"""QES_DocFormate."""

_TIFF_ORDERS: Mapping[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
_BY_MIME_TYPE = {
    "application/pdf-a": DocumentFormat.PDF_A,
    "text/plain": DocumentFormat.TEXT,
    "image/tiff": DocumentFormat.TIFF,
}
_UTF_8 = frozenset({"utf-8", "utf8"})
_CHARSETS = _UTF_8 | {"", "iso-8859-15", "us-ascii"}
"""Of texts: the two that TAB_KON_065 knows, and what is part of both. No parameter is ISO-8859-15."""


@dataclass(frozen=True, slots=True, repr=False)
class Checked:
    """A document that passed its check: codes of warnings, and what was read, so that nobody reads it again."""

    warnings: tuple[int, ...] = ()
    opened: XmlDocument | PdfFile | None = None


UNREAD = Checked()
"""A document that nothing was to be read of."""


def format_of(mime_type: str | None) -> DocumentFormat:
    """The format of octets (dss:Base64Data) with a MIME type: any that is not named is binary (TAB_KON_065).

    Case and blanks do not matter. Of parameters the character set of a text counts: one that is none of ours makes it
    binary, for nobody could look at it.
    """
    essence, _, parameters = (mime_type or "").partition(";")
    found = _BY_MIME_TYPE.get(essence.strip().lower(), DocumentFormat.BINARY)
    if found is DocumentFormat.TEXT and parameters and _charset(parameters) not in _CHARSETS:
        return DocumentFormat.BINARY
    return found


def _charset(parameters: str) -> str:
    """The charset of a MIME type's parameters (RFC 2045, 5.1) in small letters; "" if there is none."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return ""


def octets_of(document: Document) -> bytes:
    """The document itself, from whichever of the two elements."""
    if document.base64_xml is not None:
        return document.base64_xml
    return b"" if document.base64_data is None else document.base64_data.data


def signed_octets_max(form: SignatureFormat) -> int:
    """How large what holds its document may be: it was signed when it was as large as a document may be.

    Mail holds it in base64, and XML may.
    """
    in_base64 = form in (SignatureFormat.SMIME, SignatureFormat.XADES)
    return _IN_BASE64_MAX if in_base64 else DOCUMENT_OCTETS_MAX + SIGNATURES_OCTETS_MAX


def check_sizes(documents: Iterable[bytes]) -> None:
    """Raises 4283 if a document, or all together, is larger than we take."""
    check_all_sizes((len(document), DOCUMENT_OCTETS_MAX) for document in documents)


def check_all_sizes(sizes: Iterable[tuple[int, int]]) -> None:
    """Raises 4283 if one is larger than it may be, which stands beside it, or all together are larger than we take."""
    total = 0
    for octets, most in sizes:
        total += octets
        if octets > most or total > ALL_DOCUMENTS_OCTETS_MAX:
            raise KonnektorError(4283)


def check_document(
    data: bytes,
    document_format: DocumentFormat,
    schemas: Mapping[str, bytes],
    mime_type: str | None,
    *,
    has_signatures: bool = False,
    budget: type[Budget] = Budget,
) -> Checked:
    """TUC_KON_080 "Dokument validieren". To be run in a thread; what is quick in the event loop with a `SmallBudget`.

    `schemas` are XML schemas by target namespace; with `has_signatures` an XML document may be larger by them. Raises
    4022 not well-formed, 4023 not valid by the schemas, 4024 another format than was said, 4026 a schema that is none,
    4280 too large in one dimension, 4281 forbidden content; `TakesLong` with a `SmallBudget`.
    """
    match document_format:
        case DocumentFormat.XML:
            # A schema judges texts, too.
            limits = SIGNED_LIMITS if has_signatures else DOCUMENT_LIMITS
            document = parse_document(data, limits, thin=not schemas)
            return Checked(check_xml(document, schemas), document)
        case DocumentFormat.PDF_A:
            return Checked(opened=_open_pdf(data, budget()))
        case DocumentFormat.TEXT:
            _check_text(data, mime_type or "")
        case DocumentFormat.TIFF:
            _check_tiff(data)
        case DocumentFormat.BINARY:
            pass
    return UNREAD


def _open_pdf(data: bytes, budget: Budget) -> PdfFile:
    try:
        pdf = PdfFile(data, budget)
        pdfa_level_untrusted(pdf)
    except (BadPdf, NotPdfa) as error:
        raise KonnektorError(4024, str(error), fill=DocumentFormat.PDF_A.value) from None
    return pdf


def _check_text(data: bytes, mime_type: str) -> None:
    """UTF-8 as the parameter says; every octet is a character of ISO-8859-15."""
    if _charset(mime_type.partition(";")[2]) not in _UTF_8:
        return
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise KonnektorError(4024, "no UTF-8", fill=DocumentFormat.TEXT.value) from None


def _check_tiff(data: bytes) -> None:
    """The first eight octets: byte order, version, place of the first directory (TIFF 6.0, section 2)."""
    order = _TIFF_ORDERS.get(data[:4])
    if order is None or len(data) < 8 or int.from_bytes(data[4:8], order) < 8:
        raise KonnektorError(4024, fill=DocumentFormat.TIFF.value)
