"""Whether a file is a signature of a document as the document is now: what `sign --resume` leaves out.

Looked at are content, hash values, signature values, and whether the signer's certificate says that it is a qualified
one. Whether it is good, `verify` tells.
"""

from collections.abc import Callable, Mapping, Sequence

from tiaas.ades import mime
from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.ades.found import BadSignatureFile, FoundSignature, Integrity, SignatureFormat
from tiaas.ades.padesread import read_pades_untrusted
from tiaas.ades.smime import read_smime_untrusted
from tiaas.ades.xadesdocument import parse_xml_untrusted
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.ades.xadesunsigned import all_signatures
from tiaas.cms.errors import BadCms
from tiaas.cms.signed import decode_signed_data_untrusted
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.soap.errors import BadEnvelope
from tiaas.xmlsec.canonical import canonical, canonical_document, remaining
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.names import Transform, ds

_END_OF_REVISION = b"%%EOF"


def is_signature_of(document: bytes, result: bytes, form: SignatureFormat, *, qualified: bool = False) -> bool:
    """Whether a signature in `result` is intact, and what it signs is `document`; `qualified`: and it is such a one."""
    try:
        found = _READERS[form](document, result)
    except (BadSignatureFile, BadCms, mime.BadMime, BadEnvelope, BadXmlSignature):
        return False
    return any(_is_intact(each) and (not qualified or _is_qualified(each)) for each in found)


def _in_cms(document: bytes, result: bytes) -> Sequence[FoundSignature]:
    return read_cades_untrusted(result, document)


def _in_pdf(document: bytes, result: bytes) -> Sequence[FoundSignature]:
    """A signature is added behind the document as it is (ISO 32000-1:2008, 7.5.6), and nothing else: what is signed may
    have grown out of an older document."""
    is_next = result.startswith(document) and result.count(_END_OF_REVISION, len(document)) == 1
    return read_pades_untrusted(result) if is_next else ()


def _in_mail(document: bytes, result: bytes) -> Sequence[FoundSignature]:
    signed = decode_signed_data_untrusted(mime.pkcs7_content_untrusted(result)).content()
    return read_smime_untrusted(result) if signed == mime.canonical(document) else ()


def _in_xml(document: bytes, result: bytes) -> Sequence[FoundSignature]:
    """The document is what is left without one of the signatures, or what is in the one that is around it."""
    whole, signed = parse_xml_untrusted(document).root, parse_xml_untrusted(result).root
    found = read_xades_untrusted(result)
    if signed.tag == ds("Signature"):
        wanted = canonical(whole)
        is_there = any(canonical(child) == wanted for holder in signed.iterchildren(ds("Object")) for child in holder)
        return found[:1] if is_there else ()
    wanted = canonical_document(whole)
    return [
        each
        for each, element in zip(found, list(all_signatures(signed)), strict=True)
        if remaining(element, None, Transform.EXCLUSIVE_C14N) == wanted
    ]


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
