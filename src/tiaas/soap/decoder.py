"""Reads a message from an element tree, exactly as XML Schema 1.0 part 1 §3.4.4 judges it.

The common path touches each element once and allocates nothing but the values. Comments and processing instructions
may stand anywhere (the parser of `tiaas.soap.markup` drops them; trees that keep them are read as well). Attributes of
the schema-instance namespace are understood, `xsi:schemaLocation` is never followed.
"""

from collections.abc import Iterable
from typing import Any, NoReturn, TypeVar

from lxml import etree

from tiaas.soap import markup
from tiaas.soap.bulk import BULK, Bulk, NotBase64
from tiaas.soap.errors import BadMessage
from tiaas.soap.plan import Child, Plan, complex_type, namespaces_of_schema, plan_of, plans_below
from tiaas.soap.quickreader import Unusual, quick_read
from tiaas.soap.simple import ID, Anything, Base64, Opaque, WrittenOctets
from tiaas.soap.simpletype import WHITESPACE, XSD, LexicalError, SimpleType, collapse, named_type

T = TypeVar("T")
XmlElement = etree._Element

XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_XSI_HINTS = frozenset({f"{XSI}schemaLocation", f"{XSI}noNamespaceSchemaLocation"})
_NAME_LIMIT = 64


def decode_root(cls: type[T], element: XmlElement) -> T:
    """The message in `element`; raises BadMessage. See `tiaas.soap.mapping.decode`."""
    plan = plan_of(cls)
    if element.tag != plan.binding.root:
        refuse(element, "is not the expected element")
    value: T
    try:
        value = quick_read(plan, element)
    except Unusual:
        value = read_exactly(plan, element)
    return value


def read_exactly(plan: Plan, element: XmlElement) -> Any:
    """The message in `element`, judged by the letter; raises BadMessage. What `quick_read` reads, this reads alike."""
    _check_opaque(plan, element)
    value = _complex(plan, element)
    if _names_elements(plan.cls):
        _check_unique_ids(element)
    return value


_OPAQUE: dict[type[Any], dict[str, bool]] = {}
_NAMESPACE_OCTETS_MAX = 1024 * 1024
"""Of the namespaces that opaque elements are written out with, each with all that are in force."""
_VALUES_MAX = 200
"""Elements in one of any type."""


def _check_opaque(plan: Plan, root: XmlElement) -> None:
    """Refuses what is small and becomes large when it is written out, before that is done."""
    kinds = _opaque_kinds(plan.cls)
    if not kinds:
        return
    left = _NAMESPACE_OCTETS_MAX
    for element in root.iter(*kinds):
        count = len(element) if kinds[str(element.tag)] else 1
        if count > _VALUES_MAX:
            refuse(element, f"holds more than {_VALUES_MAX} elements")
        if count:
            left -= count * sum(len(prefix or "") + len(uri) for prefix, uri in element.nsmap.items())
        if left < 0:
            refuse(element, "is one of too many elements with too many namespaces in force")


def _opaque_kinds(cls: type[Any]) -> dict[str, bool]:
    """The names of elements below a class that are written out, and whether their content is."""
    known = _OPAQUE.get(cls)
    if known is None:
        children = [(child.name, child.simple) for plan in plans_below(cls) for child in plan.children]
        known = _OPAQUE[cls] = {
            name: simple.inside for name, simple in children if isinstance(simple, Opaque) and not simple.octets
        }
    return known


_ID_ATTRIBUTES = ("ID", "Id")
_NAMING: dict[type[Any], bool] = {}


def _names_elements(cls: type[Any]) -> bool:
    """Whether a message has attributes of type ID anywhere."""
    known = _NAMING.get(cls)
    if known is None:
        simples = (entry.simple for plan in plans_below(cls) for entry in plan.attributes.values())
        known = _NAMING[cls] = any(simple is ID for simple in simples)
    return known


