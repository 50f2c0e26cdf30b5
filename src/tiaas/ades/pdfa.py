"""Whether a document says that it is PDF/A, and of which level (gemSpec_Kon V5.18 TUC_KON_080 B; A_18780).

Only the metadata count: the XMP of the document catalog, where the identification stands as elements or as attributes
of rdf:Description (ISO 19005-1, 6.7.11; ISO 19005-2, 6.6.4).
"""

import enum

from lxml import etree

from tiaas.ades.pdffile import PdfFile
from tiaas.ades.pdfvalues import BadPdf, Reference
from tiaas.base.errors import TiaasError
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import Limits, parse_untrusted

_DESCRIPTION = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
_IDENTIFICATION = "http://www.aiim.org/pdfa/ns/id/"
_MAX_METADATA = 4 * 1024 * 1024


@enum.unique
class PdfaLevel(enum.StrEnum):
    """The levels a Konnektor takes: part and conformance."""

    A1A = "1a"
    A1B = "1b"
    A2A = "2a"
    A2B = "2b"
    A2U = "2u"


class NotPdfa(TiaasError):
    """A document that is no PDF/A of a level taken here (4024, Dokumentformat PDF/A); says why, without content."""


def pdfa_level_untrusted(document: bytes | PdfFile) -> PdfaLevel:
    """The level a document claims; raises `NotPdfa` (4024), and nothing else.

    Takes the octets of the document (up to 25 MB), or the document opened already; looks only at the cross-references
    and the metadata, and does no I/O: some 100 µs for a usual document, bounded for a hostile one. For the checks of
    documents with the MIME type application/pdf-a.
    """
    try:
        metadata = _metadata(document)
        root = parse_untrusted(metadata, Limits(octets=_MAX_METADATA))
    except (BadPdf, BadEnvelope) as error:
        raise NotPdfa(str(error)) from None
    part, conformance = _claimed(root, "part"), _claimed(root, "conformance")
    try:
        return PdfaLevel(f"{part}{conformance}".lower())
    except ValueError:
        raise NotPdfa("PDF/A of another part or level" if part else "no PDF/A identification") from None


def _metadata(document: bytes | PdfFile) -> bytes:
    pdf = document if isinstance(document, PdfFile) else PdfFile(document)
    if pdf.encrypted:
        raise BadPdf("encrypted")
    reference = pdf.catalog()[1].get(b"Metadata")
    if not isinstance(reference, Reference):
        raise BadPdf("no metadata")
    return pdf.stream(reference, _MAX_METADATA)


def _claimed(root: etree._Element, name: str) -> str:
    """The one value of a property, or nothing if there is none or there are several."""
    found = set()
    for description in root.iter(_DESCRIPTION):
        attribute = description.get(f"{{{_IDENTIFICATION}}}{name}")
        elements = description.iterchildren(f"{{{_IDENTIFICATION}}}{name}")
        found |= {value.strip() for value in (attribute, *(item.text for item in elements)) if value is not None}
    return found.pop() if len(found) == 1 else ""
