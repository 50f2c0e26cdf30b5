"""What people are told of a verification report (OASIS, in the dialect of SignatureService)."""

import warnings

import pytest

from tests.unit.client import documentanswers as answers
from tiaas.client.verificationreport import read_report_untrusted

_NAME = "SIG:CounterSignatureMarker"


@pytest.mark.parametrize("marker", [f"<{_NAME}/>", f"<{_NAME}><SIG:x/></{_NAME}>"])
def test_a_counter_signature_is_told_with_and_without_content_of_its_marker(marker: str) -> None:
    counter = answers.REPORT.replace("<vr:Other>", f"<vr:Other>{marker}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (plain,) = read_report_untrusted(answers.REPORT)
        (found,) = read_report_untrusted(counter)
    assert not plain.is_counter
    assert found.is_counter