def _check_unique_ids(root: XmlElement) -> None:
    """XML Schema part 1 §3.11.4: a value of type ID stands once in a document.

    Undeclared attributes have been refused, so by these names only IDs are left. In opaque content those of elements
    count that the message's schema knows.
    """
    if _twice(root.iter("*")) is not None:
        known = namespaces_of_schema(_message_namespace(root))
        twice = _twice(root.iter(*[f"{{{namespace}}}*" for namespace in known]))
        if twice is not None:
            element, name = twice
            refuse(element, f"has an {name} that another element has")


def _twice(elements: Iterable[XmlElement]) -> tuple[XmlElement, str] | None:
    """The first element with an ID that one before it has, and the attribute."""
    seen: set[str] = set()
    for element in elements:
        for name in _ID_ATTRIBUTES:
            value = element.get(name)
            if value is not None:
                value = collapse(value)
                if value in seen:
                    return element, name
                seen.add(value)
    return None


def refuse(element: XmlElement, reason: str) -> NoReturn:
    """Raises BadMessage for `element`, its path counted from the message's root."""
    names = [_local(element)]
    names.extend(_local(step) for step in element.iterancestors())
    names.reverse()
    if len(names) > 2 and names[:2] == ["Envelope", "Body"]:
        names = names[2:]
    raise BadMessage("/".join(names), reason)


def _local(element: XmlElement) -> str:
    tag = element.tag
    return tag.rpartition("}")[2][:_NAME_LIMIT] if isinstance(tag, str) else "node"


def _complex(plan: Plan, element: XmlElement) -> Any:
    values = plan.blank.copy()
    names = element.keys()
    if names:
        plan, values = _attributes(plan, element, names)
    elif plan.required_attributes:
        refuse(element, f"lacks the attribute {plan.required_attributes[0].name}")
    if plan.text is not None:
        field, simple = plan.text
        values[field] = _value(simple, element)
        return plan.cls(**values)
    text = element.text
    if text and text.strip(WHITESPACE):
        refuse(element, "contains text")
    if plan.binding.any_order:
        _children_in_any_order(plan, element, values)
    elif plan.children:
        _children(plan, element, values)
        if plan.prefixes is not None:
            field, name = plan.prefixes
            inner = element.find(name)
            values[field] = () if inner is None else _prefixes(inner)
    elif text or len(element):
        _empty(element)
    return plan.cls(**values)


def _children(plan: Plan, element: XmlElement, values: dict[str, Any]) -> None:
    by_name = plan.by_name
    required = plan.required
    position = 0  # the first position the next element may take
    repeats: list[Any] | None = None  # values of the repeatable element being read
    for child in element:
        entry = by_name.get(child.tag)  # type: ignore[arg-type]
        tail = child.tail
        if tail and tail.strip(WHITESPACE):
            refuse(element, "contains text")
        if entry is None:
            if isinstance(child.tag, str) or isinstance(child, etree._Entity):
                _unexpected(plan, child, element)
            continue
        place = entry.position
        if place < position or required[position] < place:
            if place == position - 1 and repeats is not None and entry.many:
                if entry.maximum is not None and len(repeats) >= entry.maximum:
                    refuse(child, f"occurs more than {entry.maximum} times")
                repeats.append(_child_value(plan, entry, child))
                continue
            _misplaced(plan, child, place, position)
        position = place + 1
        if entry.many:
            repeats = [_child_value(plan, entry, child)]
            values[entry.field] = repeats
        else:
            repeats = None
            values[entry.field] = _child_value(plan, entry, child)
    if required[position] != len(plan.expected):
        refuse(element, f"lacks {plan.expected[required[position]]}")
    if plan.binding.never_empty and not position:
        refuse(element, "is empty")
    for name in plan.repeated:
        values[name] = tuple(values[name])


