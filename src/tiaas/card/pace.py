"""PACE with the card access number: id-PACE-ECDH-GM-AES-CBC-CMAC-128 on brainpoolP256r1, the terminal's half.

BSI TR-03110 Part 2, 3.2 and Part 3, A.3; gemSpec_COS V3.12.0, 14.7.2.1. The card's half is `card/virtual/pace`.

    MSE C1A4       80 mechanism, 83 02
    7C             → 7C { 80 z }      z = AES-CBC(SHA-1(CAN ‖ 00000003)[:16], IV 0, s)
    7C { 81 X1 }   → 7C { 82 Y1 }     X1 = x1·G, Y1 = y1·G;  Ĝ = s·G + x1·Y1
    7C { 83 X2 }   → 7C { 84 Y2 }     X2 = x2·Ĝ, Y2 = y2·Ĝ;  KD = x-coordinate of x2·Y2
    7C { 85 T }    → 7C { 86 T' }     T = CMAC(Kmac, 7F49 { 06 mechanism, 86 Y2 }), T' the same over X2

The procedures are generators: they yield commands, are sent the responses and return the session keys.
"""

from collections.abc import Generator
from dataclasses import replace
from enum import Enum, unique
from hashlib import sha1
from hmac import compare_digest
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.base.secret import Secret
from tiaas.card import commands
from tiaas.card.apdu import NE_EXTENDED_MAX, NE_SHORT_MAX, CommandApdu, ResponseApdu
from tiaas.card.brainpool import NoPoint, Point, add, coordinates, multiply, to_key
from tiaas.card.elc import BadCryptogram, decode_point, encode_point, ephemeral_key
from tiaas.card.objsys.addresses import FID_CARD_ACCESS, KEY_CAN, SFID_VERSION2
from tiaas.card.objsys.basefiles import (
    BadBaseFile,
    decode_card_access_untrusted,
    decode_version2_untrusted,
)
from tiaas.card.securemessaging import SessionKeys, derive_session_keys
from tiaas.card.status import StatusWord
from tiaas.card.symmetric import BLOCK, cbc_decrypt, cbc_encrypt, checksum_unpadded
from tiaas.tlv import BadTlv, decode_one_untrusted, encode

OID_PACE: Final = bytes.fromhex("04007F00070202040202")
# A curve of 256 bits goes with AES-128 (the mechanism's name).
KEY_SIZE: Final = 16

Procedure = Generator[CommandApdu, ResponseApdu, SessionKeys]


@unique
class PaceFailure(Enum):
    """Why there is no channel."""

    WRONG_NUMBER = "the card access number is not this card's"
    REFUSED = "the card refuses a command"
    UNSUPPORTED = "the card does not offer this kind of PACE"
    MALFORMED = "the card's answer cannot be"
    FORGED = "the card does not know the card access number"


class PaceError(TiaasError):
    """PACE ended without a channel; `sw` is the status word of the response that ended it."""

    def __init__(self, failure: PaceFailure, sw: int = StatusWord.OK) -> None:
        super().__init__(f"{failure.value} ({sw:04X})")
        self.failure = failure
        self.sw = sw


def establish(can: Secret, entropy: Entropy) -> Procedure:
    """Opens a channel to a card nothing is known of yet: looks for its kind and version, then `negotiate`.

    Raises only `PaceError`, whatever the card answers.
    """
    # Short: a folder's whole control parameters need an extended answer, which not every reader carries.
    yield from _ask(replace(commands.select_mf(fcp=True), ne=NE_SHORT_MAX))
    try:
        versions = decode_version2_untrusted((yield from _ask(commands.read_binary(sfid=SFID_VERSION2))))
        yield from _ask(commands.select_ef(FID_CARD_ACCESS))
        offered = decode_card_access_untrusted((yield from _ask(commands.read_binary())))
    except BadBaseFile:
        raise PaceError(PaceFailure.MALFORMED) from None
    if not versions.generation2 or OID_PACE not in offered:
        raise PaceError(PaceFailure.UNSUPPORTED)
    return (yield from negotiate(can, entropy))


