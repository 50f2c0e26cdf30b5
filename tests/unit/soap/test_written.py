"""Elements of other specifications in a message: what was written here is put in as it is, all else is looked at."""

from datetime import UTC, datetime

import pytest

from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.dss_core_v1_0 import Result
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
from tiaas.soap.encoder import Written
from tiaas.soap.errors import UnfitMessage
from tiaas.soap.mapping import encode

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
