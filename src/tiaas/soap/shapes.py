"""Reads, without a parser, a message that differs from an earlier one in the values of elements and attributes alone.

A client writes its calls of an operation alike: the same declarations, prefixes and line breaks, only other values.
What stands between the values is compared, octet by octet, with a message that has been read before, so elements,
namespaces, depth and number of nodes are the same; the values are read by the same simple types. A value that a parser
would change (references, sections, line ends) and one that is not of ASCII are not read here. What is read here,
`tiaas.soap.decoder` reads alike.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from operator import itemgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar

from lxml import etree

from tiaas.soap.plan import Plan, plan_of
from tiaas.soap.quickreader import Unusual, quick_read
from tiaas.soap.simple import BOOLEANS, ID, Base64, Boolean, Enumeration, String
from tiaas.soap.simpletype import LexicalError, SimpleType

XmlElement = etree._Element
Kind = TypeVar("Kind")

LONGEST: Final = 56 * 1024
"""Octets of a message that may have a shape: in longer ones contents are set apart, and elements and attributes
counted."""

# Per dispatcher, that is per service of an instance: each costs what stands between the values, mostly 1 or 2 KiB, as
# much again for what is made of them, and the values of the last message that are short.
_KEPT = 4
_SELDOM = 32
_TAGS_MAX = 160
_BETWEEN_MAX = 8 * 1024
_SHORT = 256
_TAG = re.compile(
    r"""<(/?)[^\s/<>?!]++((?:\s++[^\s=/<>]++\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'))*+)\s*+(/?)>""",
)
_ATTRIBUTE = re.compile(r"""([^\s=]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)')""")


class Shapes(Generic[Kind]):
    """The shapes of the last messages; each comes with a `Kind`, what it was found to be."""

    def __init__(self) -> None:
        self._kept: list[tuple[_Shape, Kind]] = []
        self._unread = self._tried = 0

    def read(self, body: bytes | bytearray) -> tuple[Kind, Any] | None:
        """The message and its kind; None if it has none of the shapes, or is wrong."""
        try:
            text = body.decode("ascii")
        except UnicodeDecodeError:
            return None
        for place, (shape, kind) in enumerate(self._kept):
            values = shape.values(text)
            if values is not None:
                if place:
                    self._kept.insert(0, self._kept.pop(place))
                try:
                    return kind, shape.message(values)
                except LexicalError:
                    return None
        return None

    def learn(self, body: bytes | bytearray, element: XmlElement, kind: Kind, message: object) -> None:
        """Keeps the shape of a message that has been read from `element`, the last one of the document `body`.

        A client whose messages are never alike does not make the others' be forgotten, nor pays for it each time.
        """
        self._unread += 1
        if self._tried >= _KEPT and self._unread % _SELDOM:
            return
        self._tried += 1
        shape = _shape_of(body, element, message)
        if shape is not None:
            self._kept.insert(0, (shape, kind))
            del self._kept[_KEPT:]


_Make = Callable[[list[str]], Any]


class _Value(NamedTuple):
    """One of the values, and its type."""

    number: int
    simple: SimpleType


class _Constant(NamedTuple):
    """What is the same in all messages of a shape."""

    value: Any


class _Parts:
    """What an element's object is made of, by field."""

    def __init__(self, plan: Plan) -> None:
        self._cls = plan.cls
        self._single: dict[str, _Value | _Constant | _Maker] = {
            field: _Constant(value) for field, value in plan.blank.items()
        }
        self._many: dict[str, list[_Value | _Constant | _Maker]] = {}
        self.are_short = True
        """No documents among them, which nobody may hold longer than need be."""

    def put(self, field: str, part: "_Value | _Constant | _Maker", *, many: bool = False) -> None:
        """Takes a part of a field, the only one or one of `many`."""
        if many:
            self._many.setdefault(field, []).append(part)
        else:
            self._single[field] = part

    def written(self) -> _Make:
        """A function that makes the object."""
        known: dict[str, Any] = {}
        exec(f"def make(__values): return {self.expression(known)}", known)  # noqa: S102 - no text from outside
        make: _Make = known["make"]
        return make

    def expression(self, known: dict[str, Any]) -> str:
        """What makes the object inside a function of `__values`; the names it needs are put into `known`."""
        cls = f"__cls_{len(known)}"
        known[cls] = self._cls
        defaults = {field.name: field.default for field in fields(self._cls)}
        arguments = []
        for field, part in self._single.items():
            if field not in self._many and not (isinstance(part, _Constant) and part.value is defaults[field]):
                arguments.append(f"{field}={_expression(part, known)}")
        for field, parts in self._many.items():
            arguments.append(f"{field}=({''.join(f'{_expression(part, known)}, ' for part in parts)})")
        return f"{cls}({', '.join(arguments)})"


def _expression(part: "_Value | _Constant | _Maker", known: dict[str, Any]) -> str:
    """What gives a part inside a function of `__values`; the names it needs are put into `known`."""
    name = f"__known_{len(known)}"
    match part:
        case _Constant(value):
            known[name] = value
            return name
        case _Value(number, simple):
            return _reading(f"__values[{number}]", simple, known)
        case _Maker():
            if not part.is_short:
                return part.expression(known)
            known[name] = part.compiled()
            return f"{name}(__values)"


def _reading(text: str, simple: SimpleType, known: dict[str, Any]) -> str:
    """What gives the value of a text, without a call where its type has nothing to do; `decode` refuses the rest."""
    name = f"__known_{len(known)}"
    known[f"{name}_decode"] = simple.decode
    decoded = f"{name}_decode({text})"
    lengths = simple.plain_lengths if type(simple) is String else None
    if lengths is not None:
        known[f"{name}_lengths"] = lengths
        return f"({text} if len({text}) in {name}_lengths else {decoded})"
    values = _values_of(simple)
    if values is not None:
        known[f"{name}_values"] = values
        return f"(found if (found := {name}_values.get({text})) is not None else {decoded})"
    return decoded


def _values_of(simple: SimpleType) -> Mapping[str, Any] | None:
    """Values by text, of a type that has few."""
    if type(simple) is Boolean:
        return BOOLEANS
    if type(simple) is Enumeration and not simple.collapsed:
        return simple.members._value2member_map_
    return None


class _Maker:
    """Makes the object of one element from the values of the message, once it is `compiled`.

    Those of `own` stand in it. If they are short, an element that comes again with the same values is the same object:
    a Context is the same in all calls of a workplace.
    """

    __slots__ = ("_known", "_made", "_own", "_parts")

    _made: _Make

    def __init__(self, parts: _Parts, own: slice) -> None:
        self._parts = parts
        self._own = own
        self._known: tuple[list[str], Any] | None = None

    @property
    def is_short(self) -> bool:
        """Whether there is no document in it."""
        return self._parts.are_short

    def expression(self, known: dict[str, Any]) -> str:
        """See `_Parts.expression`."""
        return self._parts.expression(known)

    def compiled(self) -> _Make:
        """What gives the object; it raises LexicalError. To compile it takes as long as to read many messages."""
        self._made = self._parts.written()
        return self._remembered if self.is_short else self._made

    def _remembered(self, values: list[str]) -> Any:
        own, known = values[self._own], self._known
        if known is not None and known[0] == own:
            return known[1]
        made = self._made(values)
        if sum(map(len, own)) <= _SHORT:
            self._known = own, made
        return made


class _Shape:
    """What stands between the values of a message, and what makes the message of them."""

    __slots__ = ("_attributes", "_first", "_rest", "_texts", "message")

    message: _Make
    """Makes it of the values; raises LexicalError."""

    def __init__(self, text: str, places: list["_Place"], make: _Make) -> None:
        ends = [place.start for place in places[1:]] + [len(text)]
        self._first = text[: places[0].start]
        self._rest = [(text[place.end], text[place.end : end]) for place, end in zip(places, ends, strict=True)]
        self._attributes = [index for index, place in enumerate(places) if place.is_attribute]
        # What is no base64 the decoder of base64 refuses.
        texts: list[Any] = [index for index, place in enumerate(places) if not place.is_base64]
        self._texts: Callable[[list[str]], Iterable[str]] = itemgetter(*texts or [slice(0)])
        self.message = make

    def values(self, text: str) -> list[str] | None:
        """The values in a message of this shape, each as a parser would give it; None for another."""
        if not text.startswith(self._first):
            return None
        begin, values = len(self._first), []
        for stop, between in self._rest:
            end = text.find(stop, begin)
            if end <= begin or not text.startswith(between, end):
                return None
            values.append(text[begin:end])
            begin = end + len(between)
        if begin != len(text) or not _is_plain("".join(self._texts(values))):
            return None
        for index in self._attributes:
            # A parser makes every white space of an attribute a space.
            if not values[index].isprintable():
                return None
        return values


def _is_plain(text: str) -> bool:
    """Whether a parser gives ASCII text as it stands: no references, markup, carriage returns, control characters."""
    if "&" in text or "<" in text or ">" in text:
        return False
    return text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable()


class _Place(NamedTuple):
    """Where a value stands in the document, from `start` to `end`."""

    start: int
    end: int
    is_attribute: bool = False
    is_base64: bool = False


class _Learner:
    """Walks through a message that `quick_read` has read and through the tags of its document at once."""

    def __init__(self, text: str, tags: Iterator[re.Match[str]]) -> None:
        self._text = text
        self._tags = tags
        self.places: list[_Place] = []
        self.ids = 0

    def maker(self, plan: Plan, element: XmlElement) -> _Maker:
        """What makes the object of an element, whose tag is the next one."""
        start, tag, parts = len(self.places), next(self._tags), _Parts(plan)
        self._put_attributes(plan, element, tag, parts)
        if plan.text is not None:
            field, simple = plan.text
            parts.put(field, self._content(simple, tag, element.text or ""))
            parts.are_short = not isinstance(simple, Base64)
        for inner in element:
            child = plan.by_name[str(inner.tag)]
            part: _Value | _Constant | _Maker
            if child.simple is None:
                part = self.maker(plan_of(child.item, plan.moved), inner)
                parts.are_short = parts.are_short and part.is_short
            else:
                part = self._content(child.simple, next(self._tags), inner.text or child.default or "")
                parts.are_short = parts.are_short and not isinstance(child.simple, Base64)
            parts.put(child.field, part, many=child.many)
        return _Maker(parts, slice(start, len(self.places)))

    def _put_attributes(self, plan: Plan, element: XmlElement, tag: re.Match[str], parts: _Parts) -> None:
        for name, value in element.items():
            known = plan.attributes[str(name)]
            parts.put(known.field, _Constant(known.simple.decode(str(value))))
        for found in _ATTRIBUTE.finditer(self._text, *tag.span(2)):
            entry = plan.attributes.get(found[1])
            if entry is not None:
                self.ids += entry.simple is ID
                place = _Place(*found.span(2 if found[2] is not None else 3), is_attribute=True)
                parts.put(entry.field, _Value(len(self.places), entry.simple))
                self.places.append(place)

    def _content(self, simple: SimpleType, tag: re.Match[str], text: str) -> _Value | _Constant:
        start = tag.end()
        end = self._text.find("<", start)
        if tag[3] or end <= start or self._text[start:end] != text or not _is_plain(text):
            return _Constant(simple.decode(text))
        self.places.append(_Place(start, end, is_base64=isinstance(simple, Base64)))
        return _Value(len(self.places) - 1, simple)


def _shape_of(body: bytes | bytearray, element: XmlElement, message: object) -> _Shape | None:
    """The shape of a message that was read from `element`; None if it has none."""
    plan = plan_of(type(message))
    count = body.count(b"<")
    if count > _TAGS_MAX:
        return None
    try:
        text = body.decode("ascii")
        if quick_read(plan, element) != message:
            return None
    except (UnicodeDecodeError, Unusual):
        return None
    tags = list(_TAG.finditer(text))
    # Comments, sections and instructions, which are in no tree, may hold what looks like a tag.
    if count != len(tags) + text.startswith("<?xml"):
        return None
    starts = [tag for tag in tags if not tag[1]]
    inside = sum(1 for _ in element.iter())
    learner = _Learner(text, iter(starts[len(starts) - inside :]))
    maker = learner.maker(plan, element)
    # Two values of type ID could become equal.
    if not learner.places or learner.ids > 1:
        return None
    if len(text) - sum(place.end - place.start for place in learner.places) > _BETWEEN_MAX:
        return None
    shape = _Shape(text, learner.places, maker.compiled())
    values = shape.values(text)
    return shape if values is not None and shape.message(values) == message else None
