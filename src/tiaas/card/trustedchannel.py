"""Protected commands whose keys are in a security module: octets in, octets out (gemSpec_COS V3.12.0, 13, 14.8).

A security module (gSMC-KT, gSMC-K) and a target card share session keys; whoever carries the commands has none. The
module enciphers (PSO ENCIPHER), makes the checksum of a command (PSO COMPUTE CRYPTOGRAPHIC CHECKSUM) and checks that of
the response (PSO VERIFY CRYPTOGRAPHIC CHECKSUM); what stands here puts the pieces together as `securemessaging` would.

    command   CLA' INS P1 P2 { 87 cryptogram, 8E checksum } Le     checksum over  head padded ‖ DO 87
    response  { [87 | 81], 99 SW, 8E checksum } SW                 checksum over  DO … ‖ DO 99
"""

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.card.apdu import NE_SHORT_MAX, CommandApdu, ResponseApdu
from tiaas.card.symmetric import MAC_SIZE, pad
from tiaas.tlv import BadTlv, decode_one_untrusted, decode_untrusted, encode

_DO_CIPHER, _DO_STATUS, _DO_MAC = 0x87, 0x99, 0x8E
_SECURE = 0x0C
_TEMPLATE, _POINT = 0x7C, 0x85
_POINT_SIZE = 65


class BadTrustedChannel(TiaasError):
    """What a card answered in a trusted channel cannot be: structure, or a status word inside and outside."""


@dataclass(frozen=True, slots=True)
class SecuredCommand:
    """A command on logical channel 0 to 3 with its data enciphered by the module; `cryptogram` begins with 01.

    `plain` gives head and channel; its data count for nothing.
    """

    plain: CommandApdu
    cryptogram: bytes

    @property
    def checked(self) -> bytes:
        """What the checksum is to be made of."""
        head = bytes([self.plain.cla | _SECURE, self.plain.ins, self.plain.p1, self.plain.p2])
        return pad(head) + encode(_DO_CIPHER, self.cryptogram)

    def with_checksum(self, checksum: bytes) -> CommandApdu:
        """The command as it goes to the target."""
        body = encode(_DO_CIPHER, self.cryptogram) + encode(_DO_MAC, checksum)
        plain = self.plain
        return CommandApdu(plain.cla | _SECURE, plain.ins, plain.p1, plain.p2, body, NE_SHORT_MAX)


@dataclass(frozen=True, slots=True)
class SecuredResponse:
    """A response without data: what its checksum covers, the checksum, and the status word."""

    checked: bytes
    checksum: bytes
    sw: int


def decode_secured_response_untrusted(response: ResponseApdu) -> SecuredResponse:
    """Takes a protected response without data apart; raises only `BadTrustedChannel`."""
    try:
        items = decode_untrusted(response.data)
    except BadTlv as error:
        raise BadTrustedChannel(str(error)) from None
    if [item.tag for item in items] != [_DO_STATUS, _DO_MAC] or len(items[1].value) != MAC_SIZE:
        raise BadTrustedChannel("not a status and a checksum")
    status = items[0].value
    if status != response.sw.to_bytes(2, "big"):
        raise BadTrustedChannel("status word inside and outside differ")
    return SecuredResponse(encode(_DO_STATUS, status), items[1].value, response.sw)


def decode_ephemeral_point_untrusted(data: bytes) -> bytes:
    """The point in an answer to GENERAL AUTHENTICATE, `7C { 85 point }`; raises only `BadTrustedChannel`."""
    try:
        outer, rest = decode_one_untrusted(data)
        if outer.tag != _TEMPLATE or rest:
            raise BadTrustedChannel("not one data object 7C")
        point = outer.child(_POINT).value
    except BadTlv as error:
        raise BadTrustedChannel(str(error)) from None
    if len(point) != _POINT_SIZE:
        raise BadTrustedChannel(f"a point of {len(point)} octets")
    return point
