"""Every code of SignDocument by its cause (gemSpec_Kon V5.18 TAB_KON_757 and the technical use cases below it)."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.integration.signature.office import PDF, TEXT, TIFF, XML, Office, impatient, policy, wish
from tests.integration.signature.test_sign_document import (
    CADES,
    COUNTER,
    ENVELOPING,
    PADES,
    PARALLEL,
    SMIME,
    cms,
    signed,
)
from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.ades.found import SignatureFormat
from tiaas.cms.signed import decode_signed_data_untrusted
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.connector_common_v5_0 import Result
from tiaas.interfaces.dss_core_v1_0 import (
    IncludeObject,
    Properties,
    Property,
    PropertyList,
    ReturnUpdatedSignature,
    Schema,
    Schemas,
    SignaturePlacement,
)
from tiaas.konnektor import ocsppatience
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.documents import DOCUMENT_OCTETS_MAX
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.ocspanswer import Statement
from tiaas.konnektor.services.signature.wishes import REQUESTS_MAX
from tiaas.lab.faults import Fault, Service
from tiaas.pki.certificate import Certificate

pytestmark = pytest.mark.asyncio(loop_scope="session")

XADES = SignatureFormat.XADES.value
PLACEMENT = SignaturePlacement(xpath_first_child_of="/*")
SCHEMA = b"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x"
    elementFormDefault="qualified">
<xs:element name="Brief"><xs:complexType><xs:sequence><xs:element name="Text" type="xs:string"/></xs:sequence>
</xs:complexType></xs:element></xs:schema>"""
PDF_A_3 = PDF.replace(b"pdfaid:part>1", b"pdfaid:part>3")
FULL_PDF = PDF.replace(b"/Size 7 ", b"/Size 8388605 ")
"""All object numbers that PDF/A allows are used up."""
MAIL = b"From: a@example.org\r\nContent-Type: text/plain\r\n\r\nGuten Tag\r\n"
TWO_IDS = b'<a Id="a"><b Id="b"/></a>'
DEEP = b"<a>" * 40 + b"</a>" * 40
SIGNING_TIME = b64encode(bytes.fromhex("301c06092a864886f70d010905310f170d3236303130313030303030305a")).decode()
"""A signing-time attribute (RFC 5652, 11.3), which the Konnektor sets itself."""


def schemas(octets: bytes, namespace: str | None = "urn:x") -> Schemas:
    return Schemas(schema=(Schema(base64_xml=octets, ref_uri=namespace),))


def attributes(*texts: str) -> Properties:
    entries = tuple(Property(identifier="urn:y", value=(f"<CMSAttribute>{text}</CMSAttribute>",)) for text in texts)
    return Properties(signed_properties=PropertyList(property=entries))


def included(**how: Any) -> v7_5.IncludeObjects:
    return v7_5.IncludeObjects(include_object=(IncludeObject(**how),))


@contextmanager
def fault(office: Office, service: Service, code: str | None, **more: Any) -> Iterator[None]:
    """Something in the lab misbehaves once."""
    office.run.lab.faults.add(Fault(service, code=code, **more))
    try:
        yield
    finally:
        office.run.lab.faults.clear(lambda fault: fault.service is service)


