"""Names of certificates as text: distinguished names in the string form of RFC 4514, as XMLDSig 4.4.4 wants them."""

import re
from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

from tiaas.pki.certificate import BETWEEN_RDNS, Certificate

_ATTRIBUTE_NAMES = {
    NameOID.SERIAL_NUMBER: "SERIALNUMBER",
    NameOID.SURNAME: "SURNAME",
    NameOID.GIVEN_NAME: "GIVENNAME",
    NameOID.TITLE: "T",
    NameOID.POSTAL_CODE: "PostalCode",
}
"""Attributes that RFC 4514 has no short name for, as common libraries write and read them."""

_SHORT_NAMES = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
} | {oid.dotted_string: name for oid, name in _ATTRIBUTE_NAMES.items()}
_USUAL_VALUE = re.compile(r"[\w./()&'-]+(?: [\w./()&'-]+)*", re.ASCII)


def written_name(name: x509.Name) -> str:
    """The text of a name."""
    return name.rfc4514_string(_ATTRIBUTE_NAMES)


def usual_names(certificate: Certificate) -> tuple[str, str] | None:
    """What `written_name` makes of issuer and subject, for usual ones: one attribute in an RDN, all with short names,
    and no character that has two forms, here or in a certificate. None for any other."""
    issuer = _usual_name(certificate.issuer, certificate.issuer_key)
    subject = None if issuer is None else _usual_name(certificate.subject, certificate.subject_key)
    return None if issuer is None or subject is None else (issuer, subject)


def _usual_name(attributes: Sequence[tuple[str, str]], key: str) -> str | None:
    rdns = key.split(BETWEEN_RDNS)
    if len(rdns) != len(attributes) or "" in rdns:
        return None
    parts = []
    for oid, value in reversed(attributes):
        name = _SHORT_NAMES.get(oid)
        if name is None or _USUAL_VALUE.fullmatch(value) is None:
            return None
        parts.append(f"{name}={value}")
    return ",".join(parts)
