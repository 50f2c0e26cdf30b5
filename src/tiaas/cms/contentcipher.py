"""Content encryption in CMS: AES in GCM (RFC 5084), and in CBC for what older systems wrote (RFC 3565).

Written is AES-256-GCM with a nonce of 12 octets and a tag of 16 only (gemSpec_Krypt Tab_KRYPT_010); read are all key
lengths, and CBC (gemSpec_Kon V5.18 TUC_KON_071, Varianten).
"""

from collections.abc import Iterable, Iterator
from enum import Enum, StrEnum, unique
from io import BytesIO
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
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
_SLICE: Final = 128 * 1024
"""Octets worked on at once: the cipher keeps all other threads waiting meanwhile."""


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


class GcmSealed:
    """A content that is encrypted while it is written, so that it is never held beside its ciphertext.

    `size` is the ciphertext's.
    """

    def __init__(self, key: bytes, nonce: bytes, plaintext: bytes | memoryview, associated: bytes) -> None:
        self.size = len(plaintext)
        self._plaintext = memoryview(plaintext)
        self._encryptor = Cipher(AES(key), GCM(nonce)).encryptor()
        self._encryptor.authenticate_additional_data(associated)

    def ciphertext(self) -> Iterator[bytes]:
        """The ciphertext in slices; it can be taken once."""
        for part in _slices(self._plaintext):
            yield self._encryptor.update(part)
        self._encryptor.finalize()

    @property
    def tag(self) -> bytes:
        """The tag, when the ciphertext was taken."""
        return self._encryptor.tag


def seal(key: bytes, nonce: bytes, plaintext: bytes | memoryview, associated: bytes = b"") -> GcmSealed:
    """AES-GCM; `associated` is authenticated with it and not encrypted."""
    return GcmSealed(key, nonce, plaintext, associated)


def open_gcm(
    key: bytes, nonce: bytes, ciphertext: Iterable[bytes | memoryview], tag: bytes, associated: bytes = b""
) -> bytes:
    """The content of AES-GCM; `associated` is authenticated with it. Raises only `CannotOpen`."""
    if not _SHORTEST_TAG <= len(tag) <= TAG_SIZE or not 8 <= len(nonce) <= _LONGEST_NONCE:
        raise CannotOpen("a nonce or tag of another length")
    try:
        decryptor = Cipher(AES(key), GCM(nonce, tag, min_tag_length=_SHORTEST_TAG)).decryptor()
        decryptor.authenticate_additional_data(associated)
        content = BytesIO()
        for part in _sliced(ciphertext):
            content.write(decryptor.update(part))
        decryptor.finalize()
        return content.getvalue()
    except (InvalidTag, ValueError):
        raise CannotOpen("the tag does not fit") from None


def open_cbc(key: bytes, iv: bytes, ciphertext: Iterable[bytes | memoryview]) -> bytes:
    """The content of AES-CBC with the padding of RFC 5652, 6.3; nothing proves it unchanged. Raises `CannotOpen`."""
    if len(iv) != _BLOCK:
        raise CannotOpen("an initialisation vector of another length")
    try:
        decryptor = Cipher(AES(key), CBC(iv)).decryptor()
        unpadder = PKCS7(8 * _BLOCK).unpadder()
        content = BytesIO()
        for part in _sliced(ciphertext):
            content.write(unpadder.update(decryptor.update(part)))
        content.write(unpadder.update(decryptor.finalize()))
        content.write(unpadder.finalize())
        return content.getvalue()
    except ValueError:
        raise CannotOpen("the padding does not fit") from None


def _sliced(parts: Iterable[bytes | memoryview]) -> Iterator[memoryview]:
    for part in parts:
        yield from _slices(memoryview(part))


def _slices(octets: memoryview) -> Iterator[memoryview]:
    for start in range(0, len(octets), _SLICE):
        yield octets[start : start + _SLICE]
