"""Simple types of XML Schema 1.0 part 2, as far as gematik's interfaces use them.

A `SimpleType` turns the text of an element or attribute into a Python value and back. Whitespace handling, lexical
space and facets are exactly those of XML Schema Part 2 (Second Edition, 28 October 2004):

==================  ==========  =====================================================
type                whitespace  Python value
==================  ==========  =====================================================
string              preserve    str
token               collapse    str
boolean             collapse    bool
integer and below   collapse    int (at most 24 significant digits; the standard asks for 18)
dateTime            collapse    datetime (aware, or naive where the text has no zone; years 1 to 9999)
date                collapse    date (a zone is checked and dropped)
duration            collapse    timedelta
base64Binary        collapse    bytes
hexBinary           collapse    bytes
anyType             preserve    str (all text inside, see `Anything`)
anyURI              collapse    str
ID, IDREF, IDREFS   collapse    str
==================  ==========  =====================================================
"""

import re
import sys
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.latepattern import late_pattern
from tiaas.soap.simpletype import WHITESPACE, XSD, LexicalError, SimpleType, collapse, require_characters
from tiaas.soap.times import Date, DateTime, Duration
from tiaas.soap.uris import AnyUri


@dataclass(frozen=True, slots=True, kw_only=True)
class String(SimpleType):
    """`string`, `normalizedString` and `token` with length and pattern facets.

    `pattern` is a Python expression matched against the whole value; where several pattern facets stand in one
    derivation step, join them with `|`.
    """

    min_length: int = 0
    max_length: int | None = None
    pattern: re.Pattern[str] | None = None
    collapsed: bool = False

    @property
    def plain_lengths(self) -> range | None:
        if self.collapsed or self.pattern is not None:
            return None
        return range(self.min_length, sys.maxsize if self.max_length is None else self.max_length + 1)

    def decode(self, text: str) -> str:
        if self.collapsed:
            text = collapse(text)
        if self.max_length is not None and len(text) > self.max_length:
            raise LexicalError(f"longer than {self.max_length} characters")
        if len(text) < self.min_length:
            raise LexicalError(f"shorter than {self.min_length} characters")
        if self.pattern is not None and self.pattern.fullmatch(text) is None:
            raise LexicalError("does not match the pattern of its type")
        return text

    def encode(self, value: Any) -> str:
        text: str = value
        require_characters(text)
        return self.decode(text)


