"""Reads strict DER quickly: what the readers of usual certificates and OCSP responses have in common.

Definite lengths in up to two octets, the shortest ones (X.690, 10.1). Offsets in place of copies.
"""

from datetime import datetime

from tiaas.cms.der import moment_of

_LONG = 0x80
_LEAST = {0x81: 0x80, 0x82: 0x01}
"""What the first octet of a length in one or two octets is at least, for that length to be the shortest."""

Element = tuple[int, int, int, int]
"""Its tag, where it begins, where its content begins, and where it ends."""


class Unusual(ValueError):
    """Octets of another form, right or wrong."""


def element_at(der: bytes, start: int, stop: int) -> Element:
    """The element that begins at `start` and ends at `stop` at the latest. Raises `Unusual`."""
    if start + 2 > stop:
        raise Unusual
    tag, length, first = der[start], der[start + 1], start + 2
    if length >= _LONG:
        first += length - 0x80
        least = _LEAST.get(length)
        if least is None or first > stop or der[start + 2] < least:
            raise Unusual
        length = int.from_bytes(der[start + 2 : first], "big")
    end = first + length
    if end > stop:
        raise Unusual
    return tag, start, first, end


def children(der: bytes, parent: Element, tag: int, count: int | None = None) -> list[Element]:
    """The elements in one that has that tag, as many as `count` says, if it does. Raises `Unusual`."""
    found = []
    if parent[0] != tag:
        raise Unusual
    position, stop = parent[2], parent[3]
    # Nearly all lengths have one octet: to ask somebody else takes longer than the rest.
    while position + 1 < stop:
        length, first = der[position + 1], position + 2
        end = first + length
        if length >= _LONG:
            _, _, first, end = element_at(der, position, stop)
        elif end > stop:
            raise Unusual
        found.append((der[position], position, first, end))
        position = end
    if position != stop:
        raise Unusual
    if count is not None and len(found) != count:
        raise Unusual
    return found


def content(der: bytes, element: Element, tag: int) -> bytes:
    """The content of an element that has that tag. Raises `Unusual`."""
    if element[0] != tag:
        raise Unusual
    return der[element[2] : element[3]]


def whole(der: bytes, element: Element, tag: int) -> bytes:
    """An element that has that tag, as it is written. Raises `Unusual`."""
    if element[0] != tag:
        raise Unusual
    return der[element[1] : element[3]]


def moment(der: bytes, element: Element) -> datetime:
    """A UTCTime or GeneralizedTime in whole seconds (RFC 5280, 4.1.2.5). Raises ValueError."""
    return moment_of(element[0], der[element[2] : element[3]])
