"""What people are told of a verification report: sentences, in one language, no names of codes."""

import re

import pytest

from tests.unit.client import documentanswers as answers
from tiaas.ades.found import Integrity
from tiaas.cli.verifywords import algorithm, cause_of, explained, outcome
from tiaas.client.errorhelp import Language, all_help
from tiaas.client.verificationreport import ReportedSignature, read_report_untrusted
from tiaas.konnektor.codes import CODES
from tiaas.konnektor.verdict import Result
from tiaas.konnektor.verification.outcome import Outcome
from tiaas.pki.codes import PkiCode
from tiaas.pki.path import PathFault

_MAJOR, _MINOR = "urn:oasis:names:tc:dss:1.0:resultmajor:", "urn:oasis:names:tc:dss:1.0:resultminor:"
_RESULT = re.compile("<dss:Result>.*?</dss:Result>", re.DOTALL)
_BEGINNINGS = {Result.VALID: "valid", Result.INVALID: "not valid", Result.INCONCLUSIVE: "it cannot be told whether it"}
_ENUM = re.compile(r"[A-Z]+_[A-Z_]+")


def _signature(major: str, minor: str | None, codes: tuple[int, ...] = (), mathematics: str = "") -> ReportedSignature:
    texts = "; ".join(f"{code} {CODES[code].filled('')}" for code in codes)
    minor_element = f"<dss:ResultMinor>{minor}</dss:ResultMinor>" if minor else ""
    result = f"<dss:ResultMajor>{major}</dss:ResultMajor>{minor_element}<dss:ResultMessage>{texts}</dss:ResultMessage>"
    report = _RESULT.sub(f"<dss:Result>{result}</dss:Result>", answers.REPORT)
    told = f"<vr:ResultMessage>{mathematics}</vr:ResultMessage></vr:SigMathOK>"
    (found,) = read_report_untrusted(report.replace("</vr:SigMathOK>", told))
    return found


@pytest.mark.parametrize("row", Outcome)
def test_every_row_of_the_tables_is_told_as_it_counts(row: Outcome) -> None:
    assert outcome(_signature(row.major, row.minor)).startswith(_BEGINNINGS[row.result])


def test_the_beginnings_tell_the_verdicts_apart() -> None:
    told = {row: outcome(_signature(row.major, row.minor)) for row in Outcome}
    assert {row for row, words in told.items() if words == "valid"} == {
        row for row in Outcome if row.result is Result.VALID
    }


@pytest.mark.parametrize(
    ("row", "codes", "mathematics", "told"),
    [
        (Outcome.INCORRECT_SIGNATURE, (4115,), "digest wrong", "the document was changed after it was signed, or"),
        (Outcome.INCORRECT_SIGNATURE, (4115,), "signature wrong", "the signature was changed, or made with another"),
        (Outcome.INCORRECT_SIGNATURE, (4262,), "not whole document", "the signature does not cover the whole document"),
        (Outcome.INCORRECT_SIGNATURE, (4115,), "", "document or signature were changed after it was signed"),
        (Outcome.INCORRECT_SIGNATURE, (1047,), "", "the certificate is revoked"),
        (Outcome.INCORRECT_SIGNATURE, (1050, 1047), "", "the certificate is revoked"),
        (Outcome.INCORRECT_SIGNATURE, (1050, 4262), "", "the signature does not cover the whole document"),
        (Outcome.CHAIN_NOT_COMPLETE, (1027, 4260), "", "the issuer of the certificate is in no trust list"),
        (Outcome.REQUESTER_ERROR, (1050, 4208), "", "the signature does not follow the required profile"),
        (Outcome.OCSP_NOT_AVAILABLE, (1032,), "", "the status service does not answer"),
        (Outcome.INVALID_TIMESTAMP, (1021,), "", "a certificate was not valid at this time"),
        (Outcome.INVALID_TIMESTAMP, (), "", "the time that it states is in the future"),
    ],
)
def test_why_a_signature_is_not_valid(row: Outcome, codes: tuple[int, ...], mathematics: str, told: str) -> None:
    words = outcome(_signature(row.major, row.minor, codes, mathematics))
    assert words.startswith(f"{_BEGINNINGS[row.result]}")
    assert f": {told}" in words


def test_words_of_other_makers_stand_as_they_are() -> None:
    assert outcome(_signature(f"{_MAJOR}Success", f"{_MINOR}invalid:Odd")) == "Success / invalid:Odd"
    (found,) = read_report_untrusted(_RESULT.sub("", answers.REPORT))
    assert outcome(found) == "no verdict"
    assert explained("something else") == "something else"
    assert cause_of([9999]) == ""
    assert algorithm("urn:oid:1.2.3") == "urn:oid:1.2.3"


@pytest.mark.parametrize("integrity", set(Integrity) - {Integrity.INTACT})
def test_each_fault_of_the_mathematics_is_a_sentence(integrity: Integrity) -> None:
    assert len(explained(integrity.value).split()) > 4


@pytest.mark.parametrize("fault", PathFault)
def test_no_fault_of_a_path_is_told_by_its_name(fault: PathFault) -> None:
    for message in (fault.name, f"{fault.name}, {fault.name}", f"{fault.name} at depth 0"):
        assert not _ENUM.search(explained(message))
        assert "depth" not in explained(message)


def test_no_code_of_a_certificate_with_help_is_told_by_its_name() -> None:
    known = [code for code in PkiCode if code.number in CODES and CODES[code.number].text == code.name]
    for code in known:
        if code.number in all_help(Language.ENGLISH):
            assert explained(code.name) == cause_of([code.number])
            assert not _ENUM.search(explained(code.name))
    assert PkiCode.CERT_REVOKED in known
    assert cause_of([1006]) == "", "what insurers' services mean by it"


def test_an_algorithm_has_a_name() -> None:
    assert algorithm("urn:oid:1.2.840.10045.4.3.2") == "ECDSA with SHA-256 (1.2.840.10045.4.3.2)"
    assert algorithm("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256").endswith("#ecdsa-sha256")
