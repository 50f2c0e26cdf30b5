"""The core function library (§4) without `id` and `lang`."""

import math
import re
from collections.abc import Callable, Mapping

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.xpath.document import Kind, Node
from tiaas.konnektor.xpath.values import Run, Value, XPathFailed, string_of_node, to_boolean, to_number, to_string


@dataclass(frozen=True, slots=True, repr=False)
class Focus:
    """The evaluation context (§1): node, position from 1, size."""

    run: Run
    node: Node
    position: int
    size: int


Arguments = list[Value]
_WORDS = re.compile(r"[^ \t\r\n]+")


@dataclass(frozen=True, slots=True)
class Function:
    """A function and how many arguments it takes (`most` None: any number)."""

    least: int
    most: int | None
    call: Callable[[Focus, Arguments], Value]


def _nodes(value: Value) -> list[Node]:
    if not isinstance(value, list):
        raise XPathFailed("a function needs a node-set")
    return value


def _first(focus: Focus, arguments: Arguments) -> Node | None:
    if not arguments:
        return focus.node
    nodes = _nodes(arguments[0])
    return nodes[0] if nodes else None


def _named(focus: Focus, arguments: Arguments) -> Node | None:
    node = _first(focus, arguments)
    return node if node is not None and node.kind is Kind.ELEMENT else None


def _local_name(focus: Focus, arguments: Arguments) -> Value:
    node = _named(focus, arguments)
    return node.local if node is not None else ""


def _namespace_uri(focus: Focus, arguments: Arguments) -> Value:
    node = _named(focus, arguments)
    return node.uri if node is not None else ""


def _text(focus: Focus, arguments: Arguments, at: int = 0) -> str:
    if at >= len(arguments):
        return string_of_node(focus.run, focus.node)
    return focus.run.text(to_string(focus.run, arguments[at]))


def _before(focus: Focus, arguments: Arguments) -> Value:
    text, mark = _text(focus, arguments), _text(focus, arguments, 1)
    return text.partition(mark)[0] if mark and mark in text else ""


def _after(focus: Focus, arguments: Arguments) -> Value:
    text, mark = _text(focus, arguments), _text(focus, arguments, 1)
    return text.partition(mark)[2] if mark else text


def _contains(focus: Focus, arguments: Arguments) -> Value:
    return _text(focus, arguments, 1) in _text(focus, arguments)


def _substring(focus: Focus, arguments: Arguments) -> Value:
    text = _text(focus, arguments)
    start = _rounded(to_number(focus.run, arguments[1]))
    end = math.inf if len(arguments) < 3 else start + _rounded(to_number(focus.run, arguments[2]))
    return "".join(letter for at, letter in enumerate(text, 1) if start <= at < end)


def _translate(focus: Focus, arguments: Arguments) -> Value:
    source, target = _text(focus, arguments, 1), _text(focus, arguments, 2)
    table: dict[int, str | None] = {}
    for at, letter in enumerate(source):
        table.setdefault(ord(letter), target[at] if at < len(target) else None)
    return _text(focus, arguments).translate(table)


def _rounded(number: float) -> float:
    return number if math.isnan(number) or math.isinf(number) else float(math.floor(number + 0.5))


def _integral(step: Callable[[float], int]) -> Callable[[Focus, Arguments], Value]:
    def call(focus: Focus, arguments: Arguments) -> Value:
        number = to_number(focus.run, arguments[0])
        return number if math.isnan(number) or math.isinf(number) else float(step(number))

    return call


def _sum(focus: Focus, arguments: Arguments) -> Value:
    return math.fsum(to_number(focus.run, string_of_node(focus.run, node)) for node in _nodes(arguments[0]))


def _concat(focus: Focus, arguments: Arguments) -> Value:
    return "".join(_text(focus, arguments, at) for at in range(len(arguments)))


FUNCTIONS: Mapping[str, Function] = {
    "last": Function(0, 0, lambda focus, _: float(focus.size)),
    "position": Function(0, 0, lambda focus, _: float(focus.position)),
    "count": Function(1, 1, lambda _, arguments: float(len(_nodes(arguments[0])))),
    "local-name": Function(0, 1, _local_name),
    "namespace-uri": Function(0, 1, _namespace_uri),
    "string": Function(0, 1, _text),
    "concat": Function(2, None, _concat),
    "starts-with": Function(2, 2, lambda focus, a: _text(focus, a).startswith(_text(focus, a, 1))),
    "contains": Function(2, 2, _contains),
    "substring-before": Function(2, 2, _before),
    "substring-after": Function(2, 2, _after),
    "substring": Function(2, 3, _substring),
    "string-length": Function(0, 1, lambda focus, arguments: float(len(_text(focus, arguments)))),
    "normalize-space": Function(0, 1, lambda focus, a: " ".join(_WORDS.findall(_text(focus, a)))),
    "translate": Function(3, 3, _translate),
    "boolean": Function(1, 1, lambda _, arguments: to_boolean(arguments[0])),
    "not": Function(1, 1, lambda _, arguments: not to_boolean(arguments[0])),
    "true": Function(0, 0, lambda *_: True),
    "false": Function(0, 0, lambda *_: False),
    "number": Function(0, 1, lambda focus, a: to_number(focus.run, a[0] if a else _text(focus, a))),
    "sum": Function(1, 1, _sum),
    "floor": Function(1, 1, _integral(math.floor)),
    "ceiling": Function(1, 1, _integral(math.ceil)),
    "round": Function(1, 1, lambda focus, arguments: _rounded(to_number(focus.run, arguments[0]))),
}
"""`name()` is not among them: it gives the prefix as written, which means nothing to whoever filters."""
