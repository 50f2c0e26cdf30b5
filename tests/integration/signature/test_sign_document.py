"""SignDocument with an SM-B and an HBA: what is made, and where it stands in the answer (TIP1-A_5010-09)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from tests.integration.signature.office import PDF, TEXT, TIFF, XML, Office, around, wish
from tests.judges import needs, pdfsig_verifies
from tests.pdfmaker import classic, objects
from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.ades.found import FoundSignature, Integrity, SignatureFormat
from tiaas.ades.padesread import read_pades_untrusted
from tiaas.ades.smime import read_smime_untrusted
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.base.heavy import beside
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.connector_common_v5_0 import Result
from tiaas.interfaces.dss_core_v1_0 import IncludeObject, ReturnUpdatedSignature
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import fault_of
from tiaas.konnektor.events import Topic
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.signature import making
from tiaas.pki.keys import SigningScheme
from tiaas.soap.dispatch import Dispatcher
from tiaas.soap.envelope import write_envelope

pytestmark = pytest.mark.asyncio(loop_scope="session")

CADES, SMIME, PADES = SignatureFormat.CADES.value, SignatureFormat.SMIME.value, SignatureFormat.PADES.value
PARALLEL = ReturnUpdatedSignature(type="http://ws.gematik.de/conn/sig/sigupdate/parallel")
COUNTER = ReturnUpdatedSignature(type="http://ws.gematik.de/conn/sig/sigupdate/counter/documentexcluding")
ENVELOPING = v7_5.IncludeObjects(include_object=(IncludeObject(which_document="D1"),))


async def signed(office: Office, request: v7_5.SignRequest, **how: Any) -> v7_5.SignResponse:
    """The one answer to one request."""
    answer = await office.call(office.sign(request, **how))
    (response,) = answer.sign_response
    assert response.request_id == request.request_id
    assert isinstance(response, v7_5.SignResponse)
    return response


def cms(response: v7_5.SignResponse) -> bytes:
    """The signature of an answer that has it outside the document."""
    assert response.signature_object is not None
    assert response.signature_object.base64_signature is not None
    assert response.signature_object.base64_signature.type == CADES
    return response.signature_object.base64_signature.value


def document(response: v7_5.SignResponse) -> v7_5.DocumentWithSignature:
    """The document of an answer."""
    assert response.optional_outputs is not None
    assert response.optional_outputs.document_with_signature is not None
    return response.optional_outputs.document_with_signature


def intact(found: tuple[FoundSignature, ...]) -> FoundSignature:
    """The last of signatures that are all mathematically right."""
    assert found
    assert {each.integrity for each in found} == {Integrity.INTACT}
    return found[-1]


@pytest.mark.requirement("TIP1-A_5010-09", "TIP1-A_4653-02", "TIP1-A_4648", "TIP1-A_4624", "A_17768", "TIP1-A_4653")
@pytest.mark.parametrize(
    ("crypt", "scheme"),
    [
        (None, SigningScheme.ECDSA),
        (v7_5.Crypt.ECC, SigningScheme.ECDSA),
        (v7_5.Crypt.RSA, SigningScheme.RSASSA_PSS),
        (v7_5.Crypt.RSA_ECC, SigningScheme.ECDSA),
    ],
)
@pytest.mark.pitfall(32)
async def test_each_key_of_the_smb(office: Office, crypt: v7_5.Crypt | None, scheme: SigningScheme) -> None:
    response = await signed(office, wish(TEXT, "text/plain"), crypt=crypt)
    found = intact(read_cades_untrusted(cms(response), TEXT))
    assert found.algorithm is not None
    assert found.algorithm[0] is scheme
    assert (found.short_text, response.status.result) == ("Brief", Result.OK)


@pytest.mark.requirement("TIP1-A_4655-02", "TIP1-A_4652-02", "TIP1-A_4628", "TIP1-A_4629", "A_17768")
@pytest.mark.parametrize(
    ("crypt", "scheme"),
    [
        (None, SigningScheme.ECDSA),
        (v7_5.Crypt.ECC, SigningScheme.ECDSA),
        (v7_5.Crypt.RSA, SigningScheme.RSASSA_PSS),
    ],
)
async def test_each_key_of_the_hba(office: Office, crypt: v7_5.Crypt | None, scheme: SigningScheme) -> None:
    response = await signed(office, wish(TIFF, "image/tiff"), kind=CardType.HBA, crypt=crypt)
    found = intact(read_cades_untrusted(cms(response), TIFF))
    assert found.algorithm is not None
    assert found.algorithm[0] is scheme


@pytest.mark.pitfall(32)
async def test_what_counts_without_crypt_is_a_setting(office: Office) -> None:
    """RSA_ECC by the card, or RSA as TAB_KON_862 has it."""
    settings = office.context.qes.settings
    await office.context.qes.configure(replace(settings, default_crypt=v7_5.Crypt.RSA))
    try:
        response = await signed(office, wish(TEXT, "text/plain"))
    finally:
        await office.context.qes.configure(settings)
    found = intact(read_cades_untrusted(cms(response), TEXT))
    assert found.algorithm is not None
    assert found.algorithm[0] is SigningScheme.RSASSA_PSS


@pytest.mark.pitfall(35)
@pytest.mark.requirement("TIP1-A_5010-09", "TIP1-A_5447")
@pytest.mark.parametrize("kind", [CardType.SMC_B, CardType.HBA])
async def test_detached_cms(office: Office, kind: CardType) -> None:
    """An empty document with the request's attributes, the MIME type too; the signature beside it."""
    response = await signed(office, wish(TEXT, "Text/Plain ; charset=ISO-8859-15"), kind=kind)
    empty = document(response)
    assert empty.base64_data is not None
    assert (empty.base64_data.data, empty.base64_data.mime_type) == (b"", "Text/Plain ; charset=ISO-8859-15")
    assert (empty.id, empty.short_text) == ("D1", "Brief")
    intact(read_cades_untrusted(cms(response), TEXT))


