"""Reads PDF objects, value by value (ISO 32000-1:2008, 7.2 and 7.3); usual dictionaries `tiaas.ades.pdfusual` reads."""

import io
import re
from binascii import unhexlify

from tiaas.ades.pdfsyntax import HEXADECIMAL, INTEGER, NAME, NO_REFERENCE, REAL, REFERENCE, SKIPPED
from tiaas.ades.pdfusual import CONSTANTS, DEPTH, Usual, usual_dictionary
from tiaas.ades.pdfvalues import NO_SPANS, BadPdf, Budget, Dictionary, Name, Real, Reference, Spans, Value
from tiaas.base.slices import SLICE, found, joined, slices
from tiaas.base.unlocked import Octets

_MAX_DEPTH = 32
"""Levels of arrays and dictionaries (PDF/A-1, 6.1.12 allows 28)."""

_VALUE = (
    SKIPPED + rb"(?:" + NAME + rb"|" + REFERENCE + rb"|" + INTEGER + NO_REFERENCE + rb"|" + REAL
    + rb"|(<<)|(>>)|(\[)|(\])|<(" + HEXADECIMAL + rb")>|(\()|([A-Za-z]{1,16})|(<))"
)  # fmt: skip
# The last group that took part says what a token is: 2 name, 4 reference (with 3), 5 integer, 6 real, 7 and 8
# dictionary, 9 and 10 array, 11 hexadecimal string, 12 beginning of a literal string, 13 word, 14 beginning of a long
# hexadecimal string. The first group is the key of an entry: key and value are read at once.
_TOKEN = re.compile(rb"()" + _VALUE)
_ENTRY = re.compile(SKIPPED + NAME + _VALUE)
_WHOLE, _CLOSE, _ARRAY_END, _HEX, _LONG_HEX = 5, 8, 10, 11, 14
_LITERAL_PART = re.compile(rb"[^()\\\r]{1,%d}+" % SLICE)
_WHITE = b"\x00\t\n\f\r "
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|(\r\n?|\n)|(.?))", re.DOTALL)
_NAME_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


class Scanner:
    """Reads values from a place in the octets on; `at` is where it stands. Raises `BadPdf`, and nothing else."""

    __slots__ = ("_budget", "at", "octets", "spans")

    def __init__(self, octets: bytes, at: int, budget: Budget) -> None:
        self.octets = octets
        self.at = at
        self.spans: Spans = NO_SPANS
        """Where the hexadecimal strings of the dictionary that was read last stand: start and end."""
        self._budget = budget

    def integer(self) -> int:
        """The integer that comes next."""
        token = self._token()
        self._budget.value()
        if token.lastindex != _WHOLE:
            raise BadPdf("no integer where one belongs")
        return int(token[_WHOLE])

    def value(self) -> Value:
        """The value that comes next."""
        usual = usual_dictionary(self.octets, self.at)
        return self._value(self._token(), 0) if usual is None else self._took(usual, usual.cost)

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
            case 13 if token[13] in CONSTANTS:
                return CONSTANTS[token[13]]
            case 14:
                return self._long_hexadecimal()
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
                    return joined(parts)
                parts.append(char)
                continue
            if char == b"\r":
                # An end of line in a string is read as a line feed (7.3.4.2).
                self.at += 2 if self.octets.startswith(b"\r\n", self.at) else 1
                parts.append(b"\n")
                continue
            parts.append(self._match(_LITERAL_PART, "string")[0])

    def _long_hexadecimal(self) -> bytes:
        start, end = self.at, found(self.octets, b">", self.at)
        if end < 0:
            raise BadPdf("no readable string")
        self.at = end + 1
        return _unhexed(memoryview(self.octets)[start:end])

    def _array(self, depth: int) -> list[Value]:
        values: list[Value] = []
        while (token := self._token()).lastindex != _ARRAY_END:
            values.append(self._value(token, depth + 1))
        return values

    def _dictionary(self, depth: int) -> Dictionary:
        usual = usual_dictionary(self.octets, self.at - len(b"<<")) if 0 < depth <= _MAX_DEPTH - DEPTH else None
        # Itself is counted already.
        return self._any_dictionary(depth) if usual is None else self._took(usual, usual.cost - 1)

    def _took(self, usual: Usual, cost: int) -> Dictionary:
        """A usual dictionary that was read."""
        self._budget.usual(cost)
        self.at = usual.end
        self.spans = NO_SPANS
        return usual.value

    def _any_dictionary(self, depth: int) -> Dictionary:
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
            elif entry.lastindex == _LONG_HEX:
                spans[key] = (entry.start(_LONG_HEX), self.at)
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


def _unhexed(written: Octets) -> bytes:
    out, rest = io.BytesIO(), b""
    try:
        for part in slices(written):
            digits = rest + bytes(part).translate(None, _WHITE)
            whole = len(digits) - len(digits) % 2
            out.write(unhexlify(digits[:whole]))
            rest = digits[whole:]
        out.write(unhexlify(rest + b"0" if rest else b""))
    except ValueError:
        raise BadPdf("no hexadecimal digit where one belongs") from None
    return out.getvalue()


def _unescaped(match: re.Match[bytes]) -> bytes:
    octal, line, char = match.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if line is not None:
        return b""
    return _ESCAPED.get(char, char)
