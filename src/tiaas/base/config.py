"""Configuration as a typed tree: a frozen dataclass per file, read from TOML.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class LogConfig:
        level: str = setting("info", "from which level on: debug, info, warning, error")

    @dataclass(frozen=True, slots=True, kw_only=True)
    class NodeConfig:
        listen: str = setting("127.0.0.1", "address to listen on")
        log: LogConfig = setting(LogConfig(), "what is logged, and where to")

Every key has a default and a sentence (`setting`; `required` for the few without default). Unknown keys fail and name
the nearest known one; all problems are told at once. Types: str, int, float, bool, Path, enums, X | None,
tuple[X, ...], dataclasses (a table), tuple[dataclass, ...] (an array of tables). Secrets are paths of files.
Plain dataclasses are read as well: files of data need no sentence per key.
"""

import dataclasses
import difflib
import enum
import tomllib
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input_text

T = TypeVar("T")
_DOC = "doc"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: the key with its path (`log.level`, `peers[2].port`) and what to do."""

    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.key}: {self.text}" if self.key else self.text


class BadConfig(InvalidInput):
    """A configuration cannot be used; `problems` are all that were found, `source` is the file."""

    def __init__(self, source: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{source}: " + "; ".join(map(str, problems)))
        self.source = source
        self.problems = problems


def setting(default: T, doc: str) -> T:
    """A key with its default and what it means."""
    return dataclasses.field(default=default, metadata={_DOC: doc})


def required(doc: str) -> Any:
    """A key that must be there."""
    return dataclasses.field(metadata={_DOC: doc})


@dataclass(frozen=True, slots=True)
class KeyDoc:
    """A key for a reference page: path, type in words, default in TOML (None if the key is required), meaning."""

    key: str
    type: str
    default: str | None
    doc: str


def load_config(cls: type[T], path: Path) -> T:
    """Reads a file; raises `BadConfig`."""
    try:
        text = read_input_text(path, may_be_empty=True)
    except InvalidInput as error:
        raise BadConfig(str(path), (Problem("", str(error).removeprefix(f"{path} ")),)) from error
    return parse_config(cls, text, str(path))


def parse_config(cls: type[T], text: str, source: str = "configuration") -> T:
    """Reads TOML; raises `BadConfig`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(source, (Problem("", f"is not TOML: {error}"),)) from error
    return read_config(cls, document, source)


def read_config(cls: type[T], document: Mapping[str, Any], source: str = "configuration") -> T:
    """Reads what TOML, JSON or YAML have been parsed to; raises `BadConfig`."""
    problems: list[Problem] = []
    value = _read_table(cls, document, "", problems)
    if problems:
        raise BadConfig(source, tuple(problems))
    return cast(T, value)


def check_config(cls: type[Any], path: Path) -> tuple[Problem, ...]:
    """What is wrong with a file, without using it: empty if nothing is."""
    try:
        load_config(cls, path)
    except BadConfig as error:
        return error.problems
    return ()


def describe(cls: type[Any], prefix: str = "") -> Iterator[KeyDoc]:
    """All keys of a configuration in their order, tables flattened."""
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        key = f"{prefix}{field.name}"
        inner = hints[field.name]
        if dataclasses.is_dataclass(inner):
            yield from describe(cast(type[Any], inner), f"{key}.")
        else:
            missing = field.default is dataclasses.MISSING
            default = None if missing else _toml(field.default)
            yield KeyDoc(key, _words(inner), default, str(field.metadata[_DOC]))
            table = get_args(inner)[0] if get_origin(inner) is tuple else None
            if dataclasses.is_dataclass(table):
                yield from describe(cast(type[Any], table), f"{key}[].")


def _read_table(cls: type[Any], document: Mapping[str, Any], prefix: str, problems: list[Problem]) -> object | None:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    hints = get_type_hints(cls)
    before = len(problems)
    for name in document:
        if name not in fields:
            near = difflib.get_close_matches(name, fields, 1, 0.5)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(fields)}"
            problems.append(Problem(f"{prefix}{name}", f"unknown key; {hint}"))
    values: dict[str, object] = {}
    for name, field in fields.items():
        if name in document:
            values[name] = _read(hints[name], document[name], f"{prefix}{name}", problems)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            doc = field.metadata.get(_DOC)
            problems.append(Problem(f"{prefix}{name}", f"missing: {doc}" if doc else "missing"))
    if len(problems) > before:
        return None
    try:
        return cast(object, cls(**values))
    except (InvalidInput, ValueError) as error:
        problems.append(Problem(prefix.rstrip("."), str(error)))
        return None


def _read(kind: Any, value: Any, key: str, problems: list[Problem]) -> object | None:
    if dataclasses.is_dataclass(kind):
        if isinstance(value, dict):
            return _read_table(cast(type[Any], kind), value, f"{key}.", problems)
    elif get_origin(kind) is tuple:
        if isinstance(value, list):
            inner = get_args(kind)[0]
            return tuple(_read(inner, item, f"{key}[{at}]", problems) for at, item in enumerate(value))
    elif get_origin(kind) in (Union, types.UnionType):
        return _read(_present(kind), value, key, problems)
    else:
        fits, read = _read_scalar(kind, value)
        if fits:
            return read
    problems.append(Problem(key, f"must be {_words(kind)}"))
    return None


def _read_scalar(kind: Any, value: Any) -> tuple[bool, object]:
    if kind is Path:
        return isinstance(value, str), Path(value) if isinstance(value, str) else None
    if issubclass(kind, enum.Enum):
        member = next((member for member in kind if _enum_key(member) == value), None)
        return member is not None, member
    if kind is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        return fits, float(value) if fits else None
    # bool is an int for Python, not for TOML.
    return type(value) is kind, value


def _enum_key(member: enum.Enum) -> str:
    """How an enum's member is written: its value if that is a string, else its name in lower case."""
    return member.value if isinstance(member.value, str) else member.name.lower()


def _present(kind: Any) -> Any:
    """X of `X | None`."""
    return next(part for part in get_args(kind) if part is not type(None))


def _words(kind: Any) -> str:
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return "an array of tables" if dataclasses.is_dataclass(inner) else f"an array of {_words(inner)}"
    if get_origin(kind) in (Union, types.UnionType):
        return _words(_present(kind))
    if dataclasses.is_dataclass(kind):
        return "a table"
    if issubclass(kind, enum.Enum):
        return f"one of {', '.join(repr(_enum_key(member)) for member in kind)}"
    names = {str: "a string", int: "an integer", float: "a number", bool: "true or false", Path: "a path"}
    return names[kind]


def _toml(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, enum.Enum):
        return _toml(_enum_key(value))
    if isinstance(value, str | Path):
        escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return str(value)
