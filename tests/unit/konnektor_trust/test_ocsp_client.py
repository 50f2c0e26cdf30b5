"""The OCSP client against a real HTTP server: verdicts, cache, shared answers, connections."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from asn1crypto import core, ocsp

from tests.unit.konnektor_trust.responder import Forwarder
from tests.unit.pki.ocspmaker import NOW, World
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor.config import BadInstanceConfig, TiAccess
from tiaas.konnektor.network import Network
from tiaas.konnektor.ocsp import OcspClient
from tiaas.konnektor.ocspanswer import TOLERANCE
from tiaas.konnektor.ocsppatience import Patience
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.verdict import CertificateStatus
from tiaas.konnektor.web import _CONNECTIONS, NotInTime, WebClient, WebRequest
from tiaas.pki.codes import PkiCode
from tiaas.pki.ocsp import encode_exception, encode_response
from tiaas.pki.ocspmessages import CertHash, CertStatus, OcspRequest, ResponseStatus, SingleResponse
from tiaas.pki.oids import CertificateType

WORLD = World()
STRANGER = World("stranger")
SUBJECT, QES = WORLD.insured(), WORLD.insured(CertificateType.HP_QES)
URL = "http://ehca.ocsp.lab:8080/egk"


@dataclass
class Bench:
    forwarder: Forwarder
    client: OcspClient
    clock: ManualClock
    space: TrustSpace

    async def ask(self, *, hash_demanded: bool = True, is_egk: bool = False) -> CertificateStatus:
        return await self.client.status(
            SUBJECT, self.space.issuers[0], self.space, enforce_cert_hash=hash_demanded, is_egk=is_egk
        )

    def answers(self, **changes: object) -> None:
        """Lets the responder say something else than good."""

        def answer(request: OcspRequest) -> bytes:
            now = self.clock.now()
            made = SingleResponse(request.cert_id, CertStatus.GOOD, now, None, None, CertHash.of(SUBJECT.encoded))
            return encode_response((replace(made, **changes),), WORLD.responder, now, request.nonce)  # type: ignore[arg-type]

        self.forwarder.answer = answer

    async def ask_of_qes(self, at: datetime | None = None) -> CertificateStatus:
        self.forwarder.subject = QES.encoded
        return await self.client.status(QES, self.space.issuers[0], self.space, at=at)


async def a_bench(seconds: float = 5.0, grace: float = 600.0) -> Bench:
    clock = ManualClock(NOW)
    forwarder = Forwarder(WORLD, clock, SUBJECT.encoded)
    access = TiAccess(ocsp_forwarder=await forwarder.start(), ocsp_seconds=seconds, ocsp_grace_seconds=grace)
    client = OcspClient(access, WebClient(Network()), clock, SeededEntropy(b"ocsp"))
    space = TrustSpace((Issuer(WORLD.ca, URL),), (), (), (WORLD.signer,))
    return Bench(forwarder, client, clock, space)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = await a_bench()
    yield made
    await made.client.stop()
    made.client._web.close()
    await made.forwarder.stop()


async def test_a_good_certificate_through_the_forwarder(bench: Bench) -> None:
    status = await bench.ask()
    assert (status.fault, status.cached, status.is_known) == (None, False, True)
    assert bench.forwarder.targets == [f"POST {URL} HTTP/1.1"]
    assert bench.forwarder.hosts == ["ehca.ocsp.lab:8080"]
    (request,) = bench.forwarder.requests
    assert request.nonce is not None
    assert request.cert_id.algorithm == "sha1"


def exception(status: ResponseStatus) -> Callable[[Bench], None]:
    def change(bench: Bench) -> None:
        bench.forwarder.answer = lambda request: encode_exception(status)

    return change


def other_signer(bench: Bench) -> None:
    def answer(request: OcspRequest) -> bytes:
        single = SingleResponse(request.cert_id, CertStatus.GOOD, NOW, None, None, CertHash.of(SUBJECT.encoded))
        return encode_response((single,), STRANGER.responder, NOW, request.nonce)

    bench.forwarder.answer = answer


def wrong_signature(bench: Bench) -> None:
    def answer(request: OcspRequest) -> bytes:
        single = SingleResponse(request.cert_id, CertStatus.GOOD, NOW, None, None, CertHash.of(SUBJECT.encoded))
        responder = replace(WORLD.responder, key=STRANGER.responder.key)
        return encode_response((single,), responder, NOW, request.nonce)

    bench.forwarder.answer = answer


def other_nonce(bench: Bench) -> None:
    bench.forwarder.answer = lambda request: bench.forwarder.good(OcspRequest(request.cert_id, b"other"))


def other_certificate(bench: Bench) -> None:
    def answer(request: OcspRequest) -> bytes:
        return bench.forwarder.good(replace(request, cert_id=replace(request.cert_id, serial_number=4711)))

    bench.forwarder.answer = answer


def produced(seconds: float) -> Callable[[Bench], None]:
    def change(bench: Bench) -> None:
        def answer(request: OcspRequest) -> bytes:
            single = SingleResponse(request.cert_id, CertStatus.GOOD, NOW, None, None, CertHash.of(SUBJECT.encoded))
            moment = NOW + timedelta(seconds=seconds)
            return encode_response((single,), WORLD.responder, moment, request.nonce)

        bench.forwarder.answer = answer

    return change


def says(**changes: object) -> Callable[[Bench], None]:
    return lambda bench: bench.answers(**changes)


def sends(**changes: object) -> Callable[[Bench], None]:
    def change(bench: Bench) -> None:
        for name, value in changes.items():
            setattr(bench.forwarder, name, value)

    return change


LATER, EARLIER = NOW + timedelta(seconds=38), NOW - timedelta(seconds=38)

CASES: list[tuple[str, Callable[[Bench], None], PkiCode | None]] = [
    ("revoked", says(status=CertStatus.REVOKED, revoked_at=NOW - timedelta(days=1)), PkiCode.CERT_REVOKED),
    ("unknown", says(status=CertStatus.UNKNOWN), PkiCode.CERT_UNKNOWN),
    ("unknown, no certHash", says(status=CertStatus.UNKNOWN, cert_hash=None), PkiCode.CERT_UNKNOWN),
    (
        "revoked, no certHash",
        says(status=CertStatus.REVOKED, revoked_at=NOW - timedelta(days=1), cert_hash=None),
        PkiCode.CERTHASH_EXTENSION_MISSING,
    ),
    *(
        (status.name, exception(status), PkiCode.OCSP_STATUS_ERROR)
        for status in ResponseStatus
        if status is not ResponseStatus.SUCCESSFUL
    ),
    ("certHash missing", says(cert_hash=None), PkiCode.CERTHASH_EXTENSION_MISSING),
    ("certHash wrong", says(cert_hash=CertHash.of(b"other")), PkiCode.CERTHASH_MISMATCH),
    ("certHash algorithm", says(cert_hash=CertHash("1.3.14.3.2.26", b"x" * 20)), PkiCode.CERTHASH_MISMATCH),
    ("signer unknown", other_signer, PkiCode.OCSP_CERT_MISSING),
    ("signature wrong", wrong_signature, PkiCode.OCSP_SIGNATURE_ERROR),
    ("nonce wrong", other_nonce, PkiCode.OCSP_NONCE_MISMATCH),
    ("another certificate", other_certificate, PkiCode.OCSP_CHECK_REVOCATION_ERROR),
    ("GS-A_5215 a inside", produced(-37), None),
    ("GS-A_5215 a outside", produced(-38), PkiCode.OCSP_CHECK_REVOCATION_ERROR),
    ("GS-A_5215 b inside", produced(37), None),
    ("GS-A_5215 b outside", produced(38), PkiCode.OCSP_CHECK_REVOCATION_ERROR),
    ("GS-A_5215 c inside", says(this_update=LATER - timedelta(seconds=1)), None),
    ("GS-A_5215 c outside", says(this_update=LATER), PkiCode.OCSP_CHECK_REVOCATION_ERROR),
    ("GS-A_5215 d inside", says(next_update=EARLIER + timedelta(seconds=1)), None),
    ("GS-A_5215 d outside", says(next_update=EARLIER), PkiCode.OCSP_CHECK_REVOCATION_ERROR),
    ("this_update is old", says(this_update=NOW - timedelta(days=9)), None),
    ("HTTP 503", sends(status=503), PkiCode.OCSP_NOT_AVAILABLE),
    ("not OCSP", sends(media_type="text/html"), PkiCode.OCSP_CHECK_REVOCATION_ERROR),
    ("no HTTP", sends(raw=b"SSH-2.0-x\r\n\r\n"), PkiCode.OCSP_NOT_AVAILABLE),
    ("cut off", sends(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx"), PkiCode.OCSP_NOT_AVAILABLE),
    ("dropped", sends(raw=b""), PkiCode.OCSP_NOT_AVAILABLE),
    ("too large", sends(answer=lambda request: bytes(100_000)), PkiCode.OCSP_NOT_AVAILABLE),
    ("garbage", sends(answer=lambda request: b"\x30\x03\x0a\x01\x09"), PkiCode.OCSP_CHECK_REVOCATION_ERROR),
]


@pytest.mark.parametrize(("change", "fault"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
async def test_answers(bench: Bench, change: Callable[[Bench], None], fault: PkiCode | None) -> None:
    change(bench)
    status = await bench.ask()
    assert status.fault is fault
    counts = bench.client.counts
    assert (counts.requests, counts.cache_hits) == (1, 0)
    transport_fault = fault not in (
        None,
        PkiCode.CERT_REVOKED,
        PkiCode.CERT_UNKNOWN,
        PkiCode.CERTHASH_EXTENSION_MISSING,
        PkiCode.CERTHASH_MISMATCH,
    )
    assert counts.failures == transport_fault
    assert counts.last_fault is (fault if transport_fault else None)


@pytest.mark.parametrize("cert_hash", [None, CertHash.of(b"other")])
async def test_cert_hash_is_not_asked_of_an_egk(bench: Bench, cert_hash: CertHash | None) -> None:
    bench.answers(cert_hash=cert_hash)
    assert (await bench.ask(hash_demanded=False)).fault is None


async def test_an_answer_without_nonce_is_taken(bench: Bench) -> None:
    bench.forwarder.answer = lambda request: bench.forwarder.good(OcspRequest(request.cert_id))
    assert (await bench.ask()).fault is None


async def test_an_answer_without_certificate_is_taken_from_a_signer_of_the_tsl(bench: Bench) -> None:
    def answer(request: OcspRequest) -> bytes:
        whole = ocsp.OCSPResponse.load(bench.forwarder.good(request))
        basic = whole["response_bytes"]["response"].parsed
        bare = ocsp.BasicOCSPResponse(
            {name: basic[name] for name in ("tbs_response_data", "signature_algorithm", "signature")}
        )
        whole["response_bytes"]["response"] = core.ParsableOctetString(bare.dump())
        return bytes(whole.dump(force=True))

    bench.forwarder.answer = answer
    assert (await bench.ask()).fault is None


async def test_silence_ends(bench: Bench) -> None:
    never = asyncio.Event()
    bench.forwarder.gate = never.wait  # type: ignore[assignment]
    bench.client._seconds = 0.05
    assert (await bench.ask()).fault is PkiCode.OCSP_NOT_AVAILABLE


async def silent(bench: Bench) -> asyncio.Event:
    """The responder has let one caller wait in vain, and goes on when the event is set."""
    go = asyncio.Event()
    bench.forwarder.gate = go.wait  # type: ignore[assignment]
    # Long enough for the question to get there.
    bench.client._seconds = 2.0
    assert (await bench.ask()).fault is PkiCode.OCSP_NOT_AVAILABLE
    bench.client._seconds = 300.0
    return go


async def test_who_has_not_answered_a_moment_ago_is_not_asked(bench: Bench) -> None:
    await silent(bench)
    bench.clock.advance(0.9)
    assert (await bench.ask()).fault is PkiCode.OCSP_NOT_AVAILABLE
    assert len(bench.forwarder.requests) == 1


async def test_who_has_not_answered_lately_is_waited_for_a_little(bench: Bench) -> None:
    """What was asked meanwhile goes on, and its answer counts for the next; nobody has to wait long for that."""
    go = await silent(bench)
    bench.clock.advance(1)
    async with asyncio.timeout(60):
        assert (await bench.ask()).fault is PkiCode.OCSP_NOT_AVAILABLE
        while len(bench.forwarder.requests) < 2:  # noqa: ASYNC110 (it is on its way)
            await asyncio.sleep(0.01)
        go.set()
        await bench.client._asked[bench.client._key(SUBJECT)]
        assert (await bench.ask()).cached
    assert bench.client._patience.wait_for(URL, 5.0) is None, "as if nothing had been"


async def test_an_outage_that_is_over_is_over_with_the_next_request(bench: Bench) -> None:
    go = await silent(bench)
    go.set()
    bench.clock.advance(3)
    assert (await bench.ask()).fault is None


async def test_what_is_refused_at_once_is_asked_again_at_once(bench: Bench) -> None:
    """An error costs nobody time."""
    await silent(bench)
    bench.client.forget()
    bench.forwarder.gate, bench.forwarder.status = None, 503
    for number in (2, 3):
        assert (await bench.ask()).fault is PkiCode.OCSP_NOT_AVAILABLE
        assert len(bench.forwarder.requests) == number


async def test_who_could_not_be_asked_is_not_taken_for_silent(bench: Bench) -> None:
    """Others may have all connections of the instance, because another responder lets them wait."""
    async with AsyncExitStack() as others:
        for _ in range(_CONNECTIONS):
            await others.enter_async_context(bench.client._web._slots)
        bench.client._seconds = 0.05
        assert (await bench.ask()).fault is PkiCode.OCSP_NOT_AVAILABLE
    bench.client._seconds = 5.0
    assert (await bench.ask()).fault is None


async def test_being_without_a_connection_does_not_end_the_impatience(bench: Bench) -> None:
    await silent(bench)
    bench.clock.advance(1)
    async with AsyncExitStack() as others:
        for _ in range(_CONNECTIONS):
            await others.enter_async_context(bench.client._web._slots)
        assert (await bench.ask()).fault is PkiCode.OCSP_NOT_AVAILABLE
        assert bench.client._patience.wait_for(URL, 5.0) is not None


def test_patience_comes_back() -> None:
    clock = ManualClock(NOW)
    patience = Patience(clock)
    assert patience.wait_for("a", 10) is None
    patience.was_in_vain("a")
    assert (patience.wait_for("a", 10), patience.wait_for("b", 10)) == (0, None)
    for passed, wait in ((1, 0.1), (9, 1), (90, 10), (1000, 10)):
        clock.advance(passed)
        assert patience.wait_for("a", 10) == pytest.approx(wait)
    patience.was_answered("a")
    assert patience.wait_for("a", 10) is None
    for number in range(2_000):
        patience.was_in_vain(str(number))
    assert (patience.wait_for("999", 10), patience.wait_for("1000", 10)) == (None, 0)


async def test_nobody_listens(bench: Bench) -> None:
    await bench.forwarder.stop()
    assert (await bench.ask()).fault is PkiCode.OCSP_NOT_AVAILABLE


@pytest.mark.parametrize("url", ["", "ldap://x/", "http://ocsp.lab/a b", "http://ocsp.lab/\r\nX: y"])
async def test_a_ca_without_supply_point(bench: Bench, url: str) -> None:
    bench.space = replace(bench.space, issuers=(Issuer(WORLD.ca, url),))
    assert (await bench.ask()).fault is PkiCode.SERVICESUPPLYPOINT_MISSING
    assert not bench.forwarder.targets


# ---- cache (TIP1-A_4689, TUC_PKI_006 step 1) -------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_4689", "TIP1-A_4690")
async def test_the_grace_period(bench: Bench) -> None:
    await bench.ask()
    bench.clock.advance(600)
    assert (await bench.ask()).cached
    bench.clock.advance(1)
    assert not (await bench.ask()).cached
    assert len(bench.forwarder.requests) == 2
    assert bench.client.counts.cache_hits == 1


@pytest.mark.requirement("TIP1-A_4690", "GS-A_4750-01")
async def test_of_a_qualified_certificate_an_answer_counts_for_times_before_it(bench: Bench) -> None:
    """The responder's clock may be ahead of ours."""
    await bench.ask_of_qes()
    generation = bench.client.generation
    for at, cached in ((None, False), (NOW, False), (NOW - TOLERANCE, True), (NOW - TOLERANCE / 2, False)):
        assert (await bench.ask_of_qes(at)).cached is cached
    assert len(bench.forwarder.requests) == 4
    assert bench.client.generation == generation, "nothing was built on it"
    bench.clock.advance(601)
    assert not (await bench.ask_of_qes(NOW - timedelta(days=1))).cached, "revocations may be told late"


