"""Reads an enveloped XAdES signature, as the TI's trust lists have it (gemSpec_TSL V1.19.2, TIP1-A_4101).

Exactly one form is read. There is one Signature in the document, a child of the document element; it refers to the
whole document (`URI=""`, enveloped-signature and exclusive C14N) and to its own SignedProperties (exclusive C14N), in
this or the other order and to nothing else. So what is signed is the element the caller passed, all of it, and there
is no place for a wrapped copy. Digests are checked when a signature is read; `verify` checks the signature value.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hmac import compare_digest

from lxml import etree

from tiaas.xmlsec.canonical import XmlElement, canonical, canonical_without, digest
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.names import (
    DIGESTS,
    SIGNED_PROPERTIES_TYPE,
    SignatureMethod,
    Transform,
    ds,
    xades,
)

_CERTIFICATES_MAX = 8
_WHITESPACE = " \t\r\n"
_ENVELOPED = (Transform.ENVELOPED, Transform.EXCLUSIVE_C14N)
_PROPERTIES = (Transform.EXCLUSIVE_C14N,)


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
    signature = _only_signature(root)
    info = _child(signature, ds("SignedInfo"))
    _check_method(_child(info, ds("CanonicalizationMethod")), Transform.EXCLUSIVE_C14N)
    properties = _signed_properties(signature)
    _check_references(info, root, signature, properties)
    certificates = _certificates(signature)
    _check_signing_certificate(properties, certificates[0])
    return XmlSignature(
        method=_method(_child(info, ds("SignatureMethod"))),
        octets=canonical(info),
        value=_binary(_child(signature, ds("SignatureValue"))),
        certificates=certificates,
        signing_time=_signing_time(properties),
    )


def _only_signature(root: XmlElement) -> XmlElement:
    if root.getparent() is not None:
        raise BadXmlSignature("not the document element")
    found = list(root.iter(ds("Signature")))
    if not found:
        raise BadXmlSignature("no signature")
    if len(found) > 1 or found[0].getparent() is not root:
        raise BadXmlSignature("not exactly one signature below the document element")
    return found[0]


def _signed_properties(signature: XmlElement) -> XmlElement:
    qualifying = _child(_child(signature, ds("Object")), xades("QualifyingProperties"))
    target, name = qualifying.get("Target"), signature.get("Id")
    if name is None or target != f"#{name}":
        raise BadXmlSignature("the qualifying properties are not those of this signature")
    return _child(qualifying, xades("SignedProperties"))


def _check_references(info: XmlElement, root: XmlElement, signature: XmlElement, properties: XmlElement) -> None:
    """Both references must be there, each once, and their digests must fit."""
    wanted = {"": _ENVELOPED, f"#{_unique_id(root, properties)}": _PROPERTIES}
    for reference in info.findall(ds("Reference")):
        uri = reference.get("URI", "?")
        transforms = wanted.pop(uri, None)
        if transforms is None:
            raise BadXmlSignature("a reference to something else")
        if transforms is _PROPERTIES and reference.get("Type") != SIGNED_PROPERTIES_TYPE:
            raise BadXmlSignature("the reference to the signed properties has another type")
        _check_transforms(reference, transforms)
        octets = canonical_without(root, signature) if uri == "" else canonical(properties)
        _check_digest(reference, octets)
    if wanted:
        raise BadXmlSignature("the document or the signed properties are not signed")


def _unique_id(root: XmlElement, element: XmlElement) -> str:
    name = element.get("Id")
    if not name or any(char in name for char in "'\"()#/ "):
        raise BadXmlSignature("the signed properties have no usable Id")
    # Whoever resolves an Id may find another element of that Id first.
    bearers = [node for node in root.iter(etree.Element) if name in (node.get("Id"), node.get("ID"), node.get("id"))]
    if len(bearers) != 1:
        raise BadXmlSignature("an Id occurs twice")
    return name


def _check_transforms(reference: XmlElement, wanted: tuple[Transform, ...]) -> None:
    transforms = _child(reference, ds("Transforms"))
    if len(transforms) != len(wanted):
        raise BadXmlSignature("other transforms than allowed")
    for transform, algorithm in zip(transforms, wanted, strict=True):
        if transform.tag != ds("Transform"):
            raise BadXmlSignature("other transforms than allowed")
        _check_method(transform, algorithm)


def _check_method(element: XmlElement, algorithm: Transform) -> None:
    """The algorithm, and no parameters: a prefix list for C14N is not used in the TI."""
    if element.get("Algorithm") != algorithm or len(element):
        raise BadXmlSignature("another transform or canonicalisation than allowed")


def _check_digest(parent: XmlElement, octets: bytes) -> None:
    """Compares `octets` with DigestMethod and DigestValue in `parent`."""
    method = _child(parent, ds("DigestMethod")).get("Algorithm", "")
    algorithm = DIGESTS.get(method)
    if algorithm is None:
        raise BadXmlSignature("unknown digest method")
    if not compare_digest(digest(octets, algorithm()), _binary(_child(parent, ds("DigestValue")))):
        raise BadXmlSignature("a digest does not fit")


def _check_signing_certificate(properties: XmlElement, certificate: bytes) -> None:
    """TS 101 903, 7.2.2: the signed properties name the signer's certificate by its digest."""
    for name in ("SigningCertificate", "SigningCertificateV2"):
        for cert in properties.iterfind(f"{xades('SignedSignatureProperties')}/{xades(name)}/{xades('Cert')}"):
            _check_digest(_child(cert, xades("CertDigest")), certificate)
            return
    raise BadXmlSignature("the signed properties name no certificate")


def _certificates(signature: XmlElement) -> tuple[bytes, ...]:
    path = f"{ds('KeyInfo')}/{ds('X509Data')}/{ds('X509Certificate')}"
    found = signature.findall(path)
    if not 1 <= len(found) <= _CERTIFICATES_MAX:
        raise BadXmlSignature("no certificate, or too many")
    return tuple(_binary(element) for element in found)


def _method(element: XmlElement) -> SignatureMethod:
    # RFC 6931 names MGF1 schemes without parameters; RSASSA-PSS with parameters is another identifier.
    try:
        return SignatureMethod(element.get("Algorithm", ""))
    except ValueError:
        raise BadXmlSignature("unknown signature method") from None


def _signing_time(properties: XmlElement) -> str | None:
    return properties.findtext(f"{xades('SignedSignatureProperties')}/{xades('SigningTime')}")


def _child(parent: XmlElement, name: str) -> XmlElement:
    found = parent.findall(name)
    if len(found) != 1:
        raise BadXmlSignature(f"not exactly one {etree.QName(name).localname}")
    return found[0]


def _binary(element: XmlElement) -> bytes:
    if len(element):
        raise BadXmlSignature("elements inside base64")
    text = "".join(char for char in element.text or "" if char not in _WHITESPACE)
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise BadXmlSignature("not base64") from None
