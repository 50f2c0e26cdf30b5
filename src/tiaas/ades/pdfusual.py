"""Reads the dictionaries that nearly all PDF documents are made of, each in one pass over all its entries.

A usual dictionary is short, has neither comments nor escapes, and dictionaries in it have none in them. One match says
where it ends, one more finds its entries: what `tiaas.ades.pdfscanner` finds there, one behind the other, with the same
values. All else is left to that one, whatever is wrong with it too: so there is one place that says what is wrong.
"""

import re
from binascii import unhexlify
from collections.abc import Mapping
from typing import NamedTuple

from tiaas.ades.pdfsyntax import BLANK, HEADER, INTEGER, PLAIN_NAME, REAL, REFERENCE
from tiaas.ades.pdfvalues import Dictionary, Name, Real, Reference, Value

CONSTANTS: Mapping[bytes, bool | None] = {b"null": None, b"true": True, b"false": False}
DEPTH = 3
"""Levels of a usual dictionary: what is in an array in a dictionary in it."""
_MAX = 2048
_DICTIONARY = rb"<<" + BLANK + rb"((?:[^<>()%]++|<<[^<>]*+>>|<[^<>]*+>|\([^()\\\r]*+\))*+)>>"
_ALONE = re.compile(BLANK + _DICTIONARY)
_OBJECT = re.compile(HEADER + BLANK + rb"()" + _DICTIONARY)
_VALUE = PLAIN_NAME + rb"|" + REFERENCE + rb"|" + INTEGER + rb"|" + REAL + rb"|(true|false|null)(?![A-Za-z])"
# Where something else stands, the last alternative takes all that is left, and no group takes part.
_ENTRIES = re.compile(
    PLAIN_NAME + BLANK + rb"(?:" + _VALUE + rb"|\(([^()\\\r]++)\)|\[" + BLANK + rb"([^\[\]()%]*+\])|<<" + BLANK
    + rb"([^<>]*+>>))" + BLANK + rb"|.++",
    re.DOTALL,
)  # fmt: skip
_ITEMS = re.compile(rb"(?:" + _VALUE + rb"|<([0-9A-Fa-f]++)>)" + BLANK + rb"|.++", re.DOTALL)


class Usual(NamedTuple):
    """A dictionary that was read, where it stands, and its cost: how many values were looked at, itself among them."""

    value: Dictionary
    start: int
    end: int
    cost: int


def usual_dictionary(octets: bytes, at: int) -> Usual | None:
    """The dictionary that comes next, if it is a usual one."""
    match = _ALONE.match(octets, at, at + _MAX)
    if match is None:
        return None
    start, end = match.span(1)
    read = _entries(octets, start, end)
    return None if read is None else Usual(read[0], at, match.end(), read[1] + 1)


def usual_object(octets: bytes, at: int, reference: Reference) -> Usual | None:
    """The object that begins at `at`, if it is the one with that number, and a usual dictionary."""
    match = _OBJECT.match(octets, at, at + _MAX)
    if match is None or (int(match[1]), int(match[2])) != reference:
        return None
    start, end = match.span(4)
    read = _entries(octets, start, end)
    return None if read is None else Usual(read[0], match.start(3), match.end(), read[1] + 1)


def _entries(octets: bytes, start: int, end: int) -> tuple[Dictionary, int] | None:
    """The entries that stand there, and how many values they are; None also if a key occurs twice."""
    found = _ENTRIES.findall(octets, start, end)
    values: Dictionary = {}
    count = len(found)
    for key, name, number, generation, integer, real, word, literal, array, inner in found:
        if name:
            values[key] = Name(name)
        elif number:
            values[key] = Reference(int(number), int(generation))
        elif integer:
            values[key] = int(integer)
        elif array:
            items = _items(array)
            if items is None:
                return None
            values[key] = items
            count += len(items)
        elif inner:
            read = _entries(inner, 0, len(inner) - len(b">>"))
            if read is None:
                return None
            values[key] = read[0]
            count += read[1]
        elif literal:
            values[key] = literal
            # What is in it, and its end.
            count += 2
        elif key:
            values[key] = Real(real) if real else CONSTANTS[word]
        else:
            return None
    return (values, count) if len(values) == len(found) else None


def _items(array: bytes) -> list[Value] | None:
    """The values of an array, which ends with its bracket; None if they are others than usual."""
    values: list[Value] = []
    for name, number, generation, integer, real, word, digits in _ITEMS.findall(array, 0, len(array) - len(b"]")):
        if integer:
            values.append(int(integer))
        elif number:
            values.append(Reference(int(number), int(generation)))
        elif name:
            values.append(Name(name))
        elif digits and len(digits) % 2 == 0:
            values.append(unhexlify(digits))
        elif real:
            values.append(Real(real))
        elif word:
            values.append(CONSTANTS[word])
        else:
            return None
    return values
