"""Object identifiers of CMS: content types, attributes, algorithms (the source stands beside each)."""

from enum import StrEnum, unique

DATA = "1.2.840.113549.1.7.1"
"""id-data (RFC 5652, 4)."""
SIGNED_DATA = "1.2.840.113549.1.7.2"
"""id-signedData (RFC 5652, 5.1)."""
OCSP_RESPONSE = "1.3.6.1.5.5.7.16.2"
"""id-ri-ocsp-response (RFC 5940, 3)."""


@unique
class Attribute(StrEnum):
    """Signed and unsigned attributes."""

    CONTENT_TYPE = "1.2.840.113549.1.9.3"
    """RFC 5652, 11.1."""
    MESSAGE_DIGEST = "1.2.840.113549.1.9.4"
    """RFC 5652, 11.2."""
    SIGNING_TIME = "1.2.840.113549.1.9.5"
    """RFC 5652, 11.3."""
    COUNTERSIGNATURE = "1.2.840.113549.1.9.6"
    """RFC 5652, 11.4; unsigned."""
    CONTENT_HINTS = "1.2.840.113549.1.9.16.2.4"
    """RFC 2634, 2.9."""
    SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12"
    """RFC 2634, 5.4: by SHA-1, read only."""
    SIGNATURE_POLICY = "1.2.840.113549.1.9.16.2.15"
    """ETSI TS 101 733 V1.7.4, 5.8.1."""
    SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47"
    """RFC 5035, 3."""
    ALGORITHM_PROTECTION = "1.2.840.113549.1.9.52"
    """RFC 6211, 2."""
    MIME_TYPE = "0.4.0.1733.2.1"
    """ETSI TS 101 733 V2.2.1, 5.11.5."""


SHA1 = "1.3.14.3.2.26"
SHA256 = "2.16.840.1.101.3.4.2.1"
SHA384 = "2.16.840.1.101.3.4.2.2"
SHA512 = "2.16.840.1.101.3.4.2.3"
"""RFC 5754, 2."""

RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
MGF1 = "1.2.840.113549.1.1.8"
RSASSA_PSS = "1.2.840.113549.1.1.10"
RSA_SHA256 = "1.2.840.113549.1.1.11"
RSA_SHA384 = "1.2.840.113549.1.1.12"
RSA_SHA512 = "1.2.840.113549.1.1.13"
"""RFC 8017, appendix C."""

EC_PUBLIC_KEY = "1.2.840.10045.2.1"
ECDSA_SHA256 = "1.2.840.10045.4.3.2"
ECDSA_SHA384 = "1.2.840.10045.4.3.3"
ECDSA_SHA512 = "1.2.840.10045.4.3.4"
"""RFC 5753, 2.1; RFC 5754, 3.3."""
