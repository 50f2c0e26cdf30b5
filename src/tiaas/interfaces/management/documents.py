"""JSON documents as frozen dataclasses: strict reading, writing, and a view for logs without secrets.

Fields are `str`, `int`, `bool`, `bytes` (base64), `Secret` (text that no log or dump shows), `datetime` (ISO 8601 with
zone), string enums, dataclasses, `tuple[X, ...]`, `Mapping[str, X]` and `X | None`; bounds are annotations of
`fields.py`. A field without default must be there. Unknown names, duplicate names, numbers with a fraction, control
characters and lone surrogates are refused.
"""

import dataclasses
import enum
import functools
import json
import re
import types
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Mapping
from dataclasses import MISSING
from datetime import datetime
from typing import Annotated, Any, NoReturn, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.interfaces.management.fields import Items, Number, Octets, Text, Told

T = TypeVar("T")

Reader = Callable[[object, str], Any]
"""Reads one JSON value that stands at a JSON pointer."""

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters but tab and line ends, and halves of a character."""


_PLAIN = frozenset({str, int, bool, type(None)})
_MAP_NAME = Text(1, 256)


class BadDocument(InvalidInput):
    """A document or query that cannot be used; `where` is a JSON pointer."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where or 'the document'}: {what}")
        self.where = where


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a document: its type without annotations, and what the annotations say."""

    name: str
    kind: Any
    bound: Text | Number | Items | Octets | None
    told: str
    required: bool
    default: Any


@functools.cache
def members(kind: Any) -> tuple[Member, ...]:
    """The fields of a document's dataclass."""
    hints = get_type_hints(kind, include_extras=True)
    return tuple(_member(field, hints[field.name]) for field in dataclasses.fields(kind) if field.init)


def _member(field: "dataclasses.Field[Any]", hint: Any) -> Member:
    kind, bound, told = split(hint)
    required = field.default is MISSING and field.default_factory is MISSING
    default = field.default if field.default is not MISSING else None
    return Member(field.name, kind, bound, told, required, default)


def split(hint: Any) -> tuple[Any, Any, str]:
    """A type without its annotations, its bound and its description; those inside `X | None` count, too."""
    bound, told = None, ""
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        bound = next((note for note in notes if isinstance(note, Text | Number | Items | Octets)), None)
        told = next((note.text for note in notes if isinstance(note, Told)), "")
    if is_optional(hint):
        _, inner, inner_told = split(optional(hint))
        bound, told = bound or inner, told or inner_told
    return hint, bound, told


def is_optional(kind: Any) -> bool:
    """Whether `kind` is `X | None`."""
    return get_origin(kind) in (Union, types.UnionType) and type(None) in get_args(kind)


def optional(kind: Any) -> Any:
    """The `X` of `X | None`."""
    return next(part for part in get_args(kind) if part is not type(None))


# ---- reading --------------------------------------------------------------------------------------------------------


def decode_untrusted(kind: type[T], octets: bytes) -> T:
    """A document out of a body. Raises only `BadDocument`."""
    try:
        value = json.loads(
            octets.decode("utf-8"), object_pairs_hook=_object, parse_float=_no_fraction, parse_constant=_no_fraction
        )
    except BadDocument:
        raise
    except (ValueError, RecursionError):
        raise BadDocument("", "this is no JSON in UTF-8") from None
    return read(kind, value)


def read(kind: type[T], value: object) -> T:
    """A document out of JSON values. Raises only `BadDocument`."""
    return cast(T, _reader(cast(Any, kind), None)(value, ""))


def read_query_untrusted(kind: type[T], pairs: list[tuple[str, str]]) -> T:
    """Query parameters as a document: numbers and booleans are written as in JSON. Raises only `BadDocument`."""
    values: dict[str, object] = {}
    kinds = {
        member.name: optional(member.kind) if is_optional(member.kind) else member.kind
        for member in members(cast(Any, kind))
    }
    for name, text in pairs:
        if name in values:
            raise BadDocument(name, "it is given twice")
        values[name] = _from_text(kinds.get(name), text)
    return read(kind, values)


def _from_text(kind: Any, text: str) -> object:
    if kind is int and text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 12:
        return int(text)
    if kind is bool and text in ("true", "false"):
        return text == "true"
    return text


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    out = dict(pairs)
    if len(out) != len(pairs):
        raise BadDocument("", "a name stands twice in one object")
    return out


def _no_fraction(text: str) -> NoReturn:
    raise BadDocument("", f"{text[:20]} is no whole number")


@functools.cache
def _reader(hint: Any, outer: Any) -> Reader:
    """Made once per type: an information model has a hundred thousand texts, and all wait while one is read."""
    kind, inner, _ = split(hint)
    bound = inner or outer
    if is_optional(kind):
        present = _reader(optional(kind), bound)
        return lambda value, where: None if value is None else present(value, where)
    origin = get_origin(kind)
    if origin is tuple:
        return functools.partial(_read_list, _reader(get_args(kind)[0], None), bound or Items())
    if origin is not None and issubclass(origin, Mapping):
        return functools.partial(_read_map, _reader(get_args(kind)[1], None), bound or Items())
    if dataclasses.is_dataclass(kind):
        return functools.partial(_read_document, cast(type, kind))
    return _scalar_reader(kind, bound)


