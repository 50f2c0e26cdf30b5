"""VerifyDocument of a running lab: what its cards sign, by both versions, as handlers serve it and through zeep."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from lxml import etree

from tests.adesbench import SHARED
from tests.integration.proof.test_zeep import Practice, session_with
from tests.integration.signature.office import PDF, TEXT, XML, Office, around, wish
from tiaas.ades.found import SignatureFormat
from tiaas.interfaces import signature_service_v7_4 as v7_4
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.connector_common_v5_0 import Result
from tiaas.interfaces.dss_core_v1_0 import (
    AdditionalKeyInfo,
    Base64Data,
    Base64Signature,
    IncludeObject,
    Schema,
    Schemas,
    SignatureObject,
    SignaturePtr,
    UseVerificationTime,
)
from tiaas.interfaces.oasis_verification_report_v1_0 import ReturnVerificationReport
from tiaas.interfaces.signature_service_v7_5 import HighLevelResult, TimestampType
from tiaas.konnektor.cardtypes import CardType
from tiaas.lab.faults import Fault, Service
from tiaas.lab.pki import midnight

pytestmark = pytest.mark.asyncio(loop_scope="session")
API = SHARED / "gematik-api"
CADES, PADES = SignatureFormat.CADES.value, SignatureFormat.PADES.value
REPORT = ReturnVerificationReport(include_certificate_values=True, include_revocation_values=True)


def outside(octets: bytes, kind: str = CADES) -> SignatureObject:
    return SignatureObject(base64_signature=Base64Signature(value=octets, type=kind))


def verify(
    office: Office,
    document: v7_5.Document | None = None,
    signature: SignatureObject | None = None,
    *,
    embed: bool = False,
    version: Any = v7_5,
    **inputs: Any,
) -> Any:
    """A VerifyDocument; further arguments are OptionalInputs."""
    return version.VerifyDocument(
        context=office.call_context(None),
        optional_inputs=v7_5.VerifyInputs(**inputs) if inputs else None,
        document=document,
        signature_object=signature,
        include_revocation_info=embed,
    )


def xml(octets: bytes) -> v7_5.Document:
    return v7_5.Document(base64_xml=octets)


def data(octets: bytes, mime_type: str | None = None) -> v7_5.Document:
    return v7_5.Document(base64_data=Base64Data(data=octets, mime_type=mime_type))


def codes(answer: Any) -> list[int]:
    return [] if answer.status.error is None else [trace.code for trace in answer.status.error.trace]


async def signed(office: Office, request: v7_5.SignRequest, **how: Any) -> Any:
    (response,) = (await office.call(office.sign(request, **how))).sign_response
    return response


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def enveloping(office: Office) -> bytes:
    """A CMS with its document, by the SMC-B."""
    made = await signed(office, wish(TEXT, "text/plain", include_e_content=True), crypt=v7_5.Crypt.ECC)
    return bytes(made.signature_object.base64_signature.value)


@pytest.fixture
def calm(office: Office) -> Iterator[None]:
    """No faults and no answers kept, before and after."""
    office.context.trust.forget_answers()
    yield
    office.run.lab.faults.clear()
    office.context.trust.forget_answers()


# ---- what the lab signs it verifies ----------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_5034-06")
@pytest.mark.parametrize("crypt", [v7_5.Crypt.ECC, v7_5.Crypt.RSA])
@pytest.mark.parametrize("kind", [CardType.SMC_B, CardType.HBA], ids=["nonQES", "QES"])
async def test_what_cards_sign_is_valid(office: Office, kind: CardType, crypt: v7_5.Crypt) -> None:
    how = {"kind": kind, "crypt": crypt}
    beside = await signed(office, wish(TEXT, "text/plain"), **how)
    around = await signed(office, wish(TEXT, "text/plain", include_e_content=True), **how)
    pdf = await signed(office, wish(PDF, "application/pdf-a"), **how)
    requests_ = [
        verify(office, data(TEXT, "text/plain"), beside.signature_object, return_verification_report=REPORT),
        verify(office, None, around.signature_object, return_verification_report=REPORT),
        verify(office, data(_octets(pdf), "application/pdf-a"), return_verification_report=REPORT),
    ]
    if kind is CardType.SMC_B:
        within = await signed(office, wish(XML, xml=True), **how)
        requests_.append(verify(office, xml(_octets(within)), return_verification_report=REPORT))
    for request in requests_:
        answer = await office.call(request)
        assert answer.verification_result.high_level_result is HighLevelResult.VALID, codes(answer)
        assert answer.verification_result.timestamp_type is TimestampType.EMBEDDED
        assert (answer.status.result, codes(answer)) == (Result.OK, [])


def _octets(response: Any) -> bytes:
    document = response.optional_outputs.document_with_signature
    return bytes(document.base64_xml if document.base64_data is None else document.base64_data.data)


@pytest.mark.pitfall(41, 42, 53)
@pytest.mark.parametrize("version", [v7_4, v7_5], ids=["7.4", "7.5"])
async def test_a_damaged_signature_is_an_answer(office: Office, enveloping: bytes, version: Any) -> None:
    damaged = enveloping.replace(TEXT, TEXT[::-1])
    answer = await office.call(
        verify(office, None, outside(damaged), version=version, return_verification_report=REPORT)
    )
    assert answer.verification_result.high_level_result is HighLevelResult.INVALID
    assert (answer.status.result, codes(answer)) == (Result.WARNING, [4115])
    report = etree.fromstring(answer.optional_outputs.verification_report)
    assert "invalid:IncorrectSignature" in str(report.findtext(".//{*}Result/{*}ResultMinor"))
    assert f"/{'v7.4' if version is v7_4 else 'v7.5'}" in answer.optional_outputs.verification_report


@pytest.mark.pitfall(41)
@pytest.mark.parametrize(
    "how", [{"http": 503}, {"drop": True}, {"code": "tryLater"}, {"code": "signature-wrong"}], ids=str
)
async def test_without_a_status_nothing_is_certain(
    office: Office, enveloping: bytes, calm: None, how: dict[str, Any]
) -> None:
    office.run.lab.faults.add(Fault(Service.OCSP, times=None, **how))
    answer = await office.call(verify(office, None, outside(enveloping), return_verification_report=REPORT))
    assert answer.verification_result.high_level_result is HighLevelResult.INCONCLUSIVE
    assert answer.status.result is Result.WARNING
    assert "resultminor:OcspNotAvailiable" in answer.optional_outputs.verification_report


async def test_a_revocation_counts_from_its_time_on(office: Office, enveloping: bytes, calm: None) -> None:
    """The same signature, judged at times of the caller's choice."""
    now = office.context.clock.now()
    # The signer's certificate is valid from the beginning of the day it was issued, and revoked from a whole second on.
    before = max(now - timedelta(minutes=5), midnight(now))
    await office.until(lambda: office.context.clock.now() >= before + timedelta(seconds=1))
    office.run.lab.faults.add(Fault(Service.OCSP, code="revoked", times=None))
    for at, result in ((before, HighLevelResult.VALID), (now + timedelta(minutes=5), HighLevelResult.INVALID)):
        time = UseVerificationTime(specific_time=at)
        answer = await office.call(verify(office, None, outside(enveloping), use_verification_time=time))
        verdict = answer.verification_result
        assert (verdict.high_level_result, verdict.timestamp_type, verdict.timestamp) == (
            result,
            TimestampType.USER_DEFINED,
            at,
        )
        assert codes(answer) == ([] if result is HighLevelResult.VALID else [1047])


