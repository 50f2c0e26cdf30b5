"""What is kept of qualified checks: one trust space while the same lists count, and answers of delegated signers."""

import gc
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.konnektor_trust.test_signer_check import QCA, QES, SIGNED, SMCB, Counted, answer, trusts
from tests.unit.konnektor_trust.trustbench import Bench
from tests.unit.pki.ocspmaker import NOW, SPAN, World
from tiaas.konnektor.proven import GoodPaths
from tiaas.konnektor.signerdemands import QUALIFIED
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.verdict import Result
from tiaas.pki.codes import PkiCode
from tiaas.pki.issue import Validity
from tiaas.pki.ocspmessages import CertStatus
from tiaas.pki.oids import CertificateType
from tiaas.pki.path import PathFault, signature_fits


def spaces() -> int:
    gc.collect()
    return sum(isinstance(found, TrustSpace) for found in gc.get_objects())


async def result(bench: Bench, *given: bytes) -> Result:
    return (await bench.trust.check_signer(QES.encoded, SIGNED, given)).verdict.result


async def test_checks_leave_no_copies_of_the_list(bench: Bench) -> None:
    trusts(bench, QES)
    assert await result(bench) is Result.VALID
    before, given = spaces(), answer(QES, SIGNED)
    for _ in range(20):
        await result(bench, given)
        await bench.trust.check_any(QES.encoded)
    assert spaces() == before
    for _ in range(20):
        bench.lists.qualified = (Issuer(QCA.ca),)
        assert await result(bench, given) is Result.VALID
    assert spaces() == before, "those of lists that count no more are gone"


async def test_a_path_by_the_vl_is_examined_once_as_long_as_the_same_lists_count(bench: Bench) -> None:
    trusts(bench, QES)
    bench.lists.space = Counted((Issuer(SMCB.ca),), ())
    Counted.asked, given = 0, answer(QES, SIGNED)
    for _ in range(3):
        assert await result(bench, given) is Result.VALID
    assert Counted.asked == 1
    changes: tuple[Callable[[], None], ...] = (
        lambda: setattr(bench.lists, "qualified", (Issuer(QCA.ca), Issuer(SMCB.ca))),
        lambda: setattr(bench.lists, "qualified_signers", (QCA.signer, SMCB.signer)),
        lambda: setattr(bench.lists, "space", replace(bench.lists.space, status_addresses=(("a", "b"),))),
    )
    for number, change in enumerate(changes, 2):
        change()
        assert await result(bench, given) is Result.VALID
        assert await result(bench, given) is Result.VALID
        assert Counted.asked == number
    bench.lists.qualified = (Issuer(QCA.ca, revoked_since=QES.not_before),)
    assert await result(bench, given) is Result.INVALID


def test_a_remembered_path_of_the_chain_model_holds_as_long_as_its_certificate() -> None:
    """The CA ended a minute after it issued (TUC_PKI_030, note 1)."""
    brief = World("brief TEST-ONLY", span=Validity(SPAN.start, SPAN.start + timedelta(minutes=1)))
    found, space, paths = (
        brief.insured(CertificateType.HP_QES),
        Counted((Issuer(brief.ca),), ()),
        GoodPaths(chain_model=True),
    )
    Counted.asked = 0
    for at in (found.not_before, NOW, found.not_after):
        assert paths.examine(space, found, at, QUALIFIED, signature_fits).faults == ()
    assert Counted.asked == 1
    late = paths.examine(space, found, found.not_after + timedelta(seconds=1), QUALIFIED, signature_fits)
    assert late.faults == ((PathFault.CERTIFICATE_NOT_VALID_TIME, 0),)


async def test_each_certificate_asks_the_status_service_that_it_names(bench: Bench) -> None:
    """The list is one; the address is the certificate's, and that of the TSL as soon as it names one."""
    trusts(bench, QES)
    await result(bench)
    assert "http://ocsp.lab/" in bench.forwarder.targets[-1]
    bench.trust.forget_answers()
    bench.lists.space = replace(bench.lists.space, status_addresses=(("http://ocsp.lab/", "http://ocsp.ti.lab/q"),))
    await result(bench)
    assert "http://ocsp.ti.lab/q" in bench.forwarder.targets[-1]


# ---- delegated signers (TUC_PKI_030, step 10) ------------------------------------------------------------------------


def delegates(bench: Bench) -> None:
    trusts(bench, QES)
    bench.lists.qualified_signers = ()


@pytest.mark.requirement("GS-A_4750-01")
async def test_a_delegated_signers_answer_is_used_for_the_grace_period(bench: Bench) -> None:
    delegates(bench)
    for _ in range(3):
        assert await result(bench) is Result.VALID
    assert len(bench.forwarder.requests) == 1
    bench.clock.advance(timedelta(days=1).total_seconds())
    await result(bench)
    assert len(bench.forwarder.requests) == 2


@pytest.mark.requirement("GS-A_4750-01", "GS-A_4943")
async def test_a_revocation_that_a_delegated_signer_told_counts_for_ever(bench: Bench) -> None:
    delegates(bench)
    bench.forwarder.answer = lambda request: bench.forwarder.good(request, CertStatus.REVOKED)
    now = bench.clock.now()
    assert (await bench.trust.check_signer(QES.encoded, now)).verdict.fault is PkiCode.CERT_REVOKED
    await bench.forwarder.stop()
    bench.clock.advance(timedelta(days=2).total_seconds())
    assert (await bench.trust.check_signer(QES.encoded, now)).verdict.fault is PkiCode.CERT_REVOKED
    assert len(bench.forwarder.requests) == 1


@pytest.mark.requirement("GS-A_4750-01")
@pytest.mark.parametrize("change", ["ca gone", "others named", "this one named"])
async def test_a_delegation_falls_with_its_ca_and_with_a_signer_in_the_list(bench: Bench, change: str) -> None:
    delegates(bench)
    await result(bench)
    if change == "ca gone":
        bench.lists.qualified = (Issuer(SMCB.ca),)
        assert await result(bench) is Result.INVALID
        space = replace(bench.lists.space, issuers=bench.lists.qualified, ocsp_signers=(), delegates=True)
        assert bench.trust._ocsp.known_status(QES, space) is None
        assert bench.trust.ocsp_answers == 0
        return
    bench.lists.qualified_signers = (SMCB.signer if change == "others named" else QCA.signer,)
    named = await result(bench)
    assert (named, len(bench.forwarder.requests)) == (
        (Result.INCONCLUSIVE, 2) if change == "others named" else (Result.VALID, 1)
    )


async def test_for_other_certificates_a_delegated_signers_answer_counts_nothing(bench: Bench) -> None:
    delegates(bench)
    await result(bench)
    space = replace(bench.lists.space, issuers=(Issuer(QCA.ca),), ocsp_signers=())
    assert bench.trust._ocsp.known_status(QES, space) is None