@pytest.mark.code(4000)
@pytest.mark.pitfall(34)
async def test_arguments(office: Office) -> None:
    text = wish(TEXT, "text/plain")
    assert await office.code_of(office.sign(text, job_number=None)) == 4000
    assert await office.code_of(office.sign(text, text)) == 4000
    assert await office.code_of(office.sign(wish(TEXT, "text/plain", text=None), kind=CardType.HBA)) == 4000
    many = (wish(b"x", name=f"R{number}") for number in range(REQUESTS_MAX + 1))
    assert await office.code_of(office.sign(*many)) == 4000
    for inputs in (
        {"signature_placement": SignaturePlacement(xpath_first_child_of="/*", which_document="R1")},
        {"include_objects": included(which_document="R1")},
        {"include_objects": included(obj_id="1 2")},
    ):
        assert await office.code_of(office.sign(wish(XML, xml=True, **inputs))) == 4000
    for given in ("???", "AAEC"):
        assert await office.code_of(office.sign(wish(TEXT, properties=attributes(given)))) == 4000
    assert await office.code_of(office.sign(wish(XML, xml=True, schemas=schemas(SCHEMA, None)))) == 4000


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(wish(TEXT, signature_type="urn:ietf:rfc:3447"), id="no type of documents"),
        pytest.param(wish(TEXT, signature_type=XADES), id="XAdES of octets"),
        pytest.param(wish(XML, xml=True, signature_type=PADES), id="PAdES of XML"),
        pytest.param(wish(XML, xml=True, include_e_content=True), id="IncludeEContent with XAdES"),
        pytest.param(wish(TEXT, include_objects=ENVELOPING), id="IncludeObjects with CAdES"),
        pytest.param(wish(XML, xml=True, policy=policy("urn:x")), id="unknown policy"),
        pytest.param(wish(XML, xml=True, ref_uri="#a", signature_placement=PLACEMENT), id="a part without policy"),
        pytest.param(
            wish(XML, xml=True, signature_placement=SignaturePlacement(xpath_after="/*/*")), id="an unusual place"
        ),
        pytest.param(wish(TEXT, "text/plain", ref_uri="#p1"), id="a part with CAdES"),
        pytest.param(wish(MAIL, signature_type=SMIME, include_e_content=False), id="S/MIME without the message"),
        pytest.param(wish(XML, xml=True, include_objects=included(create_reference=False)), id="an Object unsigned"),
        pytest.param(wish(XML, xml=True, include_objects=included(has_tags=True)), id="an Object brought along"),
        pytest.param(wish(TWO_IDS, xml=True, include_objects=included(obj_id="b")), id="an Id that is taken"),
        pytest.param(
            wish(XML, xml=True, include_objects=v7_5.IncludeObjects(include_object=(IncludeObject(),) * 2)),
            id="the document twice",
        ),
        pytest.param(wish(PDF, "application/pdf-a", return_updated_signature=COUNTER), id="counter signature in PDF"),
        pytest.param(wish(TEXT, return_updated_signature=ReturnUpdatedSignature(type="urn:x")), id="another update"),
        pytest.param(wish(TEXT, return_updated_signature=ReturnUpdatedSignature()), id="an update without type"),
        pytest.param(wish(XML, xml=True, return_updated_signature=COUNTER), id="counter signature of none"),
        pytest.param(wish(XML, xml=True, return_updated_signature=PARALLEL), id="parallel to no signature"),
    ],
)
@pytest.mark.code(4111)
@pytest.mark.requirement("TIP1-A_5010-09", "TIP1-A_5538", "TIP1-A_5447")
async def test_types_and_variants(office: Office, request_: v7_5.SignRequest) -> None:
    # Where a part is named, an Id that is not there may be told instead.
    is_part = request_.document.base64_xml is not None and request_.document.ref_uri
    assert await office.code_of(office.sign(request_)) in ({4111, 4115} if is_part else {4111})


@pytest.mark.code(4111)
@pytest.mark.requirement("TIP1-A_4628", "TIP1-A_5538", "TIP1-A_5447")
@pytest.mark.parametrize("enveloping", [True, False])
@pytest.mark.parametrize("update", [PARALLEL, COUNTER], ids=["parallel", "counter"])
async def test_what_is_added_to_stays_as_it_is(
    office: Office, update: ReturnUpdatedSignature, enveloping: bool
) -> None:
    """IncludeEContent cannot ask for a document to be put into a detached signature, or to be taken out."""
    there = cms(await signed(office, wish(TEXT, include_e_content=enveloping)))
    how: dict[str, Any] = {"signature_type": CADES, "return_updated_signature": update}
    refused = wish(there, include_e_content=not enveloping, **how)
    assert await office.code_of(office.sign(refused)) == 4111
    for said in (None, enveloping):
        again = cms(await signed(office, wish(there, include_e_content=said, **how)))
        assert (decode_signed_data_untrusted(again).segments is not None) is enveloping


