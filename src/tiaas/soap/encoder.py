"""Writes a message as XML text.

Strings are joined, no tree is built: a class is compiled once into a function, with its tags ready-made.
Every value goes through its simple type, so what leaves is valid by the schema or is not sent.
"""

import re
from binascii import b2a_base64
from collections.abc import Callable
from typing import Any

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.soap.bulk import LONG
from tiaas.soap.declare import XML_LANG
from tiaas.soap.errors import UnfitMessage
from tiaas.soap.parsers import fromstring
from tiaas.soap.plan import AttributePlan, Child, Move, Plan, namespaces_of, plan_of, root_name
from tiaas.soap.simple import BASE64_BINARY, STRING, Base64, Enumeration, Opaque, WrittenOctets
from tiaas.soap.simpletype import LexicalError, SimpleType

_SPECIAL = re.compile("[&<>\r]")
_SPECIAL_IN_ATTRIBUTE = re.compile('[&<>\r\n\t"]')
_TEXT_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;", '"': "&quot;"}
)


class Remembering:
    """Base of a message class whose objects keep the XML they were written as.

    For parts that go into many answers unchanged: writing again is one append. The text lives and dies with the object;
    it is in UTF-8 already, unless it is ASCII, which costs nothing to encode.
    """

    __slots__ = ("_written",)

    _written: "tuple[str, str | bytes]"


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
_AttributeWriter = Callable[[Any, str], str]
_WrongKind = (ValueError, TypeError, AttributeError)


def encode_root(value: object) -> Written:
    """See `tiaas.soap.mapping.encode`."""
    return Written(joined(encode_parts(value)), root_name(type(value)))


def encode_parts(value: object) -> list[Part]:
    """The XML in parts, with long base64 content set apart; raises UnfitMessage."""
    cls = type(value)
    root = _ROOTS.get(cls) or _root_of(cls)
    parts: list[Part] = []
    root.content.write(parts.append, value, root.tag, root.declarations)
    return parts


def joined(parts: list[Part]) -> str:
    """The parts as one text."""
    try:
        return "".join(parts)  # type: ignore[arg-type]
    except TypeError:
        return "".join(map(_text, parts))


def _text(part: Part) -> str:
    if isinstance(part, Long):
        return BASE64_BINARY.encode(part.octets)
    return part.decode() if isinstance(part, bytes) else part


def written_as(value: object, tag: str) -> str:
    """A value as the element `tag` (PREFIX:Name) of a message, which declares its namespaces; raises UnfitMessage."""
    parts: list[Part] = []
    _content_of(type(value), None).write(parts.append, value, tag, "")
    return joined(parts)


def remember(value: Remembering, tag: str, text: str) -> None:
    """Has a value written as `text`, which is what `written_as` would give for it."""
    object.__setattr__(value, "_written", (tag, text if text.isascii() else text.encode()))


def encode_text(text: str) -> str:
    """Text escaped for element content; raises UnfitMessage for characters XML does not allow."""
    try:
        return STRING.encode(text).translate(_TEXT_ENTITIES)
    except _WrongKind as error:
        raise _unfit("text", error) from None


_Write = Callable[[_Append, Any, str, str], None]
"""Writes an object as an element of that name, with namespace declarations in its tag."""


class _Content:
    """The compiled writer of one class, apart from the name of the element it stands in."""

    __slots__ = ("plan", "write")

    write: _Write

    def __init__(self, plan: Plan) -> None:
        self.plan = plan


def _writer(plan: Plan) -> _Write:
    """A function with a line for each attribute and element: a loop over tables takes twice as long."""
    known: dict[str, Any] = {"__unfit": UnfitMessage, "__cls": plan.cls}
    # A subclass would need an xsi:type, which no client of these interfaces expects.
    lines = ["if type(value) is not __cls:", "    raise __unfit(tag, 'has the wrong class')"]
    lines += [line for entry in plan.attributes.values() for line in _attribute_lines(entry, known)]
    lines.append("append(f'<{tag}{declarations}>')")
    lines += [line for child in plan.children for line in _child_lines(child, plan.moved, known)]
    if plan.text is not None:
        field, simple = plan.text
        known["__text"] = _value_writer(simple, field, "", "")
        lines.append(f"__text(append, value.{field})")
    lines += _judging_lines(plan, known)
    lines.append("append(f'</{tag}>')")
    body = "\n    ".join(lines)
    exec(f"def write(append, value, tag, declarations):\n    {body}", known)  # noqa: S102 - no text from outside
    write: _Write = known["write"]
    return write


