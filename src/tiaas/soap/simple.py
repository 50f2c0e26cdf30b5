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
from abc import abstractmethod
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.latepattern import late_pattern

XSD = "http://www.w3.org/2001/XMLSchema"
WHITESPACE = " \t\r\n"

_NOT_XML = late_pattern("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RUNS = re.compile("[ \t\r\n]+")


_NAMED: "dict[str, SimpleType]" = {}


def named_type(name: str) -> "SimpleType | None":
    """The simple type with a Clark name, built in or declared by an interface."""
    return _NAMED.get(name)


class LexicalError(ValueError):
    """A text outside the type's lexical space or a value outside its value space; the message repeats neither."""


def collapse(text: str) -> str:
    """The `collapse` whitespace facet; only the four XML whitespace characters count."""
    return _RUNS.sub(" ", text).strip(" ")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimpleType:
    """One simple type.

    `name` is the Clark name of a named type (None for an anonymous one), `base` the type it restricts: both are needed
    to judge `xsi:type`.
    """

    name: str | None = None
    base: "SimpleType | None" = None

    def __post_init__(self) -> None:
        if self.name is not None:
            _NAMED[self.name] = self

    @abstractmethod
    def decode(self, text: str) -> Any:
        """The value of `text`; raises LexicalError."""

    @abstractmethod
    def encode(self, value: Any) -> str:
        """The text of `value`, not yet escaped; raises LexicalError."""

    def derives_from(self, other: "SimpleType") -> bool:
        """Whether this type is `other` or restricts it in any number of steps."""
        step: SimpleType | None = self
        while step is not None:
            if step is other:
                return True
            step = step.base
        return False


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
        if _NOT_XML.search(text) is not None:
            raise LexicalError("contains a character XML does not allow")
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
        value = _BOOLEANS.get(text)
        if value is None:
            value = _BOOLEANS.get(collapse(text))
        if value is None:
            raise LexicalError("is not a boolean")
        return value

    def encode(self, value: Any) -> str:
        return "true" if value else "false"


_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_INTEGER = re.compile(r"([+-]?)0*([0-9]+)", re.ASCII)
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
        return self._bounded(int(match[1] + match[2]))

    def encode(self, value: Any) -> str:
        return str(self._bounded(int(value)))

    def _bounded(self, value: int) -> int:
        if self.minimum is not None and value < self.minimum:
            raise LexicalError(f"is less than {self.minimum}")
        if self.maximum is not None and value > self.maximum:
            raise LexicalError(f"is greater than {self.maximum}")
        return value


_ZONE = r"(Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?"
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})" + _ZONE, re.ASCII)
_DATE_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?" + _ZONE, re.ASCII
)


def _zone(text: str | None) -> timezone | None:
    if text is None:
        return None
    if text == "Z":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateTime(SimpleType):
    """`dateTime`. Written with milliseconds and zone (`Z` for UTC); a naive value is not written."""

    def decode(self, text: str) -> datetime:
        match = _DATE_TIME.fullmatch(collapse(text))
        if match is None:
            raise LexicalError("is not a dateTime")
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        midnight = hour == "24"
        if midnight and (minute != "00" or second != "00" or (fraction or "").strip("0")):
            raise LexicalError("is not a dateTime")
        try:
            value = datetime(
                int(year), int(month), int(day), 0 if midnight else int(hour), int(minute), int(second),
                int((fraction or "")[:6].ljust(6, "0")), _zone(zone),
            )  # fmt: skip
            return value + timedelta(days=1) if midnight else value
        except (ValueError, OverflowError):
            raise LexicalError("is not a dateTime") from None

    def encode(self, value: Any) -> str:
        moment: datetime = value
        if moment.tzinfo is None:
            raise LexicalError("has no time zone")
        text = moment.isoformat(timespec="milliseconds")
        if text.endswith("+00:00"):
            return text[:-6] + "Z"
        if len(text) != 29:
            raise LexicalError("has an offset with seconds")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Date(SimpleType):
    """`date`. Written without zone."""

    def decode(self, text: str) -> date:
        match = _DATE.fullmatch(collapse(text))
        if match is None:
            raise LexicalError("is not a date")
        try:
            return date(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            raise LexicalError("is not a date") from None

    def encode(self, value: Any) -> str:
        day: date = value
        return day.strftime("%Y-%m-%d") if isinstance(day, datetime) else day.isoformat()


_DURATION = re.compile(
    r"(-?)P(?=[0-9T])(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)D)?"
    r"(?:T(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:\.([0-9]+))?S)?)?",
    re.ASCII,
)
_DURATION_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration(SimpleType):
    """`duration`, seen as a timedelta in which a year has 365 days and a month 30. Written as hours and seconds."""

    def decode(self, text: str) -> timedelta:
        match = _DURATION.fullmatch(collapse(text))
        if match is None or any(len(part or "") > _DURATION_DIGITS for part in match.groups()[:-1]):
            raise LexicalError("is not a duration")
        years, months, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:7])
        try:
            value = timedelta(
                days=365 * years + 30 * months + days, hours=hours, minutes=minutes, seconds=seconds,
                microseconds=int((match[8] or "")[:6].ljust(6, "0")),
            )  # fmt: skip
        except OverflowError:
            raise LexicalError("is not a duration") from None
        return -value if match[1] else value

    def encode(self, value: Any) -> str:
        span: timedelta = value
        seconds, sign = abs(span) // timedelta(seconds=1), "-" if span < timedelta(0) else ""
        hours, rest = divmod(seconds, 3600)
        return f"{sign}PT{hours}H{rest // 60}M{rest % 60}S"