def _unexpected(plan: Plan, child: XmlElement, element: XmlElement) -> NoReturn:
    """For a name that is right in another namespace, which is the usual mistake, that namespace is told."""
    told, local = f"is not expected in {_local(element)}", _local(child)
    for name in plan.by_name:
        namespace, _, known = name.rpartition("}")
        if known == local and namespace:
            told = f"{told}; the one that is has the namespace {namespace[1:]}"
    refuse(child, told)


def _children_in_any_order(plan: Plan, element: XmlElement, values: dict[str, Any]) -> None:
    for child in element:
        entry = plan.by_name.get(child.tag)  # type: ignore[arg-type]
        if child.tail and child.tail.strip(WHITESPACE):
            refuse(element, "contains text")
        if entry is None:
            if isinstance(child.tag, str) or isinstance(child, etree._Entity):
                _unexpected(plan, child, element)
            continue
        if values[entry.field] is not None:
            refuse(child, "occurs too often")
        values[entry.field] = _child_value(plan, entry, child)


def _prefixes(element: XmlElement) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((prefix, uri) for prefix, uri in element.nsmap.items() if prefix is not None))


def _misplaced(plan: Plan, child: XmlElement, place: int, position: int) -> NoReturn:
    if place < position:
        refuse(child, "is out of order or occurs too often")
    refuse(child, f"comes where {plan.expected[plan.required[position]]} is expected")


def _child_value(plan: Plan, entry: Child, element: XmlElement) -> Any:
    simple = entry.simple
    if simple is None:
        return _complex(plan_of(entry.item, plan.moved), element)
    if isinstance(simple, Opaque):
        return _opaque(simple, element)
    names = element.keys()
    if names:
        simple = _simple_attributes(simple, element, names)
    return _value(simple, element, entry.default)


def _value(simple: SimpleType, element: XmlElement, default: str | None = None) -> Any:
    if len(element):
        bulk = BULK.get()
        if bulk is not None:
            if isinstance(simple, Base64) and bulk.holds(element):
                return _long_base64(bulk, element)
            bulk.put_back(element, attached=False)
    text = element.text or ""
    if len(element):
        text = _all_text(element) if isinstance(simple, Anything) else text + _text_between(element)
    if default is not None and not text:
        text = default
    try:
        return simple.decode(text)
    except LexicalError as error:
        reason = str(error)
    refuse(element, reason)


def _long_base64(bulk: Bulk, element: XmlElement) -> bytes:
    try:
        return bulk.octets(element)
    except NotBase64:
        refuse(element, "is not base64")


def _opaque(kind: Opaque, element: XmlElement) -> Any:
    bulk = BULK.get()
    if kind.octets:
        return _octets(bulk, element)
    if bulk is not None:
        bulk.put_back(element, attached=True)
    if not kind.inside:
        return markup.written(element)
    for name in list(element.attrib):
        _check_foreign(element, str(name))
    if element.get(f"{XSI}type") is not None:
        refuse(element, "has an xsi:type that does not fit")
    if (element.text or "").strip(WHITESPACE) or any((child.tail or "").strip(WHITESPACE) for child in element):
        refuse(element, "contains text")
    return tuple(markup.written(child) for child in element.iterchildren("*"))


def _octets(bulk: Bulk | None, element: XmlElement) -> WrittenOctets:
    """The element as it stands in the octets; a tree that is all there is serves where nothing was taken out."""
    octets = None if bulk is None else bulk.standing(element)
    if octets is None:
        if bulk is not None and (len(element) or element.text):
            refuse(element, "is written in a way that hides where it stands")
        octets = markup.written(element).encode()
    return WrittenOctets(octets, str(element.tag))


def _all_text(element: XmlElement) -> str:
    """The text of an element and of all elements in it."""
    return "".join(element.itertext("*"))


def _text_between(element: XmlElement) -> str:
    """The text after the comments and processing instructions in simple content; anything else is refused."""
    parts = []
    for child in element:
        if isinstance(child.tag, str) or isinstance(child, etree._Entity):
            refuse(child, f"is not expected in {_local(element)}")
        parts.append(child.tail or "")
    return "".join(parts)


