"""LDAPv3 messages as a directory proxy and its neighbours need them (RFC 4511; basic encoding rules as in its 5.1).

    LDAPMessage    30  messageID 02, protocolOp [APPLICATION n], controls A0 (OPTIONAL)
    BindRequest    60  version 02, name 04, simple 80 | sasl A3
    SearchRequest  63  base 04, scope 0A, derefAliases 0A, sizeLimit 02, timeLimit 02, typesOnly 01,
                       filter, attributes 30
    Entry          64  name 04, attributes 30 { 30 { type 04, values 31 } }
    Result               resultCode 0A, matchedDN 04, diagnosticMessage 04, …
    Abandon        50  the messageID, primitive

Lengths are definite, octet strings primitive. `FrameReader` cuts a stream into messages without waiting for more than
one of them, so that a result of any size flows through; it and the decoders raise only `BadLdap`.
"""

import enum
from collections.abc import Iterable, Iterator
from dataclasses import field

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.interfaces.ldap_filter import check_filter_untrusted
from tiaas.tlv import BadTlv, Tlv, decode_one_untrusted, decode_untrusted, encode

SEQUENCE, SET, BOOLEAN, INTEGER, OCTETS, ENUMERATED = 0x30, 0x31, 0x01, 0x02, 0x04, 0x0A
_CONTROLS = 0xA0
SIMPLE = 0x80
_EXTENDED_OID = 0x8A
_INT_MAX = 2**31 - 1
_FOUR = 4
_HEAD_MAX = 6
VERSION = 3
NOTICE_OF_DISCONNECTION = "1.3.6.1.4.1.1466.20036"
"""RFC 4511, 4.4.1."""


class BadLdap(TiaasError):
    """Octets that are no LDAPv3 message, or not the one they claim to be."""


@enum.unique
class Operation(enum.IntEnum):
    """Tags of protocolOp (RFC 4511, 4.2 to 4.13)."""

    BIND_REQUEST = 0x60
    BIND_RESPONSE = 0x61
    UNBIND_REQUEST = 0x42
    SEARCH_REQUEST = 0x63
    SEARCH_ENTRY = 0x64
    SEARCH_DONE = 0x65
    SEARCH_REFERENCE = 0x73
    MODIFY_REQUEST = 0x66
    MODIFY_RESPONSE = 0x67
    ADD_REQUEST = 0x68
    ADD_RESPONSE = 0x69
    DELETE_REQUEST = 0x4A
    DELETE_RESPONSE = 0x6B
    MODIFY_DN_REQUEST = 0x6C
    MODIFY_DN_RESPONSE = 0x6D
    COMPARE_REQUEST = 0x6E
    COMPARE_RESPONSE = 0x6F
    ABANDON_REQUEST = 0x50
    EXTENDED_REQUEST = 0x77
    EXTENDED_RESPONSE = 0x78
    INTERMEDIATE_RESPONSE = 0x79


ANSWERS = {
    Operation.BIND_REQUEST: Operation.BIND_RESPONSE,
    Operation.SEARCH_REQUEST: Operation.SEARCH_DONE,
    Operation.MODIFY_REQUEST: Operation.MODIFY_RESPONSE,
    Operation.ADD_REQUEST: Operation.ADD_RESPONSE,
    Operation.DELETE_REQUEST: Operation.DELETE_RESPONSE,
    Operation.MODIFY_DN_REQUEST: Operation.MODIFY_DN_RESPONSE,
    Operation.COMPARE_REQUEST: Operation.COMPARE_RESPONSE,
    Operation.EXTENDED_REQUEST: Operation.EXTENDED_RESPONSE,
}
"""The response that carries an operation's result; Unbind and Abandon have none."""


@enum.unique
class ResultCode(enum.IntEnum):
    """Result codes this side gives or looks at (RFC 4511, Appendix A)."""

    SUCCESS = 0
    OPERATIONS_ERROR = 1
    PROTOCOL_ERROR = 2
    TIME_LIMIT_EXCEEDED = 3
    SIZE_LIMIT_EXCEEDED = 4
    AUTH_METHOD_NOT_SUPPORTED = 7
    ADMIN_LIMIT_EXCEEDED = 11
    NO_SUCH_OBJECT = 32
    INVALID_DN_SYNTAX = 34
    INSUFFICIENT_ACCESS_RIGHTS = 50
    BUSY = 51
    UNAVAILABLE = 52
    UNWILLING_TO_PERFORM = 53
    OTHER = 80


@enum.unique
class Scope(enum.IntEnum):
    """How far below the base a search goes (RFC 4511, 4.5.1.2)."""

    BASE = 0
    ONE_LEVEL = 1
    SUBTREE = 2


@dataclass(frozen=True, slots=True)
class Message:
    """One LDAPMessage; `body` are the octets of the protocolOp's value, `controls` those of its controls, with tag."""

    number: int
    operation: int
    body: bytes
    controls: bytes = b""

    def encode(self) -> bytes:
        """The wire octets."""
        return encode(SEQUENCE, encode_integer(self.number), encode(self.operation, self.body), self.controls)