async def test_the_current_time_is_a_time_of_the_callers(office: Office, enveloping: bytes, calm: None) -> None:
    """OASIS DSS 4.5.2: a signer whose certificate was revoked after the claimed time, judged now."""
    request = verify(office, None, outside(enveloping))
    signing_time = (await office.call(request)).verification_result.timestamp
    await office.until(lambda: office.context.clock.now() >= signing_time + timedelta(seconds=1))
    office.context.trust.forget_answers()
    office.run.lab.faults.add(Fault(Service.OCSP, code="revoked", times=None))
    claimed = (await office.call(request)).verification_result
    assert (claimed.high_level_result, claimed.timestamp_type) == (HighLevelResult.VALID, TimestampType.EMBEDDED)
    started = office.context.clock.now()
    time = UseVerificationTime(current_time="")
    answer = await office.call(verify(office, None, outside(enveloping), use_verification_time=time))
    verdict = answer.verification_result
    assert (verdict.high_level_result, verdict.timestamp_type) == (HighLevelResult.INVALID, TimestampType.USER_DEFINED)
    assert started <= verdict.timestamp <= office.context.clock.now()
    assert codes(answer) == [1047]


@pytest.mark.requirement("TIP1-A_5540-01", "GS-A_4750-01")
async def test_a_qes_of_a_revoked_hba_is_invalid_at_once_at_the_current_time(office: Office, calm: None) -> None:
    """The response in it is seconds old and still counts for the claimed time; but it is from before."""
    text = wish(TEXT, "text/plain", include_e_content=True, ocsp=True)
    made = (await signed(office, text, kind=CardType.HBA)).signature_object
    office.run.lab.faults.add(Fault(Service.OCSP, code="revoked", times=None))
    claimed = await office.call(verify(office, None, made))
    assert (claimed.verification_result.high_level_result, codes(claimed)) == (HighLevelResult.VALID, [])
    time = UseVerificationTime(current_time="")
    answer = await office.call(verify(office, None, made, use_verification_time=time))
    assert (answer.verification_result.high_level_result, codes(answer)) == (HighLevelResult.INVALID, [1047, 1050])


