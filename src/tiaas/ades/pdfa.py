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
_PART, _CONFORMANCE = f"{{{_IDENTIFICATION}}}part", f"{{{_IDENTIFICATION}}}conformance"
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
    part, conformance = _claimed(root)
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


def _claimed(root: etree._Element) -> tuple[str, str]:
    """Part and conformance: the one value of each, or nothing if there is none or there are several."""
    found: dict[str, set[str]] = {_PART: set(), _CONFORMANCE: set()}
    for description in root.iter(_DESCRIPTION):
        for name, values in found.items():
            attribute = description.get(name)
            if attribute is not None:
                values.add(attribute.strip())
            for element in description.iterchildren(name):
                if element.text is not None:
                    values.add(element.text.strip())
    part, conformance = (values.pop() if len(values) == 1 else "" for values in found.values())
    return part, conformance
