"""Elements of other specifications in a message: what was written here is put in as it is, all else is looked at."""

from datetime import UTC, datetime

import pytest

from tiaas.base.slices import SLICE
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.dss_core_v1_0 import DS, Result, SignatureObject
from tiaas.interfaces.oasis_verification_report_v1_0 import (
    IndividualReport,
    SignedObjectIdentifier,
    SignedProperties,
    VerificationReport,
)
from tiaas.interfaces.signature_service_v7_5 import (
    HighLevelResult,
    TimestampType,
    VerificationResult,
    VerifyDocumentResponse,
    VerifyOutputs,
)
from tiaas.soap.bulk import LONG
from tiaas.soap.encoder import Written, encode_parts, joined
from tiaas.soap.errors import UnfitMessage
from tiaas.soap.mapping import encode
from tiaas.soap.reply import packaged_reply, plain_reply
from tiaas.soap.simple import WrittenOctets

REPORT = encode(VerificationReport())
RESULT = VerificationResult(
    high_level_result=HighLevelResult.VALID,
    timestamp_type=TimestampType.SYSTEM,
    timestamp=datetime(2026, 1, 1, tzinfo=UTC),
)


def answer(text: str) -> str:
    outputs = VerifyOutputs(verification_report=text)
    return encode(VerifyDocumentResponse(status=OK, verification_result=RESULT, optional_outputs=outputs))


def test_a_message_that_was_written_is_put_in_unchanged() -> None:
    assert REPORT.name == "{urn:oasis:names:tc:dss-x:1.0:profiles:verificationreport:schema#}VerificationReport"
    assert REPORT in answer(REPORT)
    assert answer(REPORT) == answer(str(REPORT))


@pytest.mark.parametrize("wrong", [Written("<a/>", "a"), "<a/>", REPORT[:-1], REPORT + REPORT])
def test_another_element_or_no_whole_one_is_refused(wrong: str) -> None:
    with pytest.raises(UnfitMessage):
        answer(wrong)


def test_elements_between_others_are_looked_at_if_one_is_foreign() -> None:
    identifier = SignedObjectIdentifier(signed_properties=SignedProperties(other=(REPORT, "<open>")))
    report = IndividualReport(signed_object_identifier=identifier, result=Result(result_major="urn:x"))
    with pytest.raises(UnfitMessage):
        encode(VerificationReport(individual_report=(report,)))


@pytest.mark.parametrize("size", [10, LONG, 3 * SLICE])
def test_octets_that_were_written_are_put_in_unchanged_and_not_copied(size: int) -> None:
    octets = b"<ds:Signature xmlns:ds='%b'>%b</ds:Signature>" % (DS.uri.encode(), "ä".encode() * size)
    answer = SignatureObject(signature=WrittenOctets(octets, DS("Signature")))
    parts = encode_parts(answer)
    assert octets in joined(parts).encode()
    plain, packaged = plain_reply(200, parts), packaged_reply(200, parts, "b")
    assert plain.body == joined(parts).encode()
    assert plain.body in packaged.body
    for reply in (plain, packaged):
        assert len(reply.body) == reply.size
        assert any(piece is octets for piece in reply.pieces) is (len(octets) >= LONG)


def test_octets_of_another_element_are_refused() -> None:
    with pytest.raises(UnfitMessage):
        encode(SignatureObject(signature=WrittenOctets(b"<a/>", "a")))
