"""Symmetric encryption for Fachmodule: TUC_KON_072 and 073 for documents, 075 and 076 for octets (gemSpec_Kon V5.18
TIP1-A_4618, 4619, A_18001, A_18002).

AES-256-GCM with a nonce of 12 octets and a tag of 16 (gemSpec_Krypt GS-A_5016). A document becomes a CMS EncryptedData
(RFC 5652, 8), octets become nonce ‖ ciphertext ‖ tag. Pure; for a thread where a document is large.
"""

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.cms.contentcipher import KEY_SIZE, NONCE_SIZE, TAG_SIZE, CannotOpen, GcmSealed, open_gcm, seal
from tiaas.cms.encrypteddata import read_encrypted_untrusted, write_encrypted
from tiaas.cms.errors import BadCms
from tiaas.konnektor.errors import KonnektorError

NOT_ENCRYPTED, NOT_DECRYPTED = 4108, 4109


@dataclass(frozen=True, slots=True, repr=False)
class Encrypted:
    """What encryption gives: the octets, and the key, which was given or made."""

    octets: bytes
    key: Secret


def encrypt_document(document: bytes, entropy: Entropy, key: Secret | None = None) -> Encrypted:
    """TUC_KON_072: a ContentInfo (DER). Raises `KonnektorError` 4108 for a key that is not of 32 octets."""
    nonce, sealed, used = _seal(document, b"", entropy, key)
    return Encrypted(write_encrypted(nonce, sealed), used)


def decrypt_document(encrypted: bytes, key: Secret) -> bytes:
    """TUC_KON_073: the document of a ContentInfo. Raises 4109: none, changed, or another key's."""
    try:
        return read_encrypted_untrusted(encrypted).open(key.reveal())
    except (BadCms, CannotOpen) as error:
        raise KonnektorError(NOT_DECRYPTED, str(error)) from None


def encrypt_octets(data: bytes, entropy: Entropy, key: Secret | None = None, associated: bytes = b"") -> Encrypted:
    """TUC_KON_075; `associated` is not encrypted, but nothing comes out again without it. Raises 4108 as above."""
    nonce, sealed, used = _seal(data, associated, entropy, key)
    return Encrypted(b"".join((nonce, *sealed.ciphertext(), sealed.tag)), used)


def decrypt_octets(encrypted: bytes, key: Secret, associated: bytes = b"") -> bytes:
    """TUC_KON_076. Raises 4109: changed, with other `associated`, or another key's."""
    if len(key.reveal()) != KEY_SIZE or len(encrypted) < NONCE_SIZE + TAG_SIZE:
        raise KonnektorError(NOT_DECRYPTED, "key or data of another length")
    nonce, ciphertext, tag = encrypted[:NONCE_SIZE], encrypted[NONCE_SIZE:-TAG_SIZE], encrypted[-TAG_SIZE:]
    try:
        return open_gcm(key.reveal(), nonce, [ciphertext], tag, associated)
    except CannotOpen as error:
        raise KonnektorError(NOT_DECRYPTED, str(error)) from None


def _seal(data: bytes, associated: bytes, entropy: Entropy, key: Secret | None) -> tuple[bytes, GcmSealed, Secret]:
    """A nonce is never used twice: each call draws one of 96 bits."""
    used = Secret(entropy.octets(KEY_SIZE)) if key is None else key
    if len(used.reveal()) != KEY_SIZE:
        raise KonnektorError(NOT_ENCRYPTED, "key of another length")
    nonce = entropy.octets(NONCE_SIZE)
    return nonce, seal(used.reveal(), nonce, data, associated), used