async def test_of_a_qualified_certificate_a_revocation_counts_for_ever(bench: Bench) -> None:
    bench.forwarder.answer = partial(bench.forwarder.good, status=CertStatus.REVOKED)
    await bench.ask_of_qes()
    status = await bench.ask_of_qes()
    assert (status.fault, status.cached) == (PkiCode.CERT_REVOKED, True)


async def test_a_qualified_certificate_has_a_time_of_its_own_for_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """CERT_OCSP_TIMEOUT_QES beside CERT_OCSP_TIMEOUT_NONQES; patience that comes back goes no further than that."""
    waited: list[float] = []

    async def fetch(self: WebClient, request: WebRequest, seconds: float, limit: int) -> None:
        waited.append(seconds)
        raise NotInTime("no answer")

    monkeypatch.setattr(WebClient, "fetch", fetch)
    access = TiAccess(ocsp_forwarder="http://forwarder.lab", ocsp_seconds=5.0, ocsp_qes_seconds=7.0)
    client = OcspClient(access, WebClient(Network()), ManualClock(NOW), SeededEntropy(b"ocsp"))
    for certificate in (SUBJECT, QES):
        client.forget()
        status = await client.status(certificate, Issuer(WORLD.ca, URL), TrustSpace((), ()))
        assert status.fault is PkiCode.OCSP_NOT_AVAILABLE
    assert waited == [5.0, 7.0]


