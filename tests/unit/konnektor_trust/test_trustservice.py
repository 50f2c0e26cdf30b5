"""Certificate checks with status: verdicts, tolerance, what ReadVSD and TLS to a Fachdienst get."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.unit.konnektor_trust.responder import Forwarder
from tests.unit.pki.ocspmaker import NOW, SPAN, World
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor import trustservice
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.network import Network
from tiaas.konnektor.ocsp import OcspClient
from tiaas.konnektor.trust import EGK, Issuer, TrustSpace
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.trustsource import FixedTrust
from tiaas.konnektor.verdict import Result
from tiaas.konnektor.web import WebClient
from tiaas.pki.admission import build_admission
from tiaas.pki.certificate import CERTIFICATE_QUICK_OCTETS, Certificate, decode_certificate_untrusted
from tiaas.pki.codes import PkiCode
from tiaas.pki.issue import EndEntity, Validity, issue_end_entity
from tiaas.pki.names import component_name
from tiaas.pki.ocsp import encode_response
from tiaas.pki.ocspmessages import CertHash, CertStatus, OcspRequest, SingleResponse
from tiaas.pki.oids import CertificateType, Role
from tiaas.pki.profiles import PROFILES

WORLD = World()
EGK_CERTIFICATE = WORLD.insured()
URL = "http://ehca.ocsp.lab/"


def server(role: Role = Role.INT_VSDM, kind: CertificateType = CertificateType.FD_TLS_S) -> Certificate:
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    holder = EndEntity(component_name("intermediaer.lab", "NOT-VALID"), key.public_key(), build_admission(role))
    profile = PROFILES[kind]
    return decode_certificate_untrusted(issue_end_entity(profile, holder, WORLD.authority, SPAN, WORLD.entropy))


SERVER = server()


@dataclass
class Bench:
    forwarder: Forwarder
    trust: Trust
    clock: ManualClock

    def says(self, status: CertStatus, *, cert_hash: CertHash | None) -> None:
        def answer(request: OcspRequest) -> bytes:
            now = self.clock.now()
            revoked_at = now if status is CertStatus.REVOKED else None
            single = SingleResponse(request.cert_id, status, now, None, revoked_at, cert_hash)
            return encode_response((single,), WORLD.responder, now, request.nonce)

        self.forwarder.answer = answer

    def trusts(self, **changes: object) -> None:
        issuer = replace(Issuer(WORLD.ca, URL), **changes)  # type: ignore[arg-type]
        source = cast(FixedTrust, self.trust._source)
        source.space = replace(source.space, issuers=(issuer,))


def a_trust(space: TrustSpace, access: TiAccess, clock: ManualClock) -> Trust:
    web = WebClient(Network())
    return Trust(FixedTrust(space), OcspClient(access, web, clock, SeededEntropy(b"trust")), web, clock)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    clock = ManualClock(NOW)
    forwarder = Forwarder(WORLD, clock, SERVER.encoded)
    space = TrustSpace((Issuer(WORLD.ca, URL),), (), (), (WORLD.signer,))
    access = TiAccess(ocsp_forwarder=await forwarder.start())
    trust = a_trust(space, access, clock)
    yield Bench(forwarder, trust, clock)
    await trust.stop()
    await forwarder.stop()


# ---- TUC_KON_037 -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("A_17295-01", "TIP1-A_4696-02")
async def test_valid_with_roles(bench: Bench) -> None:
    verdict = await bench.trust.check(EGK_CERTIFICATE.encoded, EGK, is_egk=True)
    assert (verdict.result, verdict.fault, verdict.warnings) == (Result.VALID, None, ())
    assert verdict.roles == (Role.VERSICHERTER.oid,)


@pytest.mark.parametrize(
    ("status", "fault"), [(CertStatus.REVOKED, PkiCode.CERT_REVOKED), (CertStatus.UNKNOWN, PkiCode.CERT_UNKNOWN)]
)
async def test_warnings_that_are_none(bench: Bench, status: CertStatus, fault: PkiCode) -> None:
    """1044 and 1047 have severity Warning; the certificate is not valid all the same (GS-A_4652-01, step 7)."""
    assert fault.severity == "Warning"
    bench.says(status, cert_hash=None)
    verdict = await bench.trust.check(EGK_CERTIFICATE.encoded, EGK, is_egk=True, offline_allow_no_check=True)
    assert (verdict.result, verdict.fault) == (Result.INVALID, fault)


@pytest.mark.parametrize("tolerate", [True, False])
async def test_nobody_there(bench: Bench, tolerate: bool) -> None:
    await bench.forwarder.stop()
    verdict = await bench.trust.check(EGK_CERTIFICATE.encoded, EGK, offline_allow_no_check=tolerate)
    assert verdict.status is not None
    assert verdict.status.fault is PkiCode.OCSP_NOT_AVAILABLE
    if tolerate:
        assert (verdict.result, verdict.fault) == (Result.VALID, None)
        assert verdict.warnings == (PkiCode.OCSP_CHECK_REVOCATION_FAILED,)
    else:
        assert (verdict.result, verdict.fault) == (Result.INCONCLUSIVE, PkiCode.OCSP_NOT_AVAILABLE)


async def test_a_wrong_answer_is_never_tolerated(bench: Bench) -> None:
    source = cast(FixedTrust, bench.trust._source)
    source.space = replace(source.space, ocsp_signers=())
    verdict = await bench.trust.check(EGK_CERTIFICATE.encoded, EGK, offline_allow_no_check=True)
    assert (verdict.result, verdict.fault) == (Result.INCONCLUSIVE, PkiCode.OCSP_CERT_MISSING)


async def test_garbage_is_never_tolerated(bench: Bench) -> None:
    bench.forwarder.answer = lambda request: b"garbage"
    verdict = await bench.trust.check(EGK_CERTIFICATE.encoded, EGK, offline_allow_no_check=True)
    assert (verdict.result, verdict.fault) == (Result.INCONCLUSIVE, PkiCode.OCSP_CHECK_REVOCATION_ERROR)


@pytest.mark.parametrize(
    ("cert_hash", "fault"),
    [(None, PkiCode.CERTHASH_EXTENSION_MISSING), (CertHash.of(b"x"), PkiCode.CERTHASH_MISMATCH)],
)
async def test_cert_hash(bench: Bench, cert_hash: CertHash | None, fault: PkiCode) -> None:
    bench.says(CertStatus.GOOD, cert_hash=cert_hash)
    verdict = await bench.trust.check(EGK_CERTIFICATE.encoded, EGK, offline_allow_no_check=True)
    assert (verdict.result, verdict.fault) == (Result.INVALID, fault)


@pytest.mark.parametrize("tolerate", [True, False])
async def test_offline(tolerate: bool) -> None:
    space = TrustSpace((Issuer(WORLD.ca, URL),), (), (), ())
    trust = a_trust(space, TiAccess(online=False), ManualClock(NOW))
    verdict = await trust.check(EGK_CERTIFICATE.encoded, EGK, offline_allow_no_check=tolerate)
    assert verdict.result is (Result.VALID if tolerate else Result.INCONCLUSIVE)
    assert verdict.warnings == (PkiCode.NO_OCSP_CHECK,)


async def test_unreadable(bench: Bench) -> None:
    verdict = await bench.trust.check(b"\x30\x00", EGK)
    assert (verdict.result, verdict.fault) == (Result.INVALID, PkiCode.CERT_READ_ERROR)


async def test_path_faults_ask_nobody(bench: Bench) -> None:
    bench.clock.advance(86_400 * 2000)
    verdict = await bench.trust.check(EGK_CERTIFICATE.encoded, EGK)
    assert (verdict.result, verdict.fault) == (Result.INVALID, PkiCode.CERTIFICATE_NOT_VALID_TIME)
    assert not bench.forwarder.requests


# ---- what the TSL says of a CA ---------------------------------------------------------------------------------------


async def test_a_ca_may_issue_some_types_only(bench: Bench) -> None:
    bench.trusts(types=frozenset({CertificateType.SMKT_AUT.oid}))
    verdict = await bench.trust.check(EGK_CERTIFICATE.encoded, EGK)
    assert (verdict.result, verdict.fault) == (Result.INVALID, PkiCode.CERT_TYPE_CA_NOT_AUTHORIZED)
    bench.trusts(types=frozenset({CertificateType.SMKT_AUT.oid, CertificateType.CH_AUT.oid}))
    assert (await bench.trust.check(EGK_CERTIFICATE.encoded, EGK, is_egk=True)).result is Result.VALID


async def test_a_revoked_ca_keeps_what_it_issued_before(bench: Bench) -> None:
    bench.trusts(revoked_since=EGK_CERTIFICATE.not_before + timedelta(seconds=1))
    assert (await bench.trust.check(EGK_CERTIFICATE.encoded, EGK, is_egk=True)).result is Result.VALID
    bench.trusts(revoked_since=EGK_CERTIFICATE.not_before)
    verdict = await bench.trust.check(EGK_CERTIFICATE.encoded, EGK, is_egk=True)
    assert (verdict.result, verdict.fault) == (Result.INVALID, PkiCode.CA_CERTIFICATE_REVOKED_IN_TSL)


# ---- ReadVSD ---------------------------------------------------------------------------------------------------------


async def test_a_good_egk(bench: Bench) -> None:
    bench.says(CertStatus.GOOD, cert_hash=None)
    status = await bench.trust.check_egk_online(EGK_CERTIFICATE.encoded)
    assert status.fault is None


@pytest.mark.parametrize("status", [CertStatus.REVOKED, CertStatus.UNKNOWN])
@pytest.mark.code(106)
async def test_106(bench: Bench, status: CertStatus) -> None:
    bench.says(status, cert_hash=None)
    with pytest.raises(KonnektorError) as raised:
        await bench.trust.check_egk_online(EGK_CERTIFICATE.encoded)
    assert raised.value.code == 106


@pytest.mark.code(107)
async def test_107(bench: Bench) -> None:
    for der in (b"", SERVER.encoded):
        with pytest.raises(KonnektorError) as raised:
            await bench.trust.check_egk_online(der)
        assert raised.value.code == 107
    assert not bench.forwarder.requests


async def test_a_status_that_cannot_be_had_is_a_value(bench: Bench) -> None:
    await bench.forwarder.stop()
    status = await bench.trust.check_egk_online(EGK_CERTIFICATE.encoded)
    assert not status.is_known
    assert status.fault is PkiCode.OCSP_NOT_AVAILABLE


# ---- TLS to a Fachdienst ---------------------------------------------------------------------------------------------


async def test_a_fachdienst(bench: Bench) -> None:
    verdict = await bench.trust.check_fachdienst(SERVER.encoded)
    assert verdict.warnings == ()
    await bench.forwarder.stop()
    assert (await bench.trust.check_fachdienst(server().encoded)).warnings == (PkiCode.OCSP_CHECK_REVOCATION_FAILED,)


@pytest.mark.code(4220)
async def test_4220(bench: Bench) -> None:
    certificate = server(Role.UFS)
    bench.says(CertStatus.GOOD, cert_hash=CertHash.of(certificate.encoded))
    with pytest.raises(KonnektorError) as raised:
        await bench.trust.check_fachdienst(certificate.encoded)
    assert raised.value.code == 4220


@pytest.mark.code(4156)
async def test_4156(bench: Bench) -> None:
    short = WORLD.insured(span=Validity(SPAN.start, SPAN.start + timedelta(hours=1)))
    for der in (EGK_CERTIFICATE.encoded, short.encoded, b"x"):
        with pytest.raises(KonnektorError) as raised:
            await bench.trust.check_fachdienst(der)
        assert raised.value.code == 4156
    bench.says(CertStatus.REVOKED, cert_hash=CertHash.of(SERVER.encoded))
    with pytest.raises(KonnektorError) as raised:
        await bench.trust.check_fachdienst(SERVER.encoded)
    assert raised.value.code == 4156


# ---- TLS to the directory --------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_5517-02", "TIP1-A_5566")
async def test_the_directory(bench: Bench) -> None:
    vzd = server(Role.VZD_TI, CertificateType.ZD_TLS_S)
    bench.says(CertStatus.GOOD, cert_hash=CertHash.of(vzd.encoded))
    assert (await bench.trust.check_directory(vzd.encoded)).warnings == ()


@pytest.mark.requirement("TIP1-A_5517-02", "TIP1-A_5566")
@pytest.mark.parametrize(
    ("role", "kind", "code"),
    [
        (Role.INT_VSDM, CertificateType.ZD_TLS_S, 4220),
        (Role.VZD_TI, CertificateType.FD_TLS_S, 4156),
    ],
)
async def test_another_server_is_no_directory(bench: Bench, role: Role, kind: CertificateType, code: int) -> None:
    certificate = server(role, kind)
    bench.says(CertStatus.GOOD, cert_hash=CertHash.of(certificate.encoded))
    with pytest.raises(KonnektorError) as raised:
        await bench.trust.check_directory(certificate.encoded)
    assert raised.value.code == code


async def test_a_directory_without_status_is_refused(bench: Bench) -> None:
    await bench.forwarder.stop()
    with pytest.raises(KonnektorError) as raised:
        await bench.trust.check_directory(server(Role.VZD_TI, CertificateType.ZD_TLS_S).encoded)
    assert raised.value.code == 4156


async def test_others_get_their_turn_between_certificates(bench: Bench) -> None:
    """An encryption may be for a thousand recipients, a document have a hundred signers."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    waiting = asyncio.create_task(others())
    each = [EGK_CERTIFICATE.encoded[:-1] + bytes([last]) for last in range(100)]
    await asyncio.gather(*[bench.trust.check_any(der) for der in each])
    waiting.cancel()
    assert turns >= len(each)


async def test_a_long_certificate_is_read_in_a_thread(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = set()

    def decoded(der: bytes) -> Certificate:
        threads.add(threading.current_thread())
        return decode_certificate_untrusted(der)

    monkeypatch.setattr(trustservice, "decode_certificate_untrusted", decoded)
    long = EGK_CERTIFICATE.encoded + bytes(CERTIFICATE_QUICK_OCTETS)
    assert (await bench.trust.check_any(long)).fault is not PkiCode.CERT_READ_ERROR
    assert threads
    assert threading.main_thread() not in threads