@dataclass(frozen=True, slots=True)
class BindRequest:
    """`method` is the tag of the authentication choice; the credentials themselves are not kept."""

    version: int
    name: str
    method: int
    has_credentials: bool

    @property
    def is_anonymous(self) -> bool:
        """A simple bind without name and password (RFC 4513, 5.1.1)."""
        return self.method == SIMPLE and not self.name and not self.has_credentials


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A search. `filter` are the octets of the filter; limits 0 mean the server's own; no `attributes` means all."""

    base: str
    filter: bytes
    scope: Scope = Scope.SUBTREE
    attributes: tuple[str, ...] = ()
    size_limit: int = 0
    time_limit: int = 0
    deref_aliases: int = 0
    types_only: bool = False

    def encode(self) -> bytes:
        """The body of the protocolOp."""
        return b"".join(
            (
                octets(self.base),
                encode(ENUMERATED, bytes([self.scope])),
                encode(ENUMERATED, bytes([self.deref_aliases])),
                encode_integer(self.size_limit),
                encode_integer(self.time_limit),
                encode(BOOLEAN, b"\xff" if self.types_only else b"\0"),
                self.filter,
                encode(SEQUENCE, *(octets(name) for name in self.attributes)),
            )
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A found entry: its name and the values of its attributes, names as the directory spells them."""

    name: str
    attributes: tuple[tuple[str, tuple[bytes, ...]], ...]

    def values(self, name: str) -> tuple[bytes, ...]:
        """The values of an attribute, its name without regard to case and options (`;binary`)."""
        wanted = name.lower()
        found = (values for held, values in self.attributes if held.partition(";")[0].lower() == wanted)
        return next(found, ())

    def text(self, name: str) -> str:
        """The first value as text, empty if there is none."""
        values = self.values(name)
        return values[0].decode("utf-8", "replace") if values else ""


@dataclass(frozen=True, slots=True)
class Result:
    """LDAPResult; `code` may be one that `ResultCode` does not name."""

    code: int
    matched: str = ""
    diagnostic: str = ""
    oid: str = ""

    def encode(self) -> bytes:
        """The body of a protocolOp; `oid` makes it an ExtendedResponse with that name."""
        name = encode(_EXTENDED_OID, self.oid.encode("ascii")) if self.oid else b""
        return b"".join((encode(ENUMERATED, _signed(self.code)), octets(self.matched), octets(self.diagnostic), name))


@dataclass(slots=True)
class FrameReader:
    """Cuts a stream into messages; `most` bounds one message in octets."""

    most: int
    _pending: bytearray = field(default_factory=bytearray)

    def feed_untrusted(self, data: bytes) -> Iterator[bytes]:
        """The messages that are complete with `data`. Raises only `BadLdap`; nothing can be read after that."""
        self._pending += data
        while True:
            size = _size_untrusted(self._pending, self.most)
            if size is None or size > len(self._pending):
                return
            frame = bytes(self._pending[:size])
            del self._pending[:size]
            yield frame

    @property
    def pending(self) -> int:
        """Octets of a message that is not complete yet."""
        return len(self._pending)


def _size_untrusted(data: bytearray, most: int) -> int | None:
    """Octets of the message that `data` begins with; None if its head is not complete."""
    if data and data[0] != SEQUENCE:
        raise BadLdap("a message is a SEQUENCE")
    if len(data) < 2:
        return None
    first = data[1]
    count = first & 0x7F if first & 0x80 else 0
    if first == 0x80 or count > _FOUR:
        raise BadLdap("length of a message")
    if len(data) < 2 + count:
        return None
    length = int.from_bytes(data[2 : 2 + count], "big") if count else first
    if length + _HEAD_MAX > most:
        raise BadLdap("a message is too long")
    return 2 + count + length


def decode_message_untrusted(frame: bytes) -> Message:
    """A message; raises only `BadLdap`."""
    outer = _one(frame, SEQUENCE, "message")
    parts = _children(outer, "message")
    if not 2 <= len(parts) <= 3:
        raise BadLdap("a message has two or three parts")
    if len(parts) == 3 and parts[2].tag != _CONTROLS:
        raise BadLdap("controls")
    number = _integer(parts[0], "messageID")
    if not 0 <= number <= _INT_MAX:
        raise BadLdap("messageID out of range")
    if parts[1].tag & 0xC0 != 0x40 or parts[1].tag > 0xFF:
        raise BadLdap("protocolOp")
    controls = parts[2].encode() if len(parts) == 3 else b""
    return Message(number, parts[1].tag, parts[1].value, controls)


def decode_bind_untrusted(body: bytes) -> BindRequest:
    """The body of a BindRequest; raises only `BadLdap`."""
    version, name, choice = _fields(body, 3, "BindRequest")
    if not choice.tag & 0x80:
        raise BadLdap("authentication")
    return BindRequest(_integer(version, "version"), _text(name, "name"), choice.tag, bool(choice.value))


def decode_search_untrusted(body: bytes) -> SearchRequest:
    """The body of a SearchRequest, its filter's structure included; raises only `BadLdap`."""
    base, scope, deref, size, time, types, filter_, names = _fields(body, 8, "SearchRequest")
    try:
        check_filter_untrusted(filter_)
    except BadTlv as error:
        raise BadLdap("filter") from error
    try:
        reach = Scope(_number(scope, ENUMERATED, "scope"))
    except ValueError:
        raise BadLdap("scope") from None
    aliases = _number(deref, ENUMERATED, "derefAliases")
    limits = (_integer(size, "sizeLimit"), _integer(time, "timeLimit"))
    if not 0 <= aliases <= 3 or not all(0 <= limit <= _INT_MAX for limit in limits):
        raise BadLdap("derefAliases or limit out of range")
    if types.tag != BOOLEAN or len(types.value) != 1:
        raise BadLdap("typesOnly")
    if names.tag != SEQUENCE:
        raise BadLdap("attributes")
    attributes = tuple(_text(name, "attribute") for name in _children(names, "attributes"))
    return SearchRequest(
        _text(base, "base"), filter_.encode(), reach, attributes, *limits, aliases, types.value != b"\0"
    )


def decode_abandon_untrusted(body: bytes) -> int:
    """The messageID that an AbandonRequest names; raises only `BadLdap`."""
    return _integer(Tlv(INTEGER, body), "messageID")


def decode_entry_untrusted(body: bytes) -> Entry:
    """The body of a SearchResultEntry; raises only `BadLdap`."""
    name, attributes = _fields(body, 2, "entry")
    if attributes.tag != SEQUENCE:
        raise BadLdap("attributes")
    return Entry(_text(name, "name"), tuple(_attribute(item) for item in _children(attributes, "attributes")))


def decode_result_untrusted(body: bytes) -> Result:
    """The body of a response with an LDAPResult; referral and further parts are left out. Raises only `BadLdap`."""
    parts = _parts(body, "result")
    if len(parts) < 3:
        raise BadLdap("a result has three parts")
    code = _number(parts[0], ENUMERATED, "resultCode")
    oid = next((part.value.decode("ascii", "replace") for part in parts[3:] if part.tag == _EXTENDED_OID), "")
    return Result(code, _text(parts[1], "matchedDN"), _text(parts[2], "diagnosticMessage"), oid)


def bind_request() -> bytes:
    """The body of an anonymous simple BindRequest."""
    return encode_integer(VERSION) + octets("") + encode(SIMPLE)


def entry_body(name: str, attributes: Iterable[tuple[str, Iterable[bytes]]]) -> bytes:
    """The body of a SearchResultEntry."""
    listed = (
        encode(SEQUENCE, octets(kind), encode(SET, *(encode(OCTETS, value) for value in values)))
        for kind, values in attributes
    )
    return octets(name) + encode(SEQUENCE, *listed)


def encode_integer(value: int) -> bytes:
    """An INTEGER."""
    return encode(INTEGER, _signed(value))


def octets(text: str) -> bytes:
    """An OCTET STRING with a text in UTF-8 (LDAPString)."""
    return encode(OCTETS, text.encode())


def _signed(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _attribute(item: Tlv) -> tuple[str, tuple[bytes, ...]]:
    if item.tag != SEQUENCE:
        raise BadLdap("attribute")
    parts = _children(item, "attribute")
    if len(parts) != 2 or parts[1].tag != SET:
        raise BadLdap("attribute")
    values = _children(parts[1], "values")
    if any(value.tag != OCTETS for value in values):
        raise BadLdap("values")
    return _text(parts[0], "type"), tuple(value.value for value in values)


def _one(data: bytes, tag: int, what: str) -> Tlv:
    try:
        item, rest = decode_one_untrusted(data)
    except BadTlv as error:
        raise BadLdap(what) from error
    if rest or item.tag != tag:
        raise BadLdap(what)
    return item


def _parts(body: bytes, what: str) -> tuple[Tlv, ...]:
    try:
        return decode_untrusted(body)
    except BadTlv as error:
        raise BadLdap(what) from error


def _children(item: Tlv, what: str) -> tuple[Tlv, ...]:
    return _parts(item.value, what)


def _fields(body: bytes, count: int, what: str) -> tuple[Tlv, ...]:
    parts = _parts(body, what)
    if len(parts) != count:
        raise BadLdap(f"{what} has {count} parts")
    return parts


def _integer(item: Tlv, what: str) -> int:
    return _number(item, INTEGER, what)


def _number(item: Tlv, tag: int, what: str) -> int:
    if item.tag != tag or not 1 <= len(item.value) <= _FOUR:
        raise BadLdap(what)
    return int.from_bytes(item.value, "big", signed=True)


def _text(item: Tlv, what: str) -> str:
    if item.tag != OCTETS:
        raise BadLdap(what)
    try:
        return item.value.decode("utf-8")
    except UnicodeDecodeError:
        raise BadLdap(f"{what} is no UTF-8") from None