@pytest.mark.pitfall(36)
@pytest.mark.parametrize("xml", [True, False])
async def test_a_prescription_is_signed_octet_for_octet(office: Office, xml: bool) -> None:
    """E-Rezept: the FHIR document as Base64Data text/plain or as Base64XML, enveloping CMS with the HBA."""
    mime_type = None if xml else "text/plain; charset=utf-8"
    request = wish(XML, mime_type, xml=xml, signature_type=CADES, include_e_content=True)
    response = await signed(office, request, kind=CardType.HBA)
    intact(read_cades_untrusted(cms(response)))
    assert XML in cms(response)


@pytest.mark.requirement("TIP1-A_5010-09", "TIP1-A_5436", "TIP1-A_4624")
async def test_enveloped_xml(office: Office) -> None:
    response = await signed(office, wish(XML, xml=True))
    octets = document(response).base64_xml
    assert octets is not None
    assert intact(read_xades_untrusted(octets)).short_text == "Brief"
    pointer = response.signature_object.signature_ptr if response.signature_object is not None else None
    assert pointer is not None
    assert pointer.which_document == "D1"
    assert pointer.xpath is not None
    (element,) = etree.fromstring(octets).xpath(pointer.xpath)
    assert etree.QName(element).localname == "Signature"


@pytest.mark.requirement("TIP1-A_5447")
async def test_enveloping_xml(office: Office) -> None:
    response = await signed(office, wish(XML, xml=True, include_objects=ENVELOPING))
    assert document(response).base64_xml == b""
    intact(read_xades_untrusted(around(response)))


