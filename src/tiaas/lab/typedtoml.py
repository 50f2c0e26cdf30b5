"""Makes typed objects of a TOML document: every key is known, every value has the type of its field, or it is an error.

A dataclass stands for a table, `tuple[X, ...]` for an array, `X | None` for a key that may be missing, an enum for the
name of one of its members in lower case.
"""

import dataclasses
import types
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from tiaas.base.errors import InvalidInput

_Made = TypeVar("_Made")

_NAMES = {str: "a text", int: "a number", bool: "true or false"}


def build(kind: type[_Made], table: Mapping[str, Any], where: str) -> _Made:
    """An object of the dataclass `kind`; `where` names the table in errors. Raises `InvalidInput`."""
    if not dataclasses.is_dataclass(kind):
        raise TypeError("a table becomes a dataclass")
    hints = get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise InvalidInput(f"{where}: key {unknown[0]!r} is unknown; known are {', '.join(fields)}")
    missing = [name for name, field in fields.items() if name not in table and not _has_default(field)]
    if missing:
        raise InvalidInput(f"{where}: key {missing[0]!r} is missing")
    values = {name: _value(hints[name], value, f"{where}.{name}") for name, value in table.items()}
    try:
        return kind(**values)
    except ValueError as error:
        raise InvalidInput(f"{where}: {error}") from None


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


def _value(hint: Any, value: object, where: str) -> object:
    if get_origin(hint) is types.UnionType:
        hint = next(part for part in get_args(hint) if part is not types.NoneType)
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise InvalidInput(f"{where}: an array belongs here")
        return tuple(_value(get_args(hint)[0], item, f"{where}[{number}]") for number, item in enumerate(value))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, dict):
            raise InvalidInput(f"{where}: a table belongs here")
        return build(hint, value, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _member(hint, value, where)
    # A bool is an int in Python, not in TOML.
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise InvalidInput(f"{where}: {_NAMES[hint]} belongs here")
    return value


def _member(kind: type[Enum], value: object, where: str) -> Enum:
    for member in kind:
        if member.name.lower() == value:
            return member
    raise InvalidInput(f"{where}: one of {', '.join(member.name.lower() for member in kind)} belongs here")
