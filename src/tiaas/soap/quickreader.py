"""Reads the messages that nearly all clients send, in half the time: elements in their order, also where any other is
allowed, no xsi attributes, no comments, nothing set apart.

Whatever is not like that, right or wrong, is `Unusual` and left to `tiaas.soap.decoder`, which judges by the letter and
names what is wrong. What is read here, the decoder reads alike.
"""

from collections.abc import Callable
from typing import Any

from lxml import etree

from tiaas.soap.plan import Child, Move, Plan, plan_of
from tiaas.soap.simple import ID, Opaque
from tiaas.soap.simpletype import WHITESPACE, LexicalError

XmlElement = etree._Element


class Unusual(Exception):
    """Only the decoder can say what this is."""


def quick_read(plan: Plan, element: XmlElement) -> Any:
    """The message in `element`; raises `Unusual`, also for one that is wrong."""
    ids: list[str] = []
    try:
        value = _reader(plan).read(element, ids)
    except LexicalError:
        raise Unusual from None
    # A value of type ID stands once in a document; what has it twice is for the decoder to refuse.
    if len(ids) > 1 and len(set(ids)) < len(ids):
        raise Unusual
    return value


_Decode = Callable[[str], Any]
_Entry = tuple[int, str, bool, int | None, _Decode | None, "_Reader | None", str | None]
"""Position, field, whether it may come again and how often at most; decoder of a simple value or reader of a message
(neither: only `tiaas.soap.decoder` knows); what an empty element stands for."""


class _Reader:
    """Reads the elements of one class."""

    __slots__ = ("_attributes", "_cls", "_plan", "_table", "_text")

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._cls = plan.cls
        self._table: dict[object, _Entry] = {}
        self._text = None if plan.text is None else (plan.text[0], plan.text[1].decode)
        self._attributes = {
            name: (entry.field, entry.simple.decode, entry.simple is ID) for name, entry in plan.attributes.items()
        }

    def fill(self) -> None:
        """Compiles the content; apart from the rest since a message may contain itself."""
        self._table = {child.name: _entry(child, self._plan) for child in self._plan.children}

    def read(self, element: XmlElement, ids: list[str]) -> Any:
        """The object; notes the values of type ID. Raises `Unusual`, `LexicalError`."""
        plan = self._plan
        values = plan.blank.copy()
        names = element.keys()
        if names:
            self._read_attributes(element, names, values, ids)
        if plan.required_attributes:
            for attribute in plan.required_attributes:
                if attribute.name not in names:
                    raise Unusual
        if self._text is not None:
            if len(element):
                raise Unusual
            field, decode = self._text
            values[field] = decode(element.text or "")
            return self._cls(**values)
        text = element.text
        if text and text.strip(WHITESPACE):
            raise Unusual
        self._read_children(element, values, ids)
        return self._cls(**values)

    def _read_attributes(self, element: XmlElement, names: list[str], values: dict[str, Any], ids: list[str]) -> None:
        for name in names:
            found = self._attributes.get(name)
            if found is None:
                raise Unusual
            field, decode, is_id = found
            value = values[field] = decode(element.get(name, ""))
            if is_id:
                ids.append(value)

    def _read_children(self, element: XmlElement, values: dict[str, Any], ids: list[str]) -> None:
        table, required = self._table, self._plan.required
        position = 0
        repeats: list[Any] | None = None
        for child in element:
            entry = table.get(child.tag)
            tail = child.tail
            if entry is None or (tail and tail.strip(WHITESPACE)):
                raise Unusual
            place, field, many, maximum, decode, reader, default = entry
            if decode is not None:
                if len(child) or child.keys():
                    raise Unusual
                value = decode(child.text or default or "")
            elif reader is not None:
                value = reader.read(child, ids)
            else:
                raise Unusual
            if place >= position:
                if required[position] < place:
                    raise Unusual
                position = place + 1
                if many:
                    value = repeats = [value]
                values[field] = value
            elif many and place == position - 1 and values[field] is repeats and len(repeats) != maximum:
                repeats.append(value)
            else:
                raise Unusual
        self._complete(element, position, values)

    def _complete(self, element: XmlElement, position: int, values: dict[str, Any]) -> None:
        """The content ends before that position."""
        plan = self._plan
        if plan.required[position] != len(plan.expected) or (plan.binding.never_empty and not position):
            raise Unusual
        if not plan.children and (element.text or len(element)):
            raise Unusual
        for name in plan.repeated:
            values[name] = tuple(values[name])


_READERS: dict[tuple[type[Any], Move | None], _Reader] = {}


def _reader(plan: Plan) -> _Reader:
    key = plan.cls, plan.moved
    reader = _READERS.get(key)
    if reader is None:
        reader = _READERS[key] = _Reader(plan)
        reader.fill()
    return reader


def _entry(child: Child, plan: Plan) -> _Entry:
    simple, decode, reader = child.simple, None, None
    if simple is None:
        reader = _reader(plan_of(child.item, plan.moved))
    elif not isinstance(simple, Opaque) and (plan.prefixes is None or plan.prefixes[1] != child.name):
        decode = simple.decode
    return child.position, child.field, child.many, child.maximum, decode, reader, child.default
