"""PDF documents read without the quick reader of usual dictionaries, to be compared with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from tiaas.ades import pdffile, pdfscanner
from tiaas.ades.pdfscanner import Scanner
from tiaas.ades.pdfvalues import BadPdf, Budget, Spans, Value

Outcome = tuple[Value, int, Spans, int] | None
"""A value, where it ends, where its hexadecimal strings stand, and the values left in the budget; None: refused."""

_VALUES = 1000


@contextmanager
def value_by_value() -> Iterator[None]:
    """In here all dictionaries are read value by value."""
    with (
        patch.object(pdfscanner, "usual_dictionary", lambda *_: None),
        patch.object(pdffile, "usual_object", lambda *_: None),
    ):
        yield


def outcome(octets: bytes) -> Outcome:
    """What the scanner makes of the value at the beginning."""
    budget = Budget(values=_VALUES)
    scanner = Scanner(octets, 0, budget)
    try:
        value = scanner.value()
    except BadPdf:
        return None
    return value, scanner.at, scanner.spans, budget.values


def general_outcome(octets: bytes) -> Outcome:
    """`outcome`, value by value."""
    with value_by_value():
        return outcome(octets)


def exactly(value: Value) -> object:
    """The value with its types: a name equals a string with the same octets, and true equals 1."""
    if isinstance(value, list):
        return [exactly(item) for item in value]
    if isinstance(value, dict):
        return {key: (type(key), exactly(item)) for key, item in value.items()}
    return type(value), value
