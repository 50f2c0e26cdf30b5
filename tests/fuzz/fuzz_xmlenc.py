"""Fuzz target: XML documents with encrypted parts, and what comes out of them."""

from base64 import b64encode
from contextlib import suppress

from tiaas.ades.xadesdocument import parse_xml_untrusted
from tiaas.ades.xmlencryption import encrypt_xml, put_back
from tiaas.konnektor.hybrid.opening import CannotRead, read_xml_untrusted
from tiaas.soap.errors import BadEnvelope
from tiaas.xmlsec.decryption import BadEncryptedXml, CannotDecrypt, encrypted_parts
from tiaas.xmlsec.encryption import XENC, KeyTransport, XmlRecipient

_KEYS = (bytes(16), bytes(24), bytes(32))
_RECIPIENTS = [XmlRecipient(b"certificate", transport, b"key") for transport in KeyTransport]
_PART = (
    f'<x:EncryptedData xmlns:x="{XENC}" Type="{XENC}Content"><x:EncryptionMethod Algorithm="{XENC}aes128-cbc"/>'
    f"<x:CipherData><x:CipherValue>{b64encode(bytes(32)).decode()}</x:CipherValue></x:CipherData></x:EncryptedData>"
)

SEEDS: list[bytes] = [
    encrypt_xml(parse_xml_untrusted(b"<?p?><a b='c'>d</a>"), bytes(32), bytes(12), _RECIPIENTS),
    f"<r xmlns='urn:r'>a{_PART}b<c>{_PART}</c></r>".encode(),
    b"<a/>",
    b"</content><content>",
    b"<a xmlns='urn:a'>b</a>",
]


def target(data: bytes) -> None:
    """Only `BadEnvelope`, `BadEncryptedXml` and `CannotDecrypt` may escape; `CannotRead` where they are one."""
    with suppress(BadEnvelope, BadEncryptedXml):
        document = parse_xml_untrusted(data)
        parts = encrypted_parts(document.root)
        for number, part in enumerate(parts):
            for key in _KEYS:
                with suppress(CannotDecrypt):
                    part.open(key)
            # Whatever comes out is from outside, too.
            with suppress(BadEncryptedXml):
                put_back(document, parts, {number: data[:200]})
    with suppress(CannotRead):
        closed = read_xml_untrusted(data)
        closed.finish(dict.fromkeys(range(len(closed.parts)), data[:200]))
