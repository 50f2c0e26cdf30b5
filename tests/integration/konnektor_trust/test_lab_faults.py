"""A Konnektor's trust service against the lab's lists and responder: every fault leads to the specified result."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SystemEntropy
from tiaas.card.objsys.model import CardKind
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub
from tiaas.konnektor.network import Network
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.trustbuild import build_trust
from tiaas.konnektor.trustlists import TrustLists
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.verdict import Result
from tiaas.lab.faults import CODES, Fault, Service
from tiaas.lab.lab import Lab
from tiaas.lab.listcontent import ListName
from tiaas.lab.pkiservices import PkiServices
from tiaas.lab.store import LabStore
from tiaas.lab.zdidentity import DEFECTS
from tiaas.pki.codes import PkiCode
from tiaas.pki.oids import CertificateType, ExtendedKeyUsage, KeyUsage, Role
from tiaas.pki.path import Demands

HCI_AUT = Demands(
    frozenset({KeyUsage.DIGITAL_SIGNATURE}),
    frozenset({ExtendedKeyUsage.CLIENT_AUTH}),
    frozenset({CertificateType.HCI_AUT}),
)


@dataclass
class Bench:
    lab: Lab
    services: PkiServices
    clock: ManualClock
    trust: Trust
    opstate: OperatingState
    events: list[Event] = field(default_factory=list)

    @property
    def lists(self) -> TrustLists:
        assert self.trust.lists is not None
        return self.trust.lists

    def certificate(self, kind: CardKind, path: str) -> bytes:
        card = next(iter(self.lab.cards.of_practice(1, kind)))
        if path not in card.card.image.files:
            assert self.lab.provide(card.card.image, path)
        return card.card.image.files[path]

    @property
    def smcb(self) -> bytes:
        return self.certificate(CardKind.SMC_B, "MF/DF.ESIGN/EF.C.HCI.AUT.E256")

    @property
    def egk(self) -> bytes:
        return self.certificate(CardKind.EGK, "MF/DF.ESIGN/EF.C.CH.AUT.E256")

    def fault(self, service: Service, code: str | None = None, **more: object) -> None:
        self.lab.faults.add(Fault.from_document({"service": service.value, "code": code, **more}))

    def holds(self) -> set[str]:
        return {state.name for state in self.opstate if state.value}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = ManualClock(datetime(2026, 6, 1, 12, tzinfo=UTC))
    entropy = SystemEntropy()
    lab_store = LabStore.open(tmp_path / "lab")
    lab = Lab.open(lab_store, clock=clock, entropy=entropy, ecc_only=True)
    services = await lab.start_pki()
    lab.load(1)
    store = await SqliteStore.open(tmp_path / "konnektor.db")
    hub = EventHub()
    opstate = OperatingState(hub, clock)
    trust = build_trust(
        TrustSpace((), (lab.pki.cvc_root,)),
        services.lists.anchor,
        TiAccess(
            tsl_url=services.tsl_url,
            tsl_tls_port=services.tls_port,
            bnetza_url=services.bnetza_url,
            ocsp_forwarder=services.url,
            ocsp_seconds=5.0,
        ),
        network=Network(),
        store=store.bind(await store.take_over("one")),
        hub=hub,
        opstate=opstate,
        clock=clock,
        entropy=entropy,
    )
    made = Bench(lab, services, clock, trust, opstate)
    hub.subscribe(made.events.append)
    await made.lists.load()
    await made.lists.tick()
    made.events.clear()
    yield made
    await trust.stop()
    await store.close()
    await lab.stop()
    lab_store.close()


async def test_the_healthy_lab(bench: Bench) -> None:
    assert bench.holds() == set()
    status = bench.trust.status()
    assert status.tsl.sequence_number == 10_000
    assert len(bench.lists.qualified) == 1
    assert (await bench.trust.check_egk_online(bench.egk)).fault is None
    verdict = await bench.trust.check(bench.smcb, HCI_AUT)
    assert verdict.result is Result.VALID
    assert Role.PRAXIS_ARZT.oid in verdict.roles
    terminal = next(iter(bench.lab.practices.values())).terminals
    bench.trust.check_terminal(bench.lab.terminal_certificate(next(iter(terminal.values()))), bench.clock.now())
    intermediaer, _ = bench.lab.pki.component(CertificateType.FD_TLS_S, Role.INT_VSDM, ["intermediaer.lab"])
    assert (await bench.trust.check_fachdienst(intermediaer)).warnings == ()


# ---- OCSP ------------------------------------------------------------------------------------------------------------

OCSP_FAULTS: dict[str, tuple[Result, PkiCode]] = {
    "revoked": (Result.INVALID, PkiCode.CERT_REVOKED),
    "unknown": (Result.INVALID, PkiCode.CERT_UNKNOWN),
    "malformedRequest": (Result.INCONCLUSIVE, PkiCode.OCSP_STATUS_ERROR),
    "internalError": (Result.INCONCLUSIVE, PkiCode.OCSP_STATUS_ERROR),
    "tryLater": (Result.INCONCLUSIVE, PkiCode.OCSP_STATUS_ERROR),
    "unauthorized": (Result.INCONCLUSIVE, PkiCode.OCSP_STATUS_ERROR),
    "certHash-missing": (Result.INVALID, PkiCode.CERTHASH_EXTENSION_MISSING),
    "certHash-wrong": (Result.INVALID, PkiCode.CERTHASH_MISMATCH),
    "expired": (Result.INCONCLUSIVE, PkiCode.OCSP_CHECK_REVOCATION_ERROR),
    "signature-wrong": (Result.INCONCLUSIVE, PkiCode.OCSP_SIGNATURE_ERROR),
    "signer-unknown": (Result.INCONCLUSIVE, PkiCode.OCSP_CERT_MISSING),
    "nonce-wrong": (Result.INCONCLUSIVE, PkiCode.OCSP_NONCE_MISMATCH),
}


def test_no_ocsp_fault_is_left_out() -> None:
    assert set(OCSP_FAULTS) == set(CODES[Service.OCSP])


@pytest.mark.parametrize("code", OCSP_FAULTS)
@pytest.mark.requirement("TIP1-A_4696-02", "TIP1-A_4690")
async def test_ocsp_fault(bench: Bench, code: str) -> None:
    result, fault = OCSP_FAULTS[code]
    bench.fault(Service.OCSP, code)
    verdict = await bench.trust.check(bench.smcb, HCI_AUT)
    assert (verdict.result, verdict.fault) == (result, fault)


@pytest.mark.parametrize("code", OCSP_FAULTS)
async def test_ocsp_fault_at_an_egk(bench: Bench, code: str) -> None:
    _, fault = OCSP_FAULTS[code]
    bench.fault(Service.OCSP, code)
    if fault in (PkiCode.CERT_REVOKED, PkiCode.CERT_UNKNOWN):
        with pytest.raises(KonnektorError) as raised:
            await bench.trust.check_egk_online(bench.egk)
        assert raised.value.code == 106
        return
    status = await bench.trust.check_egk_online(bench.egk)
    if fault in (PkiCode.CERTHASH_EXTENSION_MISSING, PkiCode.CERTHASH_MISMATCH):
        assert status.fault is None, "certHash is not asked of an eGK"
    else:
        assert (status.is_known, status.fault) == (False, fault)


@pytest.mark.parametrize("more", [{"http": 503}, {"drop": True}], ids=["http", "drop"])
async def test_the_responder_is_away(bench: Bench, more: dict[str, object]) -> None:
    bench.lab.faults.add(Fault.from_document({"service": "ocsp", "times": 0, **more}))
    status = await bench.trust.check_egk_online(bench.egk)
    assert (status.is_known, status.fault) == (False, PkiCode.OCSP_NOT_AVAILABLE)
    bench.lab.faults.clear()
    assert (await bench.trust.check_egk_online(bench.egk)).fault is None


# ---- lists -----------------------------------------------------------------------------------------------------------

FAILED = "EC_TSL_Update_Not_Successful"
TSL_FAULTS: dict[str, tuple[PkiCode | None, set[str]]] = {
    "expired": (None, {"EC_TSL_Out_Of_Date_Within_Grace_Period"}),
    "malformed": (PkiCode.TSL_NOT_WELLFORMED, {FAILED}),
    "schema": (PkiCode.TSL_SCHEMA_NOT_VALID, {FAILED}),
    "signature-wrong": (PkiCode.XML_SIGNATURE_ERROR, {FAILED}),
    "signer-unknown": (PkiCode.CA_CERT_MISSING, {FAILED}),
    "sequence-old": (PkiCode.TSL_ID_INCORRECT, {FAILED}),
    "hash-wrong": (None, set()),
}


def test_no_list_fault_is_left_out() -> None:
    assert set(TSL_FAULTS) == set(CODES[Service.TSL]) - set(DEFECTS), "those of the server are in test_tsl_service.py"
    assert set(BNETZA_FAULTS) == set(CODES[Service.BNETZA])


@pytest.mark.parametrize("code", TSL_FAULTS)
@pytest.mark.requirement("TIP1-A_4693-02")
@pytest.mark.code(4127)
async def test_tsl_fault(bench: Bench, code: str) -> None:
    fault, states = TSL_FAULTS[code]
    bench.fault(Service.TSL, code)
    succeeded = await bench.lists.refresh_tsl()
    assert succeeded is (fault is None)
    assert bench.trust.status().tsl.last_code == (None if fault is None else fault.number)
    assert bench.holds() == states
    assert (await bench.trust.check_egk_online(bench.egk)).fault is None, "an old list stays in use"
    # The lab is healthy again, and so is the Konnektor.
    bench.services.lists.renew(ListName.TSL)
    assert await bench.lists.refresh_tsl(), bench.trust.status().tsl.last_reason
    assert bench.holds() == set()


VL_FAILED = "EC_BNetzA_VL_Update_Not_Successful"
BNETZA_FAULTS: dict[str, tuple[PkiCode | None, set[str]]] = {
    "expired": (PkiCode.VL_UPDATE_ERROR, {VL_FAILED}),
    "malformed": (PkiCode.TSL_NOT_WELLFORMED, {VL_FAILED}),
    "schema": (PkiCode.TSL_SCHEMA_NOT_VALID, {VL_FAILED}),
    "signature-wrong": (PkiCode.XML_SIGNATURE_ERROR, {VL_FAILED}),
    "signer-unknown": (PkiCode.VL_UPDATE_ERROR, {VL_FAILED}),
    "hash-wrong": (None, set()),
}


@pytest.mark.parametrize("code", BNETZA_FAULTS)
@pytest.mark.requirement("TIP1-A_6729")
@pytest.mark.code(4133)
async def test_bnetza_fault(bench: Bench, code: str) -> None:
    fault, states = BNETZA_FAULTS[code]
    bench.fault(Service.BNETZA, code)
    assert await bench.lists.refresh_bnetza() is (fault is None)
    assert bench.trust.status().bnetza.last_code == (None if fault is None else fault.number)
    assert bench.holds() == states
    bench.services.lists.renew(ListName.BNETZA)
    assert await bench.lists.refresh_bnetza()
    assert bench.holds() == set()


async def test_the_download_point_is_away(bench: Bench) -> None:
    bench.services.lists.renew(ListName.TSL)
    bench.fault(Service.TSL, http=503, match="/ECC/", times=0)
    assert not await bench.lists.refresh_tsl()
    assert bench.trust.status().tsl.last_code == PkiCode.TSL_DOWNLOAD_ERROR.number
    bench.lab.faults.clear()
    bench.fault(Service.TSL, http=503, times=3)
    assert await bench.lists.refresh_tsl(), "the fourth try succeeds"


@pytest.mark.requirement("A_17548-01")
async def test_the_lab_changes_its_trust_anchor(bench: Bench) -> None:
    bench.services.lists.change_anchor(timedelta(hours=1))
    assert await bench.lists.refresh_tsl()
    status = bench.trust.status()
    assert status.next_anchor is not None
    bench.clock.advance(3600)
    bench.services.lists.renew(ListName.TSL)
    assert await bench.lists.refresh_tsl(), bench.trust.status().tsl.last_reason
    changed = bench.trust.status()
    assert changed.anchor is not None
    # Since when it holds the new list says itself; before, the announcement did.
    assert replace(changed.anchor, since=status.next_anchor.since) == status.next_anchor
    assert changed.next_anchor is None
    assert (await bench.trust.check_egk_online(bench.egk)).fault is None


async def test_a_certificate_is_revoked_from_the_fault_on_not_from_the_answer_on(bench: Bench) -> None:
    """Who judges a signature of now must find it revoked, however late the answer comes."""
    before = bench.clock.now()
    bench.clock.advance(1)
    bench.fault(Service.OCSP, "revoked", times=0)
    at = bench.clock.now()
    bench.clock.advance(5)
    signer = bench.certificate(CardKind.SMC_B, "MF/DF.ESIGN/EF.C.HCI.OSIG.E256")
    assert (await bench.trust.check_signer(signer, at)).verdict.fault is PkiCode.CERT_REVOKED
    assert (await bench.trust.check_signer(signer, before)).verdict.result is Result.VALID


async def test_a_revoked_signer_of_the_tsl(bench: Bench) -> None:
    bench.services.lists.renew(ListName.TSL)
    bench.fault(Service.OCSP, "revoked")
    assert not await bench.lists.refresh_tsl()
    assert bench.trust.status().tsl.last_code == PkiCode.CERT_REVOKED.number
