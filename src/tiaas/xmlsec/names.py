"""Names of XMLDSig and XAdES: namespaces and the algorithms used here.

Sources: W3C XML Signature 1.1, RFC 6931, ETSI TS 101 903 V1.4.2.
Which of them the TI uses: gemSpec_Krypt Tab_KRYPT_002, 003.
"""

from enum import StrEnum, unique

from cryptography.hazmat.primitives import hashes

DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
SIGNED_PROPERTIES_TYPE = "http://uri.etsi.org/01903#SignedProperties"
"""Value of Reference/@Type for the qualifying properties that are signed (TS 101 903, 6.3.1)."""


@unique
class Transform(StrEnum):
    """Transforms and canonicalisations."""

    EXCLUSIVE_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
    ENVELOPED = DS + "enveloped-signature"


@unique
class SignatureMethod(StrEnum):
    """How the octets of SignedInfo were signed, all with SHA-256."""

    ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
    RSA_PSS_SHA256 = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
    RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"


DIGESTS: dict[str, type[hashes.HashAlgorithm]] = {
    "http://www.w3.org/2001/04/xmlenc#sha256": hashes.SHA256,
    "http://www.w3.org/2001/04/xmldsig-more#sha384": hashes.SHA384,
    "http://www.w3.org/2001/04/xmlenc#sha512": hashes.SHA512,
}
"""Digest methods; SHA-1 is not among them (gemSpec_Krypt GS-A_4388)."""

SHA256_URI = "http://www.w3.org/2001/04/xmlenc#sha256"


def ds(name: str) -> str:
    """The Clark name of an element of XMLDSig."""
    return f"{{{DS}}}{name}"


def xades(name: str) -> str:
    """The Clark name of an element of XAdES 1.3.2 and later."""
    return f"{{{XADES}}}{name}"