def _judging_lines(plan: Plan, known: dict[str, Any]) -> list[str]:
    """What no single element shows."""
    lines = []
    for branches in plan.choices:
        name, given = f"__choice{len(known)}", " + ".join(f"(value.{branch.field} is not None)" for branch in branches)
        known[name] = f"needs exactly one of {', '.join(branch.local for branch in branches)}"
        lines += [f"if {given} != 1:", f"    raise __unfit(tag, {name})"]
    if plan.binding.never_empty:
        something = " or ".join(f"value.{child.field}" for child in plan.children)
        lines += [f"if not ({something}):", "    raise __unfit(tag, 'is empty')"]
    return lines


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
    known[f"{name}_tag"] = tag
    if child.simple is None:
        known[name] = _content_of(child.item, moved)
        write = f"{name}.write(append, item, {name}_tag, '')"
    else:
        known[name] = _child_writer(child, child.simple, tag)
        write = f"{name}(append, item)"
    if child.many:
        counting = _counting_lines(child, name, known)
        return [f"items = value.{child.field}", *counting, "for item in items:", f"    {write}"]
    if child.minimum:
        refusal = f"    raise __unfit({name}_tag, 'is missing')"
        return [f"item = value.{child.field}", "if item is None:", refusal, write]
    return [f"item = value.{child.field}", "if item is not None:", f"    {write}"]


def _counting_lines(child: Child, name: str, known: dict[str, Any]) -> list[str]:
    lines = []
    if child.minimum:
        lines += ["if not items:", f"    raise __unfit({name}_tag, 'is missing')"]
    if child.maximum is not None:
        known[f"{name}_many"] = f"occurs more than {child.maximum} times"
        lines += [f"if len(items) > {child.maximum}:", f"    raise __unfit({name}_tag, {name}_many)"]
    return lines


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
    root = _ROOTS[cls] = _Root(cls)
    return root


def _content_of(cls: type[Any], moved: Move | None) -> _Content:
    content = _CONTENTS.get((cls, moved))
    if content is None:
        content = _CONTENTS[cls, moved] = _Content(plan_of(cls, moved))
        write = _writer(content.plan)
        content.write = _remembering(write, cls) if issubclass(cls, Remembering) else write
    return content


def _remembering(write: _Write, cls: type[Any]) -> _Write:
    """A writer that appends again what a value of `cls` was written as, where nothing has to be declared in its tag."""

    def write_remembered(append: _Append, value: Any, tag: str, declarations: str) -> None:
        if declarations:
            write(append, value, tag, declarations)
            return
        written = getattr(value, "_written", None)
        if written is None or written[0] != tag or type(value) is not cls:
            parts: list[Part] = []
            write(parts.append, value, tag, "")
            remember(value, tag, joined(parts))
            written = value._written
        append(written[1])

    return write_remembered


def _base64_writer(name: str, start: str, end: str) -> _ValueWriter:
    def write(append: _Append, value: Any) -> None:
        try:
            if len(value) < LONG:
                append(f"{start}{b2a_base64(value, newline=False).decode('ascii')}{end}")
                return
        except _WrongKind as error:
            raise _unfit(name, error) from None
        append(start)
        append(Long(value))
        append(end)

    return write


def _child_writer(child: Child, simple: SimpleType, tag: str) -> _ValueWriter:
    """What writes one value of an element of a simple type."""
    if isinstance(simple, Opaque):
        return _octets_writer(tag, child) if simple.octets else _opaque_writer(tag, child, simple)
    return _value_writer(simple, tag, f"<{tag}>", f"</{tag}>")


