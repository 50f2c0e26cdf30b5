"""What the first octets of an answer to reset tell (ISO/IEC 7816-3, 8.1; MKT part 5: ATR of synchronous cards)."""

from tiaas.card.atr import CONVENTIONS

_SIZE = 4
_SYNCHRONOUS_PROTOCOLS = (0x82, 0x92, 0xA2)
"""H1 of memory cards with serial data access (I²C), 3-wire and 2-wire protocol, 8 bits per unit."""
_DIR_REFERENCE = b"\x10\x91"
"""H3 and H4: the card has a DIR data area at this address."""


def is_memory_card(atr: bytes) -> bool:
    """Whether the ATR is that of a synchronous card: four octets, the first no transmission convention."""
    return len(atr) == _SIZE and atr[0] not in CONVENTIONS


def is_kvk(atr: bytes) -> bool:
    """Whether the ATR is that of a memory card as Krankenversichertenkarten are; no more is known before reading."""
    return len(atr) == _SIZE and atr[0] in _SYNCHRONOUS_PROTOCOLS and atr[2:4] == _DIR_REFERENCE