def negotiate(can: Secret, entropy: Entropy, reference: int = KEY_CAN) -> Procedure:
    """PACE with the card's connection key `reference`; raises only `PaceError`, whatever the card answers."""
    yield from _ask(commands.mse_pace(OID_PACE, reference))
    cryptogram = _value(0x80, (yield from _ask(commands.pace_begin())))
    if len(cryptogram) != BLOCK:
        raise PaceError(PaceFailure.MALFORMED)
    first = ephemeral_key(entropy)
    answer = yield from _ask(commands.general_authenticate(0x81, _own(first), last=False, ne=NE_EXTENDED_MAX))
    try:
        generator = mapped_generator(decipher_number(can, cryptogram), first, decode_point(_value(0x82, answer)))
        second = ephemeral_key(entropy)
        own = encode_point(multiple(second, generator))
        answer = yield from _ask(commands.general_authenticate(0x83, own, last=False, ne=NE_EXTENDED_MAX))
        other = decode_point(_value(0x84, answer))
    except (BadCryptogram, NoPoint):
        raise PaceError(PaceFailure.MALFORMED) from None
    if encode_point(other) == own:
        raise PaceError(PaceFailure.FORGED)
    keys = derive_session_keys(second.exchange(ec.ECDH(), other), KEY_SIZE)
    proof = commands.general_authenticate(0x85, token(keys, encode_point(other)), last=True, ne=NE_EXTENDED_MAX)
    if not compare_digest(_value(0x86, (yield from _ask(proof, last=True))), token(keys, own)):
        raise PaceError(PaceFailure.FORGED)
    return keys


def encipher_number(can: Secret, number: bytes) -> bytes:
    """z: the number s (16 octets) under the key of the access number."""
    return cbc_encrypt(_number_key(can), bytes(BLOCK), number)


def decipher_number(can: Secret, cryptogram: bytes) -> bytes:
    """The number s in z (16 octets)."""
    return cbc_decrypt(_number_key(can), bytes(BLOCK), cryptogram)


def mapped_generator(number: bytes, own: ec.EllipticCurvePrivateKey, other: ec.EllipticCurvePublicKey) -> Point:
    """Ĝ = s·G + x1·Y1 (generic mapping). Raises `NoPoint` for values that no honest card sends."""
    generator = coordinates(ec.derive_private_key(1, ec.BrainpoolP256R1()).public_key())
    factor = own.private_numbers().private_value
    return add(multiply(int.from_bytes(number, "big"), generator), multiply(factor, coordinates(other)))


def multiple(factor: ec.EllipticCurvePrivateKey, generator: Point) -> ec.EllipticCurvePublicKey:
    """The public point that belongs to a private key on the mapped generator."""
    return to_key(multiply(factor.private_numbers().private_value, generator))


def token(keys: SessionKeys, point: bytes) -> bytes:
    """The checksum over the far end's point."""
    return checksum_unpadded(keys.mac, encode(0x7F49, encode(0x06, OID_PACE), encode(0x86, point)))


def _number_key(can: Secret) -> bytes:
    return sha1(can.reveal() + b"\0\0\0\x03").digest()[:KEY_SIZE]  # noqa: S324 - prescribed


def _own(key: ec.EllipticCurvePrivateKey) -> bytes:
    return encode_point(key.public_key())


def _ask(command: CommandApdu, last: bool = False) -> Generator[CommandApdu, ResponseApdu, bytes]:
    """One command; its answer's data if the card agrees."""
    response = yield command
    if last and response.sw == StatusWord.AUTHENTICATION_FAILED:
        raise PaceError(PaceFailure.WRONG_NUMBER, response.sw)
    if not response.ok:
        raise PaceError(PaceFailure.REFUSED, response.sw)
    return response.data


def _value(tag: int, data: bytes) -> bytes:
    try:
        outer, rest = decode_one_untrusted(data)
        if outer.tag != 0x7C or rest:
            raise PaceError(PaceFailure.MALFORMED)
        return outer.child(tag).value
    except BadTlv:
        raise PaceError(PaceFailure.MALFORMED) from None
