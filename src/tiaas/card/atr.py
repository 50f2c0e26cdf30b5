"""Answer to reset (ISO/IEC 7816-3, chapter 8): structure and checksum, no meaning of its values.

    TS  T0  [TA1] [TB1] [TC1] [TD1] [TA2] … historical octets  [TCK]

T0 and each TDi tell in their high nibble which of the next four characters follow; T0's low nibble counts the
historical octets, TDi's names a protocol. TCK is there if any protocol other than T=0 is named.
"""

from functools import reduce
from operator import xor

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError

ATR_MAX = 33
CONVENTIONS = (0x3B, 0x3F)
"""The first octet: direct or inverse convention; that of a synchronous card is neither."""


class BadAtr(TiaasError):
    """Octets that are no answer to reset."""


@dataclass(frozen=True, slots=True)
class Atr:
    """`protocols` in the order told, empty if none is (then T=0 is meant)."""

    protocols: tuple[int, ...]
    historical: bytes


def decode_atr_untrusted(raw: bytes) -> Atr:
    """Reads an answer to reset; raises only `BadAtr`."""
    if not 2 <= len(raw) <= ATR_MAX or raw[0] not in CONVENTIONS:
        raise BadAtr("length or first octet wrong")
    protocols, position, indicator = [], 2, raw[1] >> 4
    while indicator:
        position += bin(indicator & 0x07).count("1")
        if not indicator & 0x08:
            break
        if position >= len(raw):
            raise BadAtr("interface characters cut off")
        protocols.append(raw[position] & 0x0F)
        indicator = raw[position] >> 4
        position += 1
    end = position + (raw[1] & 0x0F)
    checked = any(protocol != 0 for protocol in protocols)
    if len(raw) != end + checked:
        raise BadAtr("historical octets or checksum missing, or octets behind them")
    if checked and reduce(xor, raw[1:]) != 0:
        raise BadAtr("checksum wrong")
    return Atr(tuple(protocols), raw[position:end])
