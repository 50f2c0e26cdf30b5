"""DecryptDocument with real cards (TIP1-A_4622-05, TIP1-A_4617-02): what EncryptDocument makes comes back."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from lxml import etree

from tests.integration.encryption.conftest import (
    USER,
    Somebody,
    data,
    decrypt_request,
    encrypt_request,
    error_of,
    octets_of,
    verify_pin,
    xml,
)
from tests.integration.konnektor_core.surgery import ENTROPY, Surgery
from tiaas.ades.mime import pkcs7_mime
from tiaas.card.keytransport import seal_key
from tiaas.cms.certificate import names_untrusted
from tiaas.cms.contentcipher import seal
from tiaas.cms.der import algorithm, integer, octet_string, oid, sequence, set_of
from tiaas.cms.enveloped import ENVELOPED_DATA, KeyTransport, Recipient, write_auth_enveloped
from tiaas.interfaces.connector_common_v5_0 import Document, Result
from tiaas.interfaces.encryption_service_v6_1 import Crypt, EncryptionType, EncryptOptionalInputs
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.documents import DOCUMENT_OCTETS_MAX
from tiaas.konnektor.errors import KonnektorError, LoggedError
from tiaas.konnektor.hybrid.sealing import SMIME_TYPE
from tiaas.konnektor.keyuse import certified_key
from tiaas.soap.envelope import write_envelope
from tiaas.tlv import encode
from tiaas.xmlsec.encryption import DataCipher
from tiaas.xmlsec.encryption import KeyTransport as XmlTransport

pytestmark = [pytest.mark.asyncio(loop_scope="session")]

TEXT = "Arztbrief: Befund unauffällig".encode()
XML = "<?pi?><b:Befund xmlns:b='urn:b'><!-- c -->unauffällig</b:Befund>".encode()
MAIL = b"Subject: x\r\nContent-Type: text/plain\r\n\r\nvertraulich\r\n"
KEY, NONCE = bytes(range(32)), bytes(12)
CARDS = [CardType.SMC_B, CardType.HBA]


@pytest.mark.code(4085)
@pytest.mark.pitfall(38)
@pytest.mark.parametrize("card_type", CARDS)
async def test_4085_without_pin_and_nobody_is_asked(surgery: Surgery, card_type: CardType) -> None:
    """First in this module: afterwards the PINs are verified."""
    handle = surgery.find(card_type).handle
    sealed = await surgery.call(encrypt_request(data(TEXT), card=handle, crypt=Crypt.ECC))
    assert (await error_of(surgery, decrypt_request(sealed.document, handle))).code == 4085
    await verify_pin(surgery, card_type)
    opened = await surgery.call(decrypt_request(sealed.document, handle))
    assert octets_of(opened.document) == TEXT


@pytest.mark.requirement("TIP1-A_4622-05", "TIP1-A_4617-02", "TIP1-A_5434")
@pytest.mark.pitfall(40)
@pytest.mark.parametrize("crypt", [Crypt.RSA, Crypt.ECC, Crypt.RSA_ECC])
@pytest.mark.parametrize("card_type", CARDS)
@pytest.mark.parametrize("kind", list(EncryptionType))
async def test_what_was_encrypted_comes_back(
    unlocked: Surgery, somebody: Somebody, card_type: CardType, crypt: Crypt, kind: EncryptionType
) -> None:
    handle = unlocked.find(card_type).handle
    document = {EncryptionType.XML: xml(XML), EncryptionType.CMS: data(TEXT), EncryptionType.SMIME: data(MAIL)}[kind]
    inputs = EncryptOptionalInputs(encryption_type=kind)
    sealed = await unlocked.call(
        encrypt_request(document, somebody.certificate, card=handle, crypt=crypt, inputs=inputs)
    )
    opened = await unlocked.call(decrypt_request(sealed.document, handle))
    write_envelope(opened)
    assert opened.status.result is Result.OK
    if kind is EncryptionType.XML:
        assert _canonical(octets_of(opened.document)) == _canonical(XML)
    else:
        assert octets_of(opened.document) == octets_of(document)


@pytest.mark.pitfall(52)
async def test_the_mime_type_is_not_looked_at(unlocked: Surgery) -> None:
    handle = unlocked.find(CardType.SMC_B).handle
    sealed = octets_of((await unlocked.call(encrypt_request(data(TEXT), card=handle))).document)
    opened = await unlocked.call(decrypt_request(data(sealed, "text/plain"), handle))
    assert octets_of(opened.document) == TEXT


@pytest.mark.pitfall(40)
@pytest.mark.requirement("TIP1-A_4617-02")
async def test_a_broken_ecc_key_leaves_the_rsa_key(unlocked: Surgery, monkeypatch: pytest.MonkeyPatch) -> None:
    """TUC_KON_071, variants: the ECC key comes first; what fails is logged, and the RSA key is tried."""
    logged: list[LoggedError] = []
    monkeypatch.setattr(unlocked.core.protocol, "write_error", logged.append)
    card = unlocked.find(CardType.SMC_B)
    sealed = write_auth_enveloped(
        [await recipient(unlocked, card, Crypt.ECC, broken=True), await recipient(unlocked, card, Crypt.RSA)],
        NONCE,
        seal(KEY, NONCE, TEXT),
    )
    opened = await unlocked.call(decrypt_request(data(sealed), card.handle))
    assert octets_of(opened.document) == TEXT
    assert opened.status.result is Result.OK
    assert [entry.error.code for entry in logged] == [4069]


# ---- legacy ----------------------------------------------------------------------------------------------------------


async def test_legacy_cms_with_cbc_is_read(unlocked: Surgery) -> None:
    from cryptography.hazmat.primitives.ciphers import Cipher
    from cryptography.hazmat.primitives.ciphers.algorithms import AES
    from cryptography.hazmat.primitives.ciphers.modes import CBC

    card = unlocked.find(CardType.SMC_B)
    encryptor = Cipher(AES(KEY), CBC(bytes(16))).encryptor()
    ciphertext = encryptor.update(b"alter Befund" + bytes([4]) * 4) + encryptor.finalize()
    found = await recipient(unlocked, card, Crypt.RSA)
    sealed = cms(found, algorithm("2.16.840.1.101.3.4.1.42", octet_string(bytes(16))), ciphertext)
    opened = await unlocked.call(decrypt_request(data(sealed), card.handle))
    assert octets_of(opened.document) == b"alter Befund"


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.code(4000)
async def test_4000_another_key(unlocked: Surgery) -> None:
    handle = unlocked.find(CardType.SMC_B).handle
    assert (await error_of(unlocked, decrypt_request(data(TEXT), handle, "C.AUT"))).code == 4000


@pytest.mark.code(4058)
@pytest.mark.parametrize("card_type", [CardType.EGK, CardType.SMC_KT])
async def test_4058_another_kind_of_card(unlocked: Surgery, card_type: CardType) -> None:
    assert (await error_of(unlocked, decrypt_request(data(TEXT), unlocked.find(card_type).handle))).code == 4058


@pytest.mark.code(4003, 4008)
async def test_access_comes_before_the_document(unlocked: Surgery) -> None:
    """TAB_KON_076, other than in EncryptDocument."""
    hba = unlocked.find(CardType.HBA).handle
    assert (await error_of(unlocked, decrypt_request(xml(b"<a>"), hba, user=None))).code == 4003
    assert (await error_of(unlocked, decrypt_request(xml(b"<a>"), "nothing"))).code == 4008


@pytest.mark.code(4106)
@pytest.mark.parametrize("document", [data(TEXT), xml(XML)])
@pytest.mark.pitfall(40)
async def test_4106_for_somebody_else(unlocked: Surgery, somebody: Somebody, document: Document) -> None:
    sealed = await unlocked.call(encrypt_request(document, somebody.certificate))
    error = await error_of(unlocked, decrypt_request(sealed.document, unlocked.find(CardType.SMC_B).handle))
    assert error.code == 4106


@pytest.mark.code(4103, 4022, 4024, 4281)
@pytest.mark.parametrize(
    ("document", "code"),
    [(b"<a/>", 4103), (b"<a>", 4022), ("<a/>".encode("utf-16"), 4024), (b"<!DOCTYPE a><a/>", 4281)],
)
async def test_xml_without_anything_encrypted(unlocked: Surgery, document: bytes, code: int) -> None:
    error = await error_of(unlocked, decrypt_request(xml(document), unlocked.find(CardType.SMC_B).handle))
    assert error.code == code
    assert (code == 4022) is (error.detail == "line 1, column 4: tag not finished")


@pytest.mark.code(4104)
async def test_4104_overlapping_parts(unlocked: Surgery) -> None:
    handle = unlocked.find(CardType.SMC_B).handle
    sealed = octets_of((await unlocked.call(encrypt_request(xml(b"<a/>"), card=handle))).document)
    nested = sealed.replace(b"</xenc:EncryptedData>", sealed + b"</xenc:EncryptedData>")
    assert (await error_of(unlocked, decrypt_request(xml(nested), handle))).code == 4104


@pytest.mark.code(4280)
async def test_4280_a_name_that_is_too_long(unlocked: Surgery) -> None:
    handle, long = unlocked.find(CardType.SMC_B).handle, b"n" * 100_000
    sealed = octets_of((await unlocked.call(encrypt_request(xml(b"<a/>"), card=handle))).document)
    named = sealed.replace(b"xenc:EncryptedData", long + b":EncryptedData")
    named = named.replace(b"xmlns:xenc=", b'xmlns:%b="http://www.w3.org/2001/04/xmlenc#" xmlns:xenc=' % long, 1)
    error = await error_of(unlocked, decrypt_request(xml(named), handle))
    assert (error.code, error.detail) == (4280, "a tag is too long")


@pytest.mark.code(4107)
async def test_4107_what_does_not_come_out(unlocked: Surgery) -> None:
    card = unlocked.find(CardType.SMC_B)
    sealed = octets_of((await unlocked.call(encrypt_request(data(TEXT), card=card.handle, crypt=Crypt.ECC))).document)
    changed = sealed[:-1] + bytes([sealed[-1] ^ 1])
    broken = write_auth_enveloped(
        [await recipient(unlocked, card, crypt, broken=True) for crypt in (Crypt.ECC, Crypt.RSA)],
        NONCE,
        seal(KEY, NONCE, TEXT),
    )
    for octets in (b"", b"Subject: x\r\n\r\ny", b"\x30\x00", changed, broken):
        assert (await error_of(unlocked, decrypt_request(data(octets), card.handle))).code == 4107
    error = await error_of(unlocked, decrypt_request(data(broken), card.handle))
    assert [cause.code for cause in error.causes] == [4069, 4069]


@pytest.mark.code(4107)
async def test_4107_xml_that_is_none_when_it_comes_out(unlocked: Surgery) -> None:
    """What was encrypted is no element: only somebody with another program makes that."""
    card = unlocked.find(CardType.SMC_B)
    sealed = octets_of((await unlocked.call(encrypt_request(xml(b"<a/>"), card=card.handle, crypt=Crypt.ECC))).document)
    root = etree.fromstring(sealed)
    namespaces = {"x": "http://www.w3.org/2001/04/xmlenc#"}
    key, value = root.findall(".//x:CipherValue", namespaces)
    found = await certified_key(card, "C.ENC", "ECC", unlocked.core.clock)
    assert found is not None
    key.text = b64encode(seal_key(KEY, found.public_key, ENTROPY)).decode()
    content = seal(KEY, NONCE, b"<a>")
    value.text = b64encode(NONCE + b"".join(content.ciphertext()) + content.tag).decode()
    assert (await error_of(unlocked, decrypt_request(xml(etree.tostring(root)), card.handle))).code == 4107


@pytest.mark.code(4107)
async def test_4107_tells_nothing_of_what_came_out_of_cbc(unlocked: Surgery) -> None:
    """AES-CBC proves nothing: who can tell a wrong padding from other damage learns the content block by block."""
    card = unlocked.find(CardType.SMC_B)
    handle = card.handle
    sealed = octets_of((await unlocked.call(encrypt_request(xml(b"<a/>"), card=handle, crypt=Crypt.RSA_ECC))).document)
    root = etree.fromstring(sealed)
    namespaces = {"x": "http://www.w3.org/2001/04/xmlenc#"}
    (method,) = root.findall("x:EncryptionMethod", namespaces)
    method.set("Algorithm", DataCipher.AES_256_CBC.value)
    (value,) = root.findall("x:CipherData/x:CipherValue", namespaces)
    for key in root.iter("{*}EncryptedKey"):
        # The card refuses the first (4069), so that the trace could tell something, too.
        ((transport, cryptogram),) = ((key[0], each) for each in key.findall(".//x:CipherValue", namespaces))
        is_rsa = transport.get("Algorithm") == XmlTransport.RSA_OAEP
        found = await recipient(unlocked, card, Crypt.RSA if is_rsa else Crypt.ECC, broken=not is_rsa)
        cryptogram.text = b64encode(found.encrypted_key).decode()

    async def answer(octets: bytes) -> Document | KonnektorError:
        value.text = b64encode(octets).decode()
        request = decrypt_request(xml(etree.tostring(root)), handle)
        try:
            document: Document = (await unlocked.call(request)).document
        except KonnektorError as error:
            return error
        return document

    whole = cbc(b"<a>" + b"x" * 30 + b"</a>" + bytes(10) + b"\x0b")
    opened = await answer(whole)
    assert isinstance(opened, Document)
    assert octets_of(opened) == b"<a>" + b"x" * 30 + b"</a>"
    wrong = {
        "padding": cbc(b"<a>" + b"x" * 30 + b"</a>" + bytes(10) + b"\x11"),
        "padding of nothing": cbc(b"<a>" + b"x" * 30 + b"</a>" + bytes(11)),
        "not well-formed": cbc(b"<a>" + b"x" * 30 + b"</b>" + bytes(10) + b"\x0b"),
        "not one element": cbc(b"<a/>" + b"x" * 33 + bytes(10) + b"\x0b"),
        "no characters": cbc(b"<a>" + b"\xff" * 30 + b"</a>" + bytes(10) + b"\x0b"),
        "too deep": cbc(b"<a>" * 1000 + b"</a>" * 1000 + bytes(7) + b"\x08"),
        "content key": cbc(b"<a>" + b"x" * 30 + b"</a>" + bytes(10) + b"\x0b", key=bytes(32)),
        "first octet": bytes([whole[0] ^ 1]) + whole[1:],
        "last block": whole[:-1] + bytes([whole[-1] ^ 1]),
        "last block left out": whole[:-16],
    }
    told = {}
    for name, octets in wrong.items():
        error = await answer(octets)
        assert isinstance(error, KonnektorError), name
        told[name] = (error.code, error.detail, [(cause.code, cause.detail) for cause in error.causes])
    assert set(map(repr, told.values())) == {repr((4107, "", [(4069, "")]))}, told


def cbc(padded: bytes, key: bytes = KEY) -> bytes:
    """AES-256-CBC as XML Encryption 1.1, 5.2 writes it: the initialization vector stands in front."""
    encryptor = Cipher(AES(key), CBC(bytes(16))).encryptor()
    return bytes(16) + encryptor.update(padded) + encryptor.finalize()


@pytest.mark.code(4201)
async def test_4201_algorithms_that_are_not_supported(unlocked: Surgery) -> None:
    """Triple-DES for the content; RSAES-OAEP with SHA-1, and PKCS#1 v1.5, for the key."""
    card = unlocked.find(CardType.SMC_B)
    found = await recipient(unlocked, card, Crypt.RSA)
    for octets in (
        cms(found, algorithm("1.2.840.113549.3.7", octet_string(bytes(8))), bytes(16)),
        cms(found, _AES, bytes(16), algorithm("1.2.840.113549.1.1.7")),
        cms(found, _AES, bytes(16), algorithm("1.2.840.113549.1.1.1", b"\x05\x00")),
    ):
        assert (await error_of(unlocked, decrypt_request(data(octets), card.handle))).code == 4201


