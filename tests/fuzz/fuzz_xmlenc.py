"""Fuzz target: XML documents with encrypted parts, and what comes out of them."""

from base64 import b64encode
from contextlib import suppress

from tiaas.ades.xadesdocument import XmlDocument, parse_xml_untrusted
from tiaas.ades.xmlencryption import encrypt_xml, put_back
from tiaas.ades.xmlsplice import NotLocated
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
    b"<!-- c --><" + b"n" * 100_000 + b"/>",
    f"<r>{_PART}</r>".replace("x:EncryptedData", "p" * 100_000 + ":EncryptedData")
    .replace("xmlns:x=", f"xmlns:{'p' * 100_000}='{XENC}' xmlns:x=")
    .encode(),
]


def target(data: bytes) -> None:
    """Only `BadEnvelope`, `BadEncryptedXml`, `NotLocated` and `CannotDecrypt` may escape; `CannotRead` where they are
    one."""
    with suppress(BadEnvelope, BadEncryptedXml):
        document = parse_xml_untrusted(data)
        with suppress(NotLocated):
            _come_back(document, encrypt_xml(document, _KEYS[2], bytes(12), _RECIPIENTS))
        parts = encrypted_parts(document.root)
        for number, part in enumerate(parts):
            for key in _KEYS:
                with suppress(CannotDecrypt):
                    part.open(key)
            # Whatever comes out is from outside, too.
            with suppress(BadEncryptedXml, NotLocated):
                put_back(document, parts, {number: data[:200]})
    with suppress(CannotRead):
        closed = read_xml_untrusted(data)
        closed.finish(dict.fromkeys(range(len(closed.parts)), data[:200]))


def _come_back(document: XmlDocument, sealed: bytes) -> None:
    """Whatever was encrypted comes out as it was; as deep or large as may be, it is refused in its envelope."""
    with suppress(BadEnvelope, BadEncryptedXml):
        read = parse_xml_untrusted(sealed)
        (part,) = encrypted_parts(read.root)
        assert put_back(read, (part,), {0: part.open(_KEYS[2])}) == document.octets
