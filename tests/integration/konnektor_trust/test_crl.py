"""The CRL of a box against the lab: every fault leads to the specified result (TUC_KON_040, TUC_PKI_021)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.konnektor_core.memorystore import MemoryStore
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SystemEntropy
from tiaas.konnektor.catalogue import deviations
from tiaas.konnektor.crlkeeper import CrlKeeper
from tiaas.konnektor.errors import LoggedError
from tiaas.konnektor.events import Event, EventHub, EventSeverity
from tiaas.konnektor.network import Network
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.protocol import Level, LogType
from tiaas.konnektor.protocol.personal import fit_to_log
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.web import WebClient
from tiaas.lab.faults import CODES, Fault, Service
from tiaas.lab.lab import Lab
from tiaas.lab.pki import AuthorityKind, Family
from tiaas.lab.signers import der
from tiaas.lab.store import LabStore
from tiaas.pki.certificate import decode_certificate_untrusted

OLD = "EC_CRL_Out_Of_Date"


@dataclass
class Bench:
    """A keeper on a store, and the lab's service on a socket."""

    lab: Lab
    url: str
    clock: ManualClock
    store: MemoryStore = field(default_factory=MemoryStore)
    events: list[Event] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    """Of the errors that were written down."""

    def write_error(self, logged: LoggedError) -> None:
        self.codes.append(logged.error.code)

    def boot(self) -> CrlKeeper:
        """A new start of the Konnektor."""
        hub = EventHub()
        hub.subscribe(self.events.append)
        self.opstate = OperatingState(hub, self.clock, box=True)
        issuer = decode_certificate_untrusted(der(self.lab.pki.authority(AuthorityKind.KOMP, Family.ECC)))
        space = TrustSpace((Issuer(issuer),), ())
        web = WebClient(Network())
        online = OnlineMode(True)
        return CrlKeeper(self.url, online, web, lambda: space, self.store, hub, self.opstate, self, self.clock)

    def fault(self, **more: object) -> None:
        self.lab.faults.add(Fault.from_document({"service": "crl", **more}))

    def holds(self) -> set[str]:
        return {state.name for state in self.opstate if state.value}

    def topics(self) -> list[str]:
        return [str(event.topic) for event in self.events]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = ManualClock(datetime(2026, 6, 1, 12, tzinfo=UTC))
    store = LabStore.open(tmp_path / "lab")
    lab = Lab.open(store, clock=clock, entropy=SystemEntropy(), ecc_only=True)
    services = await lab.start_pki()
    yield Bench(lab, services.crl_url, clock)
    await lab.stop()
    store.close()


@pytest.mark.event("CERT/CRL/UPDATED", "OPERATIONAL_STATE/EC_CRL_Expiring", "OPERATIONAL_STATE/EC_CRL_Out_Of_Date")
@pytest.mark.requirement("TIP1-A_4694", "TIP1-A_4994", "TIP1-A_4509")
async def test_a_crl_that_is_not_renewed_expires_and_a_new_one_ends_it(bench: Bench) -> None:
    keeper = bench.boot()
    await keeper.start()
    assert bench.topics() == ["CERT/CRL/UPDATED"]
    assert keeper.held is not None
    assert keeper.held.next_update == bench.clock.now() + timedelta(days=7)
    await keeper.stop()
    # The lab is away for a week, across a restart of the Konnektor.
    bench.fault(http=503, times=0)
    bench.clock.advance(5 * 86_400)
    keeper = bench.boot()
    await keeper.start()
    assert bench.holds() == {"EC_CRL_Expiring"}
    bench.clock.advance(3 * 86_400)
    keeper.judge()
    assert bench.holds() == {OLD}
    told = {str(event.topic): dict(event.parameters) for event in bench.events}
    assert told["OPERATIONAL_STATE/EC_CRL_Expiring"]["ExpiringDateCRL"] == "2026-06-08T12:00:00Z"
    assert told[f"OPERATIONAL_STATE/{OLD}"]["NextUpdateCRL"] == "2026-06-08T12:00:00Z"
    bench.lab.faults.clear()
    assert await keeper.refresh()
    assert bench.holds() == set()
    assert [problem for event in bench.events for problem in deviations(event)] == []
    await keeper.stop()


FAULTS: dict[str, tuple[int | None, set[str]]] = {
    "expiring": (None, {"EC_CRL_Expiring"}),
    "expired": (None, {OLD}),
    "malformed": (1043, set()),
    "signature-wrong": (1057, set()),
    "signer-unknown": (1055, set()),
}


def test_no_fault_is_left_out() -> None:
    assert set(FAULTS) == set(CODES[Service.CRL])


@pytest.mark.event("CERT/CRL/IMPORT", "CERT/CRL/INVALID")
@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.requirement("TIP1-A_4694")
@pytest.mark.code(4130)
async def test_crl_fault(bench: Bench, code: str) -> None:
    keeper = bench.boot()
    await keeper.start()
    held = keeper.held
    bench.clock.advance(60)
    bench.fault(code=code)
    number, states = FAULTS[code]
    assert await keeper.refresh() is (number is None)
    assert bench.holds() == states
    invalid = [event for event in bench.events if event.topic == "CERT/CRL/INVALID"]
    assert [(event.parameters, event.severity, event.deliver) for event in invalid] == [
        ((), EventSeverity.ERROR, False) for _ in range(number is not None)
    ]
    assert [problem for event in invalid for problem in deviations(event)] == []
    if number is not None:
        assert keeper.held is held, "the old one stays in use"
        (event,) = [event for event in bench.events if event.topic == "CERT/CRL/IMPORT"]
        told = dict(event.parameters)["Fehlerbeschreibung"]
        assert told.startswith("4130 ")
        assert f": {number} " in told
        assert bench.codes == [4130]
        assert deviations(event) == []
        assert fit_to_log(event.parameters, type_=LogType.OPERATION, level=Level.ERROR) == event.parameters
    bench.clock.advance(60)
    assert await keeper.refresh()
    assert bench.holds() == set()
    await keeper.stop()


async def test_the_download_point_is_away(bench: Bench) -> None:
    bench.fault(drop=True)
    keeper = bench.boot()
    await keeper.start()
    assert keeper.held is None
    (event,) = bench.events
    assert dict(event.parameters)["Fehlerbeschreibung"].startswith("1053")
    assert bench.codes == [], "nothing was checked"
    await keeper.stop()
