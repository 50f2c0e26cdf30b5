"""From what a caller handed in to the signatures in it, whichever format it is (gemSpec_Kon V5.18 TAB_KON_066).

Pure, but for a large document neither short: call it in a thread.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import field

from tiaas.ades.cadesread import cades_claims_untrusted
from tiaas.ades.found import SIGNERS_TRIED_MAX, BadSignatureFile, Claim, FoundSignature, Integrity, SignatureFormat
from tiaas.ades.padesread import pades_claims_untrusted
from tiaas.ades.pdfvalues import Budget
from tiaas.ades.rawsignature import read_ecdsa_untrusted, read_pkcs1_untrusted
from tiaas.ades.smime import smime_claims_untrusted
from tiaas.ades.xadesids import id_attributes
from tiaas.ades.xadesread import xades_claims_untrusted
from tiaas.base.dataclass import dataclass
from tiaas.konnektor.documents import DocumentFormat, check_document
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.quickwork import QUICK_OCTETS, holds_quick_cms, is_quick, is_quick_cms
from tiaas.konnektor.xmldocuments import check_signed_xml

_WITH_DOCUMENT = frozenset({SignatureFormat.PADES, SignatureFormat.SMIME})
_THE_SIGNERS = frozenset({Integrity.INTACT, Integrity.DIGEST_WRONG})
"""What a bare value comes to with the certificate that it was made with."""


@enum.unique
class Place(enum.Enum):
    """Where the signatures are."""

    INSIDE = "in the document"
    AROUND = "around the document"
    OUTSIDE = "beside the document"


@dataclass(frozen=True, slots=True, repr=False)
class Material:
    """What is to be verified.

    `signature` is apart from the document, or None where it is in there. `certificates` (DER) come from elsewhere;
    `schemas` are octets by namespace. `document_format` and `mime_type` are what the caller says the document is.
    """

    format: SignatureFormat
    document: bytes | None
    signature: bytes | None = None
    certificates: tuple[bytes, ...] = ()
    schemas: Mapping[str, bytes] = field(default_factory=dict)
    document_format: DocumentFormat = DocumentFormat.BINARY
    mime_type: str | None = None

    @property
    def octets(self) -> int:
        """How much there is to read."""
        return len(self.document or b"") + len(self.signature or b"")

    @property
    def is_quick(self) -> bool:
        """Whether it is read in a few milliseconds (`quickwork`), a PDF with a `SmallBudget`. With schemas nobody
        knows how long it takes; of many certificates each may be tried."""
        document, signature = self.document or b"", self.signature or b""
        if self.schemas or len(self.certificates) > 1 or self.octets > QUICK_OCTETS:
            return False
        if self.format in _WITH_DOCUMENT:
            return holds_quick_cms(document or signature)
        if self.format is SignatureFormat.XADES:
            return is_quick(document, signature)
        return is_quick(document) and is_quick_cms(signature)


@dataclass(frozen=True, slots=True)
class Reading:
    """The signatures, and where they are."""

    place: Place
    found: tuple[FoundSignature, ...]

    def ignored(self, given: tuple[bytes, ...]) -> bool:
        """Whether certificates were given that no signature is made with (4264)."""
        return bool(given) and not {found.certificate for found in self.found}.issuperset(given)


def document_fault(material: Material, budget: type[Budget] = Budget) -> KonnektorError | None:
    """DocumentValidation (TUC_KON_080): what is wrong with the document, or None. `TakesLong` with a `SmallBudget`.

    Of a document with its signature in it that ends the verification, of one beside its signature it is only told.
    """
    if material.document is None:
        return None
    try:
        if material.document_format is not DocumentFormat.XML:
            check_document(material.document, material.document_format, {}, material.mime_type, budget=budget)
        elif material.signature is None:
            # Without schemas there is nothing to see that the reader does not see.
            if material.schemas:
                check_signed_xml(material.document, material.schemas)
        else:
            check_document(material.document, DocumentFormat.XML, material.schemas, None)
    except KonnektorError as error:
        return error
    return None


def place_of(material: Material) -> Place:
    """Where the signatures are by what was handed in."""
    if material.format in _WITH_DOCUMENT or material.signature is None:
        return Place.INSIDE
    return Place.AROUND if material.document is None else Place.OUTSIDE


def claims_untrusted(material: Material, budget: type[Budget] = Budget) -> list[Claim]:
    """Reads and computes all but what public keys are needed for. Raises only `BadSignatureFile`, with a
    `SmallBudget` also `TakesLong`."""
    if material.format is SignatureFormat.PADES:
        return _pades(material, budget)
    return _READERS[material.format](material)


def _xades(material: Material) -> list[Claim]:
    return xades_claims_untrusted(
        material.document,
        material.signature,
        certificates=material.certificates,
        schemas=dict(material.schemas),
        id_attributes=id_attributes(material.schemas.values()) if material.schemas else None,
    )


def _cades(material: Material) -> list[Claim]:
    if material.signature is None:
        raise BadSignatureFile(4253, "no signature in the document")
    return cades_claims_untrusted(material.signature, material.document, material.certificates)


def _pades(material: Material, budget: type[Budget]) -> list[Claim]:
    """A PDF comes as the document, or where devices put what they signed: in place of the signature."""
    return pades_claims_untrusted(_document_with_signature(material), budget)


def _smime(material: Material) -> list[Claim]:
    """The message is the document, or stands in place of the signature."""
    return smime_claims_untrusted(_document_with_signature(material), material.certificates)


def _document_with_signature(material: Material) -> bytes:
    """What holds its signatures in it, whichever place it came in.

    Raises `BadSignatureFile` 4000 for two that differ: the one that is not looked at would be called signed.
    """
    document, signature = material.document, material.signature
    if document is not None and signature is not None and document != signature:
        raise BadSignatureFile(4000, "a document beside another one that has its signature in it")
    return signature or document or b""


def _bare(material: Material) -> list[Claim]:
    """A signature value; the document is the message, and certificates were given: that of the signer among them."""
    if material.signature is None or material.document is None:
        raise BadSignatureFile(4000, "a signature value needs its message")
    read = read_pkcs1_untrusted if material.format is SignatureFormat.PKCS1 else read_ecdsa_untrusted
    told: FoundSignature | None = None
    for certificate in material.certificates[:SIGNERS_TRIED_MAX] or (None,):
        found = read(material.signature, material.document, certificate)
        if found.integrity in _THE_SIGNERS:
            return [Claim(found)]
        if told is None or told.integrity is Integrity.ALGORITHM_UNKNOWN:
            told = found
    return [] if told is None else [Claim(told)]


_READERS: Mapping[SignatureFormat, Callable[[Material], list[Claim]]] = {
    SignatureFormat.XADES: _xades,
    SignatureFormat.CADES: _cades,
    SignatureFormat.PKCS1: _bare,
    SignatureFormat.ECDSA: _bare,
    SignatureFormat.SMIME: _smime,
}
