"""The properties of XAdES (ETSI TS 101 903 V1.4.2, 7): what a signature says about itself.

Only the signed ones may be believed, and only where a reference of the signature covers them; the caller sees to that.
"""

from tiaas.xmlsec.canonical import XmlElement
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.names import ds, xades
from tiaas.xmlsec.references import digest_fits
from tiaas.xmlsec.syntax import binary, child, first, read_digest

_OBJECT, _QUALIFYING, _SIGNED = ds("Object"), xades("QualifyingProperties"), xades("SignedProperties")
_ABOUT = xades("SignedSignatureProperties")
_TIME = (_ABOUT, xades("SigningTime"))
_CERTS = tuple((_ABOUT, xades(name), xades("Cert")) for name in ("SigningCertificate", "SigningCertificateV2"))
_CERT_DIGEST = xades("CertDigest")
_SERIAL = (xades("IssuerSerial"), ds("X509SerialNumber"))
_POLICY = (_ABOUT, *map(xades, ("SignaturePolicyIdentifier", "SignaturePolicyId", "SigPolicyId", "Identifier")))
_DESCRIPTION = tuple(map(xades, ("SignedDataObjectProperties", "DataObjectFormat", "Description")))
_UNSIGNED = xades("UnsignedProperties")
_OCSP = "/".join(map(xades, ("UnsignedSignatureProperties", "RevocationValues", "OCSPValues", "EncapsulatedOCSPValue")))
_OCSP_MAX = 64


def qualifying_properties(signature: XmlElement) -> XmlElement | None:
    """QualifyingProperties in an Object of the signature that say they are about it; None without.

    Raises `BadXmlSignature` if there are several or they name another target.
    """
    found = _all_qualifying(signature)
    if not found:
        return None
    name = signature.get("Id")
    if len(found) > 1 or name is None or found[0].get("Target") != f"#{name}":
        raise BadXmlSignature("the qualifying properties are not those of this signature")
    return found[0]


def own_properties(signature: XmlElement) -> XmlElement | None:
    """The SignedProperties of a signature, None without. Raises `BadXmlSignature`."""
    qualifying = qualifying_properties(signature)
    return None if qualifying is None else child(qualifying, _SIGNED)


def signing_certificate(properties: XmlElement) -> XmlElement | None:
    """The Cert that names the signer's certificate, the first one in SigningCertificate (TS 101 903, 7.2.2).

    None if the signed properties name none.
    """
    for path in _CERTS:
        cert = first(properties, *path)
        if cert is not None:
            return cert
    return None


def names_certificate(cert: XmlElement, certificate: bytes) -> bool:
    """Whether a `signing_certificate` names this certificate (DER): its digest must fit (TS 101 903, G.2.2.5).

    Raises `BadXmlSignature` for an unreadable one.
    """
    method, value = read_digest(child(cert, _CERT_DIGEST))
    return digest_fits(certificate, method, value)


def named_serial(cert: XmlElement) -> str | None:
    """The serial number in a `signing_certificate` as written; SigningCertificateV2 has none."""
    return _text(cert, *_SERIAL)


def signing_time(properties: XmlElement) -> str | None:
    """SigningTime as written."""
    return _text(properties, *_TIME)


def policy(properties: XmlElement) -> str | None:
    """The identifier of the signature policy as written."""
    return _text(properties, *_POLICY)


def description(properties: XmlElement) -> str | None:
    """The Description of the first data object that has one: gematik's ShortText."""
    return _text(properties, *_DESCRIPTION)


def ocsp_values(signature: XmlElement) -> tuple[bytes, ...]:
    """The OCSPResponses (DER) in the unsigned properties; what is not base64 is left out."""
    elements = [
        element
        for qualifying in _all_qualifying(signature)
        for unsigned in qualifying.iterchildren(_UNSIGNED)
        for element in unsigned.iterfind(_OCSP)
    ]
    found = []
    for element in elements[:_OCSP_MAX]:
        try:
            found.append(binary(element))
        except BadXmlSignature:
            continue
    return tuple(found)


def _all_qualifying(signature: XmlElement) -> list[XmlElement]:
    return [
        qualifying for holding in signature.iterchildren(_OBJECT) for qualifying in holding.iterchildren(_QUALIFYING)
    ]


def _text(parent: XmlElement, *path: str) -> str | None:
    """The text that the first element of a path starts with, None without one."""
    found = first(parent, *path)
    return None if found is None else found.text or ""