async def test_of_tomorrow_nobody_can_say_anything(office: Office, enveloping: bytes, calm: None) -> None:
    time = UseVerificationTime(specific_time=office.context.clock.now() + timedelta(days=1))
    request = verify(office, None, outside(enveloping), use_verification_time=time, return_verification_report=REPORT)
    answer = await office.call(request)
    assert (answer.verification_result.high_level_result, codes(answer)) == (HighLevelResult.INCONCLUSIVE, [1029])
    assert "resultminor:OcspNotAvailiable" in answer.optional_outputs.verification_report


# ---- revocation information ------------------------------------------------------------------------------------------


@pytest.mark.pitfall(37)
async def test_the_answer_is_embedded_where_there_is_room(office: Office, enveloping: bytes, calm: None) -> None:
    within = _octets(await signed(office, wish(XML, xml=True)))
    enclosing = (await signed(office, wish(XML, xml=True, include_objects=_around()))).signature_object
    for request in (
        verify(office, None, outside(enveloping), embed=True),
        verify(office, None, enclosing, embed=True),
        verify(office, xml(within), embed=True),
    ):
        answer = await office.call(request)
        assert (answer.status.result, codes(answer)) == (Result.OK, [])
        outputs = answer.optional_outputs
        assert (outputs.document_with_signature is None) is (request.document is None)
        assert (outputs.updated_signature is None) is (request.document is not None)
        again = (
            verify(office, replace(request.document, base64_xml=_document(outputs)))
            if request.document is not None
            else verify(office, None, outputs.updated_signature.signature_object)
        )
        office.run.lab.faults.add(Fault(Service.OCSP, http=503, times=None))
        office.context.trust.forget_answers()
        result = (await office.call(again)).verification_result.high_level_result
        assert result is HighLevelResult.VALID, "it needs no responder any more"
        office.run.lab.faults.clear()


async def test_a_signature_comes_back_as_it_came(office: Office, calm: None) -> None:
    """As an element or as octets: these may have a declaration, and a document around the signature."""
    signature = around(await signed(office, wish(XML, xml=True, include_objects=_around())))
    octets = b"<?xml version='1.0'?>\n" + signature
    answer = await office.call(verify(office, None, outside(octets, SignatureFormat.XADES.value), embed=True))
    updated = answer.optional_outputs.updated_signature.signature_object.base64_signature
    assert updated.type == SignatureFormat.XADES.value
    assert updated.value.startswith(octets[:40])
    assert b"RevocationValues" in updated.value


def _document(outputs: Any) -> bytes:
    return bytes(outputs.document_with_signature.base64_xml)


def _around() -> v7_5.IncludeObjects:
    return v7_5.IncludeObjects(include_object=(IncludeObject(which_document="D1"),))


@pytest.mark.code(4261)
async def test_a_pdf_has_no_room(office: Office) -> None:
    pdf = _octets(await signed(office, wish(PDF, "application/pdf-a")))
    answer = await office.call(verify(office, data(pdf, "application/pdf-a"), embed=True))
    assert answer.verification_result.high_level_result is HighLevelResult.VALID
    assert (answer.status.result, codes(answer)) == (Result.WARNING, [4261])
    assert answer.optional_outputs is None
    # What certified devices hand out instead of a document.
    moved = await office.call(verify(office, None, outside(pdf, PADES)))
    assert moved.verification_result.high_level_result is HighLevelResult.VALID