def _read_document(kind: type, value: object, where: str) -> Any:
    if not isinstance(value, dict):
        raise BadDocument(where, "an object is wanted here")
    known = members(kind)
    unknown = sorted(set(value) - {member.name for member in known})
    if unknown:
        names = ", ".join(member.name for member in known) or "none"
        raise BadDocument(f"{where}/{unknown[0][:64]}", f"there is no such field; known are: {names}")
    out = {}
    for member in known:
        if member.name in value:
            read_member = _reader(member.kind, member.bound)
            out[member.name] = read_member(value[member.name], f"{where}/{member.name}")
        elif member.required:
            raise BadDocument(f"{where}/{member.name}", "it is missing")
    return kind(**out)


def _read_list(entry: Reader, bound: Items, value: object, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise BadDocument(where, "a list is wanted here")
    _check_count(bound, len(value), where)
    return tuple([entry(each, f"{where}/{number}") for number, each in enumerate(value)])


def _read_map(entry: Reader, bound: Items, value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadDocument(where, "an object is wanted here")
    _check_count(bound, len(value), where)
    return {
        read_text_untrusted(_MAP_NAME, name, where): entry(each, f"{where}/{name[:64]}") for name, each in value.items()
    }


def _check_count(bound: Items, count: int, where: str) -> None:
    if not bound.least <= count <= bound.most:
        raise BadDocument(where, f"{bound.least} to {bound.most} entries are allowed, {count} are given")


def _scalar_reader(kind: Any, bound: Any) -> Reader:
    text_bound = bound if isinstance(bound, Text) else Text()
    if kind is bool:
        return _flag
    if kind is int:
        return functools.partial(_whole, bound if isinstance(bound, Number) else Number())
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return functools.partial(_choice, kind)
    if kind is str:
        return functools.partial(read_text_untrusted, text_bound)
    if kind is Secret:
        return lambda value, where: Secret(read_text_untrusted(text_bound, value, where).encode())
    if kind is bytes:
        return functools.partial(_octets, bound if isinstance(bound, Octets) else Octets())
    if kind is datetime:
        return _moment
    raise TypeError(f"documents have no fields of type {kind}")


def _flag(value: object, where: str) -> bool:
    if isinstance(value, bool):
        return value
    raise BadDocument(where, "true or false is wanted here")


def _whole(bound: Number, value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadDocument(where, "a whole number is wanted here")
    if not bound.least <= value <= bound.most:
        raise BadDocument(where, f"a number from {bound.least} to {bound.most} is wanted here")
    return value


def _choice(kind: type[enum.Enum], value: object, where: str) -> enum.Enum:
    for choice in kind:
        if choice.value == value:
            return choice
    choices = ", ".join(str(choice.value) for choice in kind)
    raise BadDocument(where, f"one of these is wanted here: {choices}")


def read_text_untrusted(bound: Text, value: object, where: str = "") -> str:
    """A text within its bound. Raises only `BadDocument`."""
    if not isinstance(value, str):
        raise BadDocument(where, "a text is wanted here")
    if not bound.least <= len(value) <= bound.most:
        raise BadDocument(where, f"a text of {bound.least} to {bound.most} characters is wanted here")
    if _UNFIT.search(value):
        raise BadDocument(where, "the text has a control character or half a character")
    if bound.compiled is not None and not bound.compiled.fullmatch(value):
        raise BadDocument(where, f"the text does not have the form {bound.pattern}")
    return value


def _octets(bound: Octets, value: object, where: str) -> bytes:
    if not isinstance(value, str):
        raise BadDocument(where, "base64 is wanted here")
    try:
        out = b64decode(value, validate=True)
    except (NotBase64, ValueError):
        raise BadDocument(where, "this is no base64") from None
    if not bound.least <= len(out) <= bound.most:
        raise BadDocument(where, f"{bound.least} to {bound.most} octets are wanted here")
    return out


def _moment(value: object, where: str) -> datetime:
    try:
        out = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        out = None
    if out is None or out.tzinfo is None:
        raise BadDocument(where, "a time with zone in ISO 8601 is wanted here")
    return out


# ---- writing --------------------------------------------------------------------------------------------------------


def encode(document: object) -> bytes:
    """The octets of a document. A `Secret` in it is written out: only answers that hand one out have such a field."""
    return json.dumps(plain(document), ensure_ascii=False, separators=(",", ":")).encode()


def plain(value: object) -> Any:
    """JSON values of a document."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, tuple | list):
        return [entry if type(entry) in _PLAIN else plain(entry) for entry in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {member.name: plain(getattr(value, member.name)) for member in members(type(value))}
    if isinstance(value, Mapping):
        return {str(name): plain(entry) for name, entry in value.items()}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Secret):
        return value.reveal().decode()
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def loggable(value: object) -> Any:
    """JSON values of a document for a log: no secrets, no octets, no personal texts, nothing that was not given."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        out = {member.name: _loggable_member(member, getattr(value, member.name)) for member in members(type(value))}
        return {name: entry for name, entry in out.items() if entry is not None}
    if isinstance(value, tuple | list):
        return [loggable(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(name): loggable(entry) for name, entry in value.items()}
    if isinstance(value, Secret | bytes):
        return None
    return plain(value)


def _loggable_member(member: Member, value: object) -> Any:
    if isinstance(member.bound, Text) and member.bound.personal:
        return None
    return loggable(value)
