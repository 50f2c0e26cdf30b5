"""What an administrator of a box does by hand, profile einbox: its ways (TUC_KON_321, 322) and CRL (TUC_KON_040).

The ways are looked at when the test says so; what shows of them is an answer, an entry of the log, a state, an event.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.admin.desk import BOX_ICCSN, Desk, open_desk
from tests.integration.admin.test_trust import GEMATIK, NOW, SINCE, SPAN
from tests.integration.admin.test_verbs import verbs
from tests.unit.konnektor_trust.listmaker import Listed, ListMaker
from tests.unit.pki.ocspmaker import World
from tiaas.cli.exitcodes import ExitCode
from tiaas.client.admin import Admin, AdminRefused, connect_admin
from tiaas.interfaces.connector_common_v5_0 import Connection
from tiaas.interfaces.management.parameters import Parameters
from tiaas.interfaces.management.roles import Role
from tiaas.interfaces.management.system import CertificateOverview, ListImport
from tiaas.konnektor import boxnetwork
from tiaas.konnektor.box import Box
from tiaas.konnektor.boxnetwork import Way
from tiaas.konnektor.config import Address, BoxAccess, Profile, TiAccess
from tiaas.konnektor.connectorstate import connector_state
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.protocol import Level, LogName, LogType, Query
from tiaas.pki.crl import issue_crl
from tiaas.pki.tsl import ServiceType

CA, FOREIGN = World("KOMP-CA TEST-ONLY", span=SPAN), World("Foreign-CA TEST-ONLY", span=SPAN)
TSL = ListMaker(GEMATIK, (Listed(ServiceType.CA, CA.ca.encoded, since=SINCE),), issued=NOW)
DAY = 86_400
SYSTEM, SECURITY = LogName(LogType.OPERATION), LogName(LogType.SECURITY)


def crl(world: World = CA, begin: datetime = NOW, days: int = 7) -> bytes:
    return issue_crl(world.authority, begin, begin + timedelta(days=days), int(begin.timestamp()))


class Gateway:
    """A VPN-Konzentrator's place: takes connections while it is plugged in."""

    def __init__(self) -> None:
        self.port = 0

    async def plug(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def pull(self) -> None:
        self._server.close()
        await self._server.wait_closed()


@dataclass
class Bench:
    desk: Desk
    chief: Admin
    ways: dict[Way, Gateway]

    @property
    def box(self) -> Box:
        box = self.desk.instance.health.box
        assert box is not None
        return box

    async def refused(self, path: str, document: object = None) -> int | None:
        with pytest.raises(AdminRefused) as refused:
            await self.chief.change("POST", path, document)
        return refused.value.code

    async def connect(self, way: Way) -> None:
        await self.chief.change("POST", f"/vpn/{way.text}/connect")

    async def import_crl(self, document: bytes) -> None:
        await self.chief.change("POST", "/trust/crl/import", ListImport(document))

    async def logged(self, log: LogName, code: int) -> list[dict[str, str]]:
        entries = await self.desk.instance.context.protocol.entries(log, Query(code=code))
        return [dict(entry.parameters) for entry in entries]

    def holds(self, condition: Condition) -> bool:
        return self.desk.instance.context.opstate.holds(condition)

    def topics(self) -> list[str]:
        return [str(event.topic) for event in self.desk.events]


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(boxnetwork, "GATEWAY_SECONDS", 3_600.0)
    ways = {way: Gateway() for way in Way}
    for gateway in ways.values():
        await gateway.plug()
    at = {way: Address("127.0.0.1", gateway.port) for way, gateway in ways.items()}
    box = BoxAccess(at[Way.TI], at[Way.SIS])
    ti = TiAccess(tsl_url="http://127.0.0.1:9/tsl.xml")
    async with (
        open_desk(tmp_path, ti, GEMATIK.anchor.encoded, Profile.EINBOX, box) as desk,
        connect_admin(desk.access()) as chief,
    ):
        await chief.change("POST", "/trust/tsl/import", ListImport(TSL.document()))
        yield Bench(desk, chief, ways)
    for gateway in ways.values():
        await gateway.pull()


@pytest.mark.requirement("TIP1-A_4694", "TIP1-A_4706")
@pytest.mark.code(4130)
async def test_a_crl_that_does_not_hold_is_4130(bench: Bench) -> None:
    good = crl()
    await bench.import_crl(good)
    held = bench.box.crl.held
    newer = crl(begin=NOW + timedelta(hours=1))
    damaged = newer[:-1] + bytes([newer[-1] ^ 1])
    for document, reason in ((damaged, "1057"), (newer[:-40], "1043"), (crl(FOREIGN), "1055")):
        assert await bench.refused("/trust/crl/import", ListImport(document)) == 4130
        event = [event for event in bench.desk.events if event.topic == "CERT/CRL/IMPORT"][-1]
        assert f": {reason} " in dict(event.parameters)["Fehlerbeschreibung"]
        assert (await bench.logged(SECURITY, 4130))[0]["Reason"].startswith(reason)
    assert bench.box.crl.held is held
    await bench.import_crl(newer)
    assert bench.box.crl.held is not held


@pytest.mark.parametrize("way", list(Way))
@pytest.mark.code(4174, 4176)
async def test_a_way_that_cannot_be_had_has_a_code_of_its_own(bench: Bench, way: Way) -> None:
    code = {Way.TI: 4174, Way.SIS: 4176}[way]
    await bench.connect(way)
    await bench.ways[way].pull()
    await bench.box.network.look_at_gateway(way)
    assert bench.holds(way.missing)
    assert await bench.refused(f"/vpn/{way.text}/connect") == code
    await bench.box.network.look_at_gateway(way)
    assert await bench.logged(SYSTEM, code) == [{"Target": f"VPN_{way.name}"}], "once, not with every look"
    await bench.ways[way].plug()
    await bench.connect(way)
    assert not bench.holds(way.missing)
    assert [topic for topic in bench.topics() if "/VPN_" in topic] == [way.went, way.came]


async def test_what_is_told_of_the_way_to_the_sis(bench: Bench) -> None:
    """GetResourceInformation, VPNSISStatus."""
    context = bench.desk.instance.context

    def told() -> tuple[Connection, datetime]:
        status = connector_state(context.opstate, context.online_mode).vpn_sis_status
        return status.connection_status, status.timestamp

    await bench.connect(Way.SIS)
    up = told()
    assert up[0] is Connection.ONLINE
    bench.desk.clock.advance(60)
    await bench.box.network.look_at_gateway(Way.SIS)
    assert told() == up
    await bench.ways[Way.SIS].pull()
    await bench.box.network.look_at_gateway(Way.SIS)
    assert told() == (Connection.OFFLINE, bench.desk.clock.now())


@pytest.mark.code(4173, 4002)
async def test_no_way_is_set_up_with_a_crl_that_is_over(bench: Bench) -> None:
    await bench.import_crl(crl())
    await bench.ways[Way.TI].pull()
    await bench.box.network.look_at_gateway(Way.TI)
    await bench.ways[Way.TI].plug()
    bench.desk.clock.advance(8 * DAY)
    assert await bench.refused("/vpn/ti/connect") == 4173, "nobody had noticed yet"
    assert bench.holds(Condition.CRL_OUT_OF_DATE)
    assert await bench.refused("/vpn/ti/connect") == 4002, "it is a critical state from now on"
    await bench.box.network.look_at_gateway(Way.TI)
    assert len(await bench.logged(SYSTEM, 4173)) == len(await bench.logged(SECURITY, 4002)) == 1
    await bench.box.network.look_at_gateway(Way.SIS)
    assert not bench.holds(Condition.NO_VPN_SIS_CONNECTION), "what stands goes on"
    await bench.import_crl(crl(begin=NOW + timedelta(days=8)))
    await bench.connect(Way.TI)
    assert not bench.holds(Condition.NO_VPN_TI_CONNECTION)


async def test_both_by_verbs(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = verbs(bench.desk.access(), tmp_path, capsys)
    (tmp_path / "good.crl").write_bytes(crl())
    (tmp_path / "foreign.crl").write_bytes(crl(FOREIGN))
    await asyncio.to_thread(run, "trust", "import", str(tmp_path / "good.crl"), "--crl")
    assert bench.box.crl.held is not None
    foreign = str(tmp_path / "foreign.crl")
    assert "4130" in await asyncio.to_thread(run, "trust", "import", foreign, "--crl", code=ExitCode.FAULT)
    assert await asyncio.to_thread(run, "vpn", "sis") == "the way to the SIS is there\n"
    await bench.ways[Way.SIS].pull()
    await bench.box.network.look_at_gateway(Way.SIS)
    assert "4176" in await asyncio.to_thread(run, "vpn", "sis", code=ExitCode.FAULT)
    await bench.ways[Way.SIS].plug()


@pytest.mark.event("NETWORK/VPN_SIS/UP", "NETWORK/VPN_SIS/DOWN")
@pytest.mark.code(4172)
async def test_without_online_mode_no_way_is_set_up(bench: Bench) -> None:
    await bench.chief.change("PUT", "/parameters", Parameters(online=False))
    await bench.box.network.look_at_gateway(Way.SIS)
    assert bench.topics()[-1] == "NETWORK/VPN_SIS/DOWN"
    assert not bench.holds(Condition.NO_VPN_SIS_CONNECTION), "nobody misses it"
    assert await bench.refused("/vpn/sis/connect") == 4172
    (entry,) = await bench.desk.instance.context.protocol.entries(SYSTEM, Query(code=4172))
    assert entry.level is Level.FATAL
    await bench.chief.change("PUT", "/parameters", Parameters(online=True))
    await bench.connect(Way.SIS)
    assert bench.topics()[-1] == "NETWORK/VPN_SIS/UP"


@pytest.mark.requirement("A_18931")
@pytest.mark.parametrize(
    ("kind", "shown", "told"),
    [(KeyKind.BRAINPOOL_P256, "brainpoolP256r1", "ECC keys"), (KeyKind.RSA_2048, "rsa2048", "RSA keys only")],
)
async def test_the_certificates_of_the_device_are_shown_with_their_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: KeyKind, shown: str, told: str
) -> None:
    async with (
        open_desk(tmp_path, profile=Profile.EINBOX, device=kind) as desk,
        connect_admin(desk.access(Role.LOKAL)) as local,
    ):
        found = await local.read("/certificates", CertificateOverview)
        run = verbs(desk.access(), tmp_path, capsys)
        table = await asyncio.to_thread(run, "certificates")
    entries = {each.use: each for each in found.certificates}
    assert {use: entry.key for use, entry in entries.items()} == {"NK": shown, "SAK": shown, "server": "secp256r1"}
    assert found.is_rsa_only is (kind is KeyKind.RSA_2048)
    assert entries["NK"].where == BOX_ICCSN
    assert {tuple(line.split()[2:4]) for line in table.splitlines()[1:-1]} == {
        (use, entry.key) for use, entry in entries.items()
    }
    assert table.endswith(f"{told}\n")


async def test_a_box_without_a_packet_filter_says_so(bench: Bench) -> None:
    with pytest.raises(AdminRefused, match="the instance has no packet filter"):
        await bench.chief.change("POST", "/system/packet-filter/load")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_highspeed_konnektor_has_none_of_it(desk: Desk, chief: Admin) -> None:
    filter_load = "/system/packet-filter/load"
    for path, document in (("/vpn/ti/connect", None), ("/trust/crl/import", ListImport(crl())), (filter_load, None)):
        with pytest.raises(AdminRefused, match="profile einbox"):
            await chief.change("POST", path, document)
