"""XML documents encrypted and decrypted: equal under C14N 1.1 afterwards (TIP1-A_5434), whatever they hold."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from lxml import etree

from tiaas.ades.xadesdocument import XmlDocument, parse_xml_untrusted
from tiaas.ades.xmlencryption import encrypt_xml, put_back
from tiaas.xmlsec import decryption
from tiaas.xmlsec.decryption import (
    BadEncryptedXml,
    CannotDecrypt,
    EncryptedPart,
    NothingEncrypted,
    Overlapping,
    encrypted_parts,
)
from tiaas.xmlsec.encryption import CONTENT, DataCipher, KeyTransport, XmlRecipient

KEY, NONCE = bytes(range(32)), bytes(range(12))
RECIPIENTS = [
    XmlRecipient(b"certificate 1", KeyTransport.RSA_OAEP, b"key 1"),
    XmlRecipient(b"certificate 2", KeyTransport.ELC, b"key 2"),
]
XENC = "http://www.w3.org/2001/04/xmlenc#"
DS = "http://www.w3.org/2000/09/xmldsig#"

DOCUMENTS = [
    b"<a/>",
    b"<a xmlns='urn:x' xmlns:unused='urn:y' b='1' a=\"2\">t<!-- c --><b xml:lang='de'/> <?pi x?>\n</a>",
    b"<?xml version='1.0'?><!-- before --><?xml-stylesheet href='x'?><p:a xmlns:p='urn:p'>\xc3\xa4</p:a><!--b--><?e?>",
    "<?xml version='1.0' encoding='ISO-8859-15'?><!--ä--><a>äöü€ &amp; &#x1F600;</a>".encode("iso-8859-15"),
    b"\xef\xbb\xbf<a>BOM</a>",
    b"<a>\r\n&#13; <![CDATA[<!DOCTYPE x> & ]]> ]]&gt;</a>",
    b"<a xml:space='preserve'>  <b/>  </a>",
]


def canonical(octets: bytes) -> bytes:
    return etree.tostring(etree.fromstring(octets), method="c14n", with_comments=True)


def encrypt(octets: bytes) -> bytes:
    return encrypt_xml(parse_xml_untrusted(octets), KEY, NONCE, RECIPIENTS)


def parts_of(octets: bytes) -> tuple[EncryptedPart, ...]:
    return encrypted_parts(parse_xml_untrusted(octets).root)


def decrypt(octets: bytes, key: bytes = KEY) -> bytes:
    document = parse_xml_untrusted(octets)
    parts = encrypted_parts(document.root)
    return put_back(document, parts, {number: part.open(key) for number, part in enumerate(parts)})


@pytest.mark.requirement("TIP1-A_5434")
@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_comes_back_as_it_was(document: bytes) -> None:
    sealed = encrypt(document)
    back = decrypt(sealed)
    assert back == document
    assert canonical(back) == canonical(document)
    whole = etree.ElementTree(etree.fromstring(document)), etree.ElementTree(etree.fromstring(back))
    assert len({etree.tostring(tree, method="c14n", with_comments=True) for tree in whole}) == 1


def test_the_character_set_stays() -> None:
    sealed = encrypt(DOCUMENTS[3])
    assert sealed.startswith(b"<?xml version='1.0' encoding='ISO-8859-15'?><!--\xe4-->")
    assert "äöü€".encode("iso-8859-15") in decrypt(sealed)


def test_nothing_of_the_document_is_left() -> None:
    sealed = etree.fromstring(encrypt(b"<Diagnose xmlns='urn:geheim'>J06.9</Diagnose>"))
    assert sealed.tag == f"{{{XENC}}}EncryptedData"
    assert b"geheim" not in etree.tostring(sealed)
    assert b"Diagnose" not in etree.tostring(sealed)


@pytest.mark.requirement("TIP1-A_4616-03")
def test_the_form_is_that_of_tab_kon_073() -> None:
    """KeyInfo holds an EncryptedKey per recipient, which names its certificate (TAB_KON_073)."""
    parts = parts_of(encrypt(b"<a/>"))
    assert len(parts) == 1
    found = parts[0]
    assert found.cipher is DataCipher.AES_256_GCM
    assert [(key.certificate, key.transport, key.encrypted_key) for key in found.keys] == [
        (r.certificate, r.transport, r.encrypted_key) for r in RECIPIENTS
    ]


@pytest.mark.parametrize("key", [bytes(32), bytes(16), b""])
def test_another_key_opens_nothing(key: bytes) -> None:
    with pytest.raises(CannotDecrypt):
        decrypt(encrypt(b"<a/>"), key)


def part(plaintext: bytes, kind: str = "", cipher: DataCipher = DataCipher.AES_256_CBC, extra: str = "") -> str:
    """EncryptedData of an older system."""
    key = KEY[: cipher.key_size]
    size = 16 - len(plaintext) % 16
    encryptor = Cipher(AES(key), CBC(bytes(16))).encryptor()
    octets = bytes(16) + encryptor.update(plaintext + bytes(range(size - 1)) + bytes([size])) + encryptor.finalize()
    info = extra or (
        f'<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><x:EncryptedKey><x:EncryptionMethod Algorithm="'
        f'{KeyTransport.ELC}"/><x:CipherData><x:CipherValue>a2V5</x:CipherValue></x:CipherData></x:EncryptedKey></ds:KeyInfo>'
    )
    return (
        f'<x:EncryptedData xmlns:x="{XENC}"{kind and f" Type={chr(34)}{kind}{chr(34)}"}>'
        f'<x:EncryptionMethod Algorithm="{cipher}"/>{info}<x:CipherData><x:CipherValue>\n{b64encode(octets).decode()}\n'
        "</x:CipherValue></x:CipherData></x:EncryptedData>"
    )


@pytest.mark.parametrize("cipher", [cipher for cipher in DataCipher if not cipher.is_gcm])
def test_legacy_cbc_is_read(cipher: DataCipher) -> None:
    document = part(b"<a>alt</a>", cipher=cipher).encode()
    assert canonical(decrypt(document, KEY[: cipher.key_size])) == b"<a>alt</a>"


def test_several_parts_stand_where_they_stood() -> None:
    """Elements and contents of elements, with text around them and prefixes of the document."""
    document = (
        f'<r xmlns="urn:r" xmlns:p="urn:p">eins {part(b"<p:a>1</p:a>")} zwei<b>{part(b"x<c/>y", CONTENT)}</b>drei'
        f"{part(b'<d/>')}{part(b'', CONTENT)}vier</r>"
    )
    expected = b'<r xmlns="urn:r" xmlns:p="urn:p">eins <p:a>1</p:a> zwei<b>x<c></c>y</b>drei<d></d>vier</r>'
    assert canonical(decrypt(document.encode())) == expected


def test_a_part_that_stays_closed_stays_as_it_is() -> None:
    document: XmlDocument = parse_xml_untrusted(f"<r>{part(b'<a/>')}{part(b'<b/>')}</r>".encode())
    parts = encrypted_parts(document.root)
    back = etree.fromstring(put_back(document, parts, {1: parts[1].open(KEY)}))
    assert [etree.QName(child).localname for child in back] == ["EncryptedData", "b"]


def test_a_key_elsewhere_in_the_document_is_found() -> None:
    retrieval = (
        '<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:RetrievalMethod URI="#k" '
        f'Type="{XENC}EncryptedKey"/></ds:KeyInfo>'
    )
    key = (
        f'<x:EncryptedKey xmlns:x="{XENC}" Id="k"><x:EncryptionMethod Algorithm="{KeyTransport.ELC}"/><x:CipherData>'
        "<x:CipherValue>a2V5</x:CipherValue></x:CipherData></x:EncryptedKey>"
    )
    both = f"<r>{part(b'<a/>', extra=retrieval)}{key}</r>"
    (found,) = parts_of(both.encode())
    assert [k.encrypted_key for k in found.keys] == [b"key"]
    with pytest.raises(Overlapping):
        parts_of(both.replace("<r>", '<r Id="k">').encode())
    alone = f"<r>{part(b'<a/>', extra=' ')}{key}</r>"
    (found,) = parts_of(alone.encode())
    assert [k.encrypted_key for k in found.keys] == [b"key"]


def encrypted_key(name: str, info: str = "", cryptogram: str = "a2V5") -> str:
    return (
        f'<x:EncryptedKey xmlns:x="{XENC}" Id="{name}"><x:EncryptionMethod Algorithm="{KeyTransport.ELC}"/>{info}'
        f"<x:CipherData><x:CipherValue>{cryptogram}</x:CipherValue></x:CipherData></x:EncryptedKey>"
    )


def retrieving(*names: str) -> str:
    methods = "".join(f'<ds:RetrievalMethod URI="#{name}"/>' for name in names)
    return f'<ds:KeyInfo xmlns:ds="{DS}">{methods}</ds:KeyInfo>'


def test_parts_share_what_was_read_of_keys() -> None:
    """Of many parts each would read all keys anew: hours, for a document of some megabytes."""
    keys = "".join(encrypted_key(f"k{number}", cryptogram=b64encode(b"%d" % number).decode()) for number in range(20))
    without = parts_of(f"<r>{part(b'<a/>', extra=' ') * 20}{keys}</r>".encode())
    assert [key.encrypted_key for key in without[0].keys] == [b"%d" % number for number in range(20)]
    assert {id(found.keys) for found in without} == {id(without[0].keys)}
    info = retrieving("k3", "k1", "k3", "missing")
    named = parts_of(f"<r>{part(b'<a/>', extra=info) * 20}{keys}{part(b'<a/>', extra=' ')}</r>".encode())
    assert [key.encrypted_key for key in named[0].keys] == [b"3", b"1"]
    assert {id(key) for found in named for key in found.keys} == {id(key) for key in named[-1].keys}
    both = info.replace("<ds:Retrieval", encrypted_key("own") + "<ds:Retrieval", 1)
    (mixed,) = parts_of(f"<r>{part(b'<a/>', extra=both)}{keys}</r>".encode())
    assert [key.encrypted_key for key in mixed.keys] == [b"key", b"3", b"1"]


def test_parts_name_only_so_many_keys_together(monkeypatch: pytest.MonkeyPatch) -> None:
    document = f"<r>{part(b'<a/>', extra=retrieving('k', 'l')) * 3}{encrypted_key('k')}{encrypted_key('l')}</r>"
    monkeypatch.setattr(decryption, "_MAX_KEYS", 6)
    assert len(parts_of(document.encode())) == 3
    monkeypatch.setattr(decryption, "_MAX_KEYS", 5)
    with pytest.raises(BadEncryptedXml):
        parts_of(document.encode())


def test_certificates_and_keys_end_somewhere() -> None:
    def document(certificate: int, cryptogram: int) -> bytes:
        info = f'<ds:KeyInfo xmlns:ds="{DS}"><ds:X509Data><ds:X509Certificate>{"A" * certificate}</ds:X509Certificate>'
        key = encrypted_key("k", f"{info}</ds:X509Data></ds:KeyInfo>", "A" * cryptogram)
        return f"<r>{part(b'<a/>', extra=' ')}{key}</r>".encode()

    (found,) = parts_of(document(128 * 1024, 16 * 1024))
    assert [(len(key.certificate or b""), len(key.encrypted_key)) for key in found.keys] == [(98304, 12288)]
    for sizes in ((128 * 1024 + 4, 4), (4, 16 * 1024 + 4)):
        with pytest.raises(BadEncryptedXml):
            parts_of(document(*sizes))


def test_a_document_without_encrypted_parts() -> None:
    with pytest.raises(NothingEncrypted):
        parts_of(b"<a/>")


def test_a_part_in_a_part_is_refused() -> None:
    inner = part(b"<a/>")
    document = inner.replace("</x:EncryptedData>", f"{inner}</x:EncryptedData>", 1)
    with pytest.raises(Overlapping):
        parts_of(document.encode())


@pytest.mark.parametrize(
    "plaintext", [b"", b"text", b"<a/><b/>", b"<a>", b"</content><content>", b"<a/>t", b"<!-- -->"]
)
def test_what_comes_out_must_be_one_element(plaintext: bytes) -> None:
    for document in (part(plaintext), f"<r>{part(plaintext)}</r>"):
        with pytest.raises(BadEncryptedXml):
            decrypt(document.encode())


def test_octets_that_do_not_fit_are_refused() -> None:
    sealed = encrypt(b"<a/>")
    for old, new in ((b"CipherValue>", b"CipherValu>"), (b"<xenc:CipherValue>", b"<xenc:CipherValue>!")):
        changed = sealed.replace(old, new)
        with pytest.raises((BadEncryptedXml, CannotDecrypt)):
            decrypt(changed)
