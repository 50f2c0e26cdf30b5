"""The standard library's `dataclass`, each of whose methods is written at its first call.

The standard one writes the source of every method of every class when the class is made, and compiles it: with a
thousand classes that was half the computing time of a start, most of it for methods that are never called. Here a
stub stands for each method; when it is called it has the standard library write the method, puts that in its place and
calls it. In every other respect a class does what the standard library says: parameters (all by name), fields,
defaults, order, comparison, the texts of errors.

Differences that show: `inspect.signature` of a class sees the stub; frozen objects cannot be copied or pickled by
`copy` and `pickle`; there is no `InitVar`. A class that inherits from one of these is made by this decorator too.
"""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

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
    # For each method what the standard library must be asked, so that it writes this one and few besides.
    asked = {"__init__": {"init": True, "frozen": frozen}}
    if repr:
        asked["__repr__"] = {"repr": True}
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
        for name in asked.keys() - own:
            _put_stub(made, name, {"slots": slots} | asked[name])
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


def _put_stub(cls: type[Any], name: str, asked: dict[str, bool]) -> None:
    def stub(self: object, *args: object, **kwargs: object) -> object:
        # Whoever kept the stub finds the method that has taken its place.
        if cls.__dict__[name] is stub:
            setattr(cls, name, _written(cls, name, asked))
        method: Callable[..., object] = cls.__dict__[name]
        return method(self, *args, **kwargs)

    setattr(cls, name, stub)


def _written(cls: type[Any], name: str, asked: dict[str, bool]) -> Callable[..., object]:
    """The method as the standard library writes it, for a class of the same fields."""
    fields = [(field.name, field.type, field) for field in dataclasses.fields(cls)]
    namespace = {"__doc__": cls.__doc__}
    if hasattr(cls, "__post_init__"):
        # What is written calls that of the object it works on.
        namespace["__post_init__"] = cls.__post_init__
    options: dict[str, Any] = {"init": False, "repr": False, "eq": False, **asked}
    twin = dataclasses.make_dataclass(cls.__name__, fields, namespace=namespace, **options)
    method: Callable[..., object] = twin.__dict__[name]
    method.__qualname__ = f"{cls.__qualname__}.{name}"
    method.__module__ = cls.__module__
    return method


if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    dataclass = _late_dataclass
