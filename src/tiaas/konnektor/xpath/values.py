"""Values of XPath 1.0 and their conversions (§3.4, §4); the budget of one evaluation."""

import math
import re
from decimal import Decimal

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.konnektor.xpath.document import Document, Node

Value = list[Node] | str | float | bool
"""A node-set (in document order), a string, a number or a boolean."""

_NUMBER = re.compile(r"[ \t\r\n]*(-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))[ \t\r\n]*")
_CHARACTERS_PER_STEP = 64


class XPathFailed(TiaasError):
    """An evaluation came to no result: too expensive, or a value of a kind that does not fit."""


@dataclass(slots=True, repr=False)
class Run:
    """One evaluation on a document: what it may still spend. A step is one node looked at or 64 characters."""

    document: Document
    budget: int

    def spend(self, steps: int) -> None:
        """Raises `XPathFailed` when the budget is used up."""
        self.budget -= steps
        if self.budget < 0:
            raise XPathFailed("the filter needs too many steps")

    def text(self, value: str) -> str:
        """A string that costs what its length says."""
        self.spend(len(value) // _CHARACTERS_PER_STEP)
        return value


def string_of_node(run: Run, node: Node) -> str:
    """The string value of a node, paid for."""
    run.spend(node.last - node.order + 1)
    return run.text(run.document.string_value(node))


def to_string(run: Run, value: Value) -> str:
    """string()"""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return string_of_node(run, value[0]) if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == int(value):
        return str(int(value))
    return format(Decimal(repr(value)), "f")


def to_number(run: Run, value: Value) -> float:
    """number()"""
    if isinstance(value, bool):
        return 1.0 if value else 0.0
    if isinstance(value, float):
        return value
    match = _NUMBER.fullmatch(to_string(run, value))
    return float(match[1]) if match is not None else math.nan


def to_boolean(value: Value) -> bool:
    """boolean()"""
    if isinstance(value, float):
        return value != 0 and not math.isnan(value)
    return bool(value)


def compare(run: Run, sign: str, left: Value, right: Value) -> bool:
    """The comparisons of §3.4."""
    if isinstance(left, list) and isinstance(right, list):
        others: list[Value] = [string_of_node(run, node) for node in right]
        return any(
            _atoms(run, sign, text, other) for text in [string_of_node(run, node) for node in left] for other in others
        )
    if isinstance(left, list):
        return _set(run, sign, left, right, swapped=False)
    if isinstance(right, list):
        return _set(run, sign, right, left, swapped=True)
    return _atoms(run, sign, left, right)


def _set(run: Run, sign: str, nodes: list[Node], other: Value, *, swapped: bool) -> bool:
    values: list[Value] = [bool(nodes)]
    if not isinstance(other, bool):
        values = [string_of_node(run, node) for node in nodes]
    pairs = [(other, value) if swapped else (value, other) for value in values]
    return any(_atoms(run, sign, left, right) for left, right in pairs)


def _atoms(run: Run, sign: str, left: Value, right: Value) -> bool:
    run.spend(1)
    if sign in ("=", "!="):
        if isinstance(left, bool) or isinstance(right, bool):
            same = to_boolean(left) == to_boolean(right)
        elif isinstance(left, float) or isinstance(right, float):
            same = to_number(run, left) == to_number(run, right)
        else:
            same = left == right
        return same is (sign == "=")
    a, b = to_number(run, left), to_number(run, right)
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]
