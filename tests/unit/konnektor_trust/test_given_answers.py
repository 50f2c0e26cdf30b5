"""OCSP responses that came with signatures: what is remembered of them, and what ends it."""

from dataclasses import replace
from datetime import datetime, timedelta

from tests.unit.konnektor_trust.test_signer_check import HOUR, OSIG, SIGNED, SMCB, URL, answer, trusts
from tests.unit.konnektor_trust.trustbench import Bench
from tests.unit.pki.ocspmaker import NOW
from tiaas.konnektor.givenanswers import GivenAnswers, youngest
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.verdict import CertificateStatus, Result
from tiaas.pki.codes import PkiCode
from tiaas.pki.ocsp import CertHash, CertId, CertStatus, SingleResponse, encode_response
from tiaas.pki.oids import CertificateType

SPACE = TrustSpace((Issuer(SMCB.ca, URL),), (), (), (SMCB.signer,))
GIVEN = answer(OSIG, SIGNED, world=SMCB)
GRACE = timedelta(minutes=10)


def test_a_response_is_read_once_for_each_certificate() -> None:
    answers, other = GivenAnswers(), SMCB.insured(CertificateType.HCI_AUT)
    (first,) = answers.read((b"garbage", GIVEN), OSIG, SMCB.ca, SPACE)
    (again,) = answers.read((bytes(bytearray(GIVEN)),), OSIG, SMCB.ca, SPACE)
    assert again is first
    assert answers.read((GIVEN,), other, SMCB.ca, SPACE) == [], "it is about another certificate"


def test_another_trust_space_ends_what_was_remembered() -> None:
    answers = GivenAnswers()
    assert answers.read((GIVEN,), OSIG, SMCB.ca, SPACE)
    assert not answers.read((GIVEN,), OSIG, SMCB.ca, replace(SPACE, ocsp_signers=())), "nobody may sign answers"
    assert answers.read((GIVEN,), OSIG, SMCB.ca, SPACE)


def test_answers_are_bounded() -> None:
    answers, later = GivenAnswers(limit=1), answer(OSIG, SIGNED + HOUR, world=SMCB)
    (first,) = answers.read((GIVEN,), OSIG, SMCB.ca, SPACE)
    answers.read((later,), OSIG, SMCB.ca, SPACE)
    assert answers.read((GIVEN,), OSIG, SMCB.ca, SPACE)[0] is not first


def test_the_time_is_asked_for_whenever_an_answer_is_used() -> None:
    answers = GivenAnswers().read((GIVEN,), OSIG, SMCB.ca, SPACE)

    def said(at: datetime, now: datetime = NOW) -> CertificateStatus | None:
        return youngest(answers, at, now, GRACE, enforce_cert_hash=True)

    assert said(SIGNED) is said(SIGNED - HOUR) is said(SIGNED + GRACE) is not None
    assert said(SIGNED + GRACE + HOUR) is None
    assert said(SIGNED, SIGNED - HOUR) is None, "our clock was put back: it is from the future"


def test_a_wrong_cert_hash_counts_for_who_demands_it() -> None:
    single = SingleResponse(CertId.of(OSIG, SMCB.ca), CertStatus.GOOD, SIGNED, cert_hash=CertHash.of(b"another"))
    answers = GivenAnswers().read((encode_response((single,), SMCB.responder, SIGNED),), OSIG, SMCB.ca, SPACE)
    assert youngest(answers, SIGNED, NOW, GRACE, enforce_cert_hash=True) is None
    tolerant = youngest(answers, SIGNED, NOW, GRACE, enforce_cert_hash=False)
    assert tolerant is not None
    assert tolerant.fault is None


async def test_who_signs_answers_no_longer_is_not_believed_again(bench: Bench) -> None:
    trusts(bench, OSIG)
    for _ in range(2):
        check = await bench.trust.check_signer(OSIG.encoded, SIGNED, (GIVEN,))
        assert (check.verdict.result, check.verdict.warnings) == (Result.VALID, ())
    bench.lists._space = replace(SPACE, ocsp_signers=())
    check = await bench.trust.check_signer(OSIG.encoded, SIGNED, (GIVEN,))
    assert check.verdict.result is Result.INCONCLUSIVE
    assert PkiCode.PROVIDED_OCSP_RESPONSE_NOT_VALID in check.verdict.warnings


async def test_a_revocation_that_came_along_counts_from_its_time_on_again_and_again(bench: Bench) -> None:
    trusts(bench, OSIG)
    given = answer(OSIG, SIGNED + timedelta(minutes=5), world=SMCB, revoked_at=SIGNED)
    for _ in range(2):
        late = await bench.trust.check_signer(OSIG.encoded, SIGNED + timedelta(minutes=1), (given,))
        early = await bench.trust.check_signer(OSIG.encoded, SIGNED - timedelta(minutes=1), (given,))
        assert (late.verdict.fault, early.verdict.result) == (PkiCode.CERT_REVOKED, Result.VALID)
