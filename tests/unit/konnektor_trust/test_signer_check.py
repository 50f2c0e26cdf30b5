"""TUC_KON_037 for the certificates of signatures: QES by the BNetzA-VL, nonQES by TAB_KON_786, at a past time."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.unit.konnektor_trust.trustbench import Bench
from tests.unit.pki.ocspmaker import NOW, SPAN, World
from tiaas.konnektor.ocspanswer import TOLERANCE
from tiaas.konnektor.proven import GoodPaths, ProvenSignatures
from tiaas.konnektor.signerdemands import signer_demands
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.verdict import FUTURE, Result
from tiaas.pki.certificate import Certificate
from tiaas.pki.codes import PkiCode
from tiaas.pki.issue import Validity
from tiaas.pki.ocsp import encode_response
from tiaas.pki.ocspmessages import CertHash, CertId, CertStatus, OcspRequest, SingleResponse
from tiaas.pki.oids import CertificateType
from tiaas.pki.path import Demands, Examination, PathFault, signature_fits

URL = "http://ocsp.lab/"
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
SIGNED = NOW - HOUR
SMCB, QCA = World("SMCB-CA TEST-ONLY"), World("HBA-qCA TEST-ONLY")
OSIG, QES = SMCB.insured(CertificateType.HCI_OSIG), QCA.insured(CertificateType.HP_QES)


def trusts(bench: Bench, certificate: Certificate, *qualified: Issuer) -> None:
    world = SMCB if certificate is OSIG else QCA
    bench.lists.space = TrustSpace((Issuer(SMCB.ca, URL),), (), (), (SMCB.signer,))
    bench.lists.qualified, bench.lists.qualified_signers = qualified or (Issuer(QCA.ca),), (QCA.signer,)
    bench.forwarder.world, bench.forwarder.subject = world, certificate.encoded
    bench.forwarder.requests.clear()


def answer(certificate: Certificate, at: datetime, *, world: World = QCA, revoked_at: datetime | None = None) -> bytes:
    status = CertStatus.GOOD if revoked_at is None else CertStatus.REVOKED
    asked = CertId.of(certificate, world.ca)
    single = SingleResponse(asked, status, at, None, revoked_at, CertHash.of(certificate.encoded))
    return encode_response((single,), world.responder, at)


@pytest.mark.requirement("TIP1-A_4654-04", "TIP1-A_4672-04")
@pytest.mark.parametrize(("certificate", "qualified"), [(OSIG, False), (QES, True)])
async def test_valid(bench: Bench, certificate: Certificate, qualified: bool) -> None:
    trusts(bench, certificate)
    check = await bench.trust.check_signer(certificate.encoded, SIGNED)
    assert check.verdict.result is Result.VALID, check.verdict
    assert check.is_qualified is qualified
    assert check.examination is not None
    assert [found.encoded for found in check.examination.path] == [
        certificate.encoded,
        (QCA if qualified else SMCB).ca.encoded,
    ]
    assert check.verdict.status is not None
    assert check.verdict.status.response
    assert check.verdict.status.signer == (QCA if qualified else SMCB).signer.encoded


async def test_a_certificate_of_another_type_signs_nothing(bench: Bench) -> None:
    trusts(bench, OSIG)
    check = await bench.trust.check_signer(SMCB.insured(CertificateType.HCI_AUT).encoded, SIGNED)
    assert (check.verdict.result, check.verdict.fault) == (Result.INVALID, PkiCode.CERT_TYPE_MISMATCH)
    assert not bench.forwarder.requests


@pytest.mark.requirement("GS-A_4750-01")
async def test_a_ca_that_the_list_does_not_name(bench: Bench) -> None:
    trusts(bench, QES, Issuer(SMCB.ca))
    check = await bench.trust.check_signer(QES.encoded, SIGNED)
    assert check.verdict.fault is PkiCode.CA_CERTIFICATE_NOT_QES_QUALIFIED
    assert check.examination is not None
    assert check.examination.faults == ((PathFault.CA_CERTIFICATE_NOT_QES_QUALIFIED, 0),)


@pytest.mark.requirement("GS-A_4750-01")
async def test_a_ca_that_the_list_withdrew(bench: Bench) -> None:
    trusts(bench, QES, Issuer(QCA.ca, revoked_since=QES.not_before))
    check = await bench.trust.check_signer(QES.encoded, SIGNED)
    assert check.verdict.fault is PkiCode.CA_CERTIFICATE_REVOKED_IN_BNETZA_VL
    trusts(bench, QES, Issuer(QCA.ca, revoked_since=QES.not_before + HOUR))
    assert (await bench.trust.check_signer(QES.encoded, SIGNED)).verdict.result is Result.VALID


@pytest.mark.requirement("GS-A_4750-01")
async def test_chain_model_for_qes_shell_model_for_others(bench: Bench) -> None:
    """The CA ended a minute after it issued; the certificate lives on."""
    brief = World("brief TEST-ONLY", span=Validity(SPAN.start, SPAN.start + timedelta(minutes=1)))
    for kind, fault in ((CertificateType.HP_QES, None), (CertificateType.HCI_OSIG, PkiCode.CERTIFICATE_NOT_VALID_TIME)):
        certificate = brief.insured(kind)
        trusts(bench, certificate, Issuer(brief.ca))
        bench.lists.space = replace(bench.lists.space, issuers=(Issuer(brief.ca, URL),))
        bench.lists.qualified_signers = (brief.signer,)
        bench.forwarder.world = brief
        assert (await bench.trust.check_signer(certificate.encoded, SIGNED)).verdict.fault is fault


@pytest.mark.parametrize(("after", "result"), [(HOUR, Result.VALID), (-HOUR, Result.INVALID)])
async def test_a_revocation_counts_from_its_time_on(bench: Bench, after: timedelta, result: Result) -> None:
    trusts(bench, QES)
    current = answer(QES, NOW, revoked_at=SIGNED + after)
    assert (await bench.trust.check_signer(QES.encoded, SIGNED, (current,))).verdict.result is result


async def test_every_fault_is_told_not_only_the_first(bench: Bench) -> None:
    trusts(bench, OSIG)
    check = await bench.trust.check_signer(SMCB.insured(CertificateType.HCI_ENC).encoded, SPAN.end + HOUR)
    assert check.examination is not None
    assert [fault for fault, _ in check.examination.faults] == [
        PathFault.CERTIFICATE_NOT_VALID_TIME,
        PathFault.CERTIFICATE_NOT_VALID_TIME,
        PathFault.CERT_TYPE_MISMATCH,
    ]


async def test_of_a_stranger_it_is_told_first_that_nobody_knows_who_issued_it(bench: Bench) -> None:
    """TUC_PKI_018 asks for the type last; a certificate of another world has none of our types, or says nothing."""
    trusts(bench, OSIG)
    for stranger in (World("Unknown").insured(kind) for kind in (CertificateType.HCI_ENC, CertificateType.HCI_OSIG)):
        check = await bench.trust.check_signer(stranger.encoded, SIGNED)
        assert check.examination is not None
        assert check.examination.faults[0] == (PathFault.CA_CERT_MISSING, 0)
        assert check.verdict.fault is PkiCode.CA_CERT_MISSING


# ---- OCSP responses that came along ----------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_4672-04")
@pytest.mark.parametrize("certificate", [OSIG, QES], ids=["nonQES", "QES"])
async def test_an_answer_of_the_time_of_the_signature_is_enough(bench: Bench, certificate: Certificate) -> None:
    """That of a QES was fetched when it was made (TUC_KON_152), that of another may be as old as a kept one."""
    trusts(bench, certificate)
    before = timedelta(minutes=5) if certificate is OSIG else TOLERANCE - SECOND / 2
    given = answer(certificate, SIGNED - before, world=SMCB if certificate is OSIG else QCA)
    check = await bench.trust.check_signer(certificate.encoded, SIGNED, (b"garbage", given))
    assert (check.verdict.result, check.verdict.warnings) == (Result.VALID, ())
    assert check.verdict.status is not None
    assert check.verdict.status.response == given
    assert not bench.forwarder.requests


@pytest.mark.requirement("GS-A_4750-01")
async def test_of_a_qes_the_responder_knows_better_than_an_answer_of_minutes_before(bench: Bench) -> None:
    """It was revoked meanwhile, and nobody had asked. Where there is no responder such an answer is enough."""
    trusts(bench, QES)
    given = answer(QES, SIGNED - timedelta(minutes=5))
    for revoked_at, result in ((SIGNED + SECOND, Result.VALID), (SIGNED - SECOND, Result.INVALID)):
        bench.trust.forget_answers()
        bench.forwarder.answer = partial(revoked, revoked_at)
        check = await bench.trust.check_signer(QES.encoded, SIGNED, (given,))
        assert (check.verdict.result, check.verdict.warnings) == (result, ())
    bench.trust.forget_answers()
    await bench.forwarder.stop()
    check = await bench.trust.check_signer(QES.encoded, SIGNED, (given,))
    assert (check.verdict.result, check.verdict.warnings) == (Result.VALID, ())


def revoked(at: datetime, request: OcspRequest) -> bytes:
    """What the responder of the QCA says now of a certificate that was revoked then."""
    single = SingleResponse(request.cert_id, CertStatus.REVOKED, NOW, None, at, CertHash.of(QES.encoded))
    return encode_response((single,), QCA.responder, NOW, request.nonce)


@pytest.mark.parametrize(("made", "count"), [(-SECOND, 1), (0 * SECOND, 0), (HOUR, 0)], ids=["before", "then", "later"])
async def test_of_a_qes_only_what_is_not_from_before_counts_at_a_time_of_the_callers(
    bench: Bench, made: timedelta, count: int
) -> None:
    trusts(bench, QES)
    given = answer(QES, SIGNED + made)
    check = await bench.trust.check_signer(QES.encoded, SIGNED, (given,), is_claimed=False)
    assert check.verdict.result is Result.VALID
    assert check.verdict.warnings == (PkiCode.PROVIDED_OCSP_RESPONSE_NOT_VALID,) * count
    assert len(bench.forwarder.requests) == count


@pytest.mark.requirement("GS-A_4750-01", "TIP1-A_4690")
async def test_a_qes_has_no_grace_period(bench: Bench) -> None:
    """CERT_OCSP_DEFAULT_GRACE_PERIOD_NONQES is for others: a revocation is seen at once."""
    for certificate, fault in ((OSIG, None), (QES, PkiCode.CERT_REVOKED)):
        trusts(bench, certificate)
        bench.forwarder.answer = None
        for _ in range(2):
            check = await bench.trust.check_signer(certificate.encoded, bench.clock.now())
            assert check.verdict.result is Result.VALID
        bench.forwarder.answer = partial(bench.forwarder.good, status=CertStatus.REVOKED)
        check = await bench.trust.check_signer(certificate.encoded, bench.clock.now())
        assert check.verdict.fault is fault
        verdict = await bench.trust.check_any(certificate.encoded)
        assert verdict.fault is fault


async def test_what_was_answered_after_the_signature_counts_for_it(bench: Bench) -> None:
    trusts(bench, QES)
    for _ in range(3):
        check = await bench.trust.check_signer(QES.encoded, SIGNED)
        assert check.verdict.result is Result.VALID
    assert len(bench.forwarder.requests) == 1


@pytest.mark.parametrize("certificate", [OSIG, QES], ids=["nonQES", "QES"])
async def test_of_a_time_to_come_nobody_can_say_anything(bench: Bench, certificate: Certificate) -> None:
    trusts(bench, certificate)
    inconclusive = (Result.INCONCLUSIVE, PkiCode.OCSP_CHECK_REVOCATION_ERROR)
    for ahead, said in ((FUTURE, (Result.VALID, None)), (FUTURE + SECOND, inconclusive)):
        for _ in range(3):
            check = await bench.trust.check_signer(certificate.encoded, NOW + ahead, is_claimed=False)
            assert (check.verdict.result, check.verdict.fault) == said
            verdict = await bench.trust.check_any(certificate.encoded, NOW + ahead)
            assert (verdict.result, verdict.fault) == said
    claim = await bench.trust.check_signer(certificate.encoded, NOW + HOUR)
    assert claim.verdict.result is Result.VALID, "of what a signer claims `judge` says it"
    bench.trust.forget_answers()
    bench.forwarder.answer = partial(bench.forwarder.good, status=CertStatus.REVOKED)
    late = await bench.trust.check_signer(certificate.encoded, NOW + HOUR, is_claimed=False)
    assert late.verdict.fault is PkiCode.CERT_REVOKED, "for that no time has to come"


async def test_the_youngest_answer_counts(bench: Bench) -> None:
    trusts(bench, QES)
    good, revoked = answer(QES, SIGNED), answer(QES, SIGNED + timedelta(minutes=1), revoked_at=SIGNED)
    for given in ((good, revoked), (revoked, good)):
        check = await bench.trust.check_signer(QES.encoded, SIGNED, given)
        assert check.verdict.fault is PkiCode.CERT_REVOKED


@pytest.mark.parametrize(
    "given",
    [
        answer(QES, SIGNED - HOUR),
        answer(QES, NOW + HOUR),
        answer(OSIG, SIGNED),
        answer(QES, SIGNED, world=replace(QCA, name="stranger")),
    ],
    ids=["too old", "from the future", "about another", "signer unknown"],
)
async def test_an_answer_that_cannot_be_used_is_told_and_the_responder_asked(bench: Bench, given: bytes) -> None:
    trusts(bench, QES)
    check = await bench.trust.check_signer(QES.encoded, SIGNED, (given,))
    assert check.verdict.result is Result.VALID
    assert check.verdict.warnings == (PkiCode.PROVIDED_OCSP_RESPONSE_NOT_VALID,)
    assert len(bench.forwarder.requests) == 1


async def test_without_a_responder_an_answer_that_came_along_decides(bench: Bench) -> None:
    trusts(bench, QES)
    await bench.forwarder.stop()
    given = answer(QES, SIGNED)
    assert (await bench.trust.check_signer(QES.encoded, SIGNED, (given,))).verdict.result is Result.VALID
    assert (await bench.trust.check_signer(QES.encoded, SIGNED, (given,), wants_current=True)).verdict.status.response  # type: ignore[union-attr]
    alone = await bench.trust.check_signer(QES.encoded, SIGNED)
    assert (alone.verdict.result, alone.verdict.fault) == (Result.INCONCLUSIVE, PkiCode.OCSP_NOT_AVAILABLE)


async def test_a_current_answer_is_fetched_when_it_is_wanted(bench: Bench) -> None:
    trusts(bench, QES)
    given = answer(QES, SIGNED)
    check = await bench.trust.check_signer(QES.encoded, SIGNED, (given,), wants_current=True)
    assert check.verdict.status is not None
    assert check.verdict.status.response not in (b"", given)
    assert len(bench.forwarder.requests) == 1


# ---- what is remembered ----------------------------------------------------------------------------------------------


def test_what_fitted_once_is_not_computed_again_and_what_did_not_is() -> None:
    proven = ProvenSignatures(limit=1)
    assert proven(OSIG, SMCB.ca)
    # With the same octets the mathematics is the same, whatever the object says of its signature.
    assert proven(replace(OSIG, signature=b"x"), SMCB.ca)
    assert not proven(OSIG, QCA.ca)
    assert proven(QES, QCA.ca)
    assert not proven(replace(OSIG, signature=b"x"), SMCB.ca), "the bound is 1"


class Counted(TrustSpace):
    """A trust space that counts how often it was asked."""

    asked = 0

    def examine(self, *args: Any, **more: Any) -> Examination:
        """See `TrustSpace.examine`."""
        Counted.asked += 1
        return super().examine(*args, **more)


def test_a_good_path_is_remembered_for_its_demands_and_times() -> None:
    paths, space, wanted = GoodPaths(), Counted((Issuer(SMCB.ca),), ()), signer_demands(OSIG)
    Counted.asked = 0

    def faults(at: datetime, demands: Demands) -> list[PathFault]:
        return [fault for fault, _ in paths.examine(space, OSIG, at, demands, signature_fits).faults]

    first, last = max(OSIG.not_before, SMCB.ca.not_before), min(OSIG.not_after, SMCB.ca.not_after)
    assert faults(NOW, wanted) == faults(first, wanted) == faults(last, wanted) == []
    assert Counted.asked == 1
    assert PathFault.CERTIFICATE_NOT_VALID_TIME in faults(first - SECOND, wanted)
    assert PathFault.CERTIFICATE_NOT_VALID_TIME in faults(last + SECOND, wanted)
    other = Demands(types=frozenset({CertificateType.CH_AUT}))
    assert faults(NOW, other) == faults(NOW, other) == [PathFault.CERT_TYPE_MISMATCH]
    assert Counted.asked == 5, "what has a fault is examined anew"
    assert faults(NOW, wanted) == []
    assert Counted.asked == 5


def test_another_trust_space_ends_what_was_remembered() -> None:
    paths, wanted = GoodPaths(), signer_demands(OSIG)
    trusted, revoked = (
        TrustSpace((Issuer(SMCB.ca),), ()),
        TrustSpace((Issuer(SMCB.ca, revoked_since=SPAN.start),), ()),
    )
    for space, expected in ((trusted, []), (revoked, [PathFault.CA_CERTIFICATE_REVOKED_IN_TSL]), (trusted, [])):
        found = paths.examine(space, OSIG, NOW, wanted, signature_fits)
        assert [fault for fault, _ in found.faults] == expected
    assert paths.examine(TrustSpace((), ()), OSIG, NOW, wanted, signature_fits).faults


def test_paths_are_bounded() -> None:
    paths, space = GoodPaths(limit=1), Counted((Issuer(SMCB.ca), Issuer(QCA.ca)), ())
    Counted.asked = 0
    for certificate in (OSIG, QES, OSIG):
        assert not paths.examine(space, certificate, NOW, Demands(), signature_fits).faults
    assert Counted.asked == 3


@pytest.mark.requirement("GS-A_4750-01")
async def test_without_a_signer_in_the_list_one_that_the_ca_certified_counts(bench: Bench) -> None:
    """TUC_PKI_030, step 10; for nonQES only the TSL's signers do."""
    trusts(bench, QES)
    bench.lists.qualified_signers = ()
    check = await bench.trust.check_signer(QES.encoded, SIGNED)
    assert check.verdict.status is not None
    assert (check.verdict.result, check.verdict.status.signer) == (Result.VALID, QCA.signer.encoded)
    given = await bench.trust.check_signer(QES.encoded, SIGNED, (answer(QES, SIGNED),))
    assert (given.verdict.result, given.verdict.warnings) == (Result.VALID, ())
    bench.trust.forget_answers()
    bench.forwarder.world = replace(QCA, name="stranger")
    assert (await bench.trust.check_signer(QES.encoded, SIGNED)).verdict.fault is PkiCode.OCSP_CERT_MISSING
    trusts(bench, OSIG)
    bench.lists.space = replace(bench.lists.space, ocsp_signers=())
    assert (await bench.trust.check_signer(OSIG.encoded, SIGNED)).verdict.fault is PkiCode.OCSP_CERT_MISSING