@pytest.mark.code(4261)
async def test_an_xml_signature_that_is_no_xades_has_no_room(office: Office) -> None:
    """What VerifyDocument says of the signature does not matter: here its reference to the properties leads nowhere."""
    root = etree.fromstring(_octets(await signed(office, wish(XML, xml=True))))
    (properties,) = root.iter("{*}QualifyingProperties")
    parent = properties.getparent()
    assert parent is not None
    parent.remove(properties)
    answer = await office.call(verify(office, xml(etree.tostring(root)), embed=True))
    assert answer.verification_result.high_level_result is HighLevelResult.INVALID
    assert codes(answer) == [4261, 4115]
    assert answer.optional_outputs is None


@pytest.mark.code(4264)
async def test_certificates_that_nobody_needs(office: Office, enveloping: bytes) -> None:
    certificate = office.context.device_certificate
    assert certificate is not None
    answer = await office.call(verify(office, None, outside(enveloping), additional_key_info=_key_info(certificate)))
    assert answer.verification_result.high_level_result is HighLevelResult.VALID
    assert (answer.status.result, codes(answer)) == (Result.WARNING, [4264])


def _key_info(certificate: bytes) -> AdditionalKeyInfo:
    text = b64encode(certificate).decode()
    data = f"<X509Data><X509Certificate>{text}</X509Certificate></X509Data>"
    return AdditionalKeyInfo(key_info=f'<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#">{data}</KeyInfo>')


