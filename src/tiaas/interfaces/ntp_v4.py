"""The Network Time Protocol, version 4, client and server mode (RFC 5905 §7.3; gemSpec_Net, NTP-Topologie).

octet 0     LI (2 bits) VN (3) Mode (3)          octets 24-31  origin: the client's transmit time, sent back
octet 1     stratum                              octets 32-39  receive time
octets 12-15 reference id                        octets 40-47  transmit time
times: seconds since 1900 in 32.32 bits fixed point, modulo 2^32 seconds
"""

import struct
from datetime import UTC, datetime, timedelta

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError

SIZE = 48
_VERSION = 4
_CLIENT, _SERVER = 3, 4
_UNSYNCHRONISED = 3
_HEAD = struct.Struct("!BBbb4s4s4s8s8s8s8s")
_EPOCH = datetime(1900, 1, 1, tzinfo=UTC)
_ERA = timedelta(seconds=1 << 32)


class BadNtp(TiaasError):
    """No usable packet; `reason` is a short English phrase."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class TimeAnswer:
    """What a server told: when it got the question and when it answered, aware, and its stratum."""

    received: datetime
    transmitted: datetime
    stratum: int


def encode_question(nonce: bytes) -> bytes:
    """A client's packet; `nonce` (8 octets) stands where the client's own time could and comes back in the answer."""
    return _HEAD.pack(
        _VERSION << 3 | _CLIENT, 0, 0, 0, bytes(4), bytes(4), bytes(4), bytes(8), bytes(8), bytes(8), nonce
    )


def decode_question_untrusted(packet: bytes) -> bytes:
    """The nonce of a client's packet. Raises `BadNtp`."""
    if len(packet) < SIZE or packet[0] & 7 != _CLIENT:
        raise BadNtp("no question")
    return packet[40:48]


def encode_answer(nonce: bytes, answer: TimeAnswer) -> bytes:
    """A server's packet."""
    times = _encode_time(answer.received), _encode_time(answer.transmitted)
    return _HEAD.pack(
        _VERSION << 3 | _SERVER, answer.stratum, 6, -20, bytes(4), bytes(4), b"LAB\0", times[0], nonce, *times
    )


def decode_answer_untrusted(packet: bytes, nonce: bytes, near: datetime) -> TimeAnswer:
    """A server's packet that answers `nonce`; of all eras the one next to `near` is meant. Raises `BadNtp`."""
    if len(packet) < SIZE:
        raise BadNtp("a packet is too short")
    first, stratum, _, _, _, _, _, _, origin, received, transmitted = _HEAD.unpack(packet[:SIZE])
    if first & 7 != _SERVER or origin != nonce:
        raise BadNtp("no answer to this question")
    if first >> 6 == _UNSYNCHRONISED or not 1 <= stratum <= 15:
        raise BadNtp("the server is not synchronised")
    return TimeAnswer(_decode_time(received, near), _decode_time(transmitted, near), stratum)


def _encode_time(moment: datetime) -> bytes:
    micros = (moment - _EPOCH) // timedelta(microseconds=1)
    return (((micros << 32) // 1_000_000) & (1 << 64) - 1).to_bytes(8, "big")


def _decode_time(octets: bytes, near: datetime) -> datetime:
    value = int.from_bytes(octets, "big")
    moment = timedelta(microseconds=(value * 1_000_000 + (1 << 31)) >> 32)
    era = round((near - _EPOCH - moment) / _ERA)
    try:
        return _EPOCH + moment + era * _ERA
    except OverflowError as error:
        raise BadNtp("a time outside of all eras") from error
