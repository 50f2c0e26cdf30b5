"""Messages as frozen dataclasses: how a class says what its XML looks like, and the two functions that use it.

A message class reads like its schema type::

    @message(EVT, root="GetCards")
    class GetCards:
        context: Annotated[Context, CONTEXT]
        ct_id: Annotated[str | None, CT_ID] = None
        mandant_wide: Annotated[bool, Attribute("mandant-wide", BOOLEAN)] = False

The order of fields is the order of elements. `X` means exactly once, `X | None` at most once, `tuple[X, ...]` any
number (`Element(minimum=1, maximum=…)` narrows it). Neighbouring fields with the same `choice` name are alternatives:
exactly one of them is set. Semantics are those of XML Schema 1.0; what is decided differently is a row in
`docs/conformance/choices.md`.
"""

from collections.abc import Callable
from typing import Any, TypeVar, dataclass_transform

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.soap import decoder, encoder, plan
from tiaas.soap.declare import Attribute, Element, Namespace, Prefixes, Text
from tiaas.soap.encoder import Remembering, Written

__all__ = [
    "Attribute",
    "Element",
    "Namespace",
    "Prefixes",
    "Remembering",
    "Text",
    "decode",
    "encode",
    "encode_document",
    "message",
    "root_name",
]

T = TypeVar("T")
XmlElement = etree._Element


@dataclass_transform(frozen_default=True, kw_only_default=True)
def message(
    namespace: Namespace,
    *,
    root: str | None = None,
    type_name: str | None = None,
    never_empty: bool = False,
    any_order: bool = False,
    moved_from: Namespace | None = None,
) -> Callable[[type[T]], type[T]]:
    """Makes a class a frozen, slotted, keyword-only dataclass bound to XML.

    `root` is the local name of the global element that has this type (a message, a fault detail, a document),
    `type_name` that of a named complex type. With `never_empty` the content must have an element although each of
    them may be missing. With `any_order` the elements, all optional, may come in any order (`xs:all`); they are
    written in that of the fields. With `moved_from` the class is an inherited one of another version of its service:
    where it and the classes below it name that version's namespace, `namespace` is meant.
    """
    element, named = namespace(root) if root else None, namespace(type_name) if type_name else None
    moved = (moved_from, namespace) if moved_from is not None else None

    def bind(cls: type[T]) -> type[T]:
        # No repr of values: messages carry KVNR, ICCSN and names, and reprs end up in logs.
        bound: type[T] = dataclass(frozen=True, slots=True, kw_only=True, repr=False)(cls)
        plan.register(bound, plan.Binding(namespace, element, named, never_empty, any_order, moved))
        return bound

    return bind


def root_name(cls: type[Any]) -> str:
    """The Clark name of the class's global element; TypeError if it has none."""
    return plan.root_name(cls)


def decode(cls: type[T], element: XmlElement) -> T:
    """The message in `element`, which must be the class's global element.

    Raises BadMessage, with the path of the offending element and the reason, for everything the schema forbids.
    """
    return decoder.decode_root(cls, element)


def encode(value: object) -> Written:
    """The XML of a message as a string, its namespaces declared on the root, without XML declaration.

    Raises UnfitMessage if the object does not fit its schema.
    """
    return encoder.encode_root(value)


def encode_document(value: object) -> bytes:
    """A whole XML document in UTF-8 with declaration; raises UnfitMessage."""
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + encode(value).encode("utf-8")
