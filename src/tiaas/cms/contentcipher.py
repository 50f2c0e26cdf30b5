"""Content encryption in CMS: AES in GCM (RFC 5084), and in CBC for what older systems wrote (RFC 3565).

Written is AES-256-GCM with a nonce of 12 octets and a tag of 16 only (gemSpec_Krypt Tab_KRYPT_010); read are all key
lengths, and CBC (gemSpec_Kon V5.18 TUC_KON_071, Varianten).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum, unique
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, GCM
from cryptography.hazmat.primitives.padding import PKCS7

from tiaas.base.errors import TiaasError

KEY_SIZE: Final = 32
NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16
_SHORTEST_TAG: Final = 12
_LONGEST_NONCE: Final = 64
_BLOCK: Final = 16


class CannotOpen(TiaasError):
    """The content does not come out with this key: the key is another's, or the content was changed."""


@unique
class Mode(Enum):
    """How AES is used."""

    GCM = "gcm"
    CBC = "cbc"


@unique
class ContentCipher(StrEnum):
    """contentEncryptionAlgorithm by object identifier (RFC 3565, 4.1; RFC 5084, 3.2)."""

    AES_128_CBC = "2.16.840.1.101.3.4.1.2"
    AES_192_CBC = "2.16.840.1.101.3.4.1.22"
    AES_256_CBC = "2.16.840.1.101.3.4.1.42"
    AES_128_GCM = "2.16.840.1.101.3.4.1.6"
    AES_192_GCM = "2.16.840.1.101.3.4.1.26"
    AES_256_GCM = "2.16.840.1.101.3.4.1.46"

    @property
    def mode(self) -> Mode:
        """GCM or CBC."""
        return Mode[self.name[-3:]]

    @property
    def key_size(self) -> int:
        """Octets of a key."""
        return int(self.name[4:7]) // 8


@dataclass(frozen=True, slots=True)
class GcmSealed:
    """What encryption gives beside the key."""

    ciphertext: bytes
    tag: bytes


def seal(key: bytes, nonce: bytes, plaintext: bytes) -> GcmSealed:
    """AES-GCM without further authenticated data."""
    sealed = AESGCM(key).encrypt(nonce, plaintext, None)
    return GcmSealed(sealed[:-TAG_SIZE], sealed[-TAG_SIZE:])


def open_gcm(
    key: bytes, nonce: bytes, ciphertext: Iterable[bytes | memoryview], tag: bytes, associated: bytes = b""
) -> bytes:
    """The content of AES-GCM; `associated` is authenticated with it. Raises only `CannotOpen`."""
    if not _SHORTEST_TAG <= len(tag) <= TAG_SIZE or not 8 <= len(nonce) <= _LONGEST_NONCE:
        raise CannotOpen("a nonce or tag of another length")
    try:
        decryptor = Cipher(AES(key), GCM(nonce, tag, min_tag_length=_SHORTEST_TAG)).decryptor()
        decryptor.authenticate_additional_data(associated)
        return b"".join([*map(decryptor.update, ciphertext), decryptor.finalize()])
    except (InvalidTag, ValueError):
        raise CannotOpen("the tag does not fit") from None


def open_cbc(key: bytes, iv: bytes, ciphertext: Iterable[bytes | memoryview]) -> bytes:
    """The content of AES-CBC with the padding of RFC 5652, 6.3; nothing proves it unchanged. Raises `CannotOpen`."""
    if len(iv) != _BLOCK:
        raise CannotOpen("an initialisation vector of another length")
    try:
        decryptor = Cipher(AES(key), CBC(iv)).decryptor()
        unpadder = PKCS7(8 * _BLOCK).unpadder()
        padded = [unpadder.update(decryptor.update(part)) for part in ciphertext]
        return b"".join([*padded, unpadder.update(decryptor.finalize()), unpadder.finalize()])
    except ValueError:
        raise CannotOpen("the padding does not fit") from None