@pytest.mark.requirement("TIP1-A_5447")
@pytest.mark.parametrize(
    "octets",
    [
        b"<a>" + b"abcd " * 2_500_000 + b"</a>",
        b"<a xml:id='x'><b xml:id='x'/></a>",
        b"<%b/>" % (b"a" * 60_000),
        b'<?xml version="1.0" encoding="ISO-8859-15"?>\n<a b="\xa4">\xa4&#xe4;\r\n</a>\n<!-- c -->',
        b"\xef\xbb\xbf<?xml version='1.0'?><a/>",
    ],
    ids=["long text", "two of one Id", "long name", "ISO-8859-15", "byte order mark"],
)
async def test_unusual_xml_is_enveloped_too(office: Office, octets: bytes) -> None:
    """The signature stands in the answer as it was written: what a parser thinks of it does not matter."""
    response = await signed(office, wish(octets, xml=True, include_objects=ENVELOPING))
    signature = around(response)
    intact(read_xades_untrusted(signature))
    again = wish(signature, xml=True, include_objects=ENVELOPING, return_updated_signature=COUNTER)
    assert len(read_xades_untrusted(around(await signed(office, again)))) == 2


async def test_the_id_of_the_object_is_the_callers(office: Office) -> None:
    """OASIS DSS 3.5.6: ObjId; the document may have Ids of its own."""
    objects = v7_5.IncludeObjects(include_object=(IncludeObject(which_document="D1", obj_id="mein-Brief.1"),))
    response = await signed(office, wish(b'<a Id="a"/>', xml=True, include_objects=objects))
    assert response.signature_object is not None
    signature = around(response)
    assert intact(read_xades_untrusted(signature)).references == ("#mein-Brief.1",)
    (element,) = etree.fromstring(signature).findall("{*}Object[@Id='mein-Brief.1']")
    assert len(element) == 1


async def test_an_enveloping_signature_is_taken_out_as_the_manual_says(office: Office) -> None:
    """Octet by octet: with the message's prefixes it is another signature."""
    manual = (Path(__file__).parents[3] / "docs" / "how-to" / "sign.md").read_text()
    (snippet,) = (part for part in manual.split("```python\n")[1:] if "first_signature" in part)
    place: dict[str, Any] = {}
    exec(compile(snippet.partition("```")[0], "sign.md", "exec"), place)
    context = office.context
    dispatcher = Dispatcher(
        list(office.operations.values()), lambda error: fault_of(error, "one", context.clock, context.entropy)
    )
    peer = Peer("ab" * 32, frozenset({office.ids["client_system_id"]}), None, "127.0.0.1")
    requests = (wish(XML, xml=True, include_objects=ENVELOPING), wish(XML, xml=True, name="R2", document_id="D2"))
    message = office.sign(*requests)
    reply = await dispatcher.handle(write_envelope(message), "text/xml; charset=utf-8", peer)
    assert reply.status == 200, reply.body
    intact(read_xades_untrusted(place["first_signature"](bytes(reply.body))))
    element = next(etree.fromstring(bytes(reply.body)).iter("{http://www.w3.org/2000/09/xmldsig#}Signature"))
    (found,) = read_xades_untrusted(etree.tostring(element, with_tail=False))
    assert found.integrity is not Integrity.INTACT


@pytest.mark.pitfall(35)
@pytest.mark.parametrize("kind", [CardType.SMC_B, CardType.HBA])
@pytest.mark.requirement("TIP1-A_4624", "TIP1-A_4628")
async def test_pdf(office: Office, kind: CardType) -> None:
    """In the document, and a pointer says so."""
    response = await signed(office, wish(PDF, "application/pdf-a"), kind=kind)
    data = document(response).base64_data
    assert data is not None
    assert data.data.startswith(PDF)
    intact(read_pades_untrusted(data.data))
    assert response.signature_object is not None
    assert response.signature_object.signature_ptr is not None


