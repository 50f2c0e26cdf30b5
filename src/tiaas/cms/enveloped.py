"""AuthEnvelopedData of CMS, written (RFC 5083; RFC 5084; gemSpec_Krypt GS-A_4389, A_17220).

    ContentInfo { id-ct-authEnvelopedData, [0] AuthEnvelopedData {
        version 0, recipientInfos SET OF KeyTransRecipientInfo,
        authEncryptedContentInfo { id-data, aes256-GCM { nonce 12, ICVlen 16 }, [0] ciphertext },
        mac, [2] unauthAttrs } }

There is one KeyTransRecipientInfo per certificate, also for an ECC key: its encryptedKey is then the cryptogram that a
card takes (`tiaas.card.elc`), not the key agreement of RFC 5753.
"""

from collections.abc import Sequence
from enum import StrEnum, unique
from io import BytesIO
from typing import Final

from tiaas.base.dataclass import dataclass
from tiaas.cms import oids
from tiaas.cms.ber import Elements, dotted_oid, read_untrusted
from tiaas.cms.certificate import IssuerAndSerial
from tiaas.cms.contentcipher import TAG_SIZE, ContentCipher, GcmSealed
from tiaas.cms.der import NULL, SEQUENCE, SET, algorithm, integer, octet_string, oid, sequence, set_of
from tiaas.tlv import encode, header

AUTH_ENVELOPED_DATA: Final = "1.2.840.113549.1.9.16.1.23"
"""id-ct-authEnvelopedData (RFC 5083, 2.1)."""
ENVELOPED_DATA: Final = "1.2.840.113549.1.7.3"
"""id-envelopedData (RFC 5652, 6.1); read only."""
P_SPECIFIED: Final = "1.2.840.113549.1.1.9"
"""id-pSpecified (RFC 4055, 4.1)."""

ENCRYPTED_CONTENT: Final = 0x80
UNAUTH_ATTRS: Final = 0xA2


@unique
class KeyTransport(StrEnum):
    """keyEncryptionAlgorithm of a KeyTransRecipientInfo."""

    RSAES_OAEP = "1.2.840.113549.1.1.7"
    """With SHA-256 and MGF1 with SHA-256 (RFC 4055, 4.1; gemSpec_Krypt Tab_KRYPT_009)."""
    ELC = "1.2.276.0.76.4.222"
    """oid_ti_ecies_transport_encryption (gemSpec_Krypt A_17220): the structure A6 of gemSpec_COS."""


_SHA256: Final = algorithm(oids.SHA256, NULL)
_ALGORITHMS: Final = {
    KeyTransport.RSAES_OAEP: algorithm(
        KeyTransport.RSAES_OAEP,
        sequence(encode(0xA0, _SHA256), encode(0xA1, algorithm(oids.MGF1, _SHA256))),
    ),
    KeyTransport.ELC: algorithm(KeyTransport.ELC),
}


@dataclass(frozen=True, slots=True, repr=False)
class Recipient:
    """Who can open the content: the certificate's name, how the content key travels, and the encrypted content key."""

    certificate: IssuerAndSerial
    transport: KeyTransport
    encrypted_key: bytes


def write_auth_enveloped(
    recipients: Sequence[Recipient], nonce: bytes, sealed: GcmSealed, attributes: Sequence[bytes] = ()
) -> bytes:
    """The ContentInfo (DER). `attributes` are whole Attributes (DER), put into unauthAttrs unchanged."""
    unauthenticated = set_of(attributes, UNAUTH_ATTRS) if attributes else b""
    behind = len(octet_string(bytes(TAG_SIZE))) + len(unauthenticated)
    # All lengths are known before the ciphertext is: it is written behind what stands in front of it.
    front = b"".join(
        (
            oid(oids.DATA),
            algorithm(ContentCipher.AES_256_GCM, sequence(octet_string(nonce), integer(TAG_SIZE))),
            header(ENCRYPTED_CONTENT, sealed.size),
        )
    )
    front = _begun(SEQUENCE, front, sealed.size)
    front = b"".join((integer(0), set_of(map(_recipient_info, recipients)), front))
    front = _begun(0xA0, _begun(SEQUENCE, front, sealed.size + behind), sealed.size + behind)
    front = _begun(SEQUENCE, oid(AUTH_ENVELOPED_DATA) + front, sealed.size + behind)
    written = BytesIO()
    written.write(front)
    for part in sealed.ciphertext():
        written.write(part)
    written.write(octet_string(sealed.tag) + unauthenticated)
    return written.getvalue()


def _begun(tag: int, front: bytes, more: int) -> bytes:
    """The beginning of an element that has `more` octets of content behind `front`."""
    return header(tag, len(front) + more) + front


def check_attribute_untrusted(octets: bytes) -> None:
    """Raises only `BadCms` if `octets` are not exactly one Attribute (RFC 5652, 5.3) with at least one value."""
    parts = Elements(read_untrusted(octets).expect(SEQUENCE))
    dotted_oid(parts.take())
    values = Elements(parts.take(SET))
    values.take()
    parts.end()


def _recipient_info(recipient: Recipient) -> bytes:
    return sequence(
        integer(0),
        recipient.certificate.encode(),
        _ALGORITHMS[recipient.transport],
        octet_string(recipient.encrypted_key),
    )
