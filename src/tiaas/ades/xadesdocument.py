"""XML documents to be signed or verified: octets and tree together."""

from collections.abc import Iterable
from hashlib import sha256

from tiaas.ades.signing import CannotSign
from tiaas.base.dataclass import dataclass
from tiaas.base.slices import counted
from tiaas.soap.errors import BadEnvelope, NotAllowed, NotWellFormed, TooLarge, WrongEncoding
from tiaas.soap.longtexts import LONG, Thin
from tiaas.soap.markup import (
    CANONICAL_COST_MAX,
    Limits,
    XmlElement,
    canonical_cost,
    document_encoding,
    parse_document_untrusted,
    parse_thin_untrusted,
)
from tiaas.xmlsec.names import DS, XADES, ds

LIMITS = Limits(octets=64 * 1024 * 1024, nodes=500_000, depth=128)
"""Ours: above what TAB_KON_775 wants (30 MB, 30,000 elements, 30 levels), room for the signatures of 25 MB included."""
LONG_SIGNED = 64 * 1024
"""Longer than certificates and OCSP responses are."""
_UNCOUNTED = 1_000_000
"""A bound on comparisons that is good enough, since no document may have digests enough to make it count."""
_SAYING = tuple(f"{{{uri}}}*" for uri in (DS, XADES))
_OBJECT = ds("Object")


@dataclass(frozen=True, slots=True, repr=False)
class XmlDocument:
    """A document that was parsed: its octets, their encoding as declared, and its document element.

    With `thin` the tree has marks for long texts: `digest` puts them back.
    """

    octets: bytes
    encoding: str
    root: XmlElement
    thin: Thin | None = None

    def digest(self, canonical: bytes) -> bytes:
        """The SHA-256 of canonical octets that were made of this tree."""
        return sha256(canonical).digest() if self.thin is None else self.thin.digest(canonical)

    def pieces(self, canonical: bytes) -> Iterable[bytes | memoryview]:
        """Canonical octets that were made of this tree, in pieces that are all of them."""
        return (canonical,) if self.thin is None else self.thin.pieces(canonical)

    def comparisons(self) -> int:
        """What it takes to compare namespaces and attributes where all of it is made canonical (`canonical_cost`)."""
        octets = self.octets
        bound = counted(octets, b"xmlns") ** 2 * counted(octets, b"<") + counted(octets, b"=") ** 2
        return bound if bound <= _UNCOUNTED else canonical_cost(self.root, CANONICAL_COST_MAX)

    def declaration(self) -> bytes:
        """The byte order mark and XML declaration that the document starts with, or nothing."""
        start = self.octets.find(b"<?xml", 0, 8)
        if start < 0 or not self.octets[start + 5 : start + 6].isspace():
            return self.octets[:3] if self.octets.startswith(b"\xef\xbb\xbf") else b""
        return self.octets[: self.octets.index(b"?>") + 2]


def parse_xml_untrusted(octets: bytes, limits: Limits = LIMITS) -> XmlDocument:
    """Raises only `BadEnvelope`; `code_of` says which gematik code that is."""
    root = parse_document_untrusted(octets, limits)
    return XmlDocument(octets, document_encoding(octets), root)


def parse_thin_xml_untrusted(octets: bytes, limits: Limits = LIMITS, long: int = LONG) -> XmlDocument:
    """`parse_xml_untrusted` with marks for texts of `long` octets; for whoever needs elements, attributes and digests
    only."""
    root, encoding, thin = parse_thin_untrusted(octets, limits, long)
    return XmlDocument(octets, encoding, root, thin)


def parse_signed_untrusted(octets: bytes, long: int = LONG_SIGNED) -> XmlDocument:
    """`parse_xml_untrusted` with marks for long texts in what is signed, for whoever reads the signatures in it."""
    document = parse_thin_xml_untrusted(octets, long=long)
    if document.thin is not None and _is_marked(document.root, document.thin):
        return parse_xml_untrusted(octets)
    return document


def _is_marked(root: XmlElement, thin: Thin) -> bool:
    """Whether a mark stands for something that a signature says, and not only for what is signed."""
    for element in root.iter(*_SAYING):
        if element.tag == _OBJECT:
            continue
        for text in (element.text, *(child.tail for child in element)):
            if text and thin.is_marked(text):
                return True
    return False


def parse_to_sign(octets: bytes) -> XmlDocument:
    """The document with marks for its long texts. Raises only `CannotSign`: 4022, 4024, 4280, 4281."""
    try:
        return parse_thin_xml_untrusted(octets)
    except BadEnvelope as error:
        raise CannotSign(code_of(error), reason_of(error)) from None


def code_of(error: BadEnvelope) -> int:
    """The gematik code for XML that is not read (gemSpec_Kon TUC_KON_080: TAB_KON_144, A_19052, A_22673)."""
    if isinstance(error, TooLarge):
        return 4280
    if isinstance(error, NotAllowed):
        return 4281
    return 4024 if isinstance(error, WrongEncoding) else 4022


def reason_of(error: BadEnvelope) -> str:
    """What to tell of it to whoever handed the document in."""
    return error.where if isinstance(error, NotWellFormed) else str(error)
