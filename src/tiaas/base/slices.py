"""Work on large octets that lets other threads have their turn: in slices, or without the interpreter's lock.

Whoever copies, searches or translates octets in one call holds the lock until it is done: 25 MB are many milliseconds
in which the event loop answers nobody. A slice takes a fraction of one, and what the C library does takes no lock.
"""

from collections.abc import Iterable, Iterator

from tiaas.base import unlocked
from tiaas.base.unlocked import Octets

SLICE = 96 * 1024
"""Octets worked on at once; a multiple of 12, so that base64 of slices fits together."""
_NEAR = 512
"""Octets of a view that are copied to be searched: as far as the next tag is, as a rule."""


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
    return b"".join(parts) if sum(map(len, parts)) <= SLICE else unlocked.joined(parts)


def found(octets: Octets, wanted: bytes, start: int = 0, end: int | None = None) -> int:
    """Where `wanted` comes first between `start` and `end`, or -1: `find`."""
    if isinstance(octets, memoryview):
        return _found_in_view(octets, wanted, start, len(octets) if end is None else min(end, len(octets)))
    if end is None and len(octets) <= SLICE:
        return octets.find(wanted, start)
    end = len(octets) if end is None else min(end, len(octets))
    near = min(start + SLICE, end)
    at = octets.find(wanted, start, near)
    if at >= 0 or near == end:
        return at
    return unlocked.found(octets, wanted, max(near - len(wanted) + 1, start), end)


def _found_in_view(octets: memoryview, wanted: bytes, start: int, end: int) -> int:
    """A view has no `find`; a call without the lock takes longer than the next tag is to be copied and found."""
    near = min(start + _NEAR, end)
    at = bytes(octets[start:near]).find(wanted) if start <= near else -1
    if at >= 0:
        return start + at
    return -1 if near == end else unlocked.found(octets, wanted, max(near - len(wanted) + 1, start), end)


def counted(octets: Octets, wanted: bytes) -> int:
    """How often `wanted` comes, which cannot overlap itself: `count`."""
    if not isinstance(octets, memoryview) and len(octets) <= SLICE:
        return octets.count(wanted)
    view, more = memoryview(octets), SLICE + len(wanted) - 1
    return sum(bytes(view[start : start + more]).count(wanted) for start in range(0, len(view), SLICE))