@pytest.mark.code(4283)
async def test_4283_a_document_that_comes_out_too_large(unlocked: Surgery) -> None:
    """A line end of a message counts once: sealing made CR LF of it."""
    card = unlocked.find(CardType.SMC_B)
    to = [await recipient(unlocked, card, Crypt.ECC)]
    text = b"\r\n" + bytes(DOCUMENT_OCTETS_MAX - 1)
    for octets, fits in ((text, "message"), (text + b"x", ""), (text[2:] + b"xx", "")):
        sealed = write_auth_enveloped(to, NONCE, seal(KEY, NONCE, octets))
        message = pkcs7_mime(MAIL, sealed, SMIME_TYPE)
        for kind, document in (("CMS", sealed), ("message", message)):
            request = decrypt_request(data(document), card.handle)
            if kind == fits:
                assert octets_of((await unlocked.call(request)).document) == octets
            else:
                assert (await error_of(unlocked, request)).code == 4283


@pytest.mark.code(4018)
async def test_4018_another_user_of_the_hba(unlocked: Surgery) -> None:
    request = decrypt_request(data(TEXT), unlocked.find(CardType.HBA).handle, user=f"not {USER}")
    assert (await error_of(unlocked, request)).code == 4018


_AES = algorithm("2.16.840.1.101.3.4.1.42", octet_string(bytes(16)))


