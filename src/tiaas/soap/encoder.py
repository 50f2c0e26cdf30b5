"""Writes a message as XML text.

Strings are joined, no tree is built: tags and namespace declarations are fixed per class and prepared once. Every value
goes through its simple type, so what leaves is valid by the schema or is not sent.
"""

import re
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from tiaas.soap.declare import Namespace
from tiaas.soap.errors import UnfitMessage
from tiaas.soap.plan import Child, Plan, plan_of
from tiaas.soap.simple import STRING, LexicalError

_SPECIAL = re.compile("[&<>\r]")
_TEXT_ENTITIES = {"\r": "&#13;"}
_ATTRIBUTE_ENTITIES = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;", '"': "&quot;"}


class _Writer:
    """The prepared tags of one class."""

    __slots__ = ("children", "plan", "text")

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.text = plan.text
        self.children = [(child, f"{child.namespace.prefix}:{child.local}") for child in plan.children]


@cache
def _writer_of(cls: type[Any]) -> _Writer:
    return _Writer(plan_of(cls))


@cache
def _root_tag(cls: type[Any]) -> tuple[str, str]:
    """(tag name, namespace declarations) of a class's global element."""
    plan = plan_of(cls)
    if plan.binding.root is None:
        raise TypeError(f"{cls.__name__} is not bound to a global element")
    found: dict[str, Namespace] = {}
    _collect(plan, found, set())
    found.setdefault(plan.binding.namespace.uri, plan.binding.namespace)
    if len({entry.prefix for entry in found.values()}) != len(found):
        raise TypeError(f"{cls.__name__}: two namespaces want the same prefix")
    declarations = "".join(f' xmlns:{found[uri].prefix}="{uri}"' for uri in sorted(found))
    local = plan.binding.root.rpartition("}")[2]
    return f"{plan.binding.namespace.prefix}:{local}", declarations


def _collect(plan: Plan, found: dict[str, Namespace], seen: set[type[Any]]) -> None:
    if plan.cls in seen:
        return
    seen.add(plan.cls)
    for child in plan.children:
        found.setdefault(child.namespace.uri, child.namespace)
        if child.cls is not None:
            _collect(plan_of(child.cls), found, seen)


def encode_root(value: object) -> str:
    """See `tiaas.soap.mapping.encode`."""
    tag, declarations = _root_tag(type(value))
    parts: list[str] = []
    _write(parts, value, tag, declarations)
    return "".join(parts)


def _write(parts: list[str], value: Any, tag: str, declarations: str = "") -> None:
    writer = _writer_of(type(value))
    plan = writer.plan
    attributes = _attributes(plan, value, tag) if plan.attributes else ""
    parts.append(f"<{tag}{declarations}{attributes}>")
    if writer.text is not None:
        field, simple = writer.text
        parts.append(_text(simple, getattr(value, field), tag))
    for child, name in writer.children:
        item = getattr(value, child.field)
        if child.many:
            _check_count(child, len(item), tag)
            for one in item:
                _write_child(parts, child, name, one)
        elif item is not None:
            _write_child(parts, child, name, item)
        elif child.minimum:
            raise UnfitMessage(tag, f"lacks {child.local}")
    for branches in plan.choices:
        if sum(getattr(value, branch.field) is not None for branch in branches) != 1:
            raise UnfitMessage(tag, f"needs exactly one of {', '.join(branch.local for branch in branches)}")
    parts.append(f"</{tag}>")


def _write_child(parts: list[str], child: Child, name: str, value: Any) -> None:
    if child.simple is None:
        if child.cls is None or not isinstance(value, child.cls):
            raise UnfitMessage(name, "has the wrong class")
        _write(parts, value, name)
    else:
        parts.append(f"<{name}>{_text(child.simple, value, name)}</{name}>")


def _text(simple: Any, value: Any, name: str) -> str:
    try:
        text: str = simple.encode(value)
    except (LexicalError, ValueError, TypeError, AttributeError) as error:
        reason = str(error) if isinstance(error, LexicalError) else "has a value of the wrong kind"
        raise UnfitMessage(name, reason) from None
    return escape(text, _TEXT_ENTITIES) if _SPECIAL.search(text) else text


def _check_count(child: Child, count: int, tag: str) -> None:
    if count < child.minimum:
        raise UnfitMessage(tag, f"lacks {child.local}")
    if child.maximum is not None and count > child.maximum:
        raise UnfitMessage(tag, f"has more than {child.maximum} {child.local}")


def _attributes(plan: Plan, value: Any, tag: str) -> str:
    written = []
    for entry in plan.attributes.values():
        item = getattr(value, entry.field)
        if item is None or (not entry.required and item == entry.default):
            if entry.required:
                raise UnfitMessage(tag, f"lacks the attribute {entry.name}")
            continue
        try:
            text = entry.simple.encode(item)
        except (LexicalError, ValueError, TypeError, AttributeError):
            raise UnfitMessage(tag, f"has an unfit attribute {entry.name}") from None
        written.append(f' {entry.name}="{escape(text, _ATTRIBUTE_ENTITIES)}"')
    return "".join(written)


def encode_text(text: str) -> str:
    """Text escaped for element content; raises UnfitMessage for characters XML does not allow."""
    return _text(STRING, text, "text")
