"""The properties of XAdES (ETSI TS 101 903 V1.4.2, 7): what a signature says about itself.

Only the signed ones may be believed, and only where a reference of the signature covers them; the caller sees to that.
"""

from tiaas.xmlsec.canonical import XmlElement
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.names import ds, xades
from tiaas.xmlsec.references import digest_fits
from tiaas.xmlsec.syntax import binary, child, read_digest

_ABOUT = xades("SignedSignatureProperties")
_UNSIGNED = f"{xades('UnsignedProperties')}/{xades('UnsignedSignatureProperties')}"
_DATA = f"{xades('SignedDataObjectProperties')}/{xades('DataObjectFormat')}"
_OCSP_MAX = 64


def qualifying_properties(signature: XmlElement) -> XmlElement | None:
    """QualifyingProperties in an Object of the signature that say they are about it; None without.

    Raises `BadXmlSignature` if there are several or they name another target.
    """
    found = signature.findall(f"{ds('Object')}/{xades('QualifyingProperties')}")
    if not found:
        return None
    name = signature.get("Id")
    if len(found) > 1 or name is None or found[0].get("Target") != f"#{name}":
        raise BadXmlSignature("the qualifying properties are not those of this signature")
    return found[0]


def own_properties(signature: XmlElement) -> XmlElement | None:
    """The SignedProperties of a signature, None without. Raises `BadXmlSignature`."""
    qualifying = qualifying_properties(signature)
    return None if qualifying is None else child(qualifying, xades("SignedProperties"))


def names_a_certificate(properties: XmlElement) -> bool:
    """Whether the signed properties name any certificate as the signer's."""
    return _signing_certificate(properties) is not None


def names_certificate(properties: XmlElement, certificate: bytes) -> bool:
    """Whether the signed properties name this certificate (DER) as the signer's (TS 101 903, 7.2.2 and G.2.2.5).

    The first certificate in SigningCertificate is the signer's; its digest must fit. Raises `BadXmlSignature` for an
    unreadable one.
    """
    cert = _signing_certificate(properties)
    if cert is None:
        return False
    method, value = read_digest(child(cert, xades("CertDigest")))
    return digest_fits(certificate, method, value)


def named_serial(properties: XmlElement) -> str | None:
    """The serial number of the signer's certificate as written; SigningCertificateV2 has none."""
    cert = _signing_certificate(properties)
    return None if cert is None else cert.findtext(f"{xades('IssuerSerial')}/{ds('X509SerialNumber')}")


def signing_time(properties: XmlElement) -> str | None:
    """SigningTime as written."""
    return properties.findtext(f"{_ABOUT}/{xades('SigningTime')}")


def policy(properties: XmlElement) -> str | None:
    """The identifier of the signature policy as written."""
    path = ("SignaturePolicyIdentifier", "SignaturePolicyId", "SigPolicyId", "Identifier")
    return properties.findtext("/".join((_ABOUT, *map(xades, path))))


def description(properties: XmlElement) -> str | None:
    """The Description of the first data object that has one: gematik's ShortText."""
    return properties.findtext(f"{_DATA}/{xades('Description')}")


def ocsp_values(signature: XmlElement) -> tuple[bytes, ...]:
    """The OCSPResponses (DER) in the unsigned properties; what is not base64 is left out."""
    path = "/".join((_UNSIGNED, *map(xades, ("RevocationValues", "OCSPValues", "EncapsulatedOCSPValue"))))
    found = []
    for element in signature.findall(f"{ds('Object')}/{xades('QualifyingProperties')}/{path}")[:_OCSP_MAX]:
        try:
            found.append(binary(element))
        except BadXmlSignature:
            continue
    return tuple(found)


def _signing_certificate(properties: XmlElement) -> XmlElement | None:
    for name in ("SigningCertificate", "SigningCertificateV2"):
        cert = properties.find(f"{_ABOUT}/{xades(name)}/{xades('Cert')}")
        if cert is not None:
            return cert
    return None