async def test_no_grace_period_no_cache() -> None:
    bench = await a_bench(grace=0)
    await bench.ask()
    assert not (await bench.ask()).cached
    assert len(bench.forwarder.requests) == 2
    bench.client._web.close()
    await bench.forwarder.stop()


async def test_a_revocation_counts_for_ever_but_not_for_an_egk(bench: Bench) -> None:
    bench.answers(status=CertStatus.REVOKED, revoked_at=NOW)
    await bench.ask()
    bench.clock.advance(86_400)
    assert (await bench.ask()).cached
    bench.forwarder.answer = None
    status = await bench.ask(is_egk=True)
    assert (status.fault, status.cached) == (None, False)


async def test_unknown_is_not_kept(bench: Bench) -> None:
    bench.answers(status=CertStatus.UNKNOWN)
    await bench.ask()
    bench.forwarder.answer = None
    assert (await bench.ask()).fault is None


async def test_failures_are_not_kept(bench: Bench) -> None:
    exception(ResponseStatus.TRY_LATER)(bench)
    await bench.ask()
    bench.forwarder.answer = None
    assert (await bench.ask()).fault is None


async def test_what_another_caller_does_not_demand_is_kept(bench: Bench) -> None:
    bench.answers(cert_hash=None)
    assert (await bench.ask(hash_demanded=False)).fault is None
    status = await bench.ask()
    assert (status.fault, status.cached) == (PkiCode.CERTHASH_EXTENSION_MISSING, True)