@pytest.mark.requirement("GS-A_4750-01")
@pytest.mark.parametrize(
    "fault", [PkiCode.OCSP_NONCE_MISMATCH, PkiCode.OCSP_CHECK_REVOCATION_ERROR, PkiCode.CERT_UNKNOWN]
)
async def test_what_a_status_service_of_a_qca_may_do_wrong(bench: Bench, fault: PkiCode) -> None:
    """TUC_PKI_030, 8e, 11b, 12c; 8c, 9a, 9a1, 11a are those of any certificate."""
    trusts(bench, QES)

    def says(request: OcspRequest) -> bytes:
        now = bench.clock.now()
        asked = CertId.of(OSIG, SMCB.ca) if fault is PkiCode.OCSP_CHECK_REVOCATION_ERROR else request.cert_id
        status = CertStatus.UNKNOWN if fault is PkiCode.CERT_UNKNOWN else CertStatus.GOOD
        single = SingleResponse(asked, status, now, None, None, CertHash.of(QES.encoded))
        nonce = b"another" if fault is PkiCode.OCSP_NONCE_MISMATCH else request.nonce
        return encode_response((single,), QCA.responder, now, nonce)

    bench.forwarder.answer = says
    check = await bench.trust.check_signer(QES.encoded, SIGNED)
    assert check.verdict.fault is fault


@pytest.mark.requirement("GS-A_4750-01")
async def test_the_tsl_says_where_in_the_ti_a_public_status_service_is(bench: Bench) -> None:
    """TUC_PKI_030, step 7."""
    trusts(bench, QES)
    bench.lists.space = replace(bench.lists.space, status_addresses=(("http://ocsp.lab/", "http://ocsp.ti.lab/q"),))
    assert (await bench.trust.check_signer(QES.encoded, SIGNED)).verdict.result is Result.VALID
    assert "http://ocsp.ti.lab/q" in bench.forwarder.targets[-1]
