"""PDF objects: the values, their reader and their writer (ISO 32000-1:2008, 7.2 and 7.3).

Booleans, integers, null, arrays and dictionaries are Python's; strings are `bytes` without their escapes, and what
Python has no type for is below. A dictionary's keys are names without the slash.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

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


@dataclass(frozen=True, slots=True)
class Limits:
    """What one object may hold: values in it, and levels of arrays and dictionaries (PDF/A-1, 6.1.12 allows 28)."""

    values: int = 200_000
    depth: int = 32


_WHITESPACE = rb"\x00\t\n\f\r "
_DELIMITER = rb"()<>\[\]{}/%"
_SPACE = re.compile(rb"(?:[" + _WHITESPACE + rb"]++|%[^\r\n]*+)*+")
_REFERENCE = re.compile(
    rb"(\d{1,10})[" + _WHITESPACE + rb"]++(\d{1,5})[" + _WHITESPACE + rb"]++R(?![^" + _WHITESPACE + _DELIMITER + rb"])"
)
_NUMBER = re.compile(rb"[+-]?(?:(\d{1,18})(?![\d.])|\d{1,40}\.\d{0,40}|\.\d{1,40})")
_NAME = re.compile(rb"/([^" + _WHITESPACE + _DELIMITER + rb"]*+)")
_KEYWORD = re.compile(rb"[A-Za-z]{1,16}")
_HEX = re.compile(rb"<([0-9A-Fa-f" + _WHITESPACE + rb"]*+)>")
_LITERAL_PART = re.compile(rb"[^()\\\r]++")
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n?|\n)|(.?))", re.DOTALL)
_NAME_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_NAME_PLAIN = re.compile(rb"[^!-~]|[()<>\[\]{}/%#]")
_STRING_SPECIAL = re.compile(rb"[()\\\r\n]")
_STRING_WRITTEN = {b"(": b"\\(", b")": b"\\)", b"\\": b"\\\\", b"\r": b"\\r", b"\n": b"\\n"}
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_CONSTANTS: Mapping[bytes, bool | None] = {b"null": None, b"true": True, b"false": False}


class Scanner:
    """Reads values from a place in the octets on; `at` is where it stands. Raises `BadPdf`, and nothing else."""

    def __init__(self, octets: bytes, at: int = 0, limits: Limits = Limits()) -> None:
        self.octets = octets
        self.at = at
        self.spans: dict[bytes, tuple[int, int]] = {}
        """Where the values of the outermost dictionary read last stand: start and end."""
        self._limits = limits
        self._left = limits.values

    def skip_space(self) -> None:
        """Goes past whitespace and comments."""
        match = _SPACE.match(self.octets, self.at)
        if match is not None:
            self.at = match.end()

    def take(self, token: bytes) -> bool:
        """Goes past whitespace and `token`, if that comes next."""
        self.skip_space()
        if not self.octets.startswith(token, self.at):
            return False
        self.at += len(token)
        return True

    def integer(self) -> int:
        """The integer that comes next."""
        value = self.value()
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadPdf("no integer where one belongs")
        return value

    def value(self, depth: int = 0) -> Value:
        """The value that comes next."""
        self.skip_space()
        self._left -= 1
        if self._left < 0 or depth > self._limits.depth:
            raise BadPdf("an object with too many or too deep values")
        first = self.octets[self.at : self.at + 1]
        match first:
            case b"/":
                return self._name()
            case b"<" if self.octets.startswith(b"<<", self.at):
                return self._dictionary(depth)
            case b"<":
                return self._hex()
            case b"(":
                return self._literal()
            case b"[":
                return self._array(depth)
            case _ if first.isalpha():
                return self._constant()
            case _:
                return self._number()

    def _match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        match = pattern.match(self.octets, self.at)
        if match is None:
            raise BadPdf(f"no readable {what}")
        self.at = match.end()
        return match

    def _name(self) -> Name:
        written = self._match(_NAME, "name")[1]
        return Name(_NAME_ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), written))

    def _constant(self) -> bool | None:
        word = self._match(_KEYWORD, "word")[0]
        if word not in _CONSTANTS:
            raise BadPdf("an unknown word")
        return _CONSTANTS[word]

    def _number(self) -> int | Real | Reference:
        reference = _REFERENCE.match(self.octets, self.at)
        if reference is not None:
            self.at = reference.end()
            return Reference(int(reference[1]), int(reference[2]))
        match = self._match(_NUMBER, "number")
        return Real(match[0]) if match[1] is None else int(match[0])

    def _hex(self) -> bytes:
        digits = self._match(_HEX, "hexadecimal string")[1].translate(None, b"\x00\t\n\f\r ")
        return bytes.fromhex((digits + b"0" if len(digits) % 2 else digits).decode())

    def _literal(self) -> bytes:
        parts = []
        depth = 0
        while True:
            char = self.octets[self.at : self.at + 1]
            if char == b"\\":
                parts.append(_unescaped(self._match(_ESCAPE, "escape")))
                continue
            if char in (b"(", b")"):
                depth += 1 if char == b"(" else -1
                self.at += 1
                if depth == 0:
                    return b"".join(parts[1:])
                parts.append(char)
                continue
            if char == b"\r":
                # An end of line in a string is read as a line feed (7.3.4.2).
                self.at += 2 if self.octets.startswith(b"\r\n", self.at) else 1
                parts.append(b"\n")
                continue
            parts.append(self._match(_LITERAL_PART, "string")[0])

    def _array(self, depth: int) -> list[Value]:
        self.at += 1
        values: list[Value] = []
        while not self.take(b"]"):
            values.append(self.value(depth + 1))
        return values

    def _dictionary(self, depth: int) -> Dictionary:
        self.at += 2
        values: Dictionary = {}
        spans: dict[bytes, tuple[int, int]] = {}
        while not self.take(b">>"):
            if self.octets[self.at : self.at + 1] != b"/":
                raise BadPdf("no name where a key belongs")
            key = bytes(self._name())
            if key in values:
                # Readers differ in which of two they take; nothing that is signed may depend on that.
                raise BadPdf("a key that occurs twice")
            self.skip_space()
            start = self.at
            values[key] = self.value(depth + 1)
            spans[key] = (start, self.at)
        if depth == 0:
            self.spans = spans
        return values


def _unescaped(match: re.Match[bytes]) -> bytes:
    octal, line, char = match.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if line is not None:
        return b""
    return _ESCAPED.get(char, char)


def written(value: Value) -> bytes:
    """The octets of a value; strings as literals."""
    match value:
        case None:
            return b"null"
        case bool():
            return b"true" if value else b"false"
        case int():
            return b"%d" % value
        case Name():
            return b"/" + _NAME_PLAIN.sub(lambda match: b"#%02X" % match[0][0], bytes(value))
        case Real():
            return bytes(value)
        case bytes():
            return b"(" + _STRING_SPECIAL.sub(lambda match: _STRING_WRITTEN[match[0]], value) + b")"
        case Reference():
            return b"%d %d R" % value
        case list():
            return b"[" + b" ".join(map(written, value)) + b"]"
        case dict():
            inner = b" ".join(written(Name(key)) + b" " + written(item) for key, item in value.items())
            return b"<< " + inner + b" >>"
