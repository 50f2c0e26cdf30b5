"""Writes an enveloped XAdES-BES signature in the form that `reader` reads (gemSpec_Krypt GS-A_4371)."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from lxml import etree

from tiaas.xmlsec.canonical import XmlElement, canonical, digest
from tiaas.xmlsec.names import (
    DS,
    SHA256_URI,
    SIGNED_PROPERTIES_TYPE,
    XADES,
    SignatureMethod,
    Transform,
    ds,
    xades,
)


@dataclass(frozen=True, slots=True, repr=False)
class XmlSigner:
    """Who signs: certificate (DER), method, and `sign`, which gives the signature value over some octets.

    The value of ECDSA is r and s in equal halves: `raw_ecdsa` makes it of the DER form that most keys give.
    """

    certificate: bytes
    method: SignatureMethod
    sign: Callable[[bytes], bytes]


def sign_enveloped(root: XmlElement, signer: XmlSigner, moment: datetime, name: str) -> None:
    """Appends a signature over all of `root`, a document element without signature. `name` makes Ids unique."""
    document = canonical(root)
    signature = etree.SubElement(root, ds("Signature"), nsmap={"ds": DS}, Id=f"signature-{name}")
    info = etree.SubElement(signature, ds("SignedInfo"))
    value = etree.SubElement(signature, ds("SignatureValue"))
    key_info = etree.SubElement(etree.SubElement(signature, ds("KeyInfo")), ds("X509Data"))
    _text(key_info, ds("X509Certificate"), _base64(signer.certificate))
    properties = _signed_properties(signature, signer, moment, name)
    etree.SubElement(info, ds("CanonicalizationMethod"), Algorithm=Transform.EXCLUSIVE_C14N)
    etree.SubElement(info, ds("SignatureMethod"), Algorithm=signer.method)
    whole = etree.SubElement(info, ds("Reference"), Id=f"reference-{name}", URI="")
    _reference(whole, (Transform.ENVELOPED, Transform.EXCLUSIVE_C14N), document)
    uri = f"#{properties.get('Id')}"
    qualifying = etree.SubElement(info, ds("Reference"), Type=SIGNED_PROPERTIES_TYPE, URI=uri)
    _reference(qualifying, (Transform.EXCLUSIVE_C14N,), canonical(properties))
    value.text = _base64(signer.sign(canonical(info)))


def raw_ecdsa(signature: bytes, key_size: int) -> bytes:
    """r and s in equal halves (RFC 4050, 3.3) of an ECDSA signature in DER, for a curve of `key_size` bits."""
    size = (key_size + 7) // 8
    return b"".join(part.to_bytes(size, "big") for part in decode_dss_signature(signature))


def _signed_properties(signature: XmlElement, signer: XmlSigner, moment: datetime, name: str) -> XmlElement:
    holder = etree.SubElement(signature, ds("Object"))
    target = f"#{signature.get('Id')}"
    qualifying = etree.SubElement(holder, xades("QualifyingProperties"), nsmap={"xades": XADES}, Target=target)
    properties = etree.SubElement(qualifying, xades("SignedProperties"), Id=f"signedproperties-{name}")
    about = etree.SubElement(properties, xades("SignedSignatureProperties"))
    _text(about, xades("SigningTime"), f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    cert = etree.SubElement(etree.SubElement(about, xades("SigningCertificate")), xades("Cert"))
    _digest(etree.SubElement(cert, xades("CertDigest")), signer.certificate)
    certificate = x509.load_der_x509_certificate(signer.certificate)
    issuer = etree.SubElement(cert, xades("IssuerSerial"))
    _text(issuer, ds("X509IssuerName"), certificate.issuer.rfc4514_string())
    _text(issuer, ds("X509SerialNumber"), str(certificate.serial_number))
    data = etree.SubElement(properties, xades("SignedDataObjectProperties"))
    described = etree.SubElement(data, xades("DataObjectFormat"), ObjectReference=f"#reference-{name}")
    _text(described, xades("MimeType"), "text/xml")
    return properties


def _reference(reference: XmlElement, transforms: tuple[Transform, ...], octets: bytes) -> None:
    holder = etree.SubElement(reference, ds("Transforms"))
    for transform in transforms:
        etree.SubElement(holder, ds("Transform"), Algorithm=transform)
    _digest(reference, octets)


def _digest(parent: XmlElement, octets: bytes) -> None:
    etree.SubElement(parent, ds("DigestMethod"), Algorithm=SHA256_URI)
    _text(parent, ds("DigestValue"), _base64(digest(octets, hashes.SHA256())))


def _text(parent: XmlElement, name: str, text: str) -> None:
    etree.SubElement(parent, name).text = text


def _base64(octets: bytes) -> str:
    return b64encode(octets).decode("ascii")