@pytest.mark.code(4111)
@pytest.mark.requirement("TIP1-A_4628", "TIP1-A_5538", "TIP1-A_5447")
async def test_variants_of_a_qes(office: Office) -> None:
    mail = wish(TEXT, "text/plain", signature_type=SMIME)
    for request in (wish(XML, xml=True), wish(XML, xml=True, include_objects=ENVELOPING), mail):
        assert await office.code_of(office.sign(request, kind=CardType.HBA)) == 4111


@pytest.mark.code(4110)
@pytest.mark.pitfall(36)
async def test_formats(office: Office) -> None:
    """No QES of octets without a MIME type, or of a text in a charset that the Konnektor does not know; no update of
    what is no signature; no S/MIME of what is no mail."""
    assert await office.code_of(office.sign(wish(XML), kind=CardType.HBA)) == 4110
    utf_16 = wish("Grüße".encode("utf-16"), 'Text/Plain; format=flowed; Charset="UTF-16"')
    assert await office.code_of(office.sign(utf_16, kind=CardType.HBA)) == 4110
    assert await office.code_of(office.sign(wish(TEXT, return_updated_signature=COUNTER))) == 4110
    assert await office.code_of(office.sign(wish(b"\0\xff", signature_type=SMIME))) == 4110


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        pytest.param(wish(b"<a><b></a>", xml=True), 4022, marks=pytest.mark.code(4022)),
        pytest.param(
            wish(XML, xml=True, schemas=schemas(SCHEMA.replace(b"Text", b"Wort"))), 4023, marks=pytest.mark.code(4023)
        ),
        pytest.param(wish(PDF_A_3, "application/pdf-a"), 4024, marks=pytest.mark.code(4024)),
        pytest.param(wish("<a/>".encode("utf-16"), xml=True), 4024, marks=pytest.mark.code(4024)),
        pytest.param(wish(b"GIF89a..", "image/tiff"), 4024, marks=pytest.mark.code(4024)),
        pytest.param(wish(TEXT, "text/plain; charset=utf-8"), 4024, marks=pytest.mark.code(4024)),
        pytest.param(wish(TEXT, 'TEXT/plain;format=flowed; Charset="UTF8"'), 4024, marks=pytest.mark.code(4024)),
        pytest.param(wish(XML, xml=True, schemas=schemas(b"<xs:schema/>")), 4026, marks=pytest.mark.code(4026)),
        pytest.param(wish(XML, xml=True, schemas=schemas(SCHEMA, "urn:z")), 4026, marks=pytest.mark.code(4026)),
        pytest.param(wish(DEEP, xml=True), 4280, marks=pytest.mark.code(4280)),
        # Where such a tag ends is not looked for, and nothing is put at a wrong place instead.
        pytest.param(wish(b"<%b/>" % (b"a" * 100_000), xml=True), 4280, marks=pytest.mark.code(4280)),
        pytest.param(wish(b"<%b a=''/>" % (b"a" * 2_000_000), xml=True), 4280, marks=pytest.mark.code(4280)),
        pytest.param(wish(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', xml=True), 4281, marks=pytest.mark.code(4281)),
        pytest.param(wish(bytes(DOCUMENT_OCTETS_MAX + 1)), 4283, marks=pytest.mark.code(4283)),
        pytest.param(wish(FULL_PDF, "application/pdf-a"), 4205, marks=pytest.mark.code(4205)),
    ],
)
@pytest.mark.requirement("TIP1-A_4500-02", "A_19052-01", "A_22673", "TIP1-A_4647-02")
async def test_documents(office: Office, request_: v7_5.SignRequest, code: int) -> None:
    assert await office.code_of(office.sign(request_)) == code