_REPLACED = str.maketrans("\t\n\r", "   ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalized(String):
    """`normalizedString`: whitespace is replaced by spaces."""

    def decode(self, text: str) -> str:
        return String.decode(self, text.translate(_REPLACED))


@dataclass(frozen=True, slots=True, kw_only=True)
class Enumeration(SimpleType):
    """A closed set of strings, seen in Python as a StrEnum; `collapsed` for a restriction of token."""

    members: type[StrEnum]
    collapsed: bool = False

    def decode(self, text: str) -> StrEnum:
        table: Mapping[str, StrEnum] = self.members._value2member_map_  # type: ignore[assignment]
        member = table.get(collapse(text) if self.collapsed else text)
        if member is None:
            raise LexicalError("is none of the values of its type")
        return member

    def encode(self, value: Any) -> str:
        member = self.members._value2member_map_.get(value)
        if member is None:
            raise LexicalError("is none of the values of its type")
        text: str = member._value_
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(SimpleType):
    """`boolean`."""

    def decode(self, text: str) -> bool:
        value = BOOLEANS.get(text)
        if value is None:
            value = BOOLEANS.get(collapse(text))
        if value is None:
            raise LexicalError("is not a boolean")
        return value

    def encode(self, value: Any) -> str:
        return "true" if value else "false"


BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_INTEGER = re.compile(r"([+-]?)(?=[0-9])0*+([0-9]*+)", re.ASCII)
_INTEGER_DIGITS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(SimpleType):
    """`integer` and the types below it, by their bounds (inclusive)."""

    minimum: int | None = None
    maximum: int | None = None

    def decode(self, text: str) -> int:
        match = _INTEGER.fullmatch(collapse(text))
        if match is None or len(match[2]) > _INTEGER_DIGITS:
            raise LexicalError("is not an integer")
        return self._bounded(int(match[1] + (match[2] or "0")))

    def encode(self, value: Any) -> str:
        return str(self._bounded(int(value)))

    def _bounded(self, value: int) -> int:
        if self.minimum is not None and value < self.minimum:
            raise LexicalError(f"is less than {self.minimum}")
        if self.maximum is not None and value > self.maximum:
            raise LexicalError(f"is greater than {self.maximum}")
        return value


_DROP_WHITESPACE = str.maketrans("", "", WHITESPACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base64(SimpleType):
    """`base64Binary`. Read with whitespace anywhere, written without."""

    def decode(self, text: str) -> bytes:
        try:
            # Nearly all have no whitespace. The strict mode proves alphabet and padding; zero pad bits are proven by
            # writing the end again.
            octets = a2b_base64(text, strict_mode=True)
            end = len(octets) % 3 or 3
            if b2a_base64(octets[-end:], newline=False) == text[-4:].encode("ascii"):
                return octets
        except (Base64Error, ValueError):
            pass
        compact = text.translate(_DROP_WHITESPACE)
        try:
            # The canonical form is unique, so writing it again proves alphabet, padding and zero pad bits at once.
            octets = a2b_base64(compact)
            if b2a_base64(octets, newline=False) == compact.encode("ascii"):
                return octets
        except (Base64Error, ValueError):
            pass
        raise LexicalError("is not base64")

    def encode(self, value: Any) -> str:
        octets: bytes = value
        return b2a_base64(octets, newline=False).decode("ascii")


_HEX = re.compile("(?:[0-9A-Fa-f]{2})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hex(SimpleType):
    """`hexBinary` with length facets in octets. Read in either case, written in upper case (part 2 §3.2.15.2)."""

    min_length: int = 0
    max_length: int | None = None

    def decode(self, text: str) -> bytes:
        compact = collapse(text)
        if _HEX.fullmatch(compact) is None:
            raise LexicalError("is not hexadecimal")
        return self._bounded(bytes.fromhex(compact))

    def encode(self, value: Any) -> str:
        octets: bytes = value
        return self._bounded(octets).hex().upper()

    def _bounded(self, octets: bytes) -> bytes:
        if len(octets) < self.min_length:
            raise LexicalError(f"is shorter than {self.min_length} octets")
        if self.max_length is not None and len(octets) > self.max_length:
            raise LexicalError(f"is longer than {self.max_length} octets")
        return octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Anything(SimpleType):
    """`anyType`, for elements that are declared without a type: any content is taken, only its text is kept."""

    @property
    def plain_lengths(self) -> range | None:
        return STRING.plain_lengths

    def decode(self, text: str) -> str:
        return text

    def encode(self, value: Any) -> str:
        return STRING.encode(value)


@dataclass(frozen=True, slots=True, repr=False)
class WrittenOctets:
    """XML in UTF-8 that was written here or read as such: one whole element of the Clark name `name`, with the
    namespaces it needs.

    For what may be large: nobody reads it again, and it is never a text.
    """

    octets: bytes
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque(SimpleType):
    """Elements of other specifications, kept as they came: nothing in them is judged.

    The Python value is the whole element as XML text with the namespaces it needs; with `inside` (dss:AnyType) a tuple
    of such texts, one for each element of the content. With `octets` it is `WrittenOctets`, the element as it stands in
    the message, a document of its own by `tiaas.soap.standalone`; what is sent may be octets of which nothing is known.
    """

    inside: bool = False
    octets: bool = False

    def decode(self, text: str) -> str:
        raise LexicalError("is read from its element")

    def encode(self, value: Any) -> str:
        return "".join(value) if self.inside else str(value)


def _xsd(name: str) -> str:
    return f"{{{XSD}}}{name}"


def _integer(name: str, base: SimpleType, minimum: int | None, maximum: int | None = None) -> Integer:
    return Integer(name=_xsd(name), base=base, minimum=minimum, maximum=maximum)


def _word(name: str, base: SimpleType, pattern: str) -> String:
    return String(name=_xsd(name), base=base, collapsed=True, pattern=late_pattern(pattern))


# XML 1.0 (Fifth Edition) productions 4 and 4a, without the colon.
_NAME_START = (
    "A-Z_a-z\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f\u2c00-\u2fef"
    "\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME_CHAR = _NAME_START + r"\-.0-9" + "\xb7\u0300-\u036f\u203f-\u2040"

STRING = String(name=_xsd("string"))
NORMALIZED_STRING = Normalized(name=_xsd("normalizedString"), base=STRING)
TOKEN = String(name=_xsd("token"), base=NORMALIZED_STRING, collapsed=True)
BOOLEAN = Boolean(name=_xsd("boolean"))
INTEGER = Integer(name=_xsd("integer"))
NON_NEGATIVE_INTEGER = _integer("nonNegativeInteger", INTEGER, 0)
POSITIVE_INTEGER = _integer("positiveInteger", NON_NEGATIVE_INTEGER, 1)
UNSIGNED_LONG = _integer("unsignedLong", NON_NEGATIVE_INTEGER, 0, 2**64 - 1)
UNSIGNED_INT = _integer("unsignedInt", UNSIGNED_LONG, 0, 2**32 - 1)
UNSIGNED_SHORT = _integer("unsignedShort", UNSIGNED_INT, 0, 2**16 - 1)
DATE_TIME = DateTime(name=_xsd("dateTime"))
DATE = Date(name=_xsd("date"))
DURATION = Duration(name=_xsd("duration"))
BASE64_BINARY = Base64(name=_xsd("base64Binary"))
HEX_BINARY = Hex(name=_xsd("hexBinary"))
ANY_TYPE = Anything()
WHOLE_ELEMENT = Opaque()
ANY_ELEMENTS = Opaque(inside=True)
SIGNED_ELEMENT = Opaque(octets=True)
ANY_URI = AnyUri(name=_xsd("anyURI"))

# No message has an element of these two, and `xsi:type` may not name them or ENTITY, which bind a value to other places
# of a document (docs/conformance/choices.md): they have no name. That an ID is unique is the decoder's to see.
_NCNAME = f"[{_NAME_START}][{_NAME_CHAR}]*"
ID = String(collapsed=True, pattern=late_pattern(_NCNAME))
IDREF = String(collapsed=True, pattern=late_pattern(_NCNAME))
IDREFS = String(collapsed=True, pattern=late_pattern(f"{_NCNAME}(?: {_NCNAME})*"))

# Built-in types that no message declares but `xsi:type` may name in place of one of the above.
_NON_POSITIVE = _integer("nonPositiveInteger", INTEGER, None, 0)
_integer("negativeInteger", _NON_POSITIVE, None, -1)
_integer("unsignedByte", UNSIGNED_SHORT, 0, 2**8 - 1)
_LONG = _integer("long", INTEGER, -(2**63), 2**63 - 1)
_INT = _integer("int", _LONG, -(2**31), 2**31 - 1)
_SHORT = _integer("short", _INT, -(2**15), 2**15 - 1)
_integer("byte", _SHORT, -(2**7), 2**7 - 1)
LANGUAGE = _word("language", TOKEN, "[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*")
_word("NMTOKEN", TOKEN, f"[:{_NAME_CHAR}]+")
_word("NCName", _word("Name", TOKEN, f"[:{_NAME_START}][:{_NAME_CHAR}]*"), _NCNAME)
