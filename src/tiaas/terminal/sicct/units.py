"""Functional units of a terminal (SICCT V1.3.0, 5.5.9; gemSpec_KT V3.17.0, A_24115).

A unit is a two-octet number (type ‖ index). In an envelope it addresses card slots; in P1 of a terminal command it is
written in one octet ("direct coding"), or P1 is FF and a data object carries it ("referenced coding").
"""

from tiaas.terminal.sicct.errors import BadSicct

TERMINAL = 0x0000
DISPLAY = 0x4000
KEYPAD = 0x5000

P1_TERMINAL = 0x00
P1_DISPLAY = 0x40
P1_KEYPAD = 0x50
P1_REFERENCED = 0xFF

MAX_SLOT_DIRECT = 0x0E
_CONTACTLESS = 0x1000


def is_slot(unit: int) -> bool:
    """True for a contact slot (0001–00FF) or a contactless one (1001–10FF)."""
    return 0x0001 <= unit <= 0x00FF or _CONTACTLESS < unit <= 0x10FF


def from_p1(p1: int) -> int:
    """The unit of a direct P1 (type in the high nibble, index in the low one)."""
    high, low = p1 >> 4, p1 & 0x0F
    return low if high == 0 else high << 12 | low


def to_p1(unit: int) -> int:
    """The direct P1 of a unit; raises `ValueError` if it has none."""
    p1 = (unit >> 8) | (unit & 0x0F)
    if unit & 0x0FF0 or from_p1(p1) != unit:
        raise ValueError(f"unit {unit:04X} has no direct coding")
    return p1


def decode_unit_untrusted(value: bytes) -> int:
    """The value of a functional unit index object (84 02); raises only `BadSicct`."""
    if len(value) != 2:
        raise BadSicct("functional unit", f"{len(value)} octets")
    return int.from_bytes(value, "big")


def encode_unit(unit: int) -> bytes:
    """Two octets."""
    return unit.to_bytes(2, "big")
