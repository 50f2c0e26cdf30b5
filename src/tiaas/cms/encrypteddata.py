"""EncryptedData of CMS: content for whoever has the key, without recipients (RFC 5652, 8).

    ContentInfo { id-encryptedData, [0] EncryptedData {
        version 0, encryptedContentInfo { id-data, aes256-GCM { nonce 12, ICVlen 16 }, [0] ciphertext ‖ tag } } }

RFC 5084 gives AES-GCM no place here; the tag stands behind the ciphertext, as in RFC 5116, 5.1, and as the general
libraries write it.
"""

from typing import Final

from tiaas.base.dataclass import dataclass
from tiaas.cms import oids
from tiaas.cms.ber import Elements, dotted_oid, read_untrusted, string_segments
from tiaas.cms.contentalgorithm import algorithm_of, cipher_parameters
from tiaas.cms.contentcipher import TAG_SIZE, CannotOpen, ContentCipher, GcmSealed, Mode, open_gcm
from tiaas.cms.der import INTEGER, OCTET_STRING, SEQUENCE, algorithm, integer, octet_string, oid, sequence, wrap
from tiaas.cms.enveloped import ENCRYPTED_CONTENT
from tiaas.cms.errors import BadCms

ENCRYPTED_DATA: Final = "1.2.840.113549.1.7.6"
"""id-encryptedData."""
_UNPROTECTED_ATTRS: Final = 0xA1


@dataclass(frozen=True, slots=True, repr=False)
class Encrypted:
    """An encrypted content."""

    cipher: ContentCipher
    _nonce: bytes
    _ciphertext: bytes
    _tag: bytes

    def open(self, key: bytes) -> bytes:
        """The content. Raises only `CannotOpen`."""
        if len(key) != self.cipher.key_size:
            raise CannotOpen("a key of another length")
        return open_gcm(key, self._nonce, [self._ciphertext], self._tag)


def write_encrypted(nonce: bytes, sealed: GcmSealed) -> bytes:
    """The ContentInfo (DER) of what AES-256-GCM made."""
    content = wrap(
        SEQUENCE,
        oid(oids.DATA),
        algorithm(ContentCipher.AES_256_GCM, sequence(octet_string(nonce), integer(TAG_SIZE))),
        wrap(ENCRYPTED_CONTENT, [*sealed.ciphertext(), sealed.tag]),
    )
    return b"".join(wrap(SEQUENCE, oid(ENCRYPTED_DATA), wrap(0xA0, wrap(SEQUENCE, integer(0), content))))


def read_encrypted_untrusted(octets: bytes) -> Encrypted:
    """The encrypted content in a ContentInfo; raises only `BadCms`. AES-GCM of any key length is read, nothing else."""
    info = Elements(read_untrusted(octets).expect(SEQUENCE))
    if dotted_oid(info.take()) != ENCRYPTED_DATA:
        raise BadCms("no content encrypted without recipients")
    parts = Elements(Elements(info.take(0xA0)).take(SEQUENCE))
    parts.take(INTEGER)
    content = Elements(parts.take(SEQUENCE))
    parts.optional(_UNPROTECTED_ATTRS)
    parts.end()
    dotted_oid(content.take())
    dotted, parameters = algorithm_of(content.take(SEQUENCE))
    cipher = _cipher(dotted)
    nonce, tag_length = cipher_parameters(cipher, parameters)
    sealed = b"".join(string_segments(content.take(), OCTET_STRING, ENCRYPTED_CONTENT))
    content.end()
    if not 0 < tag_length <= len(sealed):
        raise BadCms("shorter than its tag")
    return Encrypted(cipher, nonce, sealed[:-tag_length], sealed[-tag_length:])


def _cipher(dotted: str) -> ContentCipher:
    try:
        cipher = ContentCipher(dotted)
    except ValueError:
        raise BadCms("an algorithm that is not read") from None
    if cipher.mode is not Mode.GCM:
        raise BadCms("an algorithm that does not prove the content unchanged")
    return cipher
