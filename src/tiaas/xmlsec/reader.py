"""Reads an enveloped XAdES signature, as the TI's trust lists have it (gemSpec_TSL V1.19.2, TIP1-A_4101).

Exactly one form is read. There is one Signature in the document, a child of the document element; it refers to the
whole document (`URI=""`, enveloped-signature and exclusive C14N) and to its own SignedProperties (exclusive C14N), in
this or the other order and to nothing else. So what is signed is the element the caller passed, all of it, and there
is no place for a wrapped copy. Digests are checked when a signature is read; `verify` checks the signature value.
"""

from tiaas.base.dataclass import dataclass
from tiaas.xmlsec.canonical import XmlElement, canonical
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.names import SIGNED_PROPERTIES_TYPE, SignatureMethod, Transform, ds
from tiaas.xmlsec.properties import names_certificate, own_properties, signing_certificate, signing_time
from tiaas.xmlsec.references import Document, index_ids
from tiaas.xmlsec.syntax import Reference, SignatureSyntax, Step, read_signature, referred_ids

_METHODS = (SignatureMethod.ECDSA_SHA256, SignatureMethod.RSA_PSS_SHA256, SignatureMethod.RSA_SHA256)
_ENVELOPED = (Step(Transform.ENVELOPED), Step(Transform.EXCLUSIVE_C14N))
_PROPERTIES = (Step(Transform.EXCLUSIVE_C14N),)


@dataclass(frozen=True, slots=True)
class XmlSignature:
    """A signature whose digests fit.

    `octets` is what `value` was made over: r and s in equal halves for ECDSA (RFC 4050), else the RSA signature.
    `certificates` are DER; the first is the signer's, named by the signed properties.
    """

    method: SignatureMethod
    octets: bytes
    value: bytes
    certificates: tuple[bytes, ...]
    signing_time: str | None


def read_enveloped_untrusted(root: XmlElement) -> XmlSignature:
    """The signature of the document that `root` is the document element of. Raises only `BadXmlSignature`."""
    syntax = read_signature(_only_signature(root))
    method = signature_method(syntax)
    if syntax.canonicalization != Step(Transform.EXCLUSIVE_C14N) or method not in _METHODS:
        raise BadXmlSignature("another canonicalization or method than allowed")
    properties = own_properties(syntax.element)
    if properties is None or len(syntax.element.findall(ds("Object"))) != 1:
        raise BadXmlSignature("the qualifying properties are not those of this signature")
    _check_references(syntax, root, properties)
    named = signing_certificate(properties)
    if not syntax.certificates or named is None or not names_certificate(named, syntax.certificates[0]):
        raise BadXmlSignature("the signed properties do not name the certificate")
    return XmlSignature(
        method=method,
        octets=canonical(syntax.info),
        value=syntax.value,
        certificates=syntax.certificates,
        signing_time=signing_time(properties),
    )


def signature_method(syntax: SignatureSyntax) -> SignatureMethod:
    """Raises `BadXmlSignature` for one that is not known.

    RFC 6931 names MGF1 schemes without parameters; RSASSA-PSS with parameters is another identifier.
    """
    try:
        return SignatureMethod(syntax.method)
    except ValueError:
        raise BadXmlSignature("unknown signature method") from None


def _only_signature(root: XmlElement) -> XmlElement:
    if root.getparent() is not None:
        raise BadXmlSignature("not the document element")
    found = list(root.iter(ds("Signature")))
    if not found:
        raise BadXmlSignature("no signature")
    if len(found) > 1 or found[0].getparent() is not root:
        raise BadXmlSignature("not exactly one signature below the document element")
    return found[0]


def _check_references(syntax: SignatureSyntax, root: XmlElement, properties: XmlElement) -> None:
    """Both references must be there, each once, and their digests must fit."""
    document = Document(root, index_ids(root, referred_ids(syntax.element)))
    wanted = {"": _ENVELOPED, f"#{properties.get('Id', '')}": _PROPERTIES}
    for reference in syntax.references:
        steps = None if reference.uri is None else wanted.pop(reference.uri, None)
        if steps is None:
            raise BadXmlSignature("a reference to something else")
        if reference.steps != steps:
            raise BadXmlSignature("other transforms than allowed")
        if steps is _PROPERTIES:
            _check_target(document, reference, properties)
        if not document.fits(reference, syntax.element):
            raise BadXmlSignature("a digest does not fit")
    if wanted:
        raise BadXmlSignature("the document or the signed properties are not signed")


def _check_target(document: Document, reference: Reference, properties: XmlElement) -> None:
    if reference.type != SIGNED_PROPERTIES_TYPE:
        raise BadXmlSignature("the reference to the signed properties has another type")
    if document.target(reference) is not properties:
        raise BadXmlSignature("the signed properties are not what is signed")
