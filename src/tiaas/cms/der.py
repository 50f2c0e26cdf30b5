"""Writes the ASN.1 types that CMS is made of, in DER (X.690, 10 and 11).

A general builder takes many times longer than the signature it is built for. These functions put octets together and
check nothing that the caller has to know. `tiaas.tlv.encode` writes tag and length.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from tiaas.tlv import encode, header

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID_TAG, UTF8_STRING = 0x01, 0x02, 0x03, 0x04, 0x06, 0x0C
UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET = 0x17, 0x18, 0x30, 0x31

NULL = b"\x05\x00"
_UTC_TIME_YEARS = range(1950, 2050)
_TIMES = {
    UTC_TIME: re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z"),
    GENERALIZED_TIME: re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z"),
}

Chunks = list[bytes]
"""Octets in pieces, so that a document of many megabytes is copied once, when they are joined."""


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of the given elements."""
    body = b"".join(parts)
    return header(SEQUENCE, len(body)) + body


def set_of(elements: Iterable[bytes], tag: int = SET) -> bytes:
    """A SET OF, its elements in ascending order of their octets (X.690, 11.6); `tag` is that of an implicit one."""
    body = b"".join(sorted(elements))
    return header(tag, len(body)) + body


def octet_string(value: bytes) -> bytes:
    """An OCTET STRING."""
    return encode(OCTET_STRING, value)


def utf8_string(text: str) -> bytes:
    """A UTF8String."""
    return encode(UTF8_STRING, text.encode())


def integer(value: int) -> bytes:
    """An INTEGER."""
    bits = (value if value >= 0 else value + 1).bit_length()
    return encode(INTEGER, value.to_bytes(bits // 8 + 1, "big", signed=True))


@lru_cache(maxsize=512)
def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER; raises ValueError for text that is none."""
    first, second, *others = (int(part) for part in dotted.split("."))
    if first > 2 or (first < 2 and second > 39) or min(first, second, *others) < 0:
        raise ValueError("no object identifier")
    return encode(OID_TAG, b"".join(_base128(part) for part in (first * 40 + second, *others)))


def time(moment: datetime) -> bytes:
    """A Time in whole seconds: UTCTime in the years 1950–2049, else GeneralizedTime (RFC 5652, 11.3)."""
    moment = moment.astimezone(UTC)
    if moment.year in _UTC_TIME_YEARS:
        return encode(UTC_TIME, f"{moment:%y%m%d%H%M%S}Z".encode())
    return encode(GENERALIZED_TIME, f"{moment.year:04}{moment:%m%d%H%M%S}Z".encode())


def algorithm(dotted: str, parameters: bytes = b"") -> bytes:
    """An AlgorithmIdentifier; `parameters` are DER, absent if empty."""
    return sequence(oid(dotted), parameters)


def wrap(tag: int, *parts: bytes | Chunks) -> Chunks:
    """What `encode` gives, in chunks: the parts are not copied."""
    chunks = [chunk for part in parts for chunk in ([part] if isinstance(part, bytes) else part)]
    return [header(tag, sum(map(len, chunks))), *chunks]


def _base128(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(0x80 | number & 0x7F)
    return bytes(reversed(octets))


def moment_of(tag: int, value: bytes) -> datetime:
    """The moment that a UTCTime or GeneralizedTime in whole seconds says (RFC 5280, 4.1.2.5). Raises ValueError."""
    form = _TIMES.get(tag)
    digits = None if form is None else form.fullmatch(value)
    if digits is None:
        raise ValueError("no time in whole seconds")
    year, month, day, hour, minute, second = map(int, digits.groups())
    if tag == UTC_TIME:
        # The century ends with 49 (RFC 5280, 4.1.2.5.1).
        year += 2000 if year < 50 else 1900
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
