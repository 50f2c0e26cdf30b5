"""libxmlsec opens what we write for RSA keys, and we open what it writes (AES-GCM and CBC, RSA-OAEP with SHA-256)."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
import xmlsec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from lxml import etree

from tiaas.ades.xadesdocument import parse_xml_untrusted
from tiaas.ades.xmlencryption import put_back
from tiaas.base.entropy import SystemEntropy
from tiaas.konnektor.hybrid.sealing import Recipient, seal_xml
from tiaas.xmlsec.decryption import encrypted_parts
from tiaas.xmlsec.encryption import CONTENT, ELEMENT, XENC, XENC11, KeyTransport

OAEP = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
DOCUMENT = "<a xmlns='urn:x' b='1'>Müller <!-- c --><b><![CDATA[<&>]]></b></a>".encode()


@cache
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def certificate() -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Empfänger")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(77)
    builder = builder.public_key(key().public_key()).not_valid_before(day).not_valid_after(day.replace(year=2030))
    return builder.sign(key(), SHA256())


def context() -> xmlsec.EncryptionContext:
    pem = key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    known = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatPem)
    known.load_cert_from_memory(certificate().public_bytes(Encoding.PEM), xmlsec.constants.KeyDataFormatPem)
    keys = xmlsec.KeysManager()
    keys.add_key(known)
    return xmlsec.EncryptionContext(keys)


def canonical(element: etree._Element) -> bytes:
    return etree.tostring(element, method="c14n", with_comments=True)


@pytest.mark.requirement("TIP1-A_4616-03")
def test_libxmlsec_opens_ours() -> None:
    recipient = Recipient(certificate().public_bytes(Encoding.DER), key().public_key())
    sealed = seal_xml(parse_xml_untrusted(DOCUMENT), [recipient], SystemEntropy())
    root = etree.fromstring(sealed)
    # Without a type the octets are returned; putting elements in place, python-xmlsec gets at odds with lxml.
    assert root.attrib.pop("Type") == ELEMENT
    opened: Any = context().decrypt(root)
    assert canonical(etree.fromstring(opened)) == canonical(etree.fromstring(DOCUMENT))


@pytest.mark.requirement("TIP1-A_4617-02")
@pytest.mark.parametrize("kind", [ELEMENT, CONTENT])
@pytest.mark.parametrize(
    "cipher", [XENC11 + "aes256-gcm", XENC11 + "aes128-gcm", XENC + "aes256-cbc", XENC + "aes128-cbc"]
)
def test_we_open_libxmlsecs(kind: str, cipher: str) -> None:
    template = etree.fromstring(
        f'<x:EncryptedData xmlns:x="{XENC}"><x:EncryptionMethod Algorithm="{cipher}"/>'
        f'<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><x:EncryptedKey>'
        f'<x:EncryptionMethod Algorithm="{KeyTransport.RSA_OAEP}">'
        '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f'<m:MGF xmlns:m="{XENC11}" Algorithm="{XENC11}mgf1sha256"/></x:EncryptionMethod><ds:KeyInfo><ds:X509Data>'
        "<ds:X509Certificate/></ds:X509Data></ds:KeyInfo><x:CipherData><x:CipherValue/></x:CipherData>"
        "</x:EncryptedKey></ds:KeyInfo><x:CipherData><x:CipherValue/></x:CipherData></x:EncryptedData>"
    )
    encryption = context()
    bits = int("".join(filter(str.isdigit, cipher.rpartition("aes")[2])))
    encryption.key = xmlsec.Key.generate(xmlsec.constants.KeyDataAes, bits, xmlsec.constants.KeyDataTypeSession)
    data = etree.fromstring(etree.tostring(encryption.encrypt_binary(template, DOCUMENT)))
    data.set("Type", kind)
    tree = parse_xml_untrusted(b"<r>1<s/>" + etree.tostring(data) + b"2</r>")
    (part,) = parts = encrypted_parts(tree.root)
    (found,) = part.keys
    assert found.certificate == certificate().public_bytes(Encoding.DER)
    assert found.transport is KeyTransport.RSA_OAEP
    back = put_back(tree, parts, {0: part.open(key().decrypt(found.encrypted_key, OAEP))})
    assert canonical(etree.fromstring(back)) == canonical(etree.fromstring(b"<r>1<s/>" + DOCUMENT + b"2</r>"))
