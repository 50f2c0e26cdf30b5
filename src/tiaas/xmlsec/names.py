"""Names of XMLDSig and XAdES: namespaces and the algorithms used here.

Sources: W3C XML Signature 1.1, RFC 6931, ETSI TS 101 903 V1.4.2.
Which of them the TI uses: gemSpec_Krypt Tab_KRYPT_002, 003.
"""

from enum import StrEnum, unique

from cryptography.hazmat.primitives import hashes

DS = "http://www.w3.org/2000/09/xmldsig#"
XADES = "http://uri.etsi.org/01903/v1.3.2#"
XML = "http://www.w3.org/XML/1998/namespace"
SIGNED_PROPERTIES_TYPE = "http://uri.etsi.org/01903#SignedProperties"
"""Value of Reference/@Type for the qualifying properties that are signed (TS 101 903, 6.3.1)."""
COUNTERSIGNED_TYPE = "http://uri.etsi.org/01903#CountersignedSignature"
"""Value of Reference/@Type for the SignatureValue that a counter signature signs (TS 101 903, 7.2.4)."""
MANIFEST_TYPE = DS + "Manifest"
"""Value of Reference/@Type for a ds:Manifest (XML Signature, 5.1)."""


@unique
class Transform(StrEnum):
    """Transforms and canonicalisations that are worked off."""

    C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
    C14N_COMMENTS = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
    C14N_11 = "http://www.w3.org/2006/12/xml-c14n11"
    C14N_11_COMMENTS = "http://www.w3.org/2006/12/xml-c14n11#WithComments"
    EXCLUSIVE_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
    EXCLUSIVE_C14N_COMMENTS = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"
    ENVELOPED = DS + "enveloped-signature"


EXCLUSIVE = frozenset({Transform.EXCLUSIVE_C14N, Transform.EXCLUSIVE_C14N_COMMENTS})
CANONICAL = frozenset(Transform) - {Transform.ENVELOPED}
"""The canonicalisations. What is read has no comments, so those with comments give the same octets."""

FORBIDDEN_TRANSFORMS = frozenset(
    {
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/2002/06/xmldsig-filter2",
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
    }
)
"""XPath and XSLT: not in what is to be verified (gemSpec_Kon A_22673, TAB_KON_889)."""


@unique
class SignatureMethod(StrEnum):
    """How the octets of SignedInfo were signed. What is written has SHA-256."""

    ECDSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
    ECDSA_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384"
    ECDSA_SHA512 = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"
    RSA_PSS_SHA256 = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
    RSA_PSS_SHA384 = "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1"
    RSA_PSS_SHA512 = "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1"
    RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
    RSA_SHA384 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384"
    RSA_SHA512 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"


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
