"""EncryptDocument with real cards and certificates (TIP1-A_4621-05, TIP1-A_4616-03)."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from tests.integration.encryption.conftest import (
    Somebody,
    data,
    encrypt_request,
    error_of,
    made,
    octets_of,
    xml,
)
from tests.integration.konnektor_core.surgery import Surgery
from tiaas.ades.xadesdocument import parse_xml_untrusted
from tiaas.ades.xmlencryption import put_back
from tiaas.cms.der import oid, sequence, set_of
from tiaas.cms.enveloped import KeyTransport
from tiaas.cms.envelopedreader import read_enveloped_untrusted
from tiaas.interfaces.connector_common_v5_0 import Document, Result
from tiaas.interfaces.dss_core_v1_0 import Property
from tiaas.interfaces.encryption_service_v6_1 import (
    Crypt,
    ElementEncryption,
    ElementSelection,
    EncryptionType,
    EncryptOptionalInputs,
    UnprotectedProperties,
)
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.documents import DOCUMENT_OCTETS_MAX
from tiaas.konnektor.hybrid.recipients import RECIPIENTS_MAX
from tiaas.pki.oids import CertificateType
from tiaas.soap.envelope import write_envelope
from tiaas.tlv import encode
from tiaas.xmlsec.decryption import encrypted_parts

pytestmark = [pytest.mark.asyncio(loop_scope="session")]

TEXT = "Arztbrief: Befund unauffällig".encode()
XML = "<b:Befund xmlns:b='urn:b'><!-- c -->unauffällig</b:Befund>".encode()
ATTRIBUTE = sequence(oid("1.2.276.0.76.4.173"), set_of([sequence(encode(0x16, b"praxis@arzt.kim.telematik"))]))


@pytest.mark.requirement("TIP1-A_4621-05", "TIP1-A_4616-03", "TIP1-A_4620-03")
async def test_cms_for_given_certificates(surgery: Surgery, somebody: Somebody, somebody_rsa: Somebody) -> None:
    """The caller chooses RSA or ECC by the certificates; no card and no UserId are needed."""
    answer = await surgery.call(
        encrypt_request(data(TEXT, "text/plain"), somebody.certificate, somebody_rsa.certificate, user=None)
    )
    write_envelope(answer)
    assert answer.status.result is Result.OK
    sealed = octets_of(answer.document)
    assert somebody.open_cms(sealed) == somebody_rsa.open_cms(sealed) == TEXT
    transports = {found.transport for found in read_enveloped_untrusted(sealed).recipients}
    assert transports == {KeyTransport.RSAES_OAEP, KeyTransport.ELC}


async def test_xml_for_given_certificates(surgery: Surgery, somebody: Somebody) -> None:
    answer = await surgery.call(encrypt_request(xml(XML), somebody.certificate))
    write_envelope(answer)
    document = parse_xml_untrusted(octets_of(answer.document))
    (part,) = parts = encrypted_parts(document.root)
    (key,) = part.keys
    assert key.certificate == somebody.certificate
    assert put_back(document, parts, {0: part.open(somebody.open_key(key.encrypted_key))}) == XML


@pytest.mark.requirement("A_17746")
@pytest.mark.parametrize("card_type", [CardType.SMC_B, CardType.HBA])
@pytest.mark.parametrize(
    ("crypt", "expected"),
    [
        (None, {KeyTransport.RSAES_OAEP}),
        (Crypt.RSA, {KeyTransport.RSAES_OAEP}),
        (Crypt.ECC, {KeyTransport.ELC}),
        (Crypt.RSA_ECC, set(KeyTransport)),
    ],
)
@pytest.mark.pitfall(32)
async def test_certificates_of_a_card(
    surgery: Surgery, card_type: CardType, crypt: Crypt | None, expected: set[KeyTransport]
) -> None:
    """TAB_KON_747; no PIN is needed. The default is RSA, as in version 6.1.0 of the interface."""
    handle = surgery.find(card_type).handle
    answer = await surgery.call(encrypt_request(data(TEXT), card=handle, crypt=crypt, reference="C.ENC"))
    assert answer.status.result is Result.OK
    found = read_enveloped_untrusted(octets_of(answer.document)).recipients
    assert {recipient.transport for recipient in found} == expected


async def test_a_card_and_given_certificates_together(surgery: Surgery, somebody: Somebody) -> None:
    handle = surgery.find(CardType.SMC_B).handle
    answer = await surgery.call(encrypt_request(data(TEXT), somebody.certificate, card=handle, crypt=Crypt.ECC))
    assert len(read_enveloped_untrusted(octets_of(answer.document)).recipients) == 2


async def test_a_certificate_that_is_given_several_times_is_one_recipient(
    surgery: Surgery, somebody: Somebody, somebody_rsa: Somebody
) -> None:
    given = (somebody.certificate, somebody_rsa.certificate, somebody.certificate)
    sealed = octets_of((await surgery.call(encrypt_request(data(TEXT), *given))).document)
    assert somebody.open_cms(sealed) == somebody_rsa.open_cms(sealed) == TEXT
    assert len(read_enveloped_untrusted(sealed).recipients) == 2
    sealed = octets_of((await surgery.call(encrypt_request(xml(XML), *given))).document)
    assert sealed.count(b"<xenc:EncryptedKey") == 2


@pytest.mark.code(4273)
async def test_unprotected_properties_go_into_the_cms_as_they_are(surgery: Surgery, somebody: Somebody) -> None:
    """As KIM-Clientmodule send them: CMSAttribute without namespace. Elsewhere there is no place for them (4273)."""
    from base64 import b64encode

    text = f"<CMSAttribute>{b64encode(ATTRIBUTE).decode()}</CMSAttribute>"
    properties = UnprotectedProperties(property=(Property(identifier="urn:x", value=(text,)),))
    inputs = EncryptOptionalInputs(unprotected_properties=properties)
    sealed = octets_of((await surgery.call(encrypt_request(data(TEXT), somebody.certificate, inputs=inputs))).document)
    assert sealed.endswith(ATTRIBUTE)
    assert somebody.open_cms(sealed) == TEXT
    message = replace(inputs, encryption_type=EncryptionType.SMIME)
    for request in (
        encrypt_request(xml(XML), somebody.certificate, inputs=inputs),
        encrypt_request(data(b"Subject: a\r\n\r\nb\r\n"), somebody.certificate, inputs=message),
    ):
        answer = await surgery.call(request)
        write_envelope(answer)
        assert answer.status.result is Result.WARNING
        assert [trace.code for trace in answer.status.error.trace] == [4273]


async def test_smime(surgery: Surgery, somebody: Somebody) -> None:
    """The header stays, but for the subject and the message-id; the body is the whole message encrypted."""
    mail = (
        b"From: a@kim.telematik\nTo: b@kim.telematik\nSubject: HIV-Befund\nMessage-ID: <1@a>\n"
        b"MIME-Version: 1.0\nContent-Type: text/plain\n\nvertraulich\n"
    )
    inputs = EncryptOptionalInputs(encryption_type=EncryptionType.SMIME)
    answer = await surgery.call(encrypt_request(data(mail), somebody.certificate, inputs=inputs))
    write_envelope(answer)
    assert answer.document.base64_data.mime_type == "application/pkcs7-mime"
    from email import message_from_bytes, policy

    outer = message_from_bytes(octets_of(answer.document), policy=policy.default)
    assert outer["Subject"] == "Verschlüsselte Nachricht"
    assert (outer["From"], outer["To"]) == ("a@kim.telematik", "b@kim.telematik")
    assert outer["Message-ID"] != "<1@a>"
    assert outer.get_content_type() == "application/pkcs7-mime"
    assert b"HIV-Befund" not in octets_of(answer.document)
    assert somebody.open_cms(outer.get_content()) == mail.replace(b"\n", b"\r\n")


# ---- what is refused, in the order of TAB_KON_746 --------------------------------------------------------------------


@pytest.mark.code(4000)
async def test_4000(surgery: Surgery, somebody: Somebody) -> None:
    def inputs(kind: EncryptionType) -> EncryptOptionalInputs:
        return EncryptOptionalInputs(encryption_type=kind)

    def attribute(text: str) -> EncryptOptionalInputs:
        value = (f"<CMSAttribute>{text}</CMSAttribute>",)
        properties = UnprotectedProperties(property=(Property(identifier="urn:x", value=value),))
        return EncryptOptionalInputs(unprotected_properties=properties)

    handle = surgery.find(CardType.SMC_B).handle
    for request in (
        encrypt_request(data(TEXT)),
        encrypt_request(data(TEXT), b"no certificate"),
        encrypt_request(data(TEXT), card=handle, reference="C.AUT"),
        encrypt_request(data(TEXT), card=handle, reference=" C.ENC"),
        encrypt_request(data(TEXT), somebody.certificate, inputs=inputs(EncryptionType.XML)),
        encrypt_request(xml(XML), somebody.certificate, inputs=inputs(EncryptionType.CMS)),
        encrypt_request(xml(XML), somebody.certificate, inputs=inputs(EncryptionType.SMIME)),
        encrypt_request(data(TEXT), somebody.certificate, inputs=attribute("MAA=")),
        encrypt_request(data(TEXT), somebody.certificate, inputs=attribute("!")),
    ):
        assert (await error_of(surgery, request)).code == 4000


@pytest.mark.code(4058)
@pytest.mark.parametrize("card_type", [CardType.EGK, CardType.SMC_KT])
async def test_4058_another_kind_of_card(surgery: Surgery, card_type: CardType) -> None:
    handle = surgery.find(card_type).handle
    assert (await error_of(surgery, encrypt_request(xml(b"<a>"), card=handle))).code == 4058


@pytest.mark.code(4022, 4024, 4280, 4281, 4283)
@pytest.mark.parametrize(
    ("document", "code"),
    [
        (xml(b"<a>"), 4022),
        (xml(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), 4281),
        (xml(b"<a>" + bytes(1)), 4022),
        (xml("<?xml version='1.0' encoding='utf-16'?><a/>".encode("utf-16")), 4024),
        (xml(b"<a>" * 31 + b"</a>" * 31), 4280),
        (data(bytes(DOCUMENT_OCTETS_MAX + 1)), 4283),
    ],
)
async def test_the_document_is_looked_at_before_the_caller(surgery: Surgery, document: Document, code: int) -> None:
    request = encrypt_request(document, b"no certificate", mandant="nobody")
    error = await error_of(surgery, request)
    assert error.code == code
    assert (code == 4022) is error.detail.startswith("line 1, column 4: ")
    if code == 4024:
        assert (error.fill, error.detail) == ("XML", "the document is neither in UTF-8 nor in ISO-8859-15")


@pytest.mark.code(4280)
@pytest.mark.parametrize("name", [b"n" * 100_000, b"n" * 100_000 + b":a xmlns:" + b"n" * 100_000 + b"='urn:n'"])
async def test_4280_a_name_that_is_too_long(surgery: Surgery, somebody: Somebody, name: bytes) -> None:
    """As SignDocument has it."""
    error = await error_of(surgery, encrypt_request(xml(b"<" + name + b"/>"), somebody.certificate))
    assert (error.code, error.detail) == (4280, "a tag is too long")


async def test_25_megabytes_are_taken(surgery: Surgery, somebody: Somebody) -> None:
    text = bytes(DOCUMENT_OCTETS_MAX)
    answer = await surgery.call(encrypt_request(data(text), somebody.certificate))
    assert somebody.open_cms(octets_of(answer.document)) == text


@pytest.mark.code(4282)
@pytest.mark.requirement("TIP1-A_4621-05")
async def test_1000_recipients_are_taken_and_no_more(surgery: Surgery, somebody: Somebody) -> None:
    certificates = [made(surgery, somebody.key).certificate for _ in range(RECIPIENTS_MAX)]
    answer = await surgery.call(encrypt_request(data(TEXT), *certificates))
    assert len(read_enveloped_untrusted(octets_of(answer.document)).recipients) == RECIPIENTS_MAX
    assert (await error_of(surgery, encrypt_request(data(TEXT), *certificates, somebody.certificate))).code == 4282
    handle = surgery.find(CardType.SMC_B).handle
    assert (await error_of(surgery, encrypt_request(data(TEXT), *certificates, card=handle))).code == 4282


@pytest.mark.code(4105)
async def test_4105_certificates_that_do_not_stand_the_check(
    surgery: Surgery, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """TUC_KON_037: a certificate of another purpose, and one of a CA that only has the name of ours.

    The cause precedes 4105 in the trace.
    """
    signer = made(surgery, ec.generate_private_key(ec.BrainpoolP256R1()), CertificateType.HCI_OSIG)
    error = await error_of(surgery, encrypt_request(data(TEXT), signer.certificate))
    assert (error.code, [cause.code for cause in error.causes]) == (4105, [1016])
    stranger = made(Surgery(tmp_path_factory.mktemp("stranger")), ec.generate_private_key(ec.BrainpoolP256R1()))
    error = await error_of(surgery, encrypt_request(data(TEXT), stranger.certificate))
    assert (error.code, [cause.code for cause in error.causes]) == (4105, [1023])


@pytest.mark.code(4200)
@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.BrainpoolP384R1()])
async def test_4200_a_key_on_another_curve(surgery: Surgery, curve: ec.EllipticCurve) -> None:
    other = made(surgery, ec.generate_private_key(curve))
    assert (await error_of(surgery, encrypt_request(data(TEXT), other.certificate))).code == 4200


@pytest.mark.code(4200)
async def test_4200_a_short_rsa_key(surgery: Surgery) -> None:
    other = made(surgery, rsa.generate_private_key(65537, 1024))
    assert (await error_of(surgery, encrypt_request(data(TEXT), other.certificate))).code == 4200


async def test_elements_are_ignored(surgery: Surgery, somebody: Somebody) -> None:
    """TAB_KON_071: always the whole document."""
    element = ElementSelection(xpath="//nothing", type=ElementEncryption.CONTENT)
    inputs = EncryptOptionalInputs(element=(element,))
    sealed = octets_of((await surgery.call(encrypt_request(xml(XML), somebody.certificate, inputs=inputs))).document)
    assert etree.fromstring(sealed).tag == "{http://www.w3.org/2001/04/xmlenc#}EncryptedData"
