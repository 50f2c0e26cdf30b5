"""Takes a certificate of the usual form apart, quickly (RFC 5280, 4.1; gemSpec_PKI V2.14.1, chapter 5).

Usual is a certificate of version 3 in DER with definite lengths in up to two octets, and with the attributes and the
extensions that the TI has. Whatever differs, right or wrong, is left to the general reader of `pki.certificate`, which
alone judges; what is taken apart here it reads alike, which is fuzzed.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

_INTEGER, _BIT_STRING, _OCTET_STRING, _OID, _SEQUENCE, _SET = 0x02, 0x03, 0x04, 0x06, 0x30, 0x31
_VERSION_3 = bytes.fromhex("A003020102")
_CRITICAL = bytes.fromhex("0101FF")
_STRINGS = {0x0C: "utf-8", 0x13: "ascii"}
_TIMES = {
    0x17: re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z"),
    0x18: re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z"),
}
_ATTRIBUTES = {bytes((0x55, 4, last)): f"2.5.4.{last}" for last in (*range(3, 13), 17, 42)}
"""C, CN, O, OU, L, ST, street, postalCode, serialNumber, SN, GN, title: DirectoryStrings."""
_SERIAL_OCTETS_MAX = 20

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


class _Unusual(Exception):
    pass


_Element = tuple[int, int, int, int]
"""Its tag, where it begins, where its content begins, and where it ends."""


def take_apart(der: bytes, known: Mapping[bytes, str]) -> Parts | None:
    """The parts, or None for a certificate that is not of the usual form, or for none at all. Raises nothing.

    `known` are the extensions it may have: content of the OID, and the OID in dotted form.
    """
    try:
        return _parts(der, known)
    except (_Unusual, ValueError):
        return None


def _parts(der: bytes, known: Mapping[bytes, str]) -> Parts:
    whole = _element(der, 0, len(der))
    body, algorithm, value = _children(der, whole, _SEQUENCE, 3)
    _, serial, signed_with, issuer, validity, subject, key, extensions = _children(der, body, _SEQUENCE, 8)
    start = body[2]
    if der[start : serial[1]] != _VERSION_3 or not 1 <= serial[3] - serial[2] <= _SERIAL_OCTETS_MAX:
        raise _Unusual
    signature, method = _content(der, value, _BIT_STRING), _whole(der, algorithm, _SEQUENCE)
    if signature[:1] != b"\0" or _whole(der, signed_with, _SEQUENCE) != method:
        raise _Unusual
    not_before, not_after = _children(der, validity, _SEQUENCE, 2)
    values, critical = _extensions(der, extensions, known)
    return Parts(
        der[whole[1] : whole[3]],
        der[body[1] : body[3]],
        int.from_bytes(_content(der, serial, _INTEGER), "big", signed=True),
        method,
        _name(der, issuer),
        _moment(der, not_before),
        _moment(der, not_after),
        _name(der, subject),
        _whole(der, key, _SEQUENCE),
        values,
        critical,
        signature[1:],
    )


def _element(der: bytes, start: int, stop: int) -> _Element:
    if start + 2 > stop:
        raise _Unusual
    tag, length, first = der[start], der[start + 1], start + 2
    if length >= 0x80:
        if length == 0x81:
            first += 1
            length = der[start + 2] if first <= stop else stop
            is_shortest = length >= 0x80
        elif length == 0x82:
            first += 2
            length = int.from_bytes(der[start + 2 : first], "big")
            is_shortest = length >= 0x100
        else:
            raise _Unusual
        if not is_shortest:
            raise _Unusual
    end = first + length
    if end > stop:
        raise _Unusual
    return tag, start, first, end


def _children(der: bytes, parent: _Element, tag: int, count: int | None = None) -> list[_Element]:
    """The elements in one that has that tag, as many as `count` says, if it does."""
    found = []
    if parent[0] != tag:
        raise _Unusual
    position, stop = parent[2], parent[3]
    while position < stop:
        element = _element(der, position, stop)
        found.append(element)
        position = element[3]
    if count is not None and len(found) != count:
        raise _Unusual
    return found


def _content(der: bytes, element: _Element, tag: int) -> bytes:
    if element[0] != tag:
        raise _Unusual
    return der[element[2] : element[3]]


def _whole(der: bytes, element: _Element, tag: int) -> bytes:
    if element[0] != tag:
        raise _Unusual
    return der[element[1] : element[3]]


def _moment(der: bytes, element: _Element) -> datetime:
    form = _TIMES.get(element[0])
    digits = None if form is None else form.fullmatch(der, element[2], element[3])
    if digits is None:
        raise _Unusual
    year, month, day, hour, minute, second = map(int, digits.groups())
    if element[0] == 0x17:
        # The century ends with 49 (RFC 5280, 4.1.2.5.1).
        year += 2000 if year < 50 else 1900
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _name(der: bytes, name: _Element) -> Name:
    rdns = []
    for rdn in _children(der, name, _SEQUENCE):
        attributes = []
        for attribute in _children(der, rdn, _SET):
            kind, value = _children(der, attribute, _SEQUENCE, 2)
            oid, encoding = _ATTRIBUTES.get(_content(der, kind, _OID)), _STRINGS.get(value[0])
            if oid is None or encoding is None:
                raise _Unusual
            attributes.append((oid, der[value[2] : value[3]].decode(encoding)))
        rdns.append(tuple(attributes))
    return tuple(rdns)


def _extensions(der: bytes, tagged: _Element, known: Mapping[bytes, str]) -> tuple[dict[str, bytes], list[str]]:
    (sequence,) = _children(der, tagged, 0xA3, 1)
    values: dict[str, bytes] = {}
    critical = []
    for extension in _children(der, sequence, _SEQUENCE):
        kind, *flag, value = _children(der, extension, _SEQUENCE)
        oid = known.get(_content(der, kind, _OID))
        if oid is None or oid in values:
            raise _Unusual
        if flag:
            (mark,) = flag
            if der[mark[1] : mark[3]] != _CRITICAL:
                raise _Unusual
            critical.append(oid)
        values[oid] = _content(der, value, _OCTET_STRING)
    return values, critical
