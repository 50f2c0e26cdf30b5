"""Event messages of a terminal (SICCT V1.3.0, 6.2.4.4, tables 31 and 32)."""

import enum

from tiaas.base.dataclass import dataclass
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.terminal.sicct.units import KEYPAD, TERMINAL, encode_unit
from tiaas.tlv import BadTlv, Tlv, decode_untrusted


@enum.unique
class EventTag(enum.IntEnum):
    """Tags of table 31."""

    KEEP_ALIVE = 0x80
    SIGN_OFF = 0x81
    UNIT_ADDED = 0x82
    UNIT_REMOVED = 0x83
    CARD_INSERTED = 0x84
    CARD_REMOVED = 0x85
    PROTOCOL_ERROR = 0x86
    KEY = 0x87


@enum.unique
class ProtocolFault(enum.IntEnum):
    """Values of PROTOCOL ERROR, in the order in which a terminal checks."""

    ENVELOPE_TIMEOUT = 0x00
    DATA_TIMEOUT = 0x01
    BAD_TYPE = 0x10
    UNKNOWN_UNIT = 0x11
    BAD_SEQUENCE = 0x12


@enum.unique
class KeyCode(enum.IntEnum):
    """Table 32: a digit's value is never told."""

    CORRECTION = 0x08
    CLEARED = 0x0A
    OK = 0x0D
    TIMED_OUT = 0x0E
    CANCEL = 0x1B
    DIGIT = 0x2B
    PIN_ABORTED = 0x40


# Length of the value by tag (table 31); other tags are passed on unchecked.
_SIZES: dict[int, int] = dict.fromkeys(map(int, EventTag), 2) | {EventTag.PROTOCOL_ERROR: 1, EventTag.KEY: 3}


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `tag` (an `EventTag` or one from a later version) and its value."""

    tag: int
    value: bytes

    def encode(self) -> bytes:
        """The data object."""
        return Tlv(self.tag, self.value).encode()

    @property
    def unit(self) -> int:
        """The functional unit told by the first two octets."""
        return int.from_bytes(self.value[:2], "big")


def keep_alive() -> Event:
    """KEEP ALIVE of the terminal."""
    return Event(EventTag.KEEP_ALIVE, encode_unit(TERMINAL))


def sign_off() -> Event:
    """TERMINAL SIGN OFF: the connection closes right behind it."""
    return Event(EventTag.SIGN_OFF, encode_unit(TERMINAL))


def protocol_error(fault: ProtocolFault) -> Event:
    """PROTOCOL ERROR."""
    return Event(EventTag.PROTOCOL_ERROR, bytes([fault]))


def card_inserted(slot: int) -> Event:
    """A card came into the slot."""
    return Event(EventTag.CARD_INSERTED, encode_unit(slot))


def card_removed(slot: int) -> Event:
    """The card left the slot."""
    return Event(EventTag.CARD_REMOVED, encode_unit(slot))


def unit_added(unit: int) -> Event:
    """A functional unit is there from now on."""
    return Event(EventTag.UNIT_ADDED, encode_unit(unit))


def unit_removed(unit: int) -> Event:
    """A functional unit is there no more."""
    return Event(EventTag.UNIT_REMOVED, encode_unit(unit))


def key_pressed(code: KeyCode) -> Event:
    """A key at the keypad."""
    return Event(EventTag.KEY, encode_unit(KEYPAD) + bytes([code]))


def decode_events_untrusted(payload: bytes) -> tuple[Event, ...]:
    """The events of one message, at least one; raises only `BadSicct`."""
    try:
        objects = decode_untrusted(payload)
    except BadTlv as bad:
        raise BadSicct("event", str(bad)) from bad
    if not objects:
        raise BadSicct("event", "empty message")
    for item in objects:
        if len(item.value) != _SIZES.get(item.tag, len(item.value)):
            raise BadSicct("event", f"{len(item.value)} octets in {item.tag:X}")
    return tuple(Event(item.tag, item.value) for item in objects)