@pytest.mark.parametrize(
    ("request_", "detail"),
    [
        pytest.param(
            wish(b"<a>\n<b></a>", xml=True), "line 2, column 8: tag name mismatch", marks=pytest.mark.code(4022)
        ),
        pytest.param(
            wish(XML, xml=True, schemas=schemas(SCHEMA.replace(b"Text", b"Wort"))),
            "line 2, an element that is not declared: element-content",
            marks=pytest.mark.code(4023),
        ),
    ],
)
async def test_what_is_wrong_with_xml_has_its_place(office: Office, request_: v7_5.SignRequest, detail: str) -> None:
    with pytest.raises(KonnektorError) as refused:
        await office.call(office.sign(request_))
    assert refused.value.detail == detail


@pytest.mark.parametrize(
    ("bad", "detail"),
    [
        pytest.param(wish(PDF_A_3, "application/pdf-a", name="Meier"), "document 2 of 3: PDF/A", id="not checked"),
        pytest.param(wish(b"GIF89a..", "image/tiff", name="Meier"), "document 2 of 3", id="nothing more to say"),
        pytest.param(wish(FULL_PDF, "application/pdf-a", name="Meier"), "document 2 of 3: ", id="not prepared"),
        pytest.param(wish(TEXT, signature_type=XADES, name="Meier"), "document 2 of 3", id="no such type"),
    ],
)
async def test_one_of_several_documents_is_named_by_its_place(
    office: Office, bad: v7_5.SignRequest, detail: str
) -> None:
    good = wish(TEXT, name="first"), wish(TEXT, name="last")
    with pytest.raises(KonnektorError) as refused:
        await office.call(office.sign(good[0], bad, good[1]))
    assert refused.value.detail.startswith(detail)
    assert "Meier" not in refused.value.detail
    with pytest.raises(KonnektorError) as alone:
        await office.call(office.sign(bad))
    assert "document" not in alone.value.detail


@pytest.mark.code(4126)
async def test_an_egk_does_not_sign(office: Office) -> None:
    assert await office.code_of(office.sign(wish(TEXT), kind=CardType.EGK)) == 4126


@pytest.mark.code(4252)
@pytest.mark.requirement("TIP1-A_4644")
@pytest.mark.pitfall(34)
async def test_a_number_is_used_once(office: Office) -> None:
    message = office.sign(wish(TEXT))
    await office.call(message)
    assert await office.code_of(message) == 4252


@pytest.mark.code(4008, 4014)
async def test_who_may_not_use_the_card_does_not_use_the_number_up(office: Office) -> None:
    number = office.number()
    assert await office.code_of(office.sign(wish(TEXT), card_handle="none", job_number=number)) == 4008
    stranger = office.call_context(workplace_id="nowhere")
    assert await office.code_of(office.sign(wish(TEXT), context=stranger, job_number=number)) == 4006
    await office.call(office.sign(wish(TEXT), job_number=number))


@pytest.mark.code(4111)
@pytest.mark.requirement("TIP1-A_4644")
async def test_a_call_that_signed_nothing_may_be_repeated_with_its_number(office: Office) -> None:
    message = office.sign(wish(TEXT))
    assert await office.code_of(replace(message, sign_request=(wish(TEXT, signature_type=XADES),))) == 4111
    await office.call(message)
    assert await office.code_of(message) == 4252


@pytest.mark.code(4120, 4252)
async def test_a_call_that_signed_a_part_has_used_its_number(office: Office) -> None:
    message = office.sign(wish(TEXT), wish(TEXT, name="R2"))
    with fault(office, Service.CARD, "6400", match="SMC-B * 0?2A", skip=1):
        assert await office.code_of(message) == 4120
    assert await office.code_of(message) == 4252


@pytest.mark.code(4049, 4252)
async def test_a_number_that_somebody_was_shown_is_used(office: Office) -> None:
    message = office.sign(wish(TIFF, "image/tiff"), kind=CardType.HBA)
    with fault(office, Service.KEYPAD, "cancel"):
        assert await office.code_of(message) == 4049
    assert await office.code_of(message) == 4252
    refused = office.sign(wish(b"GIF89a..", "image/tiff"), kind=CardType.HBA)
    assert await office.code_of(refused) == 4024
    await office.call(replace(refused, sign_request=message.sign_request))


