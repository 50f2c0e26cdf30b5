"""Names of certificates as text: distinguished names in the string form of RFC 4514, as XMLDSig 4.4.4 wants them."""

from cryptography import x509
from cryptography.x509.oid import NameOID

_ATTRIBUTE_NAMES = {
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.SURNAME: "SURNAME",
    NameOID.GIVEN_NAME: "GIVENNAME",
    NameOID.TITLE: "T",
    NameOID.POSTAL_CODE: "PostalCode",
}
"""Attributes that RFC 4514 has no short name for, as common libraries write and read them."""


def written_name(name: x509.Name) -> str:
    """The text of a name."""
    return name.rfc4514_string(_ATTRIBUTE_NAMES)
