"""Documents packaged (MTOM) and plain over HTTP: what is signed is the same, up to 25 MB."""

import email
import email.policy
import ssl
from hashlib import sha256

import httpx
import pytest

from tests.integration.signature.office import Office
from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.ades.found import Integrity
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.dss_core_v1_0 import Base64Data
from tiaas.soap.client import read_answer_untrusted
from tiaas.soap.envelope import write_envelope_parts
from tiaas.soap.mtom import is_package
from tiaas.soap.reply import CONTENT_TYPE, SoapReply, packaged_reply, plain_reply

pytestmark = pytest.mark.asyncio(loop_scope="session")
CADES = "urn:ietf:rfc:5652"
DOCUMENT = b"".join(sha256(bytes([n % 256, n // 256])).digest() for n in range(20_000))
ACCEPT = 'multipart/related; type="application/xop+xml", text/xml'


async def post(office: Office, path: str, message: SoapReply, accept: str | None = None) -> httpx.Response:
    served = office.run.served[0]
    tls = ssl.create_default_context(cafile=str(served.konnektor.ca))
    tls.load_cert_chain(served.client.cert, served.client.key)
    headers = {"Content-Type": message.content_type, "Accept": accept or "*/*"}
    async with httpx.AsyncClient(verify=tls, timeout=60) as http:
        return await http.post(f"{served.konnektor.url}/ws/{path}", content=message.body, headers=headers)


def wish(office: Office, document: bytes) -> v7_5.SignDocument:
    inputs = v7_5.SignInputs(signature_type=CADES, include_e_content=True)
    data = v7_5.Document(base64_data=Base64Data(data=document))
    return office.sign(
        v7_5.SignRequest(request_id="r", document=data, optional_inputs=inputs, include_revocation_info=False)
    )


def signature_of(answer: httpx.Response) -> bytes:
    assert answer.status_code == 200, answer.text
    response = read_answer_untrusted(
        answer.content, v7_5.SignDocumentResponse, content_type=answer.headers["content-type"]
    )
    signed = response.sign_response[0].signature_object
    assert signed is not None
    assert signed.base64_signature is not None
    return signed.base64_signature.value


@pytest.mark.requirement("TIP1-A_5694-03")
@pytest.mark.parametrize(("packaged", "accept"), [(True, None), (False, ACCEPT), (False, None)])
@pytest.mark.pitfall(6)
async def test_a_document_is_signed_however_it_comes(office: Office, packaged: bool, accept: str | None) -> None:
    parts = write_envelope_parts(wish(office, DOCUMENT))
    message = packaged_reply(200, parts, "b-0") if packaged else plain_reply(200, parts)
    answer = await post(office, "SignatureService", message, accept)
    (found,) = read_cades_untrusted(signature_of(answer), None)
    assert found.integrity is Integrity.INTACT
    is_answer_packaged = packaged or accept is not None
    assert is_package(answer.headers["content-type"]) is is_answer_packaged
    if is_answer_packaged:
        whole = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode() + answer.content
        _, attached = email.message_from_bytes(whole, policy=email.policy.HTTP).iter_parts()
        assert DOCUMENT in attached.get_payload(decode=True)


@pytest.mark.requirement("TIP1-A_5694-03")
async def test_other_services_take_no_package(office: Office) -> None:
    message = SoapReply(200, 'multipart/related; type="application/xop+xml"; boundary="b"', (b"--b\r\n\r\n--b--",))
    answer = await post(office, "EventService", message)
    assert answer.status_code == 500
    assert b"multipart/related" in answer.content


@pytest.mark.code(4283)
@pytest.mark.requirement("TIP1-A_4500-02")
async def test_25_megabytes_are_signed_and_one_octet_more_is_not(office: Office) -> None:
    document = bytes(26_214_400)
    message = packaged_reply(200, write_envelope_parts(wish(office, document)), "b-0")
    assert len(signature_of(await post(office, "SignatureService", message))) > len(document)
    message = packaged_reply(200, write_envelope_parts(wish(office, document + b"x")), "b-0")
    assert b"4283" in (await post(office, "SignatureService", message)).content


@pytest.mark.code(4283)
@pytest.mark.requirement("TIP1-A_4500-02")
async def test_a_body_that_is_not_even_read_is_answered_with_the_code(office: Office) -> None:
    """More than any document in base64 twice and a thousand certificates: the rest of it is thrown away."""
    answer = await post(office, "EncryptionService", SoapReply(200, CONTENT_TYPE, (bytes(49 * 1024 * 1024),)))
    assert answer.status_code == 500
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert b"<faultstring>" in answer.content
    assert b"4283" in answer.content