async def recipient(surgery: Surgery, card: Card, crypt: Crypt, *, broken: bool = False) -> Recipient:
    """The card as recipient of `KEY`, or with a cryptogram that is none."""
    found = await certified_key(card, "C.ENC", crypt.value, surgery.core.clock)
    assert found is not None
    sealed = seal_key(KEY, found.public_key, ENTROPY)
    transport = KeyTransport.ELC if crypt is Crypt.ECC else KeyTransport.RSAES_OAEP
    names = names_untrusted(found.certificate)
    return Recipient(names.issuer_and_serial, transport, sealed[:-1] + bytes([sealed[-1] ^ 1]) if broken else sealed)


def cms(found: Recipient, content: bytes, ciphertext: bytes, transport: bytes | None = None) -> bytes:
    """EnvelopedData with one recipient; `content` and `transport` are AlgorithmIdentifiers."""
    oaep = write_auth_enveloped([found], NONCE, seal(KEY, NONCE, b""))
    start = oaep.index(oid(KeyTransport.RSAES_OAEP)) - 2
    usual = oaep[start : start + 2 + oaep[start + 1]]
    info = sequence(integer(0), found.certificate.encode(), transport or usual, octet_string(found.encrypted_key))
    inner = sequence(oid("1.2.840.113549.1.7.1"), content, encode(0x80, ciphertext))
    return sequence(oid(ENVELOPED_DATA), encode(0xA0, sequence(integer(0), set_of([info]), inner)))


def _canonical(octets: bytes) -> bytes:
    return etree.tostring(etree.ElementTree(etree.fromstring(octets)), method="c14n", with_comments=True)
