"""Takes a certificate of the usual form apart, quickly (RFC 5280, 4.1; gemSpec_PKI V2.14.1, chapter 5).

Usual is a certificate of version 3 in DER with definite lengths in up to two octets, and with the attributes and the
extensions that the TI has. Whatever differs, right or wrong, is left to the general reader of `pki.certificate`; what
both take apart they read alike, which is fuzzed. Values of extensions are judged by whoever reads them (`extensions`).
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from tiaas.cms.der import BIT_STRING, INTEGER, OCTET_STRING, OID_TAG, SEQUENCE, SET
from tiaas.pki.strictder import (
    Element,
    Unusual,
    children,
    content,
    element_at,
    moment,
    whole,
)

_VERSION_3 = bytes.fromhex("A003020102")
_CRITICAL = bytes.fromhex("0101FF")
_STRINGS = {0x0C: "utf-8", 0x13: "ascii"}
_ATTRIBUTES = {bytes((0x55, 4, last)): f"2.5.4.{last}" for last in (*range(3, 13), 17, 42)}
"""C, CN, O, OU, L, ST, street, postalCode, serialNumber, SN, GN, title: DirectoryStrings."""
_SERIAL_OCTETS_MAX = 20
ISSUERS_KEPT = 256
"""Names of issuers, which are few, that are kept as they were read."""
_ISSUER_OCTETS_MAX = 512
_EC_KEY, _RSA_KEY, _NULL = bytes.fromhex("2A8648CE3D0201"), bytes.fromhex("2A864886F70D010101"), bytes.fromhex("0500")
_NO_CHECK = "1.3.6.1.5.5.7.48.1.5"
"""id-pkix-ocsp-nocheck, which nobody reads: its value is NULL (RFC 6960, 4.2.2.2.1)."""
_BRAINPOOL = "2B24030302080101"
_CURVES = frozenset(
    map(bytes.fromhex, ("2A8648CE3D030107", "2B81040022", *(f"{_BRAINPOOL}{last}" for last in ("07", "0B", "0D"))))
)
"""P-256, P-384, brainpoolP256r1, P384r1, P512r1."""

Name = tuple[tuple[tuple[str, str], ...], ...]
"""RDNs, each with its attributes: OID and value."""


class Parts(NamedTuple):
    """What a certificate consists of. `algorithm` and `public_key` are whole elements, `extensions` values by OID."""

    encoded: bytes
    signed: bytes
    serial_number: int
    algorithm: bytes
    issuer: Name
    not_before: datetime
    not_after: datetime
    subject: Name
    public_key: bytes
    extensions: dict[str, bytes]
    critical: list[str]
    signature: bytes


def take_apart(der: bytes, known: Mapping[bytes, str]) -> Parts | None:
    """The parts, or None for a certificate that is not of the usual form, or for none at all. Raises nothing.

    `known` are the extensions it may have: content of the OID, and the OID in dotted form.
    """
    try:
        return _parts(der, known)
    except ValueError:
        return None


def _parts(der: bytes, known: Mapping[bytes, str]) -> Parts:
    certificate = element_at(der, 0, len(der))
    body, algorithm, value = children(der, certificate, SEQUENCE, 3)
    _, serial, signed_with, issuer, validity, subject, key, extensions = children(der, body, SEQUENCE, 8)
    start = body[2]
    if der[start : serial[1]] != _VERSION_3 or not 1 <= serial[3] - serial[2] <= _SERIAL_OCTETS_MAX:
        raise Unusual
    signature, method = content(der, value, BIT_STRING), whole(der, algorithm, SEQUENCE)
    if signature[:1] != b"\0" or whole(der, signed_with, SEQUENCE) != method:
        raise Unusual
    not_before, not_after = children(der, validity, SEQUENCE, 2)
    _require_usual_key(der, key)
    values, critical = _extensions(der, extensions, known)
    return Parts(
        der[certificate[1] : certificate[3]],
        der[body[1] : body[3]],
        int.from_bytes(content(der, serial, INTEGER), "big", signed=True),
        method,
        _issuer_name(der, issuer),
        moment(der, not_before),
        moment(der, not_after),
        _name(der, subject),
        whole(der, key, SEQUENCE),
        values,
        critical,
        signature[1:],
    )


def _require_usual_key(der: bytes, key: Element) -> None:
    """SubjectPublicKeyInfo with a key of the TI: a point of a named curve, or modulus and exponent."""
    algorithm, value = children(der, key, SEQUENCE, 2)
    kind, parameters = children(der, algorithm, SEQUENCE, 2)
    octets = content(der, value, BIT_STRING)
    if content(der, kind, OID_TAG) == _EC_KEY:
        if content(der, parameters, OID_TAG) not in _CURVES or octets[:2] != b"\0\x04":
            raise Unusual
        return
    if content(der, kind, OID_TAG) != _RSA_KEY or der[parameters[1] : parameters[3]] != _NULL or octets[:1] != b"\0":
        raise Unusual
    pair = element_at(octets, 1, len(octets))
    modulus, exponent = children(octets, pair, SEQUENCE, 2)
    if pair[3] != len(octets) or not content(octets, modulus, INTEGER) or not content(octets, exponent, INTEGER):
        raise Unusual


def _issuer_name(der: bytes, name: Element) -> Name:
    encoded = whole(der, name, SEQUENCE)
    return _kept_name(encoded) if len(encoded) <= _ISSUER_OCTETS_MAX else _name(der, name)


@lru_cache(maxsize=ISSUERS_KEPT)
def _kept_name(encoded: bytes) -> Name:
    return _name(encoded, element_at(encoded, 0, len(encoded)))


def _name(der: bytes, name: Element) -> Name:
    rdns = []
    for rdn in children(der, name, SEQUENCE):
        attributes = []
        for attribute in children(der, rdn, SET):
            kind, value = children(der, attribute, SEQUENCE, 2)
            oid, encoding = _ATTRIBUTES.get(content(der, kind, OID_TAG)), _STRINGS.get(value[0])
            if oid is None or encoding is None:
                raise Unusual
            attributes.append((oid, der[value[2] : value[3]].decode(encoding)))
        rdns.append(tuple(attributes))
    return tuple(rdns)


def _extensions(der: bytes, tagged: Element, known: Mapping[bytes, str]) -> tuple[dict[str, bytes], list[str]]:
    (sequence,) = children(der, tagged, 0xA3, 1)
    values: dict[str, bytes] = {}
    critical = []
    for extension in children(der, sequence, SEQUENCE):
        kind, *flag, value = children(der, extension, SEQUENCE)
        oid = known.get(content(der, kind, OID_TAG))
        if oid is None or oid in values:
            raise Unusual
        if flag:
            (mark,) = flag
            if der[mark[1] : mark[3]] != _CRITICAL:
                raise Unusual
            critical.append(oid)
        values[oid] = content(der, value, OCTET_STRING)
        if oid == _NO_CHECK and values[oid] != _NULL:
            raise Unusual
    return values, critical