async def test_an_answer_goes_with_its_signer(bench: Bench) -> None:
    """A signer that left the TSL: what it said is worth nothing any more."""
    await bench.ask()
    bench.space = replace(bench.space, ocsp_signers=(STRANGER.signer,))
    assert (await bench.ask()).fault is PkiCode.OCSP_CERT_MISSING


async def test_callers_share_one_request(bench: Bench) -> None:
    go = asyncio.Event()
    bench.forwarder.gate = go.wait  # type: ignore[assignment]
    callers = [asyncio.create_task(bench.ask()) for _ in range(20)]
    await bench.forwarder.arrived.wait()
    callers[0].cancel()
    go.set()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert all(isinstance(result, CertificateStatus) and result.fault is None for result in results[1:])
    assert len(bench.forwarder.requests) == 1


async def test_what_was_asked_before_all_was_forgotten_is_not_kept(bench: Bench) -> None:
    """Whoever waits for it gets the answer of before; whoever comes later asks anew."""
    go = asyncio.Event()
    bench.forwarder.gate = go.wait  # type: ignore[assignment]
    before = asyncio.create_task(bench.ask())
    await bench.forwarder.arrived.wait()
    bench.client.forget()
    bench.forwarder.arrived.clear()
    after = asyncio.create_task(bench.ask())
    await bench.forwarder.arrived.wait()
    assert len(bench.forwarder.requests) == 2
    go.set()
    assert [(await caller).fault for caller in (before, after)] == [None, None]
    assert bench.client.answers == 1

    go.clear()
    bench.client.forget()
    bench.forwarder.arrived.clear()
    before = asyncio.create_task(bench.ask())
    await bench.forwarder.arrived.wait()
    bench.client.forget()
    generation = bench.client.generation
    go.set()
    assert (await before).fault is None
    assert (bench.client.answers, bench.client.generation) == (0, generation)


