"""YAML from outside as plain values that know their line: no tags, no aliases, no duplicate keys, bounded."""

from collections.abc import Callable, Mapping

import yaml

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput

OCTETS_MAX = 256 * 1024
NODES_MAX = 5000
DEPTH_MAX = 12
_PLAIN = frozenset({"str", "int", "float", "bool", "null"})


class BadScenario(InvalidInput):
    """A file that is no scenario; the message begins with the line."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line


@dataclass(frozen=True, slots=True)
class Value:
    """A node of the document. `content` is a plain value, a tuple of values, or a mapping of names to values."""

    line: int
    content: "str | int | float | bool | tuple[Value, ...] | Mapping[str, Value] | None"

    def bad(self, reason: str) -> BadScenario:
        """The error that names this value's line."""
        return BadScenario(self.line, reason)

    @property
    def items(self) -> "Mapping[str, Value]":
        """The mapping. Raises `BadScenario` if it is none."""
        if not isinstance(self.content, Mapping):
            raise self.bad("a mapping is needed here")
        return self.content

    @property
    def each(self) -> "tuple[Value, ...]":
        """The list. Raises `BadScenario` if it is none."""
        if not isinstance(self.content, tuple):
            raise self.bad("a list is needed here")
        return self.content

    @property
    def text(self) -> str:
        """The text; a number counts as its digits. Raises `BadScenario`."""
        if isinstance(self.content, bool) or not isinstance(self.content, str | int | float):
            raise self.bad("a text is needed here")
        return str(self.content)

    @property
    def number(self) -> float:
        """The number. Raises `BadScenario`."""
        if isinstance(self.content, bool) or not isinstance(self.content, int | float):
            raise self.bad("a number is needed here")
        try:
            return float(self.content)
        except OverflowError:
            raise self.bad("the number is too large") from None

    @property
    def flag(self) -> bool:
        """true or false. Raises `BadScenario`."""
        if not isinstance(self.content, bool):
            raise self.bad("true or false is needed here")
        return self.content

    def only(self, *known: str) -> "Mapping[str, Value]":
        """The mapping, if it has no other keys than these. Raises `BadScenario`."""
        for key, value in self.items.items():
            if key not in known:
                raise value.bad(f"unknown key {key!r}; known here: {', '.join(known)}")
        return self.items


def read_yaml_untrusted(octets: bytes) -> Value:
    """The document. Raises `BadScenario`."""
    if len(octets) > OCTETS_MAX:
        raise BadScenario(1, f"a scenario has {OCTETS_MAX} octets at most")
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadScenario(octets[: error.start].count(b"\n") + 1, "it is not UTF-8") from None
    try:
        _check_events(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            raise BadScenario(1, "the file is empty")
        return _value(node, yaml.SafeLoader("").construct_object)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BadScenario(1 if mark is None else mark.line + 1, error.problem or "it is no YAML") from None
    except (yaml.YAMLError, ValueError, LookupError, RecursionError):
        # LookupError: what the library raises for `!!int ""` and `!!bool maybe`.
        raise BadScenario(1, "it is no YAML") from None


def _check_events(text: str) -> None:
    """Bounds the document before it is built: an alias could make a small file large."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = 1 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadScenario(line, "anchors and aliases are not read here")
        nodes += isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if nodes > NODES_MAX or depth > DEPTH_MAX:
            raise BadScenario(line, "the document is too large or too deep")


def _value(node: yaml.Node, construct: Callable[[yaml.Node], object]) -> Value:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return Value(line, _mapping(node, construct))
    if isinstance(node, yaml.SequenceNode):
        return Value(line, tuple(_value(item, construct) for item in node.value))
    if node.tag.rpartition(":")[2] not in _PLAIN or not node.tag.startswith("tag:yaml.org,2002:"):
        # Dates and the like: what stands there is meant.
        return Value(line, str(node.value))
    content = construct(node)
    if isinstance(content, str) and any("\ud800" <= sign <= "\udfff" for sign in content):
        raise BadScenario(line, "half of a sign (a surrogate) is no text")
    if content is not None and not isinstance(content, str | int | float | bool):
        raise BadScenario(line, "a text, a number, true or false is needed here")
    return Value(line, content)


def _mapping(node: yaml.MappingNode, construct: Callable[[yaml.Node], object]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise BadScenario(line, "a key is a name")
        if key.value in found:
            raise BadScenario(line, f"{key.value!r} is there twice")
        found[str(key.value)] = _value(value, construct)
    return found
