"""Writes a message as XML text.

Strings are joined, no tree is built: a class is compiled once into a function per field, with its tags ready-made.
Every value goes through its simple type, so what leaves is valid by the schema or is not sent.
"""

import re
from collections.abc import Callable
from operator import attrgetter
from typing import Any, cast

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.soap.bulk import LONG
from tiaas.soap.declare import XML_LANG
from tiaas.soap.errors import UnfitMessage
from tiaas.soap.plan import AttributePlan, Child, Move, Plan, namespaces_of, plan_of, root_name
from tiaas.soap.simple import BASE64_BINARY, STRING, Base64, Opaque
from tiaas.soap.simpletype import LexicalError, SimpleType

_SPECIAL = re.compile("[&<>\r]")
_SPECIAL_IN_ATTRIBUTE = re.compile('[&<>\r\n\t"]')
_TEXT_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;", '"': "&quot;"}
)


class Remembering:
    """Base of a message class whose objects keep the XML they were written as.

    For parts that go into many answers unchanged: writing again is one append. The text (in UTF-8) lives and dies with
    the object.
    """

    __slots__ = ("_written",)

    _written: tuple[str, bytes]


@dataclass(frozen=True, slots=True, repr=False)
class Long:
    """Octets that stand as base64 at this place, or beside the message."""

    octets: bytes


class Written(str):
    """XML that was written here: one whole element of the Clark name `name`, with the namespaces it needs."""

    __slots__ = ("name",)

    name: str

    def __new__(cls, text: str, name: str) -> "Written":
        self = super().__new__(cls, text)
        self.name = name
        return self


Part = str | bytes | Long
"""A piece of a message; `bytes` are text in UTF-8."""

_LANG = "xml:lang"
_Append = Callable[[Part], None]
_ValueWriter = Callable[[_Append, Any], None]
_WrongKind = (ValueError, TypeError, AttributeError)


def encode_root(value: object) -> Written:
    """See `tiaas.soap.mapping.encode`."""
    return Written(joined(encode_parts(value)), root_name(type(value)))


def encode_parts(value: object) -> list[Part]:
    """The XML in parts, with long base64 content set apart; raises UnfitMessage."""
    root = _root_of(type(value))
    parts: list[Part] = []
    root.content.write(parts.append, value, root.tag, root.declarations)
    return parts


def joined(parts: list[Part]) -> str:
    """The parts as one text."""
    try:
        return "".join(cast("list[str]", parts))
    except TypeError:
        return "".join(map(_text, parts))


def _text(part: Part) -> str:
    if isinstance(part, Long):
        return BASE64_BINARY.encode(part.octets)
    return part.decode() if isinstance(part, bytes) else part


def encode_text(text: str) -> str:
    """Text escaped for element content; raises UnfitMessage for characters XML does not allow."""
    return _escaped(STRING, text, "text")


@dataclass(frozen=True, slots=True)
class _ChildWriter:
    """How one element of the content is written: `get` gives the field of an object, `one` writes one value of it."""

    tag: str
    get: Callable[[Any], Any]
    one: _ValueWriter
    many: bool
    minimum: int
    maximum: int | None

    def write_many(self, append: _Append, items: tuple[Any, ...]) -> None:
        if len(items) < self.minimum:
            raise UnfitMessage(self.tag, "is missing")
        if self.maximum is not None and len(items) > self.maximum:
            raise UnfitMessage(self.tag, f"occurs more than {self.maximum} times")
        for item in items:
            self.one(append, item)


class _Content:
    """The compiled writers of one class, apart from the name of the element it stands in."""

    __slots__ = ("attributes", "children", "choices", "plan", "text")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.attributes = tuple(plan.attributes.values())
        self.choices = plan.choices
        self.children: tuple[_ChildWriter, ...] = ()
        self.text: _ValueWriter | None = None

    def write(self, append: _Append, value: Any, tag: str, declarations: str = "") -> None:
        if self.attributes:
            declarations += _attributes(self.attributes, value, tag)
        append(f"<{tag}{declarations}>")
        for child in self.children:
            item = child.get(value)
            if child.many:
                child.write_many(append, item)
            elif item is not None:
                child.one(append, item)
            elif child.minimum:
                raise UnfitMessage(child.tag, "is missing")
        if self.text is not None:
            self.text(append, value)
        for branches in self.choices:
            if sum(getattr(value, branch.field) is not None for branch in branches) != 1:
                raise UnfitMessage(tag, f"needs exactly one of {', '.join(branch.local for branch in branches)}")
        if self.plan.binding.never_empty and not any(getattr(value, child.field) for child in self.plan.children):
            raise UnfitMessage(tag, "is empty")
        append(f"</{tag}>")


class _Root:
    """Name and namespace declarations of a global element."""

    __slots__ = ("content", "declarations", "tag")

    def __init__(self, cls: type[Any]) -> None:
        plan = plan_of(cls)
        if plan.binding.root is None:
            raise TypeError(f"{cls.__name__} is not bound to a global element")
        found = namespaces_of(cls)
        if len({entry.prefix for entry in found.values()}) != len(found):
            raise TypeError(f"{cls.__name__}: two namespaces want the same prefix")
        self.tag = f"{plan.binding.namespace.prefix}:{plan.binding.root.rpartition('}')[2]}"
        self.declarations = "".join(f' xmlns:{found[uri].prefix}="{uri}"' for uri in sorted(found))
        self.content = _content_of(cls, plan.moved)


