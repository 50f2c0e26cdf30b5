"""What people are told of a verification report (OASIS, in the dialect of SignatureService)."""

import warnings
from base64 import b64encode

import pytest

from tests.unit.client import documentanswers as answers
from tests.unit.pki.ocspmaker import World
from tiaas.client.verificationreport import read_report_untrusted
from tiaas.pki.oids import CertificateType

_NAME = "SIG:CounterSignatureMarker"
_BAD = "urn:oasis:names:tc:dss:1.0:resultminor:invalid:IncorrectSignature"
_ALL, _MANIFEST = (
    f"urn:oasis:names:tc:dss:1.0:resultminor:valid:signature:{one}" for one in ("OnAllDocuments", "HasManifestResults")
)
_TIME = "urn:oasis:names:tc:dss:1.0:resultminor:valid:signature:InvalidSignatureTimestamp"
_QES, _OTHER = (
    b64encode(World().insured(kind).encoded).decode() for kind in (CertificateType.HP_QES, CertificateType.HCI_OSIG)
)


@pytest.mark.parametrize("marker", [f"<{_NAME}/>", f"<{_NAME}><SIG:x/></{_NAME}>"])
def test_a_counter_signature_is_told_with_and_without_content_of_its_marker(marker: str) -> None:
    counter = answers.REPORT.replace("<vr:Other>", f"<vr:Other>{marker}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (plain,) = read_report_untrusted(answers.REPORT)
        (found,) = read_report_untrusted(counter)
    assert not plain.is_counter
    assert found.is_counter


def test_what_is_about_the_answer_on_the_status_says_so() -> None:
    value = "<vr:SigMathOK><vr:ResultMajor>urn:oasis:names:tc:dss:1.0:detail:valid</vr:ResultMajor></vr:SigMathOK>"
    inside = f"<vr:CertificateStatus><vr:OCSPValidity>{value}</vr:OCSPValidity></vr:CertificateStatus>"
    end = "</vr:CertificateValidity>"
    (found,) = read_report_untrusted(answers.REPORT.replace(end, f"{value}{inside}{end}"))
    told = [(check.about, check.subject) for check in found.checks if check.about.startswith("signature value")]
    signer = "CN=Dr. Eva Kunst"
    assert told == [
        ("signature value", ""),
        ("signature value", signer),
        ("signature value of the status answer", signer),
    ]


@pytest.mark.parametrize(
    ("certificate", "minor", "is_qualified"),
    [
        (_QES, _ALL, True),
        (_QES, _MANIFEST, True),
        # Whoever likes makes a certificate that calls itself qualified.
        (_QES, _BAD, None),
        (_QES, _TIME, None),
        (_OTHER, _ALL, False),
        (_OTHER, _BAD, False),
        ("", _ALL, None),
        ("MAA=", _ALL, None),
        ("A", _ALL, None),
    ],
)
def test_a_valid_signature_by_a_qualified_certificate_is_qualified(
    certificate: str, minor: str, is_qualified: bool | None
) -> None:
    (found,) = read_report_untrusted(_with(certificate).replace(_BAD, minor))
    assert found.is_qualified is is_qualified


def test_what_is_no_success_is_not_qualified() -> None:
    report = _with(_QES).replace(_BAD, _ALL)
    (found,) = read_report_untrusted(report.replace("resultmajor:Success", "resultmajor:InsufficientInformation"))
    assert found.is_qualified is None


def test_only_the_signers_own_certificate_says_whether_it_is_qualified() -> None:
    """Not one of his CA, nor of a responder that is told of inside."""
    inside = f"<vr:CertificateStatus><vr:CertificateValue>{_QES}</vr:CertificateValue></vr:CertificateStatus>"
    issuer = f"<vr:CertificateValidity><vr:CertificateValue>{_QES}</vr:CertificateValue></vr:CertificateValidity>"
    end = "</vr:CertificateValidity>"
    (found,) = read_report_untrusted(answers.REPORT.replace(end, f"{inside}{end}{issuer}").replace(_BAD, _ALL))
    assert found.is_qualified is None


def _with(certificate: str) -> str:
    value = f"<vr:CertificateValue>\n{certificate}\n</vr:CertificateValue></vr:CertificateValidity>"
    return answers.REPORT.replace("</vr:CertificateValidity>", value)