def _value_writer(simple: SimpleType, name: str, start: str, end: str) -> _ValueWriter:
    """What writes a value as text between `start` and `end`; quick ways leave to the general one what they refuse."""
    if isinstance(simple, Base64):
        return _base64_writer(name, start, end)
    write = _general_writer(simple, name, start, end)
    if type(simple) is Enumeration:
        return _member_writer(simple, start, end, write)
    lengths = simple.plain_lengths
    return write if lengths is None else _plain_writer(lengths, start, end, write)


def _general_writer(simple: SimpleType, name: str, start: str, end: str) -> _ValueWriter:
    encode = simple.encode
    needs_escape = _SPECIAL.search

    def write(append: _Append, value: Any) -> None:
        try:
            text = encode(value)
        except _WrongKind as error:
            raise _unfit(name, error) from None
        if needs_escape(text) is not None:
            text = text.translate(_TEXT_ENTITIES)
        append(f"{start}{text}{end}")

    return write


def _plain_writer(lengths: range, start: str, end: str, otherwise: _ValueWriter) -> _ValueWriter:
    """Writes texts in which nothing is to be escaped; XML allows all that is printable."""

    def write(append: _Append, value: Any) -> None:
        if (
            type(value) is str
            and len(value) in lengths
            and value.isprintable()
            and not ("&" in value or "<" in value or ">" in value)
        ):
            append(f"{start}{value}{end}")
        else:
            otherwise(append, value)

    return write


def _member_writer(simple: Enumeration, start: str, end: str, otherwise: _ValueWriter) -> _ValueWriter:
    """Writes members of an enumeration, whose elements are ready."""
    members = simple.members
    ready = {member: f"{start}{member.translate(_TEXT_ENTITIES)}{end}" for member in members}

    def write(append: _Append, value: Any) -> None:
        element = ready.get(value) if type(value) is members else None
        if element is None:
            otherwise(append, value)
        else:
            append(element)

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
            root = fromstring(f'<x xmlns:{child.namespace.prefix}="{child.namespace.uri}">{text}</x>')
        except (etree.XMLSyntaxError, TypeError):
            raise UnfitMessage(tag, "is not well-formed") from None
        if [element.tag for element in root] != [child.name]:
            raise UnfitMessage(tag, "is another element")
        append(text)

    return write


def _octets_writer(tag: str, child: Child) -> _ValueWriter:
    """Writes an element octet by octet, once it is known to be whole and to be that one."""
    start, end = f'<x xmlns:{child.namespace.prefix}="{child.namespace.uri}">'.encode(), b"</x>"

    def write(append: _Append, value: Any) -> None:
        if type(value) is WrittenOctets and value.name == child.name:
            append(value.octets)
            return
        try:
            # Whether an xml:id is there twice is the signer's business.
            parser = etree.XMLParser(huge_tree=True, resolve_entities=False, collect_ids=False)
            root = fromstring(start + value + end, parser)
        except (etree.XMLSyntaxError, TypeError):
            raise UnfitMessage(tag, "is not well-formed") from None
        if [element.tag for element in root] != [child.name]:
            raise UnfitMessage(tag, "is another element")
        append(value)

    return write


def _unfit(name: str, error: Exception) -> UnfitMessage:
    return UnfitMessage(name, str(error) if isinstance(error, LexicalError) else "has a value of the wrong kind")


def _attribute_writer(entry: AttributePlan) -> _AttributeWriter:
    """What gives the text of an attribute that has a value."""
    start = f' {_LANG if entry.name == XML_LANG.name else entry.name}="'
    write, lengths = _general_attribute_writer(entry, start), entry.simple.plain_lengths
    if lengths is None:
        return write

    def write_plain(item: Any, tag: str) -> str:
        if (
            type(item) is str
            and len(item) in lengths
            and item.isprintable()
            and not ("&" in item or "<" in item or ">" in item or '"' in item)
        ):
            return f'{start}{item}"'
        return write(item, tag)

    return write_plain


def _general_attribute_writer(entry: AttributePlan, start: str) -> _AttributeWriter:
    encode = entry.simple.encode
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
