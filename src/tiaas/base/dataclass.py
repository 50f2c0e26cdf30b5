"""The standard library's `dataclass`, each of whose methods is written at its first call.

The standard one writes the source of every method of every class when the class is made, and compiles it: with a
thousand classes that was half the computing time of a start, most of it for methods that are never called. Here a
stub stands for each method; at its first call the method is written and takes its place. `__init__`, which most classes
need, is written here: the standard library would write two more methods with it, and sets the fields of a frozen
object at more than twice the price. The other methods it writes. In every other respect a class does what the standard
library says: parameters (all by name), fields, defaults, order, comparison, the texts of errors.

Differences that show: `inspect.signature` of a class sees the stub; frozen objects cannot be copied or pickled by
`copy` and `pickle`; there is no `InitVar`. A class that inherits from one of these is made by this decorator too.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

_MANY = 4
_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")


def _late_dataclass(
    *,
    repr: bool = True,  # noqa: A002 - the name of the standard library
    eq: bool = True,
    order: bool = False,
    frozen: bool = False,
    kw_only: bool = False,
    slots: bool = False,
) -> Callable[[type[Any]], type[Any]]:
    # For each method that the standard library writes what it is asked for, so that it writes few besides.
    asked = {"__repr__": {"repr": True}} if repr else {}
    if eq:
        asked["__eq__"] = {"eq": True}
        if frozen:
            asked["__hash__"] = {"eq": True, "unsafe_hash": True}
    if order:
        asked |= {name: {"eq": True, "order": True} for name in _ORDER}

    def bind(cls: type[Any]) -> type[Any]:
        # Else the standard library makes one of the signature, which is dear.
        cls.__doc__ = cls.__doc__ or cls.__name__
        # Python itself puts None where a class has an __eq__ of its own.
        own = {name for name, value in cls.__dict__.items() if (name, value) != ("__hash__", None)}
        made = dataclasses.dataclass(init=False, repr=False, eq=False, kw_only=kw_only, slots=slots)(cls)
        if "__init__" not in own:
            _put_stub(made, "__init__", partial(_written_init, made, frozen))
        for name in asked.keys() - own:
            _put_stub(made, name, partial(_written, made, name, asked[name]))
        if eq and not frozen and "__hash__" not in own:
            made.__hash__ = None  # type: ignore[assignment]
        if frozen:
            made.__setattr__ = _refuse_set  # type: ignore[assignment]
            made.__delattr__ = _refuse_delete  # type: ignore[assignment]
        return made

    return bind


def _refuse_set(_: object, name: str, __: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_delete(_: object, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _put_stub(cls: type[Any], name: str, write: Callable[[], Callable[..., object]]) -> None:
    def stub(self: object, *args: object, **kwargs: object) -> object:
        # Whoever kept the stub finds the method that has taken its place.
        if cls.__dict__[name] is stub:
            method = write()
            method.__qualname__ = f"{cls.__qualname__}.{name}"
            method.__module__ = cls.__module__
            setattr(cls, name, method)
        return cls.__dict__[name](self, *args, **kwargs)

    setattr(cls, name, stub)


def _written(cls: type[Any], name: str, asked: dict[str, bool]) -> Callable[..., object]:
    """The method as the standard library writes it, for a class of the same fields."""
    fields = [(field.name, field.type, field) for field in dataclasses.fields(cls)]
    options: dict[str, Any] = {"init": False, "repr": False, "eq": False, **asked}
    twin = dataclasses.make_dataclass(cls.__name__, fields, namespace={"__doc__": cls.__doc__}, **options)
    method: Callable[..., object] = twin.__dict__[name]
    return method


def _written_init(cls: type[Any], frozen: bool) -> Callable[..., object]:
    """`__init__`. The names it needs begin with two underscores, so that none of them is a field's."""
    known: dict[str, Any] = {"__unset": object(), "__set": object.__setattr__}
    by_place, by_name, values = ["__self"], ["*"], dict[str, str]()
    for field in dataclasses.fields(cls):
        if field.init:
            (by_name if field.kw_only else by_place).append(_parameter(field, known))
        value = _value(field, known)
        if value is not None:
            values[field.name] = value
    lines = _frozen_assignments(cls, values, known) if frozen else _assignments(values)
    if hasattr(cls, "__post_init__"):
        lines.append("__self.__post_init__()")
    parameters = ", ".join(by_place + (by_name if len(by_name) > 1 else []))
    body = "\n    ".join(lines or ["pass"])
    exec(f"def __init__({parameters}):\n    {body}", known)  # noqa: S102 - as the standard library does; no text from outside
    method: Callable[..., object] = known["__init__"]
    return method


def _assignments(values: dict[str, str]) -> list[str]:
    return [f"__self.{name} = {value}" for name, value in values.items()]


def _frozen_assignments(cls: type[Any], values: dict[str, str], known: dict[str, Any]) -> list[str]:
    """Past the `__setattr__` that refuses: an object with many fields is one of a class without it until it is made,
    which takes half the time of setting each slot by a call."""
    one_by_one = [_assignment(cls, name, value, known) for name, value in values.items()]
    twin = _changeable(cls) if len(values) >= _MANY else None
    if twin is None:
        return one_by_one
    known |= {"__cls": cls, "__twin": twin, "__become": object.__dict__["__class__"].__set__}
    return [
        "if __self.__class__ is __cls:",
        "    __become(__self, __twin)",
        *(f"    {line}" for line in _assignments(values)),
        "    __self.__class__ = __cls",
        # An own class below this one may have another layout.
        "else:",
        *(f"    {line}" for line in one_by_one),
    ]


def _changeable(cls: type[Any]) -> type[Any] | None:
    """A class of the same layout whose objects can be changed; None if there is no simple one: all slots must be those
    of one class."""
    if cls.__dict__.get("__slots__") == () and len(cls.__bases__) == 1:
        return _changeable(cls.__bases__[0])
    if type(cls) is not type or cls.__bases__ != (object,) or "__slots__" not in cls.__dict__:
        return None
    return type(cls.__name__, (), {"__slots__": cls.__dict__["__slots__"]})


def _parameter(field: dataclasses.Field[Any], known: dict[str, Any]) -> str:
    name = field.name
    if field.default is not dataclasses.MISSING:
        known[f"__default_{name}"] = field.default
        return f"{name}=__default_{name}"
    return name if field.default_factory is dataclasses.MISSING else f"{name}=__unset"


def _value(field: dataclasses.Field[Any], known: dict[str, Any]) -> str | None:
    """What a field is set to; None where `__post_init__` sets it."""
    name = field.name
    if field.default_factory is not dataclasses.MISSING:
        known[f"__make_{name}"] = field.default_factory
        return f"__make_{name}() if {name} is __unset else {name}" if field.init else f"__make_{name}()"
    if field.init:
        return name
    if field.default is dataclasses.MISSING:
        return None
    known[f"__default_{name}"] = field.default
    return f"__default_{name}"


def _assignment(cls: type[Any], name: str, value: str, known: dict[str, Any]) -> str:
    """Sets a field of a frozen object, past the `__setattr__` that refuses."""
    slot = getattr(cls, name, None)
    if not isinstance(slot, MemberDescriptorType):
        return f"__set(__self, {name!r}, {value})"
    known[f"__set_{name}"] = slot.__set__
    return f"__set_{name}(__self, {value})"


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _late_dataclass
