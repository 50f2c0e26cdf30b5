"""A certificate check that still stands, and all that ends it."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from tests.unit.konnektor_trust.test_signer_check import HOUR, OSIG, QCA, QES, SECOND, SMCB, trusts
from tests.unit.konnektor_trust.trustbench import Bench
from tests.unit.pki.ocspmaker import NOW
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.standing import StandingChecks
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.verdict import CertificateCheck, CertificateStatus, Result, Verdict
from tiaas.pki.certificate import Certificate
from tiaas.pki.codes import PkiCode
from tiaas.pki.ocspmessages import CertStatus
from tiaas.pki.path import Examination

GRACE = timedelta(minutes=10)
SPACE = TrustSpace((), ())
GROUNDS = SPACE, 0
GOOD = CertificateStatus(None, produced_at=NOW, cached=True, response=b"ocsp")
CHECK = CertificateCheck(Verdict(Result.VALID, status=GOOD), NOW, False, Examination((OSIG, SMCB.ca), ()))


async def twice(bench: Bench, certificate: Certificate) -> CertificateCheck:
    """The first asks, the second finds the answer and is kept."""
    await bench.trust.check_signer(certificate.encoded, bench.clock.now())
    check = await bench.trust.check_signer(certificate.encoded, bench.clock.now())
    assert check.verdict.result is Result.VALID
    return check


async def test_it_is_the_same_verdict_for_another_time(bench: Bench) -> None:
    trusts(bench, OSIG)
    kept = await twice(bench, OSIG)
    hits = bench.trust.status().ocsp.cache_hits
    again = await bench.trust.check_signer(OSIG.encoded, NOW - SECOND)
    assert again.verdict is kept.verdict
    assert (again.at, again.is_qualified, again.examination) == (NOW - SECOND, kept.is_qualified, kept.examination)
    assert bench.trust.status().ocsp.cache_hits == hits + 1
    assert len(bench.forwarder.requests) == 1


async def test_none_is_kept_of_a_qualified_certificate_and_none_ended_by_it(bench: Bench) -> None:
    trusts(bench, OSIG)
    kept = await twice(bench, OSIG)
    bench.forwarder.world, bench.forwarder.subject = QCA, QES.encoded
    await twice(bench, QES)
    assert len(bench.forwarder.requests) == 3
    assert (await bench.trust.check_signer(OSIG.encoded, NOW)).verdict is kept.verdict
    assert len(bench.forwarder.requests) == 3
    assert len(bench.trust._standing._checks) == 1


@pytest.mark.parametrize("certificate", [OSIG, QES], ids=["nonQES", "QES"])
async def test_a_revocation_is_seen_when_the_answer_is_too_old(bench: Bench, certificate: Certificate) -> None:
    trusts(bench, certificate)
    await twice(bench, certificate)
    bench.forwarder.answer = partial(bench.forwarder.good, status=CertStatus.REVOKED)
    bench.clock.advance(bench.trust._ocsp.grace.total_seconds() + 1)
    check = await bench.trust.check_signer(certificate.encoded, bench.clock.now())
    assert check.verdict.fault is PkiCode.CERT_REVOKED


async def test_a_revocation_is_seen_when_the_answers_are_forgotten(bench: Bench) -> None:
    trusts(bench, OSIG)
    await twice(bench, OSIG)
    bench.forwarder.answer = partial(bench.forwarder.good, status=CertStatus.REVOKED)
    bench.trust.forget_answers()
    check = await bench.trust.check_signer(OSIG.encoded, bench.clock.now())
    assert check.verdict.fault is PkiCode.CERT_REVOKED


async def test_another_list_ends_it(bench: Bench) -> None:
    trusts(bench, OSIG)
    await twice(bench, OSIG)
    bench.lists.space = replace(bench.lists.space, issuers=())
    check = await bench.trust.check_signer(OSIG.encoded, bench.clock.now())
    assert check.verdict.fault is PkiCode.CA_CERT_MISSING
    trusts(bench, QES)
    await twice(bench, QES)
    bench.lists.qualified = (Issuer(QCA.ca, revoked_since=QES.not_before),)
    check = await bench.trust.check_signer(QES.encoded, bench.clock.now())
    assert check.verdict.fault is PkiCode.CA_CERTIFICATE_REVOKED_IN_BNETZA_VL


async def test_the_end_of_the_tsl_and_of_the_certificate_count(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    trusts(bench, OSIG)
    await twice(bench, OSIG)
    check = await bench.trust.check_signer(OSIG.encoded, OSIG.not_after + SECOND)
    assert check.verdict.fault is PkiCode.CERTIFICATE_NOT_VALID_TIME
    monkeypatch.setattr(bench.lists, "is_outdated", lambda: True)
    with pytest.raises(KonnektorError) as caught:
        await bench.trust.check_signer(OSIG.encoded, bench.clock.now())
    assert caught.value.code == 4002


async def test_nobody_is_asked_offline_and_nothing_stands(bench: Bench) -> None:
    trusts(bench, OSIG)
    await twice(bench, OSIG)
    bench.trust._ocsp._forwarder = None
    assert (await bench.trust.check_signer(OSIG.encoded, NOW)).verdict.fault is PkiCode.NO_OCSP_CHECK


@pytest.mark.parametrize(
    "check",
    [
        replace(CHECK, verdict=Verdict(Result.INVALID, PkiCode.CERT_REVOKED, status=GOOD)),
        replace(CHECK, verdict=replace(CHECK.verdict, warnings=(PkiCode.OCSP_CHECK_REVOCATION_FAILED,))),
        replace(CHECK, verdict=replace(CHECK.verdict, status=None)),
        replace(CHECK, verdict=replace(CHECK.verdict, status=replace(GOOD, cached=False))),
        replace(CHECK, verdict=replace(CHECK.verdict, status=replace(GOOD, revoked_at=NOW + HOUR))),
    ],
    ids=["invalid", "with a warning", "without status", "just asked", "revoked later"],
)
def test_only_a_good_check_with_a_kept_status_is_kept(check: CertificateCheck) -> None:
    standing = StandingChecks(2)
    standing.keep(b"der", CHECK, *GROUNDS, GRACE)
    assert standing.get(b"der", NOW, NOW, *GROUNDS) == CHECK
    standing.keep(b"other", check, *GROUNDS, GRACE)
    assert standing.get(b"other", NOW, NOW, *GROUNDS) is None


def test_what_ends_it_and_how_many_there_are() -> None:
    standing = StandingChecks(1)
    for at, now, grounds in (
        (OSIG.not_before - SECOND, NOW, GROUNDS),
        (NOW, NOW + GRACE + SECOND, GROUNDS),
        (NOW + GRACE + SECOND, NOW, GROUNDS),
        (NOW, NOW, (SPACE, 1)),
        (NOW, NOW, (TrustSpace((), ()), 0)),
    ):
        standing.keep(b"der", CHECK, *GROUNDS, GRACE)
        assert standing.get(b"der", NOW, NOW + GRACE, *GROUNDS) is not None
        assert standing.get(b"der", at, now, *grounds) is None
    standing.keep(b"der", CHECK, *GROUNDS, GRACE)
    standing.keep(b"next", CHECK, *GROUNDS, GRACE)
    assert standing.get(b"der", NOW, NOW, *GROUNDS) is None
