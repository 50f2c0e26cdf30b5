"""Work on large octets in slices, so that other threads get their turn in between.

Whoever copies, searches or translates octets in one call holds the interpreter's lock until it is done: 25 MB are many
milliseconds in which the event loop answers nobody. A slice takes a fraction of one.
"""

from collections.abc import Iterable, Iterator
from io import BytesIO

SLICE = 96 * 1024
"""Octets worked on at once; a multiple of 12, so that base64 of slices fits together."""

Octets = bytes | bytearray | memoryview


def slices(octets: Octets, size: int = SLICE) -> Iterator[memoryview]:
    """The octets in slices, without copying."""
    view = memoryview(octets)
    for start in range(0, len(view), size):
        yield view[start : start + size]


def copied(octets: Octets) -> bytes:
    """The octets as `bytes`; themselves if they are."""
    return octets if isinstance(octets, bytes) else joined((octets,))


def joined(parts: Iterable[Octets]) -> bytes:
    """All parts in one piece; none of them is copied more than once."""
    parts = tuple(parts)
    if sum(map(len, parts)) <= SLICE:
        return b"".join(parts)
    whole = BytesIO()
    for part in parts:
        for some in slices(part):
            whole.write(some)
    return whole.getvalue()


def found(octets: bytes | bytearray, wanted: bytes, start: int = 0, end: int | None = None) -> int:
    """Where `wanted` comes first between `start` and `end`, or -1: `find`."""
    end = len(octets) if end is None else min(end, len(octets))
    overlap = len(wanted) - 1
    for begin in range(start, end, SLICE):
        at = octets.find(wanted, begin, min(begin + SLICE + overlap, end))
        if at >= 0:
            return at
    return -1


def counted(octets: bytes | bytearray, wanted: bytes) -> int:
    """How often the octet `wanted` comes."""
    if len(wanted) != 1:
        raise ValueError("one octet")
    if len(octets) <= SLICE:
        return octets.count(wanted)
    return sum(octets.count(wanted, start, start + SLICE) for start in range(0, len(octets), SLICE))
