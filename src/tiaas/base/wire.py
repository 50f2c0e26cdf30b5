"""JSON documents into frozen dataclasses: what is missing without default or of another type is refused.

Unknown keys are left alone: the other side may be newer. Types known: str, int, float, bool, datetime (RFC 3339), date,
X | None, tuple[X, ...] and dataclasses of these.
"""

import dataclasses
import types
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from tiaas.base.errors import TiaasError

T = TypeVar("T")

_DEPTH_MAX = 16


class BadDocument(TiaasError):
    """A JSON document that does not have the form it should have."""


def decode_document_untrusted(shape: type[T], document: object) -> T:
    """A value of the dataclass `shape`. Raises `BadDocument`."""
    return cast(T, _decode(shape, document, shape.__name__, 0))


def _decode(shape: Any, value: object, where: str, depth: int) -> object:
    if depth > _DEPTH_MAX:
        raise BadDocument(f"{where}: too deep")
    if get_origin(shape) in (Union, types.UnionType):
        (inner,) = (argument for argument in get_args(shape) if argument is not types.NoneType)
        return None if value is None else _decode(inner, value, where, depth)
    if get_origin(shape) is tuple:
        if not isinstance(value, list):
            raise BadDocument(f"{where}: not a list")
        return tuple(_decode(get_args(shape)[0], item, where, depth + 1) for item in value)
    if dataclasses.is_dataclass(shape):
        return _decode_fields(cast(type, shape), value, where, depth)
    return _decode_plain(shape, value, where)


def _decode_fields(shape: type, value: object, where: str, depth: int) -> object:
    if not isinstance(value, Mapping):
        raise BadDocument(f"{where}: not an object")
    given = {}
    for name, (kind, required) in _fields(shape).items():
        if name in value:
            given[name] = _decode(kind, value[name], f"{where}.{name}", depth + 1)
        elif required:
            raise BadDocument(f"{where}.{name}: missing")
    return shape(**given)


@cache
def _fields(shape: type) -> dict[str, tuple[Any, bool]]:
    hints = get_type_hints(shape)
    return {
        field.name: (hints[field.name], field.default is dataclasses.MISSING)
        for field in dataclasses.fields(cast(Any, shape))
    }


def _decode_plain(shape: type, value: object, where: str) -> object:
    if shape is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise BadDocument(f"{where}: too large") from None
    if shape in (str, int, float, bool) and type(value) is shape:
        return value
    if shape in (date, datetime) and isinstance(value, str):
        try:
            parsed = shape.fromisoformat(value)
        except ValueError:
            raise BadDocument(f"{where}: no time") from None
        if isinstance(parsed, datetime) and parsed.tzinfo is None:
            raise BadDocument(f"{where}: no time zone")
        return parsed
    raise BadDocument(f"{where}: not a {shape.__name__}")