_CONTENTS: dict[tuple[type[Any], Move | None], _Content] = {}
_ROOTS: dict[type[Any], _Root] = {}


def _root_of(cls: type[Any]) -> _Root:
    root = _ROOTS.get(cls)
    if root is None:
        root = _ROOTS[cls] = _Root(cls)
    return root


def _content_of(cls: type[Any], moved: Move | None) -> _Content:
    content = _CONTENTS.get((cls, moved))
    if content is None:
        plan = plan_of(cls, moved)
        content = _CONTENTS[cls, moved] = _Content(plan)
        content.children = tuple(_child_writer(child, moved) for child in plan.children)
        if plan.text is not None:
            content.text = _text_writer(*plan.text)
    return content


def _text_writer(field: str, simple: SimpleType) -> _ValueWriter:
    if isinstance(simple, Base64):
        write = _base64_writer(field, "", "")
        return lambda append, value: write(append, getattr(value, field))
    return lambda append, value: append(_escaped(simple, getattr(value, field), field))


def _base64_writer(name: str, start: str, end: str) -> _ValueWriter:
    def write(append: _Append, value: Any) -> None:
        try:
            if len(value) < LONG:
                append(f"{start}{BASE64_BINARY.encode(value)}{end}")
                return
        except _WrongKind as error:
            raise _unfit(name, error) from None
        append(start)
        append(Long(value))
        append(end)

    return write


def _child_writer(child: Child, moved: Move | None) -> _ChildWriter:
    tag = f"{child.namespace.prefix}:{child.local}"
    if child.simple is None:
        one = _complex_writer(tag, _content_of(child.item, moved))
    elif isinstance(child.simple, Opaque):
        one = _opaque_writer(tag, child, child.simple)
    else:
        one = _simple_writer(tag, child.simple)
    return _ChildWriter(tag, attrgetter(child.field), one, child.many, child.minimum, child.maximum)


def _simple_writer(tag: str, simple: SimpleType) -> _ValueWriter:
    start, end = f"<{tag}>", f"</{tag}>"
    if isinstance(simple, Base64):
        return _base64_writer(tag, start, end)
    encode = simple.encode
    needs_escape = _SPECIAL.search

    def write(append: _Append, value: Any) -> None:
        try:
            text = encode(value)
        except _WrongKind as error:
            raise _unfit(tag, error) from None
        if needs_escape(text) is not None:
            text = text.translate(_TEXT_ENTITIES)
        append(f"{start}{text}{end}")

    return write


def _opaque_writer(tag: str, child: Child, kind: Opaque) -> _ValueWriter:
    """Writes markup as it is, once it is known to be whole and, where it brings its own element, to be that one.

    Of what was written here that is known.
    """

    def write(append: _Append, value: Any) -> None:
        if type(value) is Written and value.name == child.name and not kind.inside:
            append(value)
            return
        if kind.inside and type(value) is tuple and all(type(item) is Written for item in value):
            append(f"<{tag}>{''.join(value)}</{tag}>")
            return
        try:
            text = f"<{tag}>{kind.encode(value)}</{tag}>" if kind.inside else kind.encode(value)
            root = etree.fromstring(f'<x xmlns:{child.namespace.prefix}="{child.namespace.uri}">{text}</x>')
        except (etree.XMLSyntaxError, TypeError):
            raise UnfitMessage(tag, "is not well-formed") from None
        if [element.tag for element in root] != [child.name]:
            raise UnfitMessage(tag, "is another element")
        append(text)

    return write


def _complex_writer(tag: str, content: _Content) -> _ValueWriter:
    declared = content.plan.cls

    def write(append: _Append, value: Any) -> None:
        # A subclass would need an xsi:type, which no client of these interfaces expects.
        if type(value) is not declared:
            raise UnfitMessage(tag, "has the wrong class")
        content.write(append, value, tag)

    def write_remembered(append: _Append, value: Any) -> None:
        written = getattr(value, "_written", None)
        if written is None or written[0] != tag or type(value) is not declared:
            parts: list[Part] = []
            write(parts.append, value)
            written = (tag, joined(parts).encode())
            object.__setattr__(value, "_written", written)
        append(written[1])

    return write_remembered if issubclass(declared, Remembering) else write


def _escaped(simple: SimpleType, value: Any, name: str) -> str:
    try:
        return simple.encode(value).translate(_TEXT_ENTITIES)
    except _WrongKind as error:
        raise _unfit(name, error) from None


def _unfit(name: str, error: Exception) -> UnfitMessage:
    return UnfitMessage(name, str(error) if isinstance(error, LexicalError) else "has a value of the wrong kind")


def _attributes(entries: tuple[AttributePlan, ...], value: Any, tag: str) -> str:
    written = ""
    for entry in entries:
        item = getattr(value, entry.field)
        if item is None and entry.required:
            raise UnfitMessage(tag, f"lacks the attribute {entry.name}")
        if item is None or (not entry.required and item == entry.default):
            continue
        try:
            text = entry.simple.encode(item)
        except _WrongKind as error:
            raise _unfit(f"{tag}/@{entry.name}", error) from None
        if _SPECIAL_IN_ATTRIBUTE.search(text) is not None:
            text = text.translate(_ATTRIBUTE_ENTITIES)
        written += f' {_LANG if entry.name == XML_LANG.name else entry.name}="{text}"'
    return written
