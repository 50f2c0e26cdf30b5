"""Profile einbox against the lab: what only a box has comes and goes by its causes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.cli.boxsettings import BoxSettings
from tiaas.cli.compose import Running, UpOptions, running
from tiaas.cli.managing import access_of
from tiaas.cli.progress import Progress
from tiaas.cli.upconfig import UpConfig
from tiaas.client.admin import AdminRefused, connect_admin
from tiaas.interfaces.management.registration import RegistrationState
from tiaas.interfaces.provisioning_service_v1_1 import ContractStatus
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.catalogue import deviations
from tiaas.konnektor.config import Profile
from tiaas.konnektor.events import Event, EventSeverity, EventType
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.permissions import Row, allows
from tiaas.konnektor.registration.keeper import NoSmb, RegistrationSettings
from tiaas.konnektor.registration.requests import NotRegistered, Refused
from tiaas.konnektor.sessions import CallContext
from tiaas.lab.faults import Fault
from tiaas.lab.registration.contracts import contract_id
from tiaas.lab.registry import Registry

SECOND = timedelta(seconds=1)
MISSING = "192.0.2.77"
"""TEST-NET-1: no machine has it."""


@asynccontextmanager
async def _up(folder: Path, box: BoxSettings, restart: Callable[[], object] | None = None) -> AsyncIterator[Running]:
    clock, config = SystemClock(), UpConfig(profile=Profile.EINBOX, box=box)
    options = UpOptions(folder / "lab", locked=True, ecc_only=True, config=config, restart=restart)
    registry = Registry({"XDG_STATE_HOME": str(folder / "state")})
    async with running(options, registry, Progress(clock), clock=clock, entropy=SystemEntropy()) as run:
        yield run


async def _until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not fact():  # noqa: ASYNC110 (a state has no event of its own)
            await asyncio.sleep(0.02)


@pytest.mark.event(
    "NETWORK/VPN_TI/UP",
    "NETWORK/VPN_TI/DOWN",
    "OPERATIONAL_STATE/EC_No_VPN_TI_Connection",
    "OPERATIONAL_STATE/EC_No_VPN_SIS_Connection",
    "OPERATIONAL_STATE/EC_NK_Certificate_Expiring",
    "CERT/CARD/EXPIRATION",
)
@pytest.mark.requirement("TIP1-A_4509", "A_22970", "A_22971", "TIP1-A_4691", "TIP1-A_4695")
@pytest.mark.event("MGM/TI_ACCESS_GRANTED", "SMC_K/REGISTER/ERROR")
@pytest.mark.requirement("A_21136", "A_23275", "TIP1-A_4824", "TIP1-A_4825", "TIP1-A_4826-01", "TIP1-A_4827")
async def test_gateways_addresses_and_the_device_certificate(tmp_path: Path) -> None:
    async with _up(tmp_path, BoxSettings(addresses=("127.0.0.1",), device_days=80)) as run:
        context = run.served[0].instance.context
        opstate = context.opstate
        events: list[Event] = []
        context.hub.subscribe(events.append)
        assert opstate.holds(Condition.NK_CERTIFICATE_EXPIRING)
        await _registration(run, events)
        for condition in (
            Condition.NK_CERTIFICATE_EXPIRED,
            Condition.IP_ADRESSES_NOT_AVAILABLE,
            Condition.NO_VPN_TI_CONNECTION,
            Condition.NO_VPN_SIS_CONNECTION,
        ):
            assert not opstate.holds(condition), condition
        await run.served[0].instance.expiry.look()
        (soon,) = [event for event in events if event.topic == "CERT/CARD/EXPIRATION"]
        assert dict(soon.parameters)["DAYS_LEFT"] in ("79", "80")
        assert (soon.severity, soon.log, deviations(soon)) == (EventSeverity.INFO, False, [])
        # A CRL that has ended, and the next one; each has to be newer than the one before, in whole seconds.
        box = run.served[0].instance.health.box
        assert box is not None
        await _until(lambda: box.crl.held is not None and context.clock.now() > box.crl.held.this_update + 4 * SECOND)
        run.lab.faults.add(Fault.from_document({"service": "crl", "code": "expired"}))
        assert await box.crl.refresh()
        assert opstate.holds(Condition.CRL_OUT_OF_DATE)
        assert allows(Row.CARD, opstate.holding)
        assert not allows(Row.TI, opstate.holding)
        assert await box.crl.refresh()
        assert not opstate.holds(Condition.CRL_OUT_OF_DATE)
        # The cable to the TI is pulled, and plugged in again; that to the SIS stays.
        unplugged = Fault.from_document({"service": "network", "match": "gateway ti", "code": "refused", "times": 0})
        run.lab.faults.add(unplugged)
        await _until(lambda: opstate.holds(Condition.NO_VPN_TI_CONNECTION))
        assert not opstate.holds(Condition.NO_VPN_SIS_CONNECTION)
        run.lab.faults.clear()
        await _until(lambda: not opstate.holds(Condition.NO_VPN_TI_CONNECTION))
        # The whole gateway is away.
        await run.lab.gateways.stop()
        await _until(lambda: opstate.holds(Condition.NO_VPN_SIS_CONNECTION))
        topics = [str(event.topic) for event in events if "VPN" in str(event.topic)]
        assert topics[:4] == [
            "NETWORK/VPN_TI/DOWN",
            "OPERATIONAL_STATE/EC_No_VPN_TI_Connection",
            "NETWORK/VPN_TI/UP",
            "OPERATIONAL_STATE/EC_No_VPN_TI_Connection",
        ]
        assert "NETWORK/VPN_SIS/DOWN" in topics


@pytest.mark.event(
    "OPERATIONAL_STATE/EC_IP_Adresses_Not_Available",
    "OPERATIONAL_STATE/EC_NK_Certificate_Expired",
    "CERT/CARD/EXPIRATION",
)
@pytest.mark.requirement("TIP1-A_4509", "A_22971", "TIP1-A_4510-04")
async def test_a_box_with_an_expired_device_certificate_and_a_foreign_address(tmp_path: Path) -> None:
    async with _up(tmp_path, BoxSettings(addresses=(MISSING,), device_days=-1)) as run:
        context = run.served[0].instance.context
        opstate = context.opstate
        assert opstate.holds(Condition.NK_CERTIFICATE_EXPIRED)
        assert not opstate.holds(Condition.NK_CERTIFICATE_EXPIRING)
        assert opstate.holds(Condition.IP_ADRESSES_NOT_AVAILABLE)
        assert not allows(Row.INFORMATION, opstate.holding)
        assert allows(Row.MANAGEMENT, opstate.holding)
        assert not any(entry.connected for entry in context.terminals)
        events: list[Event] = []
        context.hub.subscribe(events.append)
        box = run.served[0].instance.health.box
        assert box is not None
        await run.served[0].instance.expiry.look()
        (gone,) = [event for event in events if event.topic == "CERT/CARD/EXPIRATION"]
        assert gone.severity is EventSeverity.WARNING
        assert gone.log
        assert deviations(gone) == []
        keys = ["CARD_TYPE", "ICCSN", "Konnektor", "ZertName", "ExpirationDate"]
        assert list(dict(gone.parameters)) == keys
        assert (gone.parameters[0][1], gone.parameters[3][1]) == ("gSMC-K", "C.NK.VPN")
        opstate.set(Condition.NK_CERTIFICATE_EXPIRED, False)
        events.clear()
        box.look()
        (event,) = [event for event in events if "EC_NK" in str(event.topic)]
        assert (event.kind, event.severity) == (EventType.SECURITY, EventSeverity.FATAL)
        told = dict(event.parameters)
        assert (len(told["Iccsn"]), told["Value"]) == (20, "true")
        assert int(told["Serial"]) > 0


async def _unlocked(run: Running) -> str:
    """The ICCSN of the practice's SMC-B, whose PIN is verified now."""
    context, place = run.served[0].instance.context, run.served[0].context
    smb = next(card for card in context.cards if card.card_type is CardType.SMC_B)
    session = smb.session(CallContext(place.mandant_id, place.client_system_id, place.workplace_id))
    await context.pins.verify(smb, session, place.workplace_id, "PIN.SMC")
    return smb.data.iccsn or ""


