"""PDF objects: the values, their reader and their writer (ISO 32000-1:2008, 7.2 and 7.3).

Booleans, integers, null, arrays and dictionaries are Python's; strings are `bytes` without their escapes, and what
Python has no type for is below. A dictionary's keys are names without the slash.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from tiaas.base.errors import TiaasError


class BadPdf(TiaasError):
    """Octets that are no PDF document we read: damaged, or built to be expensive."""


class Name(bytes):
    """A name without slash and without `#xx` escapes."""

    __slots__ = ()


class Real(bytes):
    """A real number as it is written; nobody here calculates with one."""

    __slots__ = ()


class Reference(NamedTuple):
    """An indirect reference: object and generation number."""

    number: int
    generation: int


Value = None | bool | int | Real | bytes | Name | Reference | list["Value"] | dict[bytes, "Value"]
Dictionary = dict[bytes, Value]


class Budget:
    """What reading one document may cost; using it up raises `BadPdf`."""

    def __init__(self, values: int = 200_000, octets: int = 64 * 1024 * 1024) -> None:
        self._values = values
        self._octets = octets

    def value(self) -> None:
        """A value, or a part of a string, is looked at."""
        self._values -= 1
        if self._values < 0:
            raise BadPdf("too many values")

    def octets(self, count: int) -> None:
        """A stream was decoded to that many octets, or an object has that many."""
        self._octets -= count
        if self._octets < 0:
            raise BadPdf("too many octets to look at")


_MAX_DEPTH = 32
"""Levels of arrays and dictionaries (PDF/A-1, 6.1.12 allows 28)."""

_WHITESPACE = rb"\x00\t\n\f\r "
_DELIMITER = rb"()<>\[\]{}/%"
_SKIPPED = rb"(?:[" + _WHITESPACE + rb"]++|%[^\r\n]*+)*+"
_SPACE = re.compile(_SKIPPED)
_KEY = rb"/([^" + _WHITESPACE + _DELIMITER + rb"]*+)"
_VALUE = (
    _SKIPPED + rb"(?:" + _KEY + rb"|(\d{1,10})[" + _WHITESPACE + rb"]++(\d{1,5})"
    rb"[" + _WHITESPACE + rb"]++R(?![^" + _WHITESPACE + _DELIMITER + rb"])"
    rb"|([+-]?\d{1,18})(?![\d.])|([+-]?(?:\d{1,40}\.\d{0,40}|\.\d{1,40}))"
    rb"|(<<)|(>>)|(\[)|(\])|<([0-9A-Fa-f" + _WHITESPACE + rb"]*+)>|(\()|([A-Za-z]{1,16}))"
)
# The last group that took part says what a token is: 2 name, 4 reference (with 3), 5 integer, 6 real, 7 and 8
# dictionary, 9 and 10 array, 11 hexadecimal string, 12 beginning of a literal string, 13 word. The first group is the
# key of an entry: key and value are read at once.
_TOKEN = re.compile(rb"()" + _VALUE)
_ENTRY = re.compile(_SKIPPED + _KEY + _VALUE)
_CLOSE, _ARRAY_END, _HEX = 8, 10, 11
_LITERAL_PART = re.compile(rb"[^()\\\r]++")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n?|\n)|(.?))", re.DOTALL)
_NAME_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_NAME_SPECIAL = re.compile(rb"[^!-~]|[()<>\[\]{}/%#]")
_STRING_SPECIAL = re.compile(rb"[()\\\r\n]")
_STRING_WRITTEN = {b"(": b"\\(", b")": b"\\)", b"\\": b"\\\\", b"\r": b"\\r", b"\n": b"\\n"}
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_CONSTANTS: Mapping[bytes, bool | None] = {b"null": None, b"true": True, b"false": False}


class Scanner:
    """Reads values from a place in the octets on; `at` is where it stands. Raises `BadPdf`, and nothing else."""

    def __init__(self, octets: bytes, at: int, budget: Budget) -> None:
        self.octets = octets
        self.at = at
        self.spans: dict[bytes, tuple[int, int]] = {}
        """Where the hexadecimal strings of the dictionary that was read last stand: start and end."""
        self._budget = budget

    def skip_space(self) -> None:
        """Goes past whitespace and comments."""
        match = _SPACE.match(self.octets, self.at)
        if match is not None:
            self.at = match.end()

    def jumped(self, at: int) -> "Scanner":
        """Another scanner of the same document, at `at`."""
        return Scanner(self.octets, at, self._budget)

    def take(self, word: bytes) -> bool:
        """Goes past whitespace and `word`, if that comes next."""
        self.skip_space()
        if not self.octets.startswith(word, self.at):
            return False
        self.at += len(word)
        return True

    def integer(self) -> int:
        """The integer that comes next."""
        value = self.value()
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadPdf("no integer where one belongs")
        return value

    def value(self) -> Value:
        """The value that comes next."""
        return self._value(self._token(), 0)

    def _token(self) -> re.Match[bytes]:
        match = _TOKEN.match(self.octets, self.at)
        if match is None:
            raise BadPdf("no readable value")
        self.at = match.end()
        return match

    def _value(self, token: re.Match[bytes], depth: int) -> Value:
        self._budget.value()
        if depth > _MAX_DEPTH:
            raise BadPdf("values nested too deep")
        match token.lastindex:
            case 2:
                return Name(_name(token[2]))
            case 4:
                return Reference(int(token[3]), int(token[4]))
            case 5:
                return int(token[5])
            case 6:
                return Real(token[6])
            case 7:
                return self._dictionary(depth)
            case 9:
                return self._array(depth)
            case 11:
                return _unhexed(token[11])
            case 12:
                return self._literal()
            case 13 if token[13] in _CONSTANTS:
                return _CONSTANTS[token[13]]
            case _:
                raise BadPdf("no value where one belongs")

    def _literal(self) -> bytes:
        parts = []
        depth = 1
        while True:
            self._budget.value()
            char = self.octets[self.at : self.at + 1]
            if char == b"\\":
                parts.append(_unescaped(self._match(_ESCAPE, "escape")))
                continue
            if char in (b"(", b")"):
                depth += 1 if char == b"(" else -1
                self.at += 1
                if depth == 0:
                    return b"".join(parts)
                parts.append(char)
                continue
            if char == b"\r":
                # An end of line in a string is read as a line feed (7.3.4.2).
                self.at += 2 if self.octets.startswith(b"\r\n", self.at) else 1
                parts.append(b"\n")
                continue
            parts.append(self._match(_LITERAL_PART, "string")[0])

    def _array(self, depth: int) -> list[Value]:
        values: list[Value] = []
        while (token := self._token()).lastindex != _ARRAY_END:
            values.append(self._value(token, depth + 1))
        return values

    def _dictionary(self, depth: int) -> Dictionary:
        values: Dictionary = {}
        spans: dict[bytes, tuple[int, int]] = {}
        while (entry := _ENTRY.match(self.octets, self.at)) is not None:
            self.at = entry.end()
            key = _name(entry[1])
            if key in values:
                # Readers differ in which of two they take; nothing that is signed may depend on that.
                raise BadPdf("a key that occurs twice")
            values[key] = self._value(entry, depth + 1)
            if entry.lastindex == _HEX:
                spans[key] = (entry.start(_HEX) - 1, self.at)
        if self._token().lastindex != _CLOSE:
            raise BadPdf("no entry where one belongs")
        self.spans = spans
        return values

    def _match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        match = pattern.match(self.octets, self.at)
        if match is None:
            raise BadPdf(f"no readable {what}")
        self.at = match.end()
        return match


def _name(written: bytes) -> bytes:
    return _NAME_ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), written) if b"#" in written else written


def _unhexed(written: bytes) -> bytes:
    digits = written.translate(None, b"\x00\t\n\f\r ")
    return bytes.fromhex((digits + b"0" if len(digits) % 2 else digits).decode())


def _unescaped(match: re.Match[bytes]) -> bytes:
    octal, line, char = match.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if line is not None:
        return b""
    return _ESCAPED.get(char, char)


def written(value: Value) -> bytes:
    """The octets of a value; strings as literals."""
    return _WRITERS[type(value)](value)


_KNOWN_NAME_MAX = 127
"""Octets that a name has at most by ISO 32000-1, Annex C; longer ones are not remembered."""


def _written_name(name: bytes) -> bytes:
    return _known_name(name) if len(name) <= _KNOWN_NAME_MAX else _known_name.__wrapped__(name)


@lru_cache(maxsize=1024)
def _known_name(name: bytes) -> bytes:
    return b"/" + (name if name.isalnum() else _NAME_SPECIAL.sub(lambda match: b"#%02X" % match[0][0], name))


def _written_string(value: bytes) -> bytes:
    return b"(" + _STRING_SPECIAL.sub(lambda match: _STRING_WRITTEN[match[0]], value) + b")"


def written_entries(value: Dictionary) -> bytes:
    """The entries of a dictionary without what stands around them, each with a space behind it."""
    return b"".join([_written_name(key) + b" " + written(item) + b" " for key, item in value.items()])


def _written_dictionary(value: Dictionary) -> bytes:
    return b"<< " + written_entries(value) + b">>"


_WRITERS: Mapping[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"null",
    bool: lambda value: b"true" if value else b"false",
    int: lambda value: b"%d" % value,
    Name: lambda value: _written_name(bytes(value)),
    Real: bytes,
    bytes: _written_string,
    Reference: lambda value: b"%d %d R" % value,
    list: lambda value: b"[" + b" ".join(map(written, value)) + b"]",
    dict: _written_dictionary,
}
