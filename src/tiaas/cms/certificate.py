"""What CMS needs of a certificate: issuer and serial number as they are written, its key identifier."""

from functools import lru_cache
from typing import NamedTuple

from tiaas.cms.ber import Element, Elements, dotted_oid, read_untrusted, whole_number
from tiaas.cms.der import BOOLEAN, INTEGER, OCTET_STRING, SEQUENCE, integer, sequence
from tiaas.cms.errors import BadCms

_SUBJECT_KEY_IDENTIFIER = "2.5.29.14"
_MAX_EXTENSIONS = 100
_KEPT, _KEPT_OCTETS = 1024, 4 * 1024
_MAX_SIZE = 64 * 1024


class IssuerAndSerial(NamedTuple):
    """IssuerAndSerialNumber (RFC 5652, 10.2.4): the issuer's Name (encoded) and the serial number."""

    issuer: bytes
    serial: int

    def encode(self) -> bytes:
        """The DER structure."""
        return _encoded(self) if len(self.issuer) <= _KEPT_OCTETS else _encoded.__wrapped__(self)


class CertificateNames(NamedTuple):
    """By what a certificate is named in CMS, and its SubjectPublicKeyInfo (DER).

    `key_identifier` is the extension subjectKeyIdentifier, if it has one.
    """

    issuer_and_serial: IssuerAndSerial
    public_key: bytes
    key_identifier: bytes | None


def names_untrusted(certificate: bytes) -> CertificateNames:
    """Reads what names a certificate (RFC 5280, 4.1), kept for the last usual ones; raises only `BadCms`."""
    return _names(certificate) if len(certificate) <= _KEPT_OCTETS else _names.__wrapped__(certificate)


@lru_cache(maxsize=_KEPT)
def _names(certificate: bytes) -> CertificateNames:
    if len(certificate) > _MAX_SIZE:
        raise BadCms(f"a certificate of {len(certificate)} octets")
    body = Elements(Elements(read_untrusted(certificate).expect(SEQUENCE)).take(SEQUENCE))
    body.optional(0xA0)
    serial = whole_number(body.take(INTEGER))
    body.take(SEQUENCE)
    issuer = body.take(SEQUENCE).encoded
    for _ in ("validity", "subject"):
        body.take(SEQUENCE)
    public_key = body.take(SEQUENCE).encoded
    for unique_identifier in (0x81, 0x82):
        body.optional(unique_identifier)
    extensions = body.optional(0xA3)
    identifier = None if extensions is None else _key_identifier(extensions)
    return CertificateNames(IssuerAndSerial(issuer, serial), public_key, identifier)


@lru_cache(maxsize=_KEPT)
def _encoded(names: IssuerAndSerial) -> bytes:
    return sequence(names.issuer, integer(names.serial))


def _key_identifier(extensions: Element) -> bytes | None:
    listed = Elements(extensions).take(SEQUENCE).children()
    if len(listed) > _MAX_EXTENSIONS:
        raise BadCms("too many extensions")
    for extension in listed:
        parts = Elements(extension)
        if dotted_oid(parts.take()) == _SUBJECT_KEY_IDENTIFIER:
            parts.optional(BOOLEAN)
            value = parts.take(OCTET_STRING).value
            return read_untrusted(value).expect(OCTET_STRING).value
    return None