async def _registration(run: Running, events: list[Event]) -> None:
    """Registered with an SM-B that is unlocked, refused by causes, daily data, and taken back."""
    instance, contract = run.served[0].instance, contract_id(1)
    box = instance.registration
    assert box is not None
    smb = next(card for card in instance.context.cards if card.card_type is CardType.SMC_B)

    def told(topic: str) -> list[dict[str, str]]:
        return [dict(event.parameters) for event in events if str(event.topic) == topic]

    await box.configure(RegistrationSettings(contract, smb.data.iccsn or ""))
    with pytest.raises(NoSmb):
        await box.register()
    assert told("SMC_K/REGISTER/ERROR")[-1]["Fail"] == "No_Smcb"
    iccsn = await _unlocked(run)
    await box.configure(RegistrationSettings("OTHER", iccsn))
    with pytest.raises(Refused) as refused:
        await box.register()
    assert refused.value.code == 7041
    error = told("SMC_K/REGISTER/ERROR")[-1]
    assert (error["Operation"], error["Fail"]) == ("Register", "Other")
    assert error["Iccsn"].startswith("80276")
    assert not told("MGM/TI_ACCESS_GRANTED")
    await box.configure(RegistrationSettings(contract, iccsn))
    run.lab.faults.add(Fault.from_document({"service": "registration", "code": "server-role"}))
    with pytest.raises(NotRegistered) as other:
        await box.register()
    assert other.value.code == 4220
    registered = await box.register()
    assert registered.contract is ContractStatus.TI_AND_SIS
    assert told("MGM/TI_ACCESS_GRANTED") == [{"Active": "Enabled"}]
    # What is registered sends its data at once, and then daily.
    await _until(lambda: box.registered is not None and box.registered.sent is not None)
    (data,) = run.lab.registration.contracts.to_shown()["data"]
    assert f"<OPD:ContractID>{contract}</OPD:ContractID>" in data["document"]
    run.lab.faults.add(Fault.from_document({"service": "registration", "http": 503, "match": "sendData"}))
    with pytest.raises(NotRegistered):
        await box.send_data()
    assert box.send_failure == "HTTP status 503"
    async with connect_admin(access_of(run.served[0].admin)) as desk:
        state = await desk.change("POST", "/registration/operating-data", kind=RegistrationState)
        assert state.access_granted
        assert (state.send_failure, state.registered_smb) == ("", iccsn)
        assert len(run.lab.registration.contracts.to_shown()["data"]) == 2
        run.lab.faults.add(Fault.from_document({"service": "registration", "code": "authorisation-away"}))
        with pytest.raises(AdminRefused, match="7081 Deregistrierung im Autorisierungsserver fehlgeschlagen"):
            await desk.change("POST", "/registration/deregister", kind=RegistrationState)
        assert box.registered is not None
        gone = await desk.change("POST", "/registration/deregister", kind=RegistrationState)
        assert not gone.access_granted
        with pytest.raises(AdminRefused, match="not registered .register it first"):
            await desk.change("POST", "/registration/deregister", kind=RegistrationState)
    assert told("MGM/TI_ACCESS_GRANTED")[1:] == [{"Active": "Disabled"}]
    assert run.lab.registration.contracts.to_shown()["registrations"] == []