@needs("pdfsig")
@pytest.mark.parametrize("kind", [CardType.SMC_B, CardType.HBA])
@pytest.mark.requirement("TIP1-A_5447", "TIP1-A_4624", "TIP1-A_4628")
async def test_poppler_accepts_a_pdf_signed_with_rsa(office: Office, tmp_path: Path, kind: CardType) -> None:
    response = await signed(office, wish(PDF, "application/pdf-a"), kind=kind, crypt=v7_5.Crypt.RSA)
    data = document(response).base64_data
    assert data is not None
    (found,) = read_pades_untrusted(data.data)
    assert found.algorithm is not None
    assert found.algorithm[0] is SigningScheme.RSASSA_PSS
    pdfsig_verifies(data.data, tmp_path)


async def test_a_pdf_that_takes_long_is_signed_beside_the_event_loop(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its octets say nothing about it: it is begun in the loop, and given up."""
    works = []

    async def recorded(octets: int, work: Callable[..., Any], *given: Any) -> Any:
        works.append((octets, work))
        return await beside(octets, work, *given)

    monkeypatch.setattr(making, "beside", recorded)
    dear = classic(objects(page=b"/X (" + b"\\a" * 2000 + b")"))
    response = await signed(office, wish(dear, "application/pdf-a"))
    data = document(response).base64_data
    assert data is not None
    intact(read_pades_untrusted(data.data))
    assert works == [(len(dear), making._prepared), (len(dear), making._finished)]


@pytest.mark.requirement("TIP1-A_4623-02")
async def test_smime(office: Office) -> None:
    mail = b"From: a@example.org\r\nContent-Type: text/plain\r\n\r\nGuten Tag\r\n"
    response = await signed(office, wish(mail, signature_type=SMIME))
    data = document(response).base64_data
    assert data is not None
    assert response.signature_object is None
    intact(read_smime_untrusted(data.data))


@pytest.mark.requirement("TIP1-A_5010-09")
async def test_parallel_and_counter_signatures(office: Office) -> None:
    first = cms(await signed(office, wish(TEXT, "text/plain", include_e_content=True)))
    second = cms(await signed(office, wish(first, signature_type=CADES, return_updated_signature=PARALLEL)))
    assert len(read_cades_untrusted(second)) == 2
    third = cms(await signed(office, wish(second, signature_type=CADES, return_updated_signature=COUNTER)))
    found = read_cades_untrusted(third)
    intact(found)
    assert sum(1 for each in found if each.countersigns is not None) == 2
    octets = document(await signed(office, wish(XML, xml=True))).base64_xml
    assert octets is not None
    again = document(await signed(office, wish(octets, xml=True, return_updated_signature=COUNTER))).base64_xml
    assert again is not None
    assert len(read_xades_untrusted(again)) == 2


@pytest.mark.event("SIG/SIGNDOC/NEXT_SUCCESSFUL")
@pytest.mark.requirement("TIP1-A_5664", "TIP1-A_4669", "TIP1-A_4651-02", "TIP1-A_4670")
@pytest.mark.parametrize("kind", [CardType.SMC_B, CardType.HBA])
async def test_a_stack_in_the_order_of_the_call(office: Office, kind: CardType) -> None:
    """Different documents; the answers come in the order of the requests, and an event tells of each."""
    requests = (
        wish(TEXT, "text/plain", name="one"),
        wish(PDF, "application/pdf-a", name="two", document_id="D2"),
        wish(TIFF, "image/tiff", name="three", document_id="D3", text="Bild"),
    )
    office.events.clear()
    message = office.sign(*requests, kind=kind)
    answer = await office.call(message)
    assert [each.request_id for each in answer.sign_response] == ["one", "two", "three"]
    told = [event for event in office.events if event.topic == Topic.SIGN_NEXT_SUCCESSFUL]
    assert [dict(event.parameters) for event in told] == [{"Jobnummer": message.job_number}] * 3
    intact(read_cades_untrusted(cms(answer.sign_response[2]), TIFF))
