"""PDF objects: the values and their writer (ISO 32000-1:2008, 7.2 and 7.3).

Booleans, integers, null, arrays and dictionaries are Python's; strings are `bytes` without their escapes, and what
Python has no type for is below. A dictionary's keys are names without the slash.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from tiaas.base.errors import TiaasError
from tiaas.base.slices import SLICE, joined, slices
from tiaas.base.unlocked import Octets


class BadPdf(TiaasError):
    """Octets that are no PDF document we read: damaged, or built to be expensive."""


class TakesLong(TiaasError):
    """A document that costs more than a small budget: nothing is said against it, it is to be read elsewhere."""


class Name(bytes):
    """A name without slash and without `#xx` escapes."""

    __slots__ = ()


class Real(bytes):
    """A real number as it is written; nobody here calculates with one."""

    __slots__ = ()


class Written(bytes):
    """Any value as it is to stand in a file; readers give none."""

    __slots__ = ()


class Reference(NamedTuple):
    """An indirect reference: object and generation number."""

    number: int
    generation: int


Value = None | bool | int | Real | bytes | Name | Reference | list["Value"] | dict[bytes, "Value"]
Dictionary = dict[bytes, Value]
Spans = Mapping[bytes, tuple[int, int]]
"""Where the hexadecimal strings of a dictionary stand: start and end."""
NO_SPANS: Spans = {}


class Budget:
    """What reading one document may cost; using it up raises `BadPdf`."""

    def __init__(self, values: int = 200_000, octets: int = 64 * 1024 * 1024) -> None:
        self.values = values
        """How many more values may be looked at."""
        self._octets = octets

    def value(self) -> None:
        """A value, or a part of a string, is looked at."""
        self.values -= 1
        if self.values < 0:
            self._used_up("too many values")

    def usual(self, values: int, octets: int = 0) -> None:
        """As many values are looked at, and the octets of the object that they stand in."""
        self.values -= values
        self._octets -= octets
        if self.values < 0 or self._octets < 0:
            self._used_up("too much to look at")

    def octets(self, count: int) -> None:
        """A stream was decoded to that many octets, or an object has that many."""
        self._octets -= count
        if self._octets < 0:
            self._used_up("too many octets to look at")

    def _used_up(self, reason: str) -> NoReturn:
        raise BadPdf(reason)


class SmallBudget(Budget):
    """What reading one document may cost in the event loop: a thousandth of a second. Used up it raises `TakesLong`."""

    def __init__(self) -> None:
        super().__init__(values=1_000, octets=64 * 1024)

    def _used_up(self, reason: str) -> NoReturn:
        raise TakesLong(reason)


_NAME_SPECIAL = re.compile(rb"[^!-~]|[()<>\[\]{}/%#]")
_STRING_WRITTEN = ((b"\\", b"\\\\"), (b"(", b"\\("), (b")", b"\\)"), (b"\r", b"\\r"), (b"\n", b"\\n"))
"""The backslash first: the others bring some."""


def written(value: Value) -> bytes:
    """The octets of a value; strings as literals."""
    return _WRITERS[type(value)](value)


_KNOWN_NAME_MAX = 127
"""Octets that a name has at most by ISO 32000-1, Annex C; longer ones are not remembered."""


def _written_name(name: bytes) -> bytes:
    return _known_name(name) if len(name) <= _KNOWN_NAME_MAX else _known_name.__wrapped__(name)


@lru_cache(maxsize=1024)
def _known_name(name: bytes) -> bytes:
    return b"/" + (name if name.isalnum() else _NAME_SPECIAL.sub(lambda match: b"#%02X" % match[0][0], name))


def _written_string(value: bytes) -> bytes:
    return b"(" + (_escaped(value) if len(value) <= SLICE else joined(map(_escaped, slices(value)))) + b")"


def _escaped(part: Octets) -> bytes:
    octets = bytes(part)
    for special, escaped in _STRING_WRITTEN:
        octets = octets.replace(special, escaped)
    return octets


def written_entries(value: Dictionary) -> bytes:
    """The entries of a dictionary without what stands around them, each with a space behind it."""
    return b"".join([_written_name(key) + b" " + written(item) + b" " for key, item in value.items()])


def _written_dictionary(value: Dictionary) -> bytes:
    return b"<< " + written_entries(value) + b">>"


_WRITERS: Mapping[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"null",
    bool: lambda value: b"true" if value else b"false",
    int: lambda value: b"%d" % value,
    Name: lambda value: _written_name(bytes(value)),
    Real: bytes,
    Written: bytes,
    bytes: _written_string,
    Reference: lambda value: b"%d %d R" % value,
    list: lambda value: b"[" + b" ".join(map(written, value)) + b"]",
    dict: _written_dictionary,
}