async def test_who_was_silent_before_all_was_forgotten_is_asked(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def in_vain(*request: object) -> None:
        begun.set()
        await go.wait()
        raise NotInTime("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(bench.client._web, "fetch", in_vain)
        before = asyncio.create_task(bench.ask())
        await begun.wait()
        bench.client.forget()
        go.set()
        assert (await before).fault is PkiCode.OCSP_NOT_AVAILABLE
    assert (await bench.ask()).fault is None


async def test_what_is_under_way_ends_with_the_client_forgotten_or_not(bench: Bench) -> None:
    never = asyncio.Event()
    bench.forwarder.gate = never.wait  # type: ignore[assignment]
    callers = [asyncio.create_task(bench.ask())]
    await bench.forwarder.arrived.wait()
    bench.client.forget()
    bench.forwarder.arrived.clear()
    callers.append(asyncio.create_task(bench.ask()))
    await bench.forwarder.arrived.wait()
    await bench.client.stop()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)


async def test_a_shared_failure_reaches_everybody(bench: Bench) -> None:
    bench.forwarder.status = 500
    results = await asyncio.gather(*(bench.ask() for _ in range(5)))
    assert {result.fault for result in results} == {PkiCode.OCSP_NOT_AVAILABLE}


# ---- connections -----------------------------------------------------------------------------------------------------


async def test_connections_are_kept(bench: Bench) -> None:
    for _ in range(5):
        await bench.ask()
        bench.client._cache.clear()
    assert (bench.forwarder.connections, len(bench.forwarder.requests)) == (1, 5)


async def test_a_kept_connection_that_was_closed_is_replaced(bench: Bench) -> None:
    await bench.ask()
    bench.client._cache.clear()
    bench.forwarder.drop_connections()
    assert (await bench.ask()).fault is None
    assert bench.forwarder.connections == 2


async def test_connection_close_is_heeded(bench: Bench) -> None:
    bench.forwarder.keep_alive = False
    for _ in range(3):
        assert (await bench.ask()).fault is None
        bench.client._cache.clear()
    assert bench.forwarder.connections == 3


@pytest.mark.parametrize("url", ["https://x/", "ocsp.lab", "http://", "http://u@x/", "http://x:99999/"])
def test_a_forwarder_is_an_http_url(url: str) -> None:
    with pytest.raises(BadInstanceConfig):
        OcspClient(TiAccess(ocsp_forwarder=url), WebClient(Network()), ManualClock(NOW), SeededEntropy(b""))
