"""Compiles a message class into tables, once, at its first use.

A plan knows every element of the content by its Clark name and its *position* in the sequence; the branches of a
choice share one position. That is enough for every content model in which a name occurs once (the compiler refuses
others), and makes a decoder that needs one dictionary lookup per element.
"""

from dataclasses import MISSING, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from tiaas.base.dataclass import dataclass
from tiaas.soap.declare import Attribute, Element, Namespace, Prefixes, Text
from tiaas.soap.simple import Opaque, WrittenOctets
from tiaas.soap.simpletype import SimpleType

Move = tuple[Namespace, Namespace]
"""Another namespace (second) stands wherever a class and all below it name the first."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a class is in its schema: the global element and the named type, both as Clark names, if it has them.

    `never_empty`: all elements of the content may be missing, but not all at once. `any_order`: see `message()`.
    """

    namespace: Namespace
    root: str | None
    type_name: str | None
    never_empty: bool = False
    any_order: bool = False
    moved: "Move | None" = None


@dataclass(frozen=True, slots=True)
class Child:
    """One element of a content model.

    With a `simple` type, `item` is the Python type of its value; without, `item` is a message class.
    """

    field: str
    name: str
    local: str
    namespace: Namespace
    position: int
    many: bool
    minimum: int
    maximum: int | None
    simple: SimpleType | None
    item: type[Any]
    default: str | None


@dataclass(frozen=True, slots=True)
class AttributePlan:
    """One attribute."""

    field: str
    name: str
    simple: SimpleType
    required: bool
    default: Any


@dataclass(frozen=True, slots=True)
class Plan:
    """The tables of one class.

    `required[p]` is the first position at or after p that must be filled (len(positions) if none).
    """

    cls: type[Any]
    binding: Binding
    children: tuple[Child, ...]
    by_name: dict[str, Child]
    expected: tuple[str, ...]
    required: tuple[int, ...]
    attributes: dict[str, AttributePlan]
    required_attributes: tuple[AttributePlan, ...]
    text: tuple[str, SimpleType] | None
    moved: Move | None
    prefixes: tuple[str, str] | None
    blank: dict[str, Any]
    repeated: tuple[str, ...]

    @property
    def choices(self) -> tuple[tuple[Child, ...], ...]:
        """The positions that are choices, each with its branches."""
        groups: dict[int, list[Child]] = {}
        for child in self.children:
            groups.setdefault(child.position, []).append(child)
        return tuple(tuple(group) for group in groups.values() if len(group) > 1)


_BINDINGS: dict[type[Any], Binding] = {}
_TYPES: dict[str, type[Any]] = {}
_ROOTS: dict[str, type[Any]] = {}
_PLANS: dict[tuple[type[Any], Move | None], Plan] = {}


def register(cls: type[Any], binding: Binding) -> None:
    """Remembers what `message()` was told about a class."""
    _BINDINGS[cls] = binding
    if binding.root is not None:
        _ROOTS[binding.root] = cls
    if binding.type_name is not None:
        _TYPES[binding.type_name] = cls


def root_name(cls: type[Any]) -> str:
    """The Clark name of the class's global element; TypeError if it has none."""
    binding = _BINDINGS.get(cls)
    if binding is None or binding.root is None:
        raise TypeError(f"{cls.__name__} is not bound to a global element")
    return binding.root


def complex_type(name: str) -> type[Any] | None:
    """The class of a named complex type."""
    return _TYPES.get(name)


def plan_of(cls: type[Any], moved: Move | None = None) -> Plan:
    """The compiled tables of a message class, inside a class that is `moved`; TypeError if it cannot be compiled."""
    plan = _PLANS.get((cls, moved))
    if plan is None:
        plan = _PLANS[cls, moved] = _Compiler(cls, moved).plan()
    return plan


def _place(namespace: Namespace, moved: Move | None) -> Namespace:
    return moved[1] if moved is not None and namespace == moved[0] else namespace


def plans_below(cls: type[Any]) -> list[Plan]:
    """The tables of a class and of every class below it, each once."""
    plans: dict[type[Any], Plan] = {}
    moved = plan_of(cls).moved
    todo = [cls]
    while todo:
        below = todo.pop()
        if below not in plans:
            plan = plans[below] = plan_of(below, moved)
            todo.extend(child.item for child in plan.children if child.simple is None)
    return list(plans.values())


def ways_to_octets(cls: type[Any]) -> frozenset[tuple[str, ...]]:
    """The Clark names from the class's global element to each element whose octets count (`simple.Opaque`)."""
    found, top = set[tuple[str, ...]](), plan_of(cls)
    todo: list[tuple[tuple[str, ...], tuple[type[Any], ...]]] = [((root_name(cls),), (cls,))]
    while todo:
        way, line = todo.pop()
        for child in plan_of(line[-1], top.moved).children:
            further = (*way, child.name)
            if isinstance(child.simple, Opaque) and child.simple.octets:
                found.add(further)
            # A message that contains itself would lead on for ever.
            elif child.simple is None and child.item not in line:
                todo.append((further, (*line, child.item)))
    return frozenset(found)