_DROP_WHITESPACE = str.maketrans("", "", WHITESPACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base64(SimpleType):
    """`base64Binary`. Read with whitespace anywhere, written without."""

    def decode(self, text: str) -> bytes:
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

    def decode(self, text: str) -> str:
        return text

    def encode(self, value: Any) -> str:
        return STRING.encode(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opaque(SimpleType):
    """Elements of other specifications, kept as they came: nothing in them is judged.

    The Python value is the whole element as XML text with the namespaces it needs; with `inside` (dss:AnyType) a tuple
    of such texts, one for each element of the content.
    """

    inside: bool = False

    def decode(self, text: str) -> str:
        raise LexicalError("is read from its element")

    def encode(self, value: Any) -> str:
        return "".join(value) if self.inside else str(value)


# RFC 3986 §3 with the characters that XLink 1.0 §5.4 escapes (non-ASCII, space, <>"{}|\\^`) allowed as data. XML Schema
# 1.0 names RFC 2396, whose only difference here is a looser authority.
_ESCAPED = '[^\x00-\x7f]|[ <>"{}|\\\\^`]'
_DATA = rf"[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{{2}}|{_ESCAPED}"
_HOST = rf"(?:\[[0-9A-Fa-fv:.]+\]|(?:{_DATA})*)"
_AUTHORITY = rf"//(?:(?:{_DATA}|:)*@)?{_HOST}(?::[0-9]*)?(?=[/?#]|\Z)"
_PATH = rf"(?:{_DATA}|[:@/])*"
_ANY_URI = late_pattern(
    rf"(?:(?:[A-Za-z][A-Za-z0-9+.\-]*:)(?:{_AUTHORITY}|(?!//)){_PATH}|(?:{_AUTHORITY}{_PATH}|(?!//)(?:{_DATA}|@)*(?:/{_PATH})?))"
    rf"(?:\?(?:{_DATA}|[:@/?])*)?(?:#(?:{_DATA}|[:@/?])*)?"
)


_KNOWN_URI_MAX = 100


def _is_uri(text: str) -> bool:
    return _ANY_URI.fullmatch(text) is not None


_is_known_uri = lru_cache(1024)(_is_uri)
"""Messages name the same few types and algorithms over and over; only short ones are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyUri(SimpleType):
    """`anyURI` with maxLength and pattern facets."""

    max_length: int | None = None
    pattern: re.Pattern[str] | None = None

    def decode(self, text: str) -> str:
        text = collapse(text)
        if self.max_length is not None and len(text) > self.max_length:
            raise LexicalError(f"longer than {self.max_length} characters")
        if not (_is_known_uri(text) if len(text) <= _KNOWN_URI_MAX else _is_uri(text)):
            raise LexicalError("is not a URI")
        if self.pattern is not None and self.pattern.fullmatch(text) is None:
            raise LexicalError("does not match the pattern of its type")
        return text

    def encode(self, value: Any) -> str:
        text: str = value
        if _NOT_XML.search(text) is not None:
            raise LexicalError("contains a character XML does not allow")
        return self.decode(text)


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
