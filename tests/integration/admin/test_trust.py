"""Trust lists by hand, also when the TSL in use is out of date (gemSpec_Kon V5.18 TIP1-A_4705, TIP1-A_6728)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.foreignca import ForeignCa
from tests.integration.admin.desk import Desk, open_desk
from tests.unit.konnektor_trust.listmaker import Listed, ListMaker, SignerCa
from tests.unit.pki.ocspmaker import World
from tiaas.base.clock import SystemClock
from tiaas.client.admin import Admin, AdminRefused, connect_admin
from tiaas.interfaces.management.importedcas import CaImport, ImportedCaEntry, ImportedCaList
from tiaas.interfaces.management.infomodel import InfoModelDocument
from tiaas.interfaces.management.parameters import Parameters
from tiaas.interfaces.management.roles import Role
from tiaas.interfaces.management.system import (
    ListImport,
    ListRefreshed,
    Reachability,
    ReachabilityTest,
    SystemState,
    TrustState,
)
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.pki.issue import Validity
from tiaas.pki.tsl import ServiceType

NOW = SystemClock().now().replace(microsecond=0)
SPAN = Validity(NOW - timedelta(days=1), NOW + timedelta(days=1000))
GEMATIK, NATIONAL = SignerCa("TSL-CA1 TEST-ONLY", SPAN), SignerCa("BNetzA TEST-ONLY", SPAN)
QES_CA = World("QES-CA TEST-ONLY", span=SPAN)
SINCE = NOW - timedelta(days=400)
TSL = ListMaker(
    GEMATIK,
    (
        Listed(ServiceType.CA, GEMATIK.anchor.encoded, since=SINCE),
        Listed(ServiceType.BNETZA, NATIONAL.signer.encoded, since=NOW),
    ),
    issued=NOW,
)
VL = ListMaker(NATIONAL, (Listed(ServiceType.QUALIFIED_CA, QES_CA.ca.encoded, since=NOW),), number=7, issued=NOW)
WITHIN, BEYOND = "EC_TSL_Out_Of_Date_Within_Grace_Period", "EC_TSL_Out_Of_Date_Beyond_Grace_Period"
DAY = 86_400


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """An instance that works offline: its lists come by hand only."""
    offline = TiAccess(online=False, tsl_url="http://127.0.0.1:9/tsl.xml", bnetza_url="https://127.0.0.1:9/vl.xml")
    async with open_desk(tmp_path, offline, GEMATIK.anchor.encoded) as opened:
        yield opened


async def _import(chief: Admin, name: str, made: ListMaker) -> None:
    await chief.change("POST", f"/trust/{name}/import", ListImport(made.document()))


async def _holds(chief: Admin) -> set[str]:
    conditions = (await chief.read("/system", SystemState)).conditions
    return {each.name for each in conditions} & {WITHIN, BEYOND}


@pytest.mark.event("CERT/BNETZA_VL/UPDATED")
@pytest.mark.requirement("TIP1-A_4705", "TIP1-A_6728", "TIP1-A_4703-01", "TIP1-A_6733")
@pytest.mark.code(4128)
async def test_lists_are_taken_by_hand_when_the_tsl_is_out_of_date(desk: Desk) -> None:
    async with connect_admin(desk.access()) as chief:
        await _import(chief, "tsl", TSL)
        assert await _holds(chief) == set()
        desk.clock.advance(61 * DAY)
        lists = desk.instance.context.trust.lists
        assert lists is not None
        lists.judge()
        assert await _holds(chief) == {BEYOND}
        assert await chief.read("/infomodel", InfoModelDocument) == InfoModelDocument()
        with pytest.raises(AdminRefused) as refused:
            await chief.change("POST", "/trust/tsl/import", ListImport(b"<nothing/>"))
        assert refused.value.code == 4128
        await _import(chief, "bnetza", VL.newer(issued=NOW + timedelta(days=60)))
        # One that has ended as well is taken; the state is then that of this list.
        await _import(chief, "tsl", TSL.newer(number=10_001, issued=NOW + timedelta(days=25)))
        assert await _holds(chief) == {WITHIN}
        await _import(chief, "tsl", TSL.newer(number=10_002, issued=NOW + timedelta(days=61)))
        assert await _holds(chief) == set()
        state = await chief.read("/trust", TrustState)
    assert (state.tsl.sequence_number, state.bnetza.sequence_number) == (10_002, 8)
    assert state.anchor is not None
    assert (state.tsl_type, state.anchor.since) == ("ECC-RSA", SINCE)
    assert (state.anchor.name, state.anchor.not_after) == ("TSL-CA1 TEST-ONLY", GEMATIK.anchor.not_after)
    told = [str(event.topic) for event in desk.events if event.topic.startswith("CERT/")]
    assert told == [
        *("CERT/TSL/UPDATED", "CERT/TSL/IMPORT", "CERT/BNETZA_VL/UPDATED"),
        *("CERT/TSL/UPDATED", "CERT/TSL/UPDATED"),
    ]


async def test_without_online_mode_nothing_is_fetched_by_hand(tmp_path: Path) -> None:
    """MGM_LU_ONLINE off, then on: the same call does not go out, then it does."""
    asked = []

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer.get_extra_info("sockname"))
        writer.close()

    service = await asyncio.start_server(take, "127.0.0.1", 0)
    port = service.sockets[0].getsockname()[1]
    tsl, bnetza = f"http://127.0.0.1:{port}/tsl.xml", f"https://127.0.0.1:{port}/vl.xml"
    offline = TiAccess(online=False, tsl_url=tsl, bnetza_url=bnetza)
    reach = ReachabilityTest("127.0.0.1", port)
    calls = (("/trust/tsl/refresh", None), ("/trust/bnetza/refresh", None), ("/system/reachability", reach))
    async with (
        service,
        open_desk(tmp_path, offline, GEMATIK.anchor.encoded) as desk,
        connect_admin(desk.access()) as chief,
    ):
        for path, document in calls:
            with pytest.raises(AdminRefused, match="MGM_LU_ONLINE is off") as refused:
                await chief.change("POST", path, document)
            assert (refused.value.status, refused.value.remedy) == (409, "set the parameter online first")
        assert asked == []
        assert (await chief.read("/trust", TrustState)).tsl.last_attempt is None, "it was not tried"
        desk.instance.context.online_mode.switch(True)
        assert (await chief.change("POST", "/system/reachability", reach, Reachability)).is_reachable
        assert not (await chief.change("POST", "/trust/tsl/refresh", kind=ListRefreshed)).succeeded
    assert len(asked) > 1


@pytest.mark.requirement("TIP1-A_4821-02")
@pytest.mark.code(4125)
async def test_without_MGM_LU_SAK_no_list_of_the_BNetzA_is_taken(desk: Desk) -> None:
    async with connect_admin(desk.access()) as chief:
        await _import(chief, "tsl", TSL)
        await chief.change("PUT", "/parameters", Parameters(sak=False))
        before = desk.instance
        await chief.change("POST", "/system/restart")
    await desk.restarted(before)
    async with connect_admin(desk.access()) as chief:
        with pytest.raises(AdminRefused, match="MGM_LU_SAK"):
            await _import(chief, "bnetza", VL)
    # What every operation for an HBA asks first.
    with pytest.raises(KonnektorError) as refused_too:
        desk.instance.context.qes.require_enabled()
    assert refused_too.value.code == 4125


@pytest.mark.requirement("TIP1-A_5433")
async def test_cas_outside_of_the_TI_are_imported_shown_and_deleted(desk: Desk) -> None:
    """CERT_IMPORTED_CA_LIST (TAB_KON_606)."""
    path, foreign = "/trust/imported-cas", ForeignCa(now=NOW)
    async with connect_admin(desk.access(Role.REMOTE)) as remote:
        with pytest.raises(AdminRefused) as refused:
            await remote.change("POST", path, CaImport(foreign.der))
        assert refused.value.status == 403
        assert await remote.read(path, ImportedCaList) == ImportedCaList(())
    async with connect_admin(desk.access(Role.LOKAL)) as lokal:
        await _import(lokal, "tsl", TSL)
        await _import(lokal, "bnetza", VL)
        for octets in (b"no certificate", QES_CA.ca.encoded):
            with pytest.raises(AdminRefused) as refused:
                await lokal.change("POST", path, CaImport(octets))
            assert refused.value.status == 422
        added = await lokal.change("POST", path, CaImport(foreign.der), ImportedCaEntry)
        assert added.subject == "CN=Klinik-CA TEST-ONLY"
        told = desk.changes()[-1]
        assert (told["User"], told["RefID"]) == ("lokal", f"POST {path}")
        assert added.fingerprint in told["NewVal"]
        before = desk.instance
        await lokal.change("POST", "/system/restart")
    await desk.restarted(before)
    async with connect_admin(desk.access(Role.LOKAL)) as lokal:
        assert await lokal.read(path, ImportedCaList) == ImportedCaList((added,))
        await lokal.change("DELETE", f"{path}/{added.fingerprint}")
        assert desk.changes()[-1]["RefID"] == f"DELETE {path}/{added.fingerprint}"
        with pytest.raises(AdminRefused) as refused:
            await lokal.change("DELETE", f"{path}/{added.fingerprint}")
        assert refused.value.status == 404
        assert await lokal.read(path, ImportedCaList) == ImportedCaList(())
