"""Writes a message as XML text.

Strings are joined, no tree is built: a class is compiled once into a function per field, with its tags ready-made.
Every value goes through its simple type, so what leaves is valid by the schema or is not sent.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, cast

from lxml import etree

from tiaas.soap.bulk import LONG
from tiaas.soap.declare import XML_LANG
from tiaas.soap.errors import UnfitMessage
from tiaas.soap.plan import AttributePlan, Child, Move, Plan, namespaces_of, plan_of, root_name
from tiaas.soap.simple import BASE64_BINARY, STRING, Base64, LexicalError, Opaque, SimpleType

_SPECIAL = re.compile("[&<>\r]")
_TEXT_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;", '"': "&quot;"}
)


class Remembering:
    """Base of a message class whose objects keep the XML they were written as.

    For parts that go into many answers unchanged: writing again is one append. The text lives and dies with the object.
    """

    __slots__ = ("_written",)

    _written: tuple[str, str]


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


_LANG = "xml:lang"
_Append = Callable[[str | Long], None]
_FieldWriter = Callable[[_Append, Any], None]
_WrongKind = (ValueError, TypeError, AttributeError)


def encode_root(value: object) -> Written:
    """See `tiaas.soap.mapping.encode`."""
    return Written(joined(encode_parts(value)), root_name(type(value)))


def encode_parts(value: object) -> list[str | Long]:
    """The XML in parts, with long base64 content set apart; raises UnfitMessage."""
    root = _root_of(type(value))
    parts: list[str | Long] = []
    root.content.write(parts.append, value, root.tag, root.declarations)
    return parts


def joined(parts: list[str | Long]) -> str:
    """The parts as one text."""
    try:
        return "".join(cast("list[str]", parts))
    except TypeError:
        return "".join(BASE64_BINARY.encode(part.octets) if isinstance(part, Long) else part for part in parts)


def encode_text(text: str) -> str:
    """Text escaped for element content; raises UnfitMessage for characters XML does not allow."""
    return _escaped(STRING, text, "text")


class _Content:
    """The compiled writers of one class, apart from the name of the element it stands in."""

    __slots__ = ("attributes", "choices", "plan", "writers")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.attributes = tuple(plan.attributes.values())
        self.choices = plan.choices
        self.writers: tuple[_FieldWriter, ...] = ()

    def write(self, append: _Append, value: Any, tag: str, declarations: str = "") -> None:
        if self.attributes:
            declarations += _attributes(self.attributes, value, tag)
        append(f"<{tag}{declarations}>")
        for writer in self.writers:
            writer(append, value)
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
        writers = [_child_writer(child, moved) for child in plan.children]
        if plan.text is not None:
            writers.append(_text_writer(*plan.text))
        content.writers = tuple(writers)
    return content


def _text_writer(field: str, simple: SimpleType) -> _FieldWriter:
    if isinstance(simple, Base64):
        write = _base64_writer(field, "", "")
        return lambda append, value: write(append, getattr(value, field))
    return lambda append, value: append(_escaped(simple, getattr(value, field), field))


def _base64_writer(name: str, start: str, end: str) -> _FieldWriter:
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


def _child_writer(child: Child, moved: Move | None) -> _FieldWriter:
    tag = f"{child.namespace.prefix}:{child.local}"
    if child.simple is None:
        one = _complex_writer(tag, _content_of(child.item, moved))
    elif isinstance(child.simple, Opaque):
        one = _opaque_writer(tag, child, child.simple)
    else:
        one = _simple_writer(tag, child.simple)
    get = attrgetter(child.field)
    minimum, maximum = child.minimum, child.maximum

    def write_many(append: _Append, value: Any) -> None:
        items = get(value)
        if len(items) < minimum:
            raise UnfitMessage(tag, "is missing")
        if maximum is not None and len(items) > maximum:
            raise UnfitMessage(tag, f"occurs more than {maximum} times")
        for item in items:
            one(append, item)

    def write_one(append: _Append, value: Any) -> None:
        item = get(value)
        if item is not None:
            one(append, item)
        elif minimum:
            raise UnfitMessage(tag, "is missing")

    return write_many if child.many else write_one


def _simple_writer(tag: str, simple: SimpleType) -> _FieldWriter:
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


def _opaque_writer(tag: str, child: Child, kind: Opaque) -> _FieldWriter:
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


def _complex_writer(tag: str, content: _Content) -> _FieldWriter:
    declared = content.plan.cls

    def write(append: _Append, value: Any) -> None:
        # A subclass would need an xsi:type, which no client of these interfaces expects.
        if type(value) is not declared:
            raise UnfitMessage(tag, "has the wrong class")
        content.write(append, value, tag)

    def write_remembered(append: _Append, value: Any) -> None:
        written = getattr(value, "_written", None)
        if written is None or written[0] != tag or type(value) is not declared:
            parts: list[str | Long] = []
            write(parts.append, value)
            written = (tag, joined(parts))
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
        written += f' {_LANG if entry.name == XML_LANG.name else entry.name}="{text.translate(_ATTRIBUTE_ENTITIES)}"'
    return written