# ---- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "signature", "code"),
    [
        pytest.param(None, None, 4253, marks=pytest.mark.code(4253)),
        (xml(XML), None, 4253),
        pytest.param(xml("<a/>".encode("utf-16")), None, 4024, marks=pytest.mark.code(4024)),
        (xml(b'<?xml version="1.0" encoding="windows-1252"?><a/>'), None, 4024),
        (data(TEXT, "text/plain"), None, 4253),
        pytest.param(xml(b"<a>"), None, 4022, marks=pytest.mark.code(4022)),
        pytest.param(xml(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"), None, 4281, marks=pytest.mark.code(4281)),
        (data(b"MIME-Version: 1.0", "message/rfc822"), None, 4253),
        (None, outside(b"x", SignatureFormat.SMIME.value), 4253),
        pytest.param(None, outside(b"x", "urn:other"), 4000, marks=pytest.mark.code(4000)),
        (None, SignatureObject(other=()), 4000),
        pytest.param(data(PDF, "application/pdf-a"), None, 4253),
        pytest.param(data(b"%PDF-1.4 broken", "application/pdf-a"), None, 4024, marks=pytest.mark.code(4024)),
        pytest.param(data(b"%PDF-" + bytes(29_000_000)), None, 4283, marks=pytest.mark.code(4283)),
    ],
    ids=str,
)
async def test_what_cannot_be_verified(
    office: Office, document: v7_5.Document | None, signature: SignatureObject | None, code: int
) -> None:
    assert await office.code_of(verify(office, document, signature)) == code


@pytest.mark.code(4000)
async def test_a_pointer_names_the_document(office: Office, calm: None) -> None:
    made = (await signed(office, wish(XML, xml=True))).optional_outputs.document_with_signature
    given = v7_5.Document(id="D1", base64_xml=made.base64_xml)
    for which, code in (("D1", None), (None, None), ("D2", 4000)):
        request = verify(office, given, SignatureObject(signature_ptr=SignaturePtr(which_document=which)))
        if code is not None:
            assert await office.code_of(request) == code
        else:
            assert (await office.call(request)).verification_result.high_level_result is HighLevelResult.VALID
    unnamed = SignatureObject(signature_ptr=SignaturePtr(which_document="D1"))
    assert await office.code_of(verify(office, v7_5.Document(base64_xml=made.base64_xml), unnamed)) == 4000


SCHEMA = """<schema xmlns="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x" elementFormDefault="qualified">
<element name="Brief"><complexType><sequence><element name="Text" type="{kind}"/></sequence></complexType></element>
</schema>"""


@pytest.mark.code(4023, 4026)
async def test_a_document_against_its_schemas(office: Office, enveloping: bytes) -> None:
    """What schemas say counts for the document without its signatures."""
    within = xml(_octets(await signed(office, wish(XML, xml=True))))
    for kind, code in (("string", None), ("integer", 4023), ("unheard", 4026)):
        given = Schema(ref_uri="urn:x", base64_xml=SCHEMA.format(kind=kind).encode())
        request = verify(office, within, schemas=Schemas(schema=(given,)))
        if code is not None:
            assert await office.code_of(request) == code
            continue
        answer = await office.call(request)
        assert answer.verification_result.high_level_result is HighLevelResult.VALID


async def test_a_document_beside_its_signature_is_only_told_of(office: Office) -> None:
    made = await signed(office, wish(TEXT, "text/plain"))
    answer = await office.call(verify(office, data(TEXT, "image/tiff"), made.signature_object))
    assert answer.verification_result.high_level_result is HighLevelResult.VALID
    assert (answer.status.result, codes(answer)) == (Result.WARNING, [4024])


async def test_the_context_is_checked(office: Office, enveloping: bytes) -> None:
    request = verify(office, None, outside(enveloping))
    for ids, code in (({"mandant_id": "nobody"}, 4004), ({"workplace_id": "nowhere"}, 4006)):
        assert await office.code_of(replace(request, context=office.call_context(None, **ids))) == code


@pytest.mark.parametrize("octets", [3 * 1024 * 1024, 11 * 1024 * 1024])
async def test_a_certificate_as_large_as_a_document_is_none(office: Office, octets: int) -> None:
    info = AdditionalKeyInfo(key_info=_key_info(b"").key_info.replace("></X509C", f">{'A' * octets}</X509C"))
    request = verify(office, data(TEXT), outside(b"x"), additional_key_info=info)
    assert await office.code_of(request) == 4000


async def test_who_may_not_call_has_nothing_read(office: Office) -> None:
    """What is wrong with certificates is seen when they are read; what is wrong without reading comes first."""
    info = _key_info(b"").key_info.replace("></X509C", ">no+base64!</X509C")
    request = verify(office, data(TEXT), outside(b"x"), additional_key_info=AdditionalKeyInfo(key_info=info))
    assert await office.code_of(request) == 4000
    nobody = office.call_context(None, mandant_id="nobody")
    assert await office.code_of(replace(request, context=nobody)) == 4004
    for wrong, code in ((None, 4253), (outside(b"x", "urn:other"), 4000), (outside(bytes(29_000_000)), 4283)):
        assert await office.code_of(replace(verify(office, None, wrong), context=nobody)) == code


@pytest.mark.code(4125)
async def test_without_the_sak(office: Office, enveloping: bytes) -> None:
    made = await signed(office, wish(TEXT, "text/plain", include_e_content=True), kind=CardType.HBA)
    off = office.without_sak()
    assert await off.code_of(verify(office, None, made.signature_object)) == 4125
    answer = await off.call(verify(office, None, outside(enveloping)))
    assert answer.verification_result.high_level_result is HighLevelResult.VALID, "nonQES needs none"


# ---- through zeep ----------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice(office: Office) -> AsyncIterator[Practice]:
    """A client that knows the official WSDLs and nothing of ours."""
    if not API.is_dir():
        pytest.skip(f"gematik's interface definitions are not at {API}")
    entry = office.run.ready().to_document()["instances"][0]
    with session_with(entry, (entry["client"]["cert"], entry["client"]["key"])) as session:
        yield await asyncio.to_thread(Practice, API, entry, session)


@pytest.mark.parametrize("name", ["SignatureService/7.4", "SignatureService"])
async def test_the_official_wsdl(office: Office, practice: Practice, enveloping: bytes, calm: None, name: str) -> None:
    """VALID, INVALID and INCONCLUSIVE, each with a report, valid by the official schemas."""
    wanted = {
        "IncludeVerifier": False,
        "IncludeCertificateValues": True,
        "IncludeRevocationValues": True,
        "ExpandBinaryValues": False,
        "ReportDetailLevel": "urn:oasis:names:tc:dss-x:1.0:profiles:verificationreport:reportdetail:allDetails",
    }

    def ask(octets: bytes) -> Any:
        answer = practice.service(name).VerifyDocument(
            Context=practice.context,
            OptionalInputs={"ReturnVerificationReport": wanted},
            SignatureObject={"Base64Signature": {"_value_1": octets, "Type": CADES}},
            IncludeRevocationInfo=True,
        )
        practice.check(name)
        return answer

    for octets, result in (
        (enveloping, "VALID"),
        (enveloping.replace(TEXT, TEXT[::-1]), "INVALID"),
    ):
        answer = await asyncio.to_thread(ask, octets)
        assert answer.VerificationResult.HighLevelResult == result
        assert isinstance(answer.VerificationResult.Timestamp, datetime)
        assert answer.OptionalOutputs.VerificationReport.IndividualReport
    office.run.lab.faults.add(Fault(Service.OCSP, http=503, times=None))
    office.context.trust.forget_answers()
    answer = await asyncio.to_thread(ask, enveloping)
    assert answer.VerificationResult.HighLevelResult == "INCONCLUSIVE"
