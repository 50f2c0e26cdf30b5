"""A document encrypted for recipients, in CMS, S/MIME or XML Encryption. Pure: no cards, no checks of certificates.

The content key and the nonce are used once. Everything here is made for a thread: a document may have 25 MB.
"""

from collections.abc import Callable, Sequence
from typing import Final

from tiaas.ades import mime
from tiaas.ades.xadesdocument import XmlDocument
from tiaas.ades.xmlencryption import encrypt_xml
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy, random_uuid
from tiaas.card.keytransport import KeyWay, seal_key, way_of
from tiaas.cms import enveloped
from tiaas.cms.certificate import names_untrusted
from tiaas.cms.contentcipher import KEY_SIZE, NONCE_SIZE, seal
from tiaas.pki.certificate import PublicKey
from tiaas.xmlsec import encryption

_IN_CMS: Final = {KeyWay.RSA: enveloped.KeyTransport.RSAES_OAEP, KeyWay.ECC: enveloped.KeyTransport.ELC}
_IN_XML: Final = {KeyWay.RSA: encryption.KeyTransport.RSA_OAEP, KeyWay.ECC: encryption.KeyTransport.ELC}

SMIME_TYPE: Final = "authenticated-enveloped-data"
"""As KIM has it (gemSMIME_KOMLE KOM-LE-A_2104)."""
_SUBJECT: Final = ("Subject", "=?utf-8?q?Verschl=C3=BCsselte_Nachricht?=")
"""TUC_KON_070, S/MIME-Nachbereitung: "Verschlüsselte Nachricht"."""


@dataclass(frozen=True, slots=True, repr=False)
class Recipient:
    """Who is to read the document: a certificate (DER) and its key, which is a suitable one (`way_of`)."""

    certificate: bytes
    key: PublicKey


Seal = Callable[[Sequence[Recipient], Entropy], bytes]
"""A document that waits for its recipients."""


def seal_cms(document: bytes, recipients: Sequence[Recipient], attributes: Sequence[bytes], entropy: Entropy) -> bytes:
    """AuthEnvelopedData; `attributes` are Attributes (DER) for unauthAttrs."""
    key, nonce = entropy.octets(KEY_SIZE), entropy.octets(NONCE_SIZE)
    infos = [
        enveloped.Recipient(
            names_untrusted(recipient.certificate).issuer_and_serial,
            _IN_CMS[way_of(recipient.key)],
            seal_key(key, recipient.key, entropy),
        )
        for recipient in recipients
    ]
    return enveloped.write_auth_enveloped(infos, nonce, seal(key, nonce, document), attributes)


def seal_xml(document: XmlDocument, recipients: Sequence[Recipient], entropy: Entropy) -> bytes:
    """The document with its element replaced by EncryptedData. Raises `NotLocated`."""
    key, nonce = entropy.octets(KEY_SIZE), entropy.octets(NONCE_SIZE)
    infos = [
        encryption.XmlRecipient(
            recipient.certificate, _IN_XML[way_of(recipient.key)], seal_key(key, recipient.key, entropy)
        )
        for recipient in recipients
    ]
    return encrypt_xml(document, key, nonce, infos)


def seal_smime(message: bytes, recipients: Sequence[Recipient], entropy: Entropy) -> bytes:
    """The message in canonical form, encrypted in a message with its header but for subject and message-id.

    Raises `mime.BadMime` if `message` is none.
    """
    sealed = seal_cms(mime.canonical(message), recipients, (), entropy)
    message_id = ("Message-ID", f"<{random_uuid(entropy)}@konnektor>")
    return mime.pkcs7_mime(message, sealed, SMIME_TYPE, (_SUBJECT, message_id))
