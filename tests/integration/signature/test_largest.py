"""Documents of exactly 25 MB over HTTP: what we sign we verify, what we encrypt we decrypt, plain and packaged (MTOM).

Signed or encrypted they are larger than any document may be (gemSpec_Kon V5.18 TIP1-A_4500-02).
"""

import ssl
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
import pytest

from tests.integration.signature.office import Office, wish
from tests.integration.signature.test_sign_document import COUNTER, ENVELOPING, PARALLEL, SMIME, cms, document
from tests.pdfmaker import classic, objects
from tiaas.ades.mime import canonical
from tiaas.interfaces import encryption_service_v6_1 as v6_1
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.connector_common_v5_0 import Document
from tiaas.interfaces.dss_core_v1_0 import Base64Data, Base64Signature, ReturnUpdatedSignature, SignatureObject
from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.documents import SIGNATURES_OCTETS_MAX
from tiaas.soap.client import ReceivedFault, read_answer_untrusted
from tiaas.soap.envelope import write_envelope_parts
from tiaas.soap.reply import packaged_reply, plain_reply

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("packaged", [True, False], ids=["MTOM", "inline"]),
]
T = TypeVar("T")
OCTETS = 26_214_400
CADES = "urn:ietf:rfc:5652"


def filled(start: bytes, line: bytes, end: bytes) -> bytes:
    room = OCTETS - len(start) - len(end)
    return start + (line * (room // len(line) + 1))[:room] + end


def pdf() -> bytes:
    padding = OCTETS - len(classic(objects(padding=OCTETS - 8000)))
    return classic(objects(padding=OCTETS - 8000 + padding))


XML = filled(b"<?xml version='1.0'?>\n<a>&amp;", b"Zeile um Zeile\n", b"</a>")
MAIL = filled(b"From: a@example.org\r\nContent-Type: text/plain\r\n\r\n", b"Zeile um Zeile\r\n", b"\r\n")
LF_MAIL = filled(b"From: a@example.org\nContent-Type: text/plain\n\n", b"Zeile um Zeile um Zeile um Zeile\n", b"\n")
"""In canonical form it is larger than a document may be (RFC 5751, 3.1.1)."""
TEXT = filled(b"", b"Zeile um Zeile\n", b"")


async def ask(office: Office, path: str, request: object, answer: type[T], *, packaged: bool) -> T:
    served = office.run.served[0]
    tls = ssl.create_default_context(cafile=str(served.konnektor.ca))
    tls.load_cert_chain(served.client.cert, served.client.key)
    parts = write_envelope_parts(request)
    message = packaged_reply(200, parts, "b-0") if packaged else plain_reply(200, parts)
    async with httpx.AsyncClient(verify=tls, timeout=60) as http:
        headers = {"Content-Type": message.content_type}
        got = await http.post(f"{served.konnektor.url}/ws/{path}", content=message.body, headers=headers)
    return read_answer_untrusted(got.content, answer, (Error,), content_type=got.headers["content-type"])


def codes(fault: ReceivedFault) -> list[int]:
    assert isinstance(fault.fault.detail, Error)
    return [trace.code for trace in fault.fault.detail.trace]


async def sign(office: Office, request: v7_5.SignRequest, *, packaged: bool) -> v7_5.SignResponse:
    answer = await ask(office, "SignatureService", office.sign(request), v7_5.SignDocumentResponse, packaged=packaged)
    (response,) = answer.sign_response
    return response


async def verify(office: Office, packaged: bool, embed: bool = False, **given: Any) -> v7_5.VerifyDocumentResponse:
    request = v7_5.VerifyDocument(context=office.call_context(None), include_revocation_info=embed, **given)
    answer = await ask(office, "SignatureService", request, v7_5.VerifyDocumentResponse, packaged=packaged)
    assert answer.verification_result.high_level_result is v7_5.HighLevelResult.VALID
    return answer


def outside(octets: bytes) -> SignatureObject:
    return SignatureObject(base64_signature=Base64Signature(value=octets, type=CADES))


def data(octets: bytes, mime_type: str | None = None) -> v7_5.Document:
    return v7_5.Document(base64_data=Base64Data(data=octets, mime_type=mime_type))


@pytest.mark.requirement("TIP1-A_4500-02")
async def test_cms_around_a_document(office: Office, packaged: bool) -> None:
    request = wish(TEXT, signature_type=CADES, include_e_content=True)
    signed = cms(await sign(office, request, packaged=packaged))
    answer = await verify(office, packaged, embed=True, signature_object=outside(signed))
    assert answer.optional_outputs is not None
    updated = answer.optional_outputs.updated_signature
    assert updated is not None
    assert updated.signature_object.base64_signature is not None
    assert len(updated.signature_object.base64_signature.value) > len(signed) > OCTETS


@pytest.mark.requirement("TIP1-A_4500-02", "TIP1-A_5010-09")
async def test_cms_is_signed_again(office: Office, packaged: bool) -> None:
    signed = cms(await sign(office, wish(TEXT, signature_type=CADES, include_e_content=True), packaged=True))
    request = wish(signed, signature_type=CADES, return_updated_signature=PARALLEL)
    again = cms(await sign(office, request, packaged=packaged))
    await verify(office, True, signature_object=outside(again))


@pytest.mark.requirement("TIP1-A_4500-02")
async def test_cms_beside_a_document(office: Office, packaged: bool) -> None:
    signed = cms(await sign(office, wish(TEXT, signature_type=CADES), packaged=packaged))
    await verify(office, packaged, document=data(TEXT), signature_object=outside(signed))


@pytest.mark.requirement("TIP1-A_4500-02")
@pytest.mark.parametrize("mail", [MAIL, LF_MAIL], ids=["CR LF", "LF"])
async def test_mail(office: Office, packaged: bool, mail: bytes) -> None:
    signed = document(await sign(office, wish(mail, signature_type=SMIME), packaged=packaged)).base64_data
    assert signed is not None
    await verify(office, packaged, document=data(signed.data))


@pytest.mark.requirement("TIP1-A_4500-02")
async def test_pdf(office: Office, packaged: bool) -> None:
    signed = document(await sign(office, wish(pdf(), "application/pdf-a"), packaged=packaged)).base64_data
    assert signed is not None
    await verify(office, packaged, document=data(signed.data, "application/pdf-a"))


@pytest.mark.requirement("TIP1-A_4500-02")
async def test_signature_in_xml(office: Office, packaged: bool) -> None:
    signed = document(await sign(office, wish(XML, xml=True), packaged=packaged)).base64_xml
    assert signed is not None
    answer = await verify(office, packaged, embed=True, document=v7_5.Document(base64_xml=signed))
    assert answer.optional_outputs is not None
    updated = answer.optional_outputs.document_with_signature
    assert updated is not None
    assert len(updated.base64_xml or b"") > len(signed) > OCTETS


@pytest.mark.requirement("TIP1-A_4500-02", "TIP1-A_5447")
async def test_signature_around_xml(office: Office, packaged: bool) -> None:
    response = await sign(office, wish(XML, xml=True, include_objects=ENVELOPING), packaged=packaged)
    answer = await verify(office, packaged, embed=True, signature_object=response.signature_object)
    assert answer.optional_outputs is not None
    updated = answer.optional_outputs.updated_signature
    assert updated is not None
    assert len(updated.signature_object.signature_octets or b"") > OCTETS


@pytest.mark.requirement("TIP1-A_4500-02", "TIP1-A_5010-09")
@pytest.mark.parametrize("update", [PARALLEL, COUNTER], ids=["parallel", "counter"])
async def test_xml_is_signed_again(office: Office, packaged: bool, update: ReturnUpdatedSignature) -> None:
    signed = document(await sign(office, wish(XML, xml=True), packaged=True)).base64_xml
    assert signed is not None
    request = wish(signed, xml=True, return_updated_signature=update)
    again = document(await sign(office, request, packaged=packaged)).base64_xml
    await verify(office, True, document=v7_5.Document(base64_xml=again))


@pytest.mark.requirement("TIP1-A_4500-02")
@pytest.mark.parametrize(
    ("of", "octets"),
    [
        (lambda octets: Document(base64_xml=octets), XML),
        (lambda octets: Document(base64_data=Base64Data(data=octets)), TEXT),
        (lambda octets: Document(base64_data=Base64Data(data=octets)), MAIL),
        (lambda octets: Document(base64_data=Base64Data(data=octets)), LF_MAIL),
    ],
    ids=["XML", "CMS", "S/MIME", "S/MIME with LF"],
)
async def test_encrypted(office: Office, packaged: bool, of: Callable[[bytes], Document], octets: bytes) -> None:
    await office.unlock()
    handle = office.card(CardType.SMC_B).handle
    on_card = v6_1.CertificateOnCard(card_handle=handle, crypt=v6_1.Crypt.ECC)
    kind = v6_1.EncryptionType.SMIME if octets in (MAIL, LF_MAIL) else None
    encrypt = v6_1.EncryptDocument(
        context=office.call_context(),
        recipient_keys=v6_1.RecipientKeys(certificate_on_card=on_card),
        document=of(octets),
        optional_inputs=v6_1.EncryptOptionalInputs(encryption_type=kind),
    )
    sealed = await ask(office, "EncryptionService", encrypt, v6_1.EncryptDocumentResponse, packaged=packaged)
    assert sealed.document is not None
    decrypt = v6_1.DecryptDocument(
        context=office.call_context(),
        private_key_on_card=v6_1.PrivateKeyOnCard(card_handle=handle),
        document=sealed.document,
    )
    opened = await ask(office, "EncryptionService", decrypt, v6_1.DecryptDocumentResponse, packaged=packaged)
    assert opened.document == of(octets if kind is None else canonical(octets))


@pytest.mark.code(4283)
@pytest.mark.requirement("TIP1-A_4500-02")
async def test_what_is_no_signature_s_doing_is_too_large(office: Office, packaged: bool) -> None:
    beside = {"document": data(TEXT + b"x"), "signature_object": outside(b"x")}
    around = {"signature_object": outside(TEXT + bytes(SIGNATURES_OCTETS_MAX + 1))}
    within = {"document": v7_5.Document(base64_xml=bytes(39_000_000))}
    for given in (beside, around, within):
        with pytest.raises(ReceivedFault) as caught:
            await verify(office, packaged, **given)
        assert codes(caught.value) == [4283]
    for request in (
        wish(TEXT + b"x", include_e_content=True),
        wish(TEXT + bytes(SIGNATURES_OCTETS_MAX + 1), return_updated_signature=PARALLEL),
    ):
        with pytest.raises(ReceivedFault) as caught:
            await sign(office, request, packaged=packaged)
        assert codes(caught.value) == [4283]
