"""Transport format of PINs and PUKs on cards: format 2 PIN block (ISO 9564-1; gemSpec_COS V3.12.0, N008.100).

    octet 0      2L      control nibble 2, L = number of digits
    octets 1–7   digits  BCD, filled up with F

The octets are a secret: they are kept in `Secret` from the first to the last step.
"""

from tiaas.base.errors import TiaasError
from tiaas.base.secret import Secret

BLOCK_SIZE = 8
MIN_DIGITS = 4
MAX_DIGITS = 12


class BadPinBlock(TiaasError):
    """Octets that are no format 2 PIN block, or digits that have none. Never tells the digits."""


def encode_pin_block(pin: Secret) -> Secret:
    """The block of `pin` (4 to 12 ASCII digits); raises `BadPinBlock`."""
    digits = pin.reveal()
    if not MIN_DIGITS <= len(digits) <= MAX_DIGITS or not (digits.isascii() and digits.isdigit()):
        raise BadPinBlock("a PIN has 4 to 12 digits")
    nibbles = f"2{len(digits):X}" + digits.decode("ascii")
    return Secret(bytes.fromhex(nibbles.ljust(2 * BLOCK_SIZE, "F")))


def decode_pin_block_untrusted(block: Secret) -> Secret:
    """The ASCII digits in a block; raises only `BadPinBlock`."""
    octets = block.reveal()
    if len(octets) != BLOCK_SIZE:
        raise BadPinBlock("a PIN block has 8 octets")
    nibbles = octets.hex()
    size = int(nibbles[1], 16)
    digits, filler = nibbles[2 : 2 + size], nibbles[2 + size :]
    if nibbles[0] != "2" or not MIN_DIGITS <= size <= MAX_DIGITS:
        raise BadPinBlock("control or length nibble wrong")
    if not digits.isdecimal() or filler.strip("f"):
        raise BadPinBlock("digits or filler wrong")
    return Secret(digits.encode("ascii"))
