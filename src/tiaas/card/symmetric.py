"""AES as cards use it: CBC with ISO padding and CMAC cut to 8 octets (gemSpec_COS V3.12.0, 6.1, 6.6.2, 6.7)."""

from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

from tiaas.base.errors import TiaasError

BLOCK: Final = 16
MAC_SIZE: Final = 8


class PaddingError(TiaasError):
    """Octets without ISO padding where padding must be."""


def pad(message: bytes) -> bytes:
    """PaddingIso: 80 and as many 00 as fill the block; always adds at least one octet."""
    return message + b"\x80" + bytes(-(len(message) + 1) % BLOCK)


def unpad(padded: bytes) -> bytes:
    """TruncateIso; raises `PaddingError`."""
    message = padded.rstrip(b"\0")
    if message[-1:] != b"\x80" or len(padded) - len(message) >= BLOCK:
        raise PaddingError("no ISO padding")
    return message[:-1]


def cbc_encrypt(key: bytes, iv: bytes, message: bytes) -> bytes:
    """AES-CBC of whole blocks."""
    encryptor = Cipher(AES(key), CBC(iv)).encryptor()
    return encryptor.update(message) + encryptor.finalize()


def cbc_decrypt(key: bytes, iv: bytes, ciphertext: bytes) -> bytes:
    """The inverse of `cbc_encrypt`; whole blocks only."""
    decryptor = Cipher(AES(key), CBC(iv)).decryptor()
    return decryptor.update(ciphertext) + decryptor.finalize()


def ecb_encrypt(key: bytes, block: bytes) -> bytes:
    """AES of a single block: how the cards derive initialisation vectors from counters."""
    encryptor = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - one block, prescribed by N032.300
    return encryptor.update(block) + encryptor.finalize()


def checksum(key: bytes, message: bytes) -> bytes:
    """CalculateCMAC_IsoPadding: CMAC of the padded message, first 8 octets."""
    return checksum_unpadded(key, pad(message))


def checksum_unpadded(key: bytes, message: bytes) -> bytes:
    """CalculateCMAC_NoPadding: first 8 octets of the CMAC."""
    mac = CMAC(AES(key))
    mac.update(message)
    return mac.finalize()[:MAC_SIZE]