def namespaces_of(cls: type[Any]) -> dict[str, Namespace]:
    """The namespaces of a class and of everything below it, by URI."""
    found: dict[str, Namespace] = {}
    for plan in plans_below(cls):
        own = _place(plan.binding.namespace, plan.moved)
        found.setdefault(own.uri, own)
        for child in plan.children:
            found.setdefault(child.namespace.uri, child.namespace)
    return found


def namespaces_of_schema(uri: str) -> frozenset[str]:
    """The namespaces that the schema with target namespace `uri` knows: those of all its messages."""
    roots = [cls for cls in _ROOTS.values() if _BINDINGS[cls].namespace.uri == uri]
    return frozenset(known for cls in roots for known in namespaces_of(cls))


def _occurrence(hint: Any) -> tuple[Any, bool, bool]:
    """(item type, optional, many) of a field's annotation."""
    if get_origin(hint) in (Union, UnionType):
        inner = [part for part in get_args(hint) if part not in (NoneType, WrittenOctets)]
        if len(inner) != 1:
            raise TypeError(f"a field has one type, not {hint}")
        return inner[0], True, False
    if get_origin(hint) is tuple:
        return get_args(hint)[0], True, True
    return hint, False, False


class _Compiler:
    def __init__(self, cls: type[Any], moved: Move | None) -> None:
        if cls not in _BINDINGS:
            raise TypeError(f"{cls.__name__} is not a message class")
        self._cls = cls
        self._moved = moved or _BINDINGS[cls].moved
        self._children: list[Child] = []
        self._positions: list[tuple[str, bool]] = []
        self._choice: str | None = None
        self._attributes: dict[str, AttributePlan] = {}
        self._text: tuple[str, SimpleType] | None = None
        self._prefixes: tuple[str, str] | None = None

    def plan(self) -> Plan:
        hints = get_type_hints(self._cls, include_extras=True)
        for entry in fields(self._cls):
            hint = hints[entry.name]
            if get_origin(hint) is not Annotated:
                raise TypeError(f"{self._cls.__name__}.{entry.name} says nothing about XML")
            inner, mark = get_args(hint)
            if isinstance(mark, Element):
                self._child(entry.name, inner, mark)
            elif isinstance(mark, Attribute):
                required = entry.default is MISSING
                default = None if required else entry.default
                self._attributes[mark.name] = AttributePlan(entry.name, mark.name, mark.type, required, default)
            elif isinstance(mark, Text):
                self._text = (entry.name, mark.type)
            elif isinstance(mark, Prefixes):
                self._prefixes = (entry.name, mark.of.name)
        return self._finish()

    def _child(self, field: str, hint: Any, mark: Element) -> None:
        item, optional, many = _occurrence(hint)
        minimum = mark.minimum if many else int(not optional)
        if minimum > 1:
            raise TypeError("more than one required occurrence is not supported")
        if mark.choice is None or mark.choice != self._choice:
            self._positions.append((mark.local, minimum == 1 or mark.choice is not None))
        else:
            self._positions[-1] = (f"{self._positions[-1][0]} or {mark.local}", True)
        self._choice = mark.choice
        namespace = _place(mark.namespace, self._moved)
        self._children.append(
            Child(
                field, namespace(mark.local), mark.local, namespace, len(self._positions) - 1, many, minimum,
                mark.maximum if many else 1, mark.type, item, mark.default,
            )
        )  # fmt: skip

    def _finish(self) -> Plan:
        by_name = {child.name: child for child in self._children}
        if len(by_name) != len(self._children):
            raise TypeError(f"{self._cls.__name__}: an element name occurs twice")
        if _BINDINGS[self._cls].any_order and any(child.many or child.minimum for child in self._children):
            raise TypeError(f"{self._cls.__name__}: elements in any order are optional and single")
        required = [len(self._positions)]
        for index in range(len(self._positions) - 1, -1, -1):
            required.insert(0, index if self._positions[index][1] else required[0])
        blank: dict[str, Any] = {child.field: () if child.many else None for child in self._children}
        if self._prefixes is not None:
            blank[self._prefixes[0]] = ()
        blank.update({entry.field: entry.default for entry in self._attributes.values()})
        return Plan(
            cls=self._cls,
            binding=_BINDINGS[self._cls],
            children=tuple(self._children),
            by_name=by_name,
            expected=tuple(name for name, _ in self._positions),
            required=tuple(required),
            attributes=self._attributes,
            required_attributes=tuple(entry for entry in self._attributes.values() if entry.required),
            text=self._text,
            moved=self._moved,
            prefixes=self._prefixes,
            blank=blank,
            repeated=tuple(child.field for child in self._children if child.many),
        )
