"""XML Encryption of elements, written (W3C XML Encryption 1.1; gemSpec_Kon V5.18 TAB_KON_073; gemSpec_Krypt).

<xenc:EncryptedData Type="…#Element">
  <xenc:EncryptionMethod Algorithm="…aes256-gcm"/>
  <ds:KeyInfo>
    <xenc:EncryptedKey> … <ds:X509Certificate/> … <xenc:CipherValue/> </xenc:EncryptedKey>   one per recipient
  </ds:KeyInfo>
  <xenc:CipherData><xenc:CipherValue>  nonce ‖ ciphertext ‖ tag  </xenc:CipherValue></xenc:CipherData>
</xenc:EncryptedData>
"""

from base64 import b64encode
from collections.abc import Sequence
from enum import StrEnum, unique
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tiaas.base.dataclass import dataclass
from tiaas.xmlsec.names import DS, SHA256_URI

XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
ELEMENT: Final = XENC + "Element"
CONTENT: Final = XENC + "Content"
MGF1_SHA256: Final = XENC11 + "mgf1sha256"
KEY_SIZE: Final = 32
NONCE_SIZE: Final = 12
TAG_SIZE: Final = 16


@unique
class KeyTransport(StrEnum):
    """EncryptionMethod of an EncryptedKey."""

    RSA_OAEP = XENC11 + "rsa-oaep"
    """With SHA-256 and MGF1 with SHA-256 (gemSpec_Krypt Tab_KRYPT_009)."""
    ELC = "http://gematik.de/ecies/2019"
    """gemSpec_Krypt A_17220: the cipher value is the structure A6 of gemSpec_COS."""


@unique
class DataCipher(StrEnum):
    """EncryptionMethod of EncryptedData. Only AES-256-GCM is written; CBC is what older systems wrote."""

    AES_128_CBC = XENC + "aes128-cbc"
    AES_192_CBC = XENC + "aes192-cbc"
    AES_256_CBC = XENC + "aes256-cbc"
    AES_128_GCM = XENC11 + "aes128-gcm"
    AES_192_GCM = XENC11 + "aes192-gcm"
    AES_256_GCM = XENC11 + "aes256-gcm"

    @property
    def is_gcm(self) -> bool:
        """GCM, else CBC."""
        return self.name.endswith("GCM")

    @property
    def key_size(self) -> int:
        """Octets of a key."""
        return int(self.name[4:7]) // 8


@dataclass(frozen=True, slots=True, repr=False)
class XmlRecipient:
    """Who can open the document: certificate (DER), how the content key travels, and the encrypted content key."""

    certificate: bytes
    transport: KeyTransport
    encrypted_key: bytes


_METHODS: Final = {
    KeyTransport.RSA_OAEP: (
        f'<xenc:EncryptionMethod Algorithm="{KeyTransport.RSA_OAEP}"><ds:DigestMethod Algorithm="{SHA256_URI}"/>'
        f'<xenc11:MGF xmlns:xenc11="{XENC11}" Algorithm="{MGF1_SHA256}"/></xenc:EncryptionMethod>'
    ).encode(),
    KeyTransport.ELC: f'<xenc:EncryptionMethod Algorithm="{KeyTransport.ELC}"/>'.encode(),
}
_HEAD: Final = (
    f'<xenc:EncryptedData xmlns:xenc="{XENC}" Type="{ELEMENT}">'
    f'<xenc:EncryptionMethod Algorithm="{DataCipher.AES_256_GCM}"/><ds:KeyInfo xmlns:ds="{DS}">'
).encode()


def encrypted_data(plaintext: bytes, key: bytes, nonce: bytes, recipients: Sequence[XmlRecipient]) -> bytes:
    """The EncryptedData with an element (XML in UTF-8), in ASCII. `key` has 32 octets, `nonce` 12."""
    sealed = AESGCM(key).encrypt(nonce, plaintext, None)
    return b"".join(
        (
            _HEAD,
            *map(_encrypted_key, recipients),
            b"</ds:KeyInfo><xenc:CipherData><xenc:CipherValue>",
            b64encode(nonce + sealed),
            b"</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData>",
        )
    )


def _encrypted_key(recipient: XmlRecipient) -> bytes:
    return b"".join(
        (
            b"<xenc:EncryptedKey>",
            _METHODS[recipient.transport],
            b"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>",
            b64encode(recipient.certificate),
            b"</ds:X509Certificate></ds:X509Data></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>",
            b64encode(recipient.encrypted_key),
            b"</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey>",
        )
    )
