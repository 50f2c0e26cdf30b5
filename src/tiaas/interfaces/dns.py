"""Questions to a name server and its answers, as far as addresses go (RFC 1035, RFC 3596).

octets 0-1  id                                   octets 4-11  counts: questions, answers, authorities, additionals
octet 2     QR (1 bit) Opcode (4) AA TC RD       question     name, type (2), class (2)
octet 3     RA Z (3) RCODE (4)                   record       name, type (2), class (2), TTL (4), length (2), data
name        labels with a length in front of each, the empty one last; two bits 11 in front: the name at an offset
"""

import enum
import ipaddress
import struct

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError

ID_SIZE = 2
PACKET_MAX = 512
_HEAD = struct.Struct("!2sHHHHH")
_QUESTION = struct.Struct("!HH")
_RECORD = struct.Struct("!HHIH")
_RESPONSE, _RECURSION, _TRUNCATED = 0x8000, 0x0100, 0x0200
_OPCODE_AND_RESPONSE = 0xF800
_INTERNET, _CNAME = 1, 5
_NAME_MAX, _LABEL_MAX, _JUMPS_MAX, _ALIASES_MAX = 253, 63, 16, 16
_TTL = 60


@enum.unique
class RecordType(enum.IntEnum):
    """What is asked for: addresses of IPv4, of IPv6."""

    A = 1
    AAAA = 28


RCODES = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
"""RFC 1035, 4.1.1, by their usual names."""


class BadDns(TiaasError):
    """No usable packet, or no name; `reason` is a short English phrase."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class OtherQuestion(BadDns):
    """A packet with another question in it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a client asks. `name` is in lower case without the last dot."""

    id: bytes
    name: str
    kind: RecordType


@dataclass(frozen=True, slots=True)
class NameAnswer:
    """What a server told: RCODE, 0 for no error, and the addresses of the name, of its alias if it is one."""

    rcode: int
    addresses: tuple[str, ...] = ()


def encode_question(question: Question) -> bytes:
    """A client's packet; recursion is desired. Raises `BadDns` for what is no name of a host."""
    head = _HEAD.pack(question.id, _RECURSION, 1, 0, 0, 0)
    return head + _encode_name(question.name) + _QUESTION.pack(question.kind, _INTERNET)


def decode_question_untrusted(packet: bytes) -> Question:
    """A client's packet with one question for addresses. Raises `BadDns`."""
    flags, count, _ = _head(packet)
    if flags & _OPCODE_AND_RESPONSE or count != 1:
        raise BadDns("no question")
    name, kind, _ = _question(packet)
    return Question(packet[:ID_SIZE], name, kind)


def encode_answer(question: Question, answer: NameAnswer) -> bytes:
    """A server's packet."""
    records = b"".join(_encode_record(question.kind, address) for address in answer.addresses)
    flags = _RESPONSE | _RECURSION | answer.rcode
    head = _HEAD.pack(question.id, flags, 1, len(answer.addresses), 0, 0)
    return head + _encode_name(question.name) + _QUESTION.pack(question.kind, _INTERNET) + records


def decode_answer_untrusted(packet: bytes, question: Question) -> NameAnswer:
    """A server's packet that answers `question`; records of other names are not looked at. Raises `BadDns`."""
    flags, count, answers = _head(packet)
    if packet[:ID_SIZE] != question.id or flags & _OPCODE_AND_RESPONSE != _RESPONSE or count != 1:
        raise BadDns("no answer to this question")
    if flags & _TRUNCATED:
        raise BadDns("the answer was cut off")
    name, kind, at = _question(packet)
    if (name, kind) != (question.name, question.kind):
        raise OtherQuestion("no answer to this question")
    addresses: list[tuple[str, str]] = []
    aliases: dict[str, str] = {}
    for _ in range(answers):
        owner, at = _decode_name(packet, at)
        found, class_, _, size = _unpack(_RECORD, packet, at)
        begin = at + _RECORD.size
        at = begin + size
        if at > len(packet):
            raise BadDns("a record ends too early")
        if class_ == _INTERNET and found == _CNAME:
            aliases[owner] = _decode_name(packet, begin)[0]
        elif class_ == _INTERNET and found == kind:
            addresses.append((owner, _address(kind, packet[begin:at])))
    for _ in range(_ALIASES_MAX):
        name = aliases.get(name, name)
    return NameAnswer(flags & 0x0F, tuple(address for owner, address in addresses if owner == name))


def _head(packet: bytes) -> tuple[int, int, int]:
    if len(packet) > PACKET_MAX:
        raise BadDns("a packet is too long")
    _, flags, questions, answers, _, _ = _unpack(_HEAD, packet, 0)
    return flags, questions, answers


def _question(packet: bytes) -> tuple[str, RecordType, int]:
    name, at = _decode_name(packet, _HEAD.size)
    kind, class_ = _unpack(_QUESTION, packet, at)
    if class_ != _INTERNET or kind not in list(RecordType):
        raise BadDns("not a question for addresses")
    return name, RecordType(kind), at + _QUESTION.size


def _unpack(layout: struct.Struct, packet: bytes, at: int) -> tuple[int, ...]:
    try:
        return layout.unpack_from(packet, at)
    except struct.error:
        raise BadDns("a packet is too short") from None


def _encode_name(name: str) -> bytes:
    labels = name.lower().rstrip(".").split(".")
    try:
        octets = [label.encode("ascii") for label in labels]
    except UnicodeEncodeError:
        raise BadDns("a name has other characters than ASCII") from None
    if len(name) > _NAME_MAX or any(not 0 < len(label) <= _LABEL_MAX for label in octets):
        raise BadDns("a name or a part of it is empty or too long")
    return b"".join(bytes([len(label)]) + label for label in octets) + b"\0"


def _decode_name(packet: bytes, at: int) -> tuple[str, int]:
    """The name at an offset, and where it ends there."""
    labels: list[str] = []
    after: int | None = None
    jumps = 0
    while True:
        if at >= len(packet):
            raise BadDns("a name ends too early")
        size = packet[at]
        if size & 0xC0 == 0xC0:
            if at + 1 >= len(packet) or jumps == _JUMPS_MAX:
                raise BadDns("a name leads nowhere")
            after = at + 2 if after is None else after
            at = (size & 0x3F) << 8 | packet[at + 1]
            jumps += 1
            continue
        label = packet[at + 1 : at + 1 + size]
        if size > _LABEL_MAX or len(label) != size or sum(map(len, labels)) + size > _NAME_MAX:
            raise BadDns("a part of a name is too long")
        at += 1 + size
        if not size:
            return ".".join(labels), at if after is None else after
        labels.append(label.decode("latin-1").lower())


def _address(kind: RecordType, octets: bytes) -> str:
    try:
        return str(ipaddress.IPv4Address(octets) if kind is RecordType.A else ipaddress.IPv6Address(octets))
    except ValueError:
        raise BadDns("an address has a wrong length") from None


def _encode_record(kind: RecordType, address: str) -> bytes:
    """A record that begins with a pointer to the question's name."""
    octets = ipaddress.ip_address(address).packed
    return bytes([0xC0, _HEAD.size]) + _RECORD.pack(kind, _INTERNET, _TTL, len(octets)) + octets
