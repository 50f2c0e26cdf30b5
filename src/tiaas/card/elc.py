"""Encryption with elliptic curves as cards do it (gemSpec_COS V3.12.0, 6.8.1.4 ELC_ENC and 6.8.2.3 ELC_DEC).

    A6 { 06 curve OID, 7F49 { 86 ephemeral point }, 86 { 02 ‖ C }, 8E T }

Key agreement gives Kab (x-coordinate); Kenc, Kmac = SHA-256(Kab ‖ 00000001), (… ‖ 00000002);
C = AES-256-CBC(Kenc, IV = AES(Kenc, 0), M padded), T = first 8 octets of CMAC(Kmac, C padded).
"""

from hashlib import sha256
from hmac import compare_digest
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.card.brainpool import ORDER
from tiaas.card.symmetric import BLOCK, PaddingError, cbc_decrypt, cbc_encrypt, checksum, ecb_encrypt, pad, unpad
from tiaas.tlv import BadTlv, Tlv, decode_untrusted, encode

OID_BRAINPOOL_P256R1: Final = bytes.fromhex("2B2403030208010107")

_INDICATOR: Final = b"\x02"
_MAC_SIZE: Final = 8
_COORDINATE: Final = 32


class BadCryptogram(TiaasError):
    """Octets that are no ELC cryptogram, or one that was not made for this key."""


@dataclass(frozen=True, slots=True)
class ElcCryptogram:
    """The parts of the structure A6."""

    curve: bytes
    point: bytes
    ciphertext: bytes
    mac: bytes

    def encode(self) -> bytes:
        """The wire octets."""
        return encode(
            0xA6,
            encode(0x06, self.curve),
            encode(0x7F49, encode(0x86, self.point)),
            encode(0x86, _INDICATOR, self.ciphertext),
            encode(0x8E, self.mac),
        )


def decode_elc_cryptogram_untrusted(raw: bytes) -> ElcCryptogram:
    """Reads a structure A6; raises only `BadCryptogram`."""
    try:
        objects = decode_untrusted(raw)
        if len(objects) != 1 or objects[0].tag != 0xA6:
            raise BadCryptogram("not exactly one data object A6")
        return _read(objects[0])
    except BadTlv as error:
        raise BadCryptogram(str(error)) from None


def _read(item: Tlv) -> ElcCryptogram:
    if [part.tag for part in item.children()] != [0x06, 0x7F49, 0x86, 0x8E]:
        raise BadCryptogram("data objects missing or in another order")
    cipher = item.child(0x86).value
    if cipher[:1] != _INDICATOR or len(cipher) % BLOCK != 1 or len(cipher) == 1:
        raise BadCryptogram("padding indicator or length of the ciphertext wrong")
    return ElcCryptogram(
        item.child(0x06).value, item.child(0x7F49).child(0x86).value, cipher[1:], item.child(0x8E).value
    )


def elc_encrypt(message: bytes, recipient: ec.EllipticCurvePublicKey, entropy: Entropy) -> bytes:
    """The structure A6 with `message` for the holder of the key on brainpoolP256r1."""
    ephemeral = ephemeral_key(entropy)
    enc, mac = _keys(ephemeral.exchange(ec.ECDH(), recipient))
    ciphertext = cbc_encrypt(enc, ecb_encrypt(enc, bytes(BLOCK)), pad(message))
    return ElcCryptogram(
        OID_BRAINPOOL_P256R1, encode_point(ephemeral.public_key()), ciphertext, checksum(mac, ciphertext)
    ).encode()


def elc_decrypt(raw: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    """The message in a structure A6; raises only `BadCryptogram`."""
    cryptogram = decode_elc_cryptogram_untrusted(raw)
    return elc_open(cryptogram, key.exchange(ec.ECDH(), ephemeral_of(cryptogram)))


def ephemeral_of(cryptogram: ElcCryptogram) -> ec.EllipticCurvePublicKey:
    """The sender's key; raises `BadCryptogram` if it is none on brainpoolP256r1."""
    if cryptogram.curve != OID_BRAINPOOL_P256R1:
        raise BadCryptogram("another curve than the key's")
    return decode_point(cryptogram.point)


def elc_open(cryptogram: ElcCryptogram, shared: bytes) -> bytes:
    """The message, with what ECDH of recipient's and sender's keys gave (x-coordinate). Raises `BadCryptogram`."""
    enc, mac = _keys(shared)
    if not compare_digest(checksum(mac, cryptogram.ciphertext), cryptogram.mac):
        raise BadCryptogram("checksum wrong")
    try:
        return unpad(cbc_decrypt(enc, ecb_encrypt(enc, bytes(BLOCK)), cryptogram.ciphertext))
    except PaddingError:
        raise BadCryptogram("padding wrong") from None


def encode_point(key: ec.EllipticCurvePublicKey) -> bytes:
    """The uncompressed point of a key on brainpoolP256r1: 04 ‖ X ‖ Y, 65 octets."""
    numbers = key.public_numbers()
    return b"\x04" + numbers.x.to_bytes(_COORDINATE, "big") + numbers.y.to_bytes(_COORDINATE, "big")


def decode_point(octets: bytes) -> ec.EllipticCurvePublicKey:
    """The key on brainpoolP256r1 with this uncompressed point; raises `BadCryptogram` if there is none."""
    if octets[:1] != b"\x04":
        raise BadCryptogram("no uncompressed point")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.BrainpoolP256R1(), octets)
    except ValueError:
        raise BadCryptogram("no point of brainpoolP256r1") from None


def ephemeral_key(entropy: Entropy) -> ec.EllipticCurvePrivateKey:
    """A fresh key on brainpoolP256r1 from the given randomness."""
    # 64 surplus bits make the bias of the reduction negligible (FIPS 186-5, A.2.1).
    value = int.from_bytes(entropy.octets(_COORDINATE + 8), "big") % (ORDER - 1) + 1
    return ec.derive_private_key(value, ec.BrainpoolP256R1())


def _keys(shared: bytes) -> tuple[bytes, bytes]:
    return sha256(shared + b"\0\0\0\x01").digest(), sha256(shared + b"\0\0\0\x02").digest()
