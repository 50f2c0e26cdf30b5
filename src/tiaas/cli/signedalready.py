"""Whether a file is a signature of a document as the document is now: what `sign --resume` leaves out.

Looked at are content, hash values, signature values, and whether the signer's certificate says that it is a qualified
one. Whether it is good, `verify` tells. Comments of XML count: nobody signs them, but they are in the result.
"""

from collections.abc import Callable, Mapping, Sequence

from lxml import etree

from tiaas.ades import mime
from tiaas.ades.cadesread import cades_claims_untrusted, read_cades_untrusted
from tiaas.ades.found import BadSignatureFile, FoundSignature, Integrity, SignatureFormat
from tiaas.ades.padesread import read_pades_untrusted
from tiaas.ades.smime import read_smime_untrusted
from tiaas.ades.xadesdocument import parse_xml_untrusted
from tiaas.ades.xadesread import read_xades_untrusted, xades_claims_untrusted
from tiaas.ades.xadesunsigned import all_signatures
from tiaas.cms.errors import BadCms
from tiaas.cms.signed import decode_signed_data_untrusted
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import XmlElement
from tiaas.soap.parsers import fromstring
from tiaas.xmlsec.canonical import without
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.names import ds

_UNREADABLE = (BadSignatureFile, BadCms, mime.BadMime, BadEnvelope, BadXmlSignature)
_END_OF_REVISION = b"%%EOF"


def is_signature_of(
    document: bytes, result: bytes, form: SignatureFormat, *, qualified: bool = False, enveloping: bool = False
) -> bool:
    """Whether a signature in `result` is intact, and what it signs is `document`.

    `qualified`: and it is such a one; `enveloping`: and it is around the document.
    """
    try:
        found = (_AROUND if enveloping else _READERS)[form](document, result)
    except _UNREADABLE:
        return False
    return any(_is_intact(each) and (not qualified or _is_qualified(each)) for each in found)


def is_added_to(signed: bytes, result: bytes, form: SignatureFormat, *, qualified: bool = False) -> bool:
    """Whether `result` has the signatures of `signed` and one more, as `--parallel` and `--counter` add it.

    Looked at are the signature values, not what they sign.
    """
    try:
        before, after = _claimed(signed, form), _claimed(result, form)
    except _UNREADABLE:
        return False
    values = {each.value for each in before}
    added = [each for each in after if each.value not in values]
    is_kept = values <= {each.value for each in after}
    return is_kept and any(not qualified or _is_qualified(each) for each in added)


def _claimed(octets: bytes, form: SignatureFormat) -> list[FoundSignature]:
    """All signatures of a CMS or XML document, as they were read. The document of a detached one is not at hand."""
    is_xml = form is SignatureFormat.XADES
    claims = xades_claims_untrusted(octets) if is_xml else cades_claims_untrusted(octets, b"")
    return [claim.found for claim in claims]


def _in_cms(document: bytes, result: bytes) -> Sequence[FoundSignature]:
    return read_cades_untrusted(result, document)


def _around_in_cms(document: bytes, result: bytes) -> Sequence[FoundSignature]:
    is_around = decode_signed_data_untrusted(result).content() is not None
    return _in_cms(document, result) if is_around else ()


def _in_pdf(document: bytes, result: bytes) -> Sequence[FoundSignature]:
    """A signature is added behind the document as it is (ISO 32000-1:2008, 7.5.6), and nothing else: what is signed may
    have grown out of an older document."""
    is_next = result.startswith(document) and result.count(_END_OF_REVISION, len(document)) == 1
    return read_pades_untrusted(result) if is_next else ()


def _in_mail(document: bytes, result: bytes) -> Sequence[FoundSignature]:
    signed = decode_signed_data_untrusted(mime.pkcs7_content_untrusted(result)).content()
    return read_smime_untrusted(result) if signed == mime.canonical(document) else ()


def _in_xml(document: bytes, result: bytes) -> Sequence[FoundSignature]:
    """The document is what is in the signature that is around it, or what is left without one of the signatures."""
    whole, signed, found = _parsed(document), _parsed(result), read_xades_untrusted(result)
    if _is_around(signed, whole):
        return found[:1]
    wanted = _canonical(whole.getroottree())
    return [
        each
        for each, element in zip(found, list(all_signatures(signed)), strict=True)
        if element is not signed and _canonical(without(element).root.getroottree()) == wanted
    ]


def _around_in_xml(document: bytes, result: bytes) -> Sequence[FoundSignature]:
    return read_xades_untrusted(result)[:1] if _is_around(_parsed(result), _parsed(document)) else ()


def _is_around(signed: XmlElement, document: XmlElement) -> bool:
    if signed.tag != ds("Signature"):
        return False
    wanted = _canonical(document)
    inside = [child for holder in signed.iterchildren(ds("Object")) for child in holder.iterchildren("*")]
    return any(_canonical(child) == wanted for child in inside)


def _parsed(octets: bytes) -> XmlElement:
    """The document element with its comments; raises `BadEnvelope`."""
    encoding = parse_xml_untrusted(octets).encoding
    parser = etree.XMLParser(
        encoding=encoding, resolve_entities=False, no_network=True, huge_tree=True, load_dtd=False, collect_ids=False
    )
    return fromstring(octets, parser)


def _canonical(node: XmlElement | etree._ElementTree) -> bytes:
    """Exclusive canonical XML with comments."""
    try:
        return etree.tostring(node, method="c14n", exclusive=True, with_comments=True)
    except (etree.LxmlError, ValueError):
        raise BadXmlSignature("no canonical form") from None


def _is_intact(signature: FoundSignature) -> bool:
    """A counter signature is none of the document."""
    return signature.integrity is Integrity.INTACT and signature.countersigns is None


def _is_qualified(signature: FoundSignature) -> bool:
    """By what its certificate says."""
    try:
        return signature.certificate is not None and decode_certificate_untrusted(signature.certificate).is_qualified
    except BadCertificate:
        return False


_READERS: Mapping[SignatureFormat, Callable[[bytes, bytes], Sequence[FoundSignature]]] = {
    SignatureFormat.CADES: _in_cms,
    SignatureFormat.PADES: _in_pdf,
    SignatureFormat.SMIME: _in_mail,
    SignatureFormat.XADES: _in_xml,
}
_AROUND = {**_READERS, SignatureFormat.CADES: _around_in_cms, SignatureFormat.XADES: _around_in_xml}
