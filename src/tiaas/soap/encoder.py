"""Writes a message as XML text.

Strings are joined, no tree is built: a class is compiled once into a function, with its tags ready-made.
Every value goes through its simple type, so what leaves is valid by the schema or is not sent.
"""

import re
from collections.abc import Callable
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


_Write = Callable[[_Append, Any, str, str], None]
"""Writes an object as an element of that name, with namespace declarations in its tag."""


class _Content:
    """The compiled writer of one class, apart from the name of the element it stands in."""

    __slots__ = ("plan", "write")

    write: _Write

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def judge(self, value: Any, tag: str) -> None:
        """Raises UnfitMessage for what no single element shows."""
        for branches in self.plan.choices:
            if sum(getattr(value, branch.field) is not None for branch in branches) != 1:
                raise UnfitMessage(tag, f"needs exactly one of {', '.join(branch.local for branch in branches)}")
        if self.plan.binding.never_empty and not any(getattr(value, child.field) for child in self.plan.children):
            raise UnfitMessage(tag, "is empty")


def _writer(content: _Content) -> _Write:
    """A function with a line for each attribute and element: a loop over tables takes twice as long."""
    plan = content.plan
    known: dict[str, Any] = {"__unfit": UnfitMessage, "__judge": content.judge}
    lines = [line for entry in plan.attributes.values() for line in _attribute_lines(entry, known)]
    lines.append("append(f'<{tag}{declarations}>')")
    lines += [line for child in plan.children for line in _child_lines(child, plan.moved, known)]
    if plan.text is not None:
        known["__text"] = _text_writer(*plan.text)
        lines.append("__text(append, value)")
    if plan.choices or plan.binding.never_empty:
        lines.append("__judge(value, tag)")
    lines.append("append(f'</{tag}>')")
    body = "\n    ".join(lines)
    exec(f"def write(append, value, tag, declarations):\n    {body}", known)  # noqa: S102 - no text from outside
    write: _Write = known["write"]
    return write


def _attribute_lines(entry: AttributePlan, known: dict[str, Any]) -> list[str]:
    name = f"__attribute{len(known)}"
    known[name] = _attribute_writer(entry)
    if entry.required:
        known[f"{name}_lacks"] = f"lacks the attribute {entry.name}"
        refusal = f"    raise __unfit(tag, {name}_lacks)"
        return [f"item = value.{entry.field}", "if item is None:", refusal, f"declarations += {name}(item, tag)"]
    known[f"{name}_default"] = entry.default
    condition = f"if item is not None and item != {name}_default:"
    return [f"item = value.{entry.field}", condition, f"    declarations += {name}(item, tag)"]


def _child_lines(child: Child, moved: Move | None, known: dict[str, Any]) -> list[str]:
    name, tag = f"__child{len(known)}", f"{child.namespace.prefix}:{child.local}"
    known[name], known[f"{name}_tag"] = _child_writer(child, tag, moved), tag
    write = f"{name}(append, item)"
    if child.many:
        known[f"{name}_many"] = _count_check(child, tag)
        return [f"item = value.{child.field}", f"{name}_many(item)", "for one in item:", f"    {name}(append, one)"]
    if child.minimum:
        refusal = f"    raise __unfit({name}_tag, 'is missing')"
        return [f"item = value.{child.field}", "if item is None:", refusal, write]
    return [f"item = value.{child.field}", "if item is not None:", f"    {write}"]


def _count_check(child: Child, tag: str) -> Callable[[tuple[Any, ...]], None]:
    minimum, maximum = child.minimum, child.maximum

    def check(items: tuple[Any, ...]) -> None:
        if len(items) < minimum:
            raise UnfitMessage(tag, "is missing")
        if maximum is not None and len(items) > maximum:
            raise UnfitMessage(tag, f"occurs more than {maximum} times")

    return check


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
        content = _CONTENTS[cls, moved] = _Content(plan_of(cls, moved))
        content.write = _writer(content)
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


def _child_writer(child: Child, tag: str, moved: Move | None) -> _ValueWriter:
    """What writes one value of an element of the content."""
    if child.simple is None:
        return _complex_writer(tag, _content_of(child.item, moved))
    if isinstance(child.simple, Opaque):
        return _opaque_writer(tag, child, child.simple)
    return _simple_writer(tag, child.simple)


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
        content.write(append, value, tag, "")

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


def _attribute_writer(entry: AttributePlan) -> Callable[[Any, str], str]:
    """What gives the text of an attribute that has a value."""
    encode, start = entry.simple.encode, f' {_LANG if entry.name == XML_LANG.name else entry.name}="'
    needs_escape = _SPECIAL_IN_ATTRIBUTE.search

    def write(item: Any, tag: str) -> str:
        try:
            text = encode(item)
        except _WrongKind as error:
            raise _unfit(f"{tag}/@{entry.name}", error) from None
        if needs_escape(text) is not None:
            text = text.translate(_ATTRIBUTE_ENTITIES)
        return f'{start}{text}"'

    return write