@pytest.mark.code(4125)
async def test_without_a_sak(office: Office) -> None:
    off = office.without_sak()
    assert await off.code_of(office.sign(wish(TEXT, "text/plain"), kind=CardType.HBA)) == 4125
    await off.call(office.sign(wish(TEXT, "text/plain")))


@pytest.mark.code(4123)
@pytest.mark.requirement("TIP1-A_4649", "TIP1-A_4647-02")
@pytest.mark.parametrize(("status", "cause"), [("revoked", 1047), ("unknown", 1044)])
@pytest.mark.parametrize("kind", [CardType.SMC_B, CardType.HBA])
async def test_a_certificate_that_is_not_good(office: Office, kind: CardType, status: str, cause: int) -> None:
    office.context.trust.forget_answers()
    with fault(office, Service.OCSP, status):
        message = office.sign(wish(TEXT, "text/plain"), kind=kind)
        with pytest.raises(KonnektorError) as refused:
            await office.call(message)
    assert refused.value.code == 4123
    assert [each.code for each in refused.value.causes] == [cause]
    office.context.trust.forget_answers()


@pytest.mark.code(4123)
@pytest.mark.requirement("TIP1-A_4649", "TIP1-A_4690")
async def test_a_revocation_of_an_hba_is_seen_at_once(office: Office) -> None:
    """What was answered before counts for nobody's QES, but for the signature of an institution for a while."""
    text = wish(TEXT, "text/plain")
    for kind in (CardType.HBA, CardType.SMC_B):
        await office.call(office.sign(text, kind=kind))
    with fault(office, Service.OCSP, "revoked", times=None):
        assert await office.code_of(office.sign(text, kind=CardType.HBA)) == 4123
        await office.call(office.sign(text))
    office.context.trust.forget_answers()


@pytest.mark.parametrize(("ocsp", "count"), [(False, 1), (True, 2)])
async def test_one_answer_for_a_stack_before_and_one_after(
    office: Office, monkeypatch: pytest.MonkeyPatch, ocsp: bool, count: int
) -> None:
    """C_11276: what is embedded is from after the signatures were made."""
    client = office.context.trust._ocsp
    ask, answers = client._ask, list[bytes]()

    async def heard(certificate: Certificate, *more: Any) -> Statement:
        said = await ask(certificate, *more)
        if certificate.is_qualified:
            answers.append(said.encoded)
        return said

    monkeypatch.setattr(client, "_ask", heard)
    stack = [wish(TEXT, "text/plain", name=f"R{number}", document_id=None, ocsp=ocsp) for number in range(3)]
    made = (await office.call(office.sign(*stack, kind=CardType.HBA))).sign_response
    embedded = [found.ocsp for response in made for found in read_cades_untrusted(cms(response), TEXT)]
    assert len(answers) == count
    assert embedded == [(answers[1],) if ocsp else ()] * 3


async def test_without_a_status_service_signatures_are_made_all_the_same(office: Office) -> None:
    office.context.trust.forget_answers()
    with fault(office, Service.OCSP, "internalError", times=None):
        await office.call(office.sign(wish(TEXT, "text/plain", ocsp=True), kind=CardType.HBA))
        await office.call(office.sign(wish(TEXT, "text/plain", ocsp=True)))
    office.context.trust.forget_answers()


async def test_a_status_service_that_hangs_is_waited_for_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """SignDocument of 7.5 wants the status before and after signing; the next call hardly waits any more."""
    trust = office.context.trust
    trust.forget_answers()
    monkeypatch.setattr(trust._ocsp, "_seconds", 2.0)
    monkeypatch.setattr(ocsppatience, "_AT_ONCE", 60.0)
    before = trust.status().ocsp.requests
    with fault(office, Service.OCSP, None, delay=20, times=None):
        await office.call(office.sign(wish(TEXT, "text/plain", ocsp=True)))
        assert trust.status().ocsp.requests == before + 1
        await office.call(office.sign(wish(TEXT, "text/plain", ocsp=True)))
        assert trust.status().ocsp.requests == before + 1
    monkeypatch.undo()
    trust.forget_answers()
    response = await signed(office, wish(TEXT, "text/plain", include_e_content=True, ocsp=True))
    (found,) = read_cades_untrusted(cms(response))
    assert len(found.ocsp) == 1


