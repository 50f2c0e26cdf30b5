"""What signed attributes say of a signature: its certificate, time, ShortText, policy. Raises `BadCms` throughout."""

from datetime import datetime
from functools import lru_cache
from hashlib import new
from typing import NamedTuple

from tiaas.cms import oids
from tiaas.cms.ber import Element, Elements, dotted_oid, read_untrusted, string
from tiaas.cms.der import OCTET_STRING, OID_TAG, SEQUENCE, UTF8_STRING
from tiaas.cms.errors import BadCms
from tiaas.cms.oids import Attribute
from tiaas.cms.signed import Algorithm, SignerInfo, algorithm_of, time_untrusted

_HASHES = {oids.SHA256: "sha256", oids.SHA384: "sha384", oids.SHA512: "sha512"}
_MAX_TEXT = 10_000
_NAMINGS_KEPT, _NAMING_KEPT_OCTETS = 512, 4096
_PROTECTIONS_KEPT, _PROTECTION_KEPT_OCTETS = 256, 256


class Said(NamedTuple):
    """The optional statements of one signature, None where it does not make them."""

    time: datetime | None
    short_text: str | None
    policy: str | None


NOTHING_SAID = Said(None, None, None)


def said(info: SignerInfo) -> Said:
    """What the signed attributes state; raises `BadCms`."""
    moment = info.signed_attribute(Attribute.SIGNING_TIME)
    hints = info.signed_attribute(Attribute.CONTENT_HINTS)
    policy = info.signed_attribute(Attribute.SIGNATURE_POLICY)
    return Said(
        time=None if moment is None else time_untrusted(moment),
        short_text=None if hints is None else _description(hints),
        policy=None if policy is None else _policy(policy),
    )


def message_digest(info: SignerInfo) -> bytes | None:
    """The message-digest, or None; raises `BadCms`."""
    value = info.signed_attribute(Attribute.MESSAGE_DIGEST)
    return None if value is None else string(read_untrusted(value), OCTET_STRING)


def content_type(info: SignerInfo) -> str | None:
    """The content-type, or None; raises `BadCms`."""
    value = info.signed_attribute(Attribute.CONTENT_TYPE)
    return None if value is None else dotted_oid(read_untrusted(value))


def protected_algorithms_match(info: SignerInfo) -> bool:
    """Whether CMSAlgorithmProtection, if it is there, names the algorithms of the SignerInfo (RFC 6211, 2)."""
    value = info.signed_attribute(Attribute.ALGORITHM_PROTECTION)
    if value is None:
        return True
    protected = _protected(value) if len(value) <= _PROTECTION_KEPT_OCTETS else _protected.__wrapped__(value)
    return protected == (info.digest_algorithm, info.signature_algorithm)


@lru_cache(maxsize=_PROTECTIONS_KEPT)
def _protected(value: bytes) -> tuple[Algorithm, Algorithm]:
    parts = Elements(read_untrusted(value).expect(SEQUENCE))
    digest, signature = algorithm_of(parts.take(SEQUENCE)), algorithm_of(parts.take(0xA1))
    parts.end()
    return digest, signature


def names_a_certificate(info: SignerInfo) -> bool:
    """Whether there is an attribute that names the signer's certificate, whichever; raises `BadCms`."""
    return (
        info.signed_attribute(Attribute.SIGNING_CERTIFICATE_V2) is not None
        or info.signed_attribute(Attribute.SIGNING_CERTIFICATE) is not None
    )


def names_certificate(info: SignerInfo, certificate: bytes) -> bool:
    """Whether the first entry of signing-certificate-v2, or else of signing-certificate, is this certificate.

    The hash value decides (RFC 5035, 3 and 4): a certificate with it has the issuer and serial number it has.
    """
    name, value = _naming(info)
    if value is None:
        return False
    names = _names if len(value) + len(certificate) <= _NAMING_KEPT_OCTETS else _names.__wrapped__
    return names(name, value, certificate)


def named_hash(info: SignerInfo) -> tuple[str, bytes] | None:
    """The hash function and the hash value that `names_certificate` compares, or None; raises `BadCms`."""
    name, value = _naming(info)
    if value is None:
        return None
    return _named_hash(name, value)


def _naming(info: SignerInfo) -> tuple[Attribute, bytes | None]:
    value = info.signed_attribute(Attribute.SIGNING_CERTIFICATE_V2)
    if value is not None:
        return Attribute.SIGNING_CERTIFICATE_V2, value
    return Attribute.SIGNING_CERTIFICATE, info.signed_attribute(Attribute.SIGNING_CERTIFICATE)


@lru_cache(maxsize=_NAMINGS_KEPT)
def _names(name: Attribute, value: bytes, certificate: bytes) -> bool:
    """Kept for the last ones: a signer names his certificate in every signature with the same octets."""
    named = _named_hash(name, value)
    return named is not None and hash_of(certificate, named[0]) == named[1]


def hash_of(certificate: bytes, function: str) -> bytes:
    """A hash value as `named_hash` gives one."""
    return new(function, certificate, usedforsecurity=False).digest()


def _named_hash(name: Attribute, value: bytes) -> tuple[str, bytes] | None:
    algorithm, expected = _first_certificate(value)
    function = "sha1" if name is Attribute.SIGNING_CERTIFICATE else _HASHES.get(algorithm)
    return None if function is None else (function, expected)


def _first_certificate(value: bytes) -> tuple[str, bytes]:
    """Hash algorithm (SHA-256 by default) and hash value of the first ESSCertID or ESSCertIDv2."""
    listed = Elements(read_untrusted(value).expect(SEQUENCE)).take(SEQUENCE)
    entry = Elements(Elements(listed).take(SEQUENCE))
    algorithm = entry.optional(SEQUENCE)
    return oids.SHA256 if algorithm is None else algorithm_of(algorithm).oid, entry.take(OCTET_STRING).value


def _description(value: bytes) -> str | None:
    parts = Elements(read_untrusted(value).expect(SEQUENCE))
    described = parts.optional(UTF8_STRING, UTF8_STRING | 0x20)
    dotted_oid(parts.take(OID_TAG))
    return None if described is None else _text(described)


def _policy(value: bytes) -> str | None:
    """The policy's OID; None for an implied one (NULL)."""
    element = read_untrusted(value)
    return dotted_oid(Elements(element).take(OID_TAG)) if element.tag == SEQUENCE else None


def _text(element: Element) -> str:
    octets = string(element, UTF8_STRING)
    if len(octets) > _MAX_TEXT:
        raise BadCms("a description longer than it may be")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise BadCms("a description that is no UTF-8") from None
