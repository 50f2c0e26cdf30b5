"""Whether a file is a signature of a document as the document is now: what `sign --resume` leaves out.

Looked at are content, hash values and signature values. Whether the signer's certificate is good, `verify` tells.
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
from tiaas.soap.errors import BadEnvelope
from tiaas.xmlsec.canonical import canonical, canonical_document, remaining
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.names import Transform, ds

_END_OF_REVISION = b"%%EOF"


def is_signature_of(document: bytes, result: bytes, form: SignatureFormat) -> bool:
    """Whether a signature in `result` is intact, and what it signs is `document`."""
    try:
        return _CHECKS[form](document, result)
    except (BadSignatureFile, BadCms, mime.BadMime, BadEnvelope, BadXmlSignature):
        return False


def _in_cms(document: bytes, result: bytes) -> bool:
    return _has_intact(read_cades_untrusted(result, document))


def _in_pdf(document: bytes, result: bytes) -> bool:
    """A signature is added behind the document as it is (ISO 32000-1:2008, 7.5.6), and nothing else: what is signed may
    have grown out of an older document."""
    is_next = result.startswith(document) and result.count(_END_OF_REVISION, len(document)) == 1
    return is_next and _has_intact(read_pades_untrusted(result))


def _in_mail(document: bytes, result: bytes) -> bool:
    signed = decode_signed_data_untrusted(mime.pkcs7_content_untrusted(result)).content()
    return signed == mime.canonical(document) and _has_intact(read_smime_untrusted(result))


def _in_xml(document: bytes, result: bytes) -> bool:
    """The document is what is left without one of the signatures, or what is in one that is around it."""
    whole, signed = parse_xml_untrusted(document).root, parse_xml_untrusted(result).root
    if signed.tag == ds("Signature"):
        wanted = canonical(whole)
        is_there = any(canonical(child) == wanted for holder in signed.iterchildren(ds("Object")) for child in holder)
    else:
        wanted = canonical_document(whole)
        is_there = any(
            remaining(each, None, Transform.EXCLUSIVE_C14N) == wanted for each in list(all_signatures(signed))
        )
    return is_there and _has_intact(read_xades_untrusted(result))


def _has_intact(signatures: Sequence[FoundSignature]) -> bool:
    return any(each.integrity is Integrity.INTACT for each in signatures)


_CHECKS: Mapping[SignatureFormat, Callable[[bytes, bytes], bool]] = {
    SignatureFormat.CADES: _in_cms,
    SignatureFormat.PADES: _in_pdf,
    SignatureFormat.SMIME: _in_mail,
    SignatureFormat.XADES: _in_xml,
}