@pytest.mark.parametrize(
    ("request_", "codes"),
    [
        pytest.param(wish(XML, xml=True), [4193], marks=pytest.mark.code(4193)),
        pytest.param(wish(TEXT, signature_placement=PLACEMENT), [4197], marks=pytest.mark.code(4197)),
        pytest.param(wish(TEXT, properties=attributes(SIGNING_TIME)), [4273], marks=pytest.mark.code(4273)),
        pytest.param(
            wish(PDF, "application/pdf-a", properties=attributes(SIGNING_TIME)), [4273], marks=pytest.mark.code(4273)
        ),
    ],
)
async def test_warnings(office: Office, request_: v7_5.SignRequest, codes: list[int]) -> None:
    response = await signed(office, request_)
    assert response.status.result is Result.WARNING
    assert response.status.error is not None
    assert [trace.code for trace in response.status.error.trace] == codes


@pytest.mark.requirement("TIP1-A_5541-01", "A_22923")
async def test_schemas_lead_nowhere_else(office: Office) -> None:
    """Of what a schema imports only what came with the call is looked at; with a right one there is no warning."""
    foreign = b'<xs:import namespace="urn:z" schemaLocation="file:///etc/passwd"/>'
    importing = SCHEMA.replace(b'"qualified">', b'"qualified">' + foreign)
    response = await signed(office, wish(XML, xml=True, schemas=schemas(importing)))
    assert response.status.result is Result.OK
    unresolved = importing.replace(b'type="xs:string"', b'type="z:a" xmlns:z="urn:z"')
    assert await office.code_of(office.sign(wish(XML, xml=True, schemas=schemas(unresolved)))) == 4026


@pytest.mark.code(4093)
async def test_a_reserved_card(office: Office) -> None:
    async with office.card(CardType.HBA).reserve():
        assert await office.code_of(office.sign(wish(TEXT, "text/plain"), kind=CardType.HBA)) == 4093


@pytest.mark.code(4060)
async def test_a_terminal_in_use(office: Office) -> None:
    card = office.card(CardType.HBA)
    async with office.context.terminals.pinpad(card.ct_id):
        assert await office.code_of(office.sign(wish(TIFF, "image/tiff"), kind=CardType.HBA)) == 4060


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        pytest.param("timeout", 4043, marks=pytest.mark.code(4043)),
        pytest.param("cancel", 4049, marks=pytest.mark.code(4049)),
        pytest.param("wrong", 4085, marks=pytest.mark.code(4085)),
    ],
)
@pytest.mark.requirement("TIP1-A_4655-02")
async def test_without_the_pin_there_is_no_qes(
    office: Office, monkeypatch: pytest.MonkeyPatch, keys: str, code: int
) -> None:
    impatient(monkeypatch)
    card = office.card(CardType.HBA)
    with fault(office, Service.KEYPAD, keys):
        assert await office.code_of(office.sign(wish(TIFF, "image/tiff"), kind=CardType.HBA)) == code
    assert not card.reserved
    assert not card.session(office.session_context()).auth_state.get("PIN.QES")
    await office.call(office.sign(wish(TIFF, "image/tiff"), kind=CardType.HBA))


@pytest.mark.code(4120)
async def test_a_card_that_cannot(office: Office) -> None:
    with fault(office, Service.CARD, "6400", match="SMC-B * 0?2A"):
        assert await office.code_of(office.sign(wish(TEXT, "text/plain"))) == 4120
    await office.call(office.sign(wish(TEXT, "text/plain")))