def _empty(element: XmlElement) -> None:
    if element.text or any(isinstance(child.tag, str) or child.tail for child in element):
        refuse(element, "must be empty")


def _attributes(plan: Plan, element: XmlElement, names: list[str]) -> tuple[Plan, dict[str, Any]]:
    """Plan (another one after `xsi:type`) and the values of all attributes of an element with complex type."""
    kind = element.get(f"{XSI}type")
    if kind is not None:
        cls = _named_class(plan, _qname(element, kind))
        if cls is None or not _derives(cls, plan.cls):
            refuse(element, "has an xsi:type that does not fit")
        plan = plan_of(cls, plan.moved)
    values = plan.blank.copy()
    for name in names:
        attribute = plan.attributes.get(name)
        if attribute is not None:
            try:
                values[attribute.field] = attribute.simple.decode(element.get(name, ""))
            except LexicalError as error:
                reason = str(error)
            else:
                continue
            refuse(element, f"has an attribute {name} that {reason}")
        _check_foreign(element, name)
    for attribute in plan.required_attributes:
        if attribute.name not in names:
            refuse(element, f"lacks the attribute {attribute.name}")
    return plan, values


def _named_class(plan: Plan, name: str) -> type[Any] | None:
    """The class of a named type, which a class that was moved knows by the name it came from."""
    if plan.moved is not None:
        source, target = plan.moved
        uri, _, local = name[1:].partition("}")
        if uri == source.uri:
            return None
        name = source(local) if uri == target.uri else name
    return complex_type(name)


def _derives(cls: type[Any], declared: type[Any]) -> bool:
    """Whether the named type of `cls` is, or extends, the type of the element.

    A root class without a type name of its own has the type of the class it inherits from.
    """
    typed = next((base for base in declared.__mro__ if base is not object and plan_of(base).binding.type_name), None)
    return typed is not None and issubclass(cls, typed)


def _simple_attributes(simple: SimpleType, element: XmlElement, names: list[str]) -> SimpleType:
    """The simple type to read the element with, after its attributes have been judged."""
    if isinstance(simple, Anything):
        return simple
    for name in names:
        _check_foreign(element, name)
    kind = element.get(f"{XSI}type")
    if kind is None:
        return simple
    name = _qname(element, kind)
    return _named_type(simple, element, name) or refuse(element, "has an xsi:type that does not fit")


def _named_type(simple: SimpleType, element: XmlElement, name: str) -> SimpleType | None:
    """The type `name` if it may stand for `simple`: known to the message's schema and derived from `simple`."""
    named = named_type(name)
    if named is None or not named.derives_from(simple):
        return None
    uri = name[1:].partition("}")[0]
    return named if uri == XSD or uri in namespaces_of_schema(_message_namespace(element)) else None


def _message_namespace(element: XmlElement) -> str:
    """The namespace of the message an element belongs to: the body's child, or the root where there is no envelope."""
    line = [element, *element.iterancestors()]
    top = line[-3] if str(line[-1].tag).endswith("}Envelope") and len(line) > 2 else line[-1]
    return str(top.tag)[1:].partition("}")[0]


def _check_foreign(element: XmlElement, name: str) -> None:
    """Of all undeclared attributes only type, schemaLocation and noNamespaceSchemaLocation of xsi are allowed.

    `xsi:nil` is not: no element of these interfaces is nillable, and then even "false" is an error (cvc-elt 3.1).
    """
    if name != f"{XSI}type" and name not in _XSI_HINTS:
        refuse(element, f"has an unexpected attribute {name.rpartition('}')[2][:_NAME_LIMIT]}")


def _qname(element: XmlElement, text: str) -> str:
    """The Clark name of a QName in content; a name that cannot be resolved gives one that no type has."""
    prefix, colon, local = text.strip(WHITESPACE).rpartition(":")
    uri = element.nsmap.get(prefix if colon else None)
    if uri is None:
        return "" if colon else local
    return f"{{{uri}}}{local}"
