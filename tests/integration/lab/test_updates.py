"""The KSR of the lab and a Konnektor of profile einbox: asked, told, fetched from, and all ways in which that fails."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from tests.integration.lab.labprocess import usual_ports_taken
from tests.integration.lab.test_box import _until, _up
from tiaas import __version__
from tiaas.base.clock import ManualClock
from tiaas.base.secret import Secret
from tiaas.cli.boxsettings import BoxSettings
from tiaas.cli.compose import Running
from tiaas.cli.managing import access_of
from tiaas.client.admin import AdminRefused, connect_admin
from tiaas.interfaces.konfigurationsdienst_v1_1 import Priority
from tiaas.interfaces.management.updates import (
    FachmodulUpdates,
    LoadedPackage,
    LoadPackage,
    ProgramState,
    UpdateOverview,
)
from tiaas.konnektor.autoupdate import AUTO_UPDATE_KIND, DAYS, AutoUpdate, AutoUpdateSettings, next_run
from tiaas.konnektor.catalogue import deviations
from tiaas.konnektor.config import Address
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventSeverity, EventType
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.permissions import Row, allows
from tiaas.konnektor.terminallist import AdminAccount
from tiaas.konnektor.updates import UPDATES_KIND, Updates
from tiaas.lab.faults import CODES, Fault, Service
from tiaas.lab.zdidentity import DEFECTS

OLD, BLOCKED = Condition.CONNECTOR_SOFTWARE_OUT_OF_DATE, Condition.FW_NOT_VALID_STATUS_BLOCKED
OLD_TERMINAL, AVAILABLE = Condition.CARD_TERMINAL_SOFTWARE_OUT_OF_DATE, Condition.FW_UPDATE_AVAILABLE
DAY = timedelta(days=1)
FAILURES = {
    "fault": (4190, "fault 500"),
    "malformed": (4190, "no answer to list_Updates"),
    "server-expired": (4189, "1021"),
    "server-foreign": (4189, "1023"),
    "server-role": (4189, "oid_konfigdienst"),
}
NETWORK_FAILURES = {
    "networks-malformed": "no Bestandsnetze.xml",
    "networks-schema": "no Bestandsnetze.xml",
    "networks-useless": "a segment has no address and prefix",
    "networks-signature-wrong": "the signature does not hold: 4115",
    "networks-signer-role": "the signer is not oid_bestandsnetze",
    "networks-signer-unknown": "the signature does not hold: 1023",
    "networks-unsigned": "Bestandsnetze.xml.p7s: HTTP status 404",
}


@dataclass
class Bench:
    """A running lab, its only practice's Konnektor, and what it told."""

    run: Running
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.instance = self.run.served[0].instance
        self.context = self.instance.context
        self.context.hub.subscribe(self.events.append)
        (entry,) = (each for each in self.context.terminals if each.config.is_physical)
        self.ct_id = entry.config.ct_id

    @property
    def updates(self) -> Updates:
        return self.instance.updates

    def offer(self, version: str, **more: object) -> str:
        """Puts a package into the KSR; its id."""
        no_program = {} if "for" in more else {"content": "AA=="}
        return self.run.lab.ksr.offer({"version": version, **no_program, **more}).update_id

    def day(self, days: int) -> str:
        return (self.run.lab.clock.now().date() + days * DAY).isoformat()

    def holds(self, condition: Condition) -> bool:
        return self.context.opstate.holds(condition, self.ct_id if condition.value.per_terminal else "")

    def told(self, topic: str) -> list[dict[str, str]]:
        return [dict(event.parameters) for event in self.events if str(event.topic) == topic]

    def shelf(self) -> list[str]:
        """Versions of the firmware for terminals that is here."""
        return [package.version for package in self.instance.terminal_admin.firmware.packages]

    def is_online(self) -> bool:
        return self.context.online_mode.active

    def fault(self, **more: object) -> None:
        self.run.lab.faults.add(Fault.from_document({"service": "ksr", **more}))

    def asked(self) -> list[str]:
        entries = self.run.lab.journal.since(service=Service.KSR)
        return [f"{e.operation} {e.subject}" for e in entries if not e.subject.startswith("konfig/")]

    def logged(self, code: int) -> int:
        """How often a code stands in the log."""
        files = (self.run.lab.store.folder / "protocol").rglob("*.jsonl")
        return sum(file.read_text().count(f'"code":{code},') for file in files)


def test_every_fault_of_the_ksr_is_tried() -> None:
    others = {"file-short", "file-long", "file-changed", "information-changed"}
    assert set(FAILURES) | others | set(NETWORK_FAILURES) == set(CODES[Service.KSR])
    assert set(DEFECTS) <= set(FAILURES)


@pytest.mark.event(
    "KSR/UPDATES_AVAILABLE",
    "KSR/UPDATE/KONNEKTOR_DOWNLOAD_END",
    "KSR/UPDATE_KONFIG",
    "KSR/ERROR",
    "OPERATIONAL_STATE/EC_FW_Not_Valid_Status_Blocked",
)
@pytest.mark.requirement("TIP1-A_5152", "TIP1-A_5153", "A_21899")
@pytest.mark.requirement(
    "TIP1-A_4509",
    "TIP1-A_4512-04",
    "TIP1-A_4834",
    "TIP1-A_4836",
    "TIP1-A_4836-02",
    "TIP1-A_6025",
    "TIP1-A_4833-02",
    "A_18390",
    "A_18391",
    "TIP1-A_6018",
    "TIP1-A_6019",
)
@pytest.mark.code(4181, 4182, 4183, 4186, 4188, 4189, 4190, 4002, 4198, 4238, 4242)
async def test_a_box_and_the_ksr(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        # Its terminal is off several times.
        with usual_ports_taken():
            run = await stack.enter_async_context(_up(tmp_path, BoxSettings(), restart=lambda: None))
        bench = Bench(run)
        own, terminal = "list_Updates TIAAS TIAAS 1.0.0 0.1.0", "list_Updates DETIA TIAASVKT 1.0.0 1.0.0"
        # At the first start no terminal is paired yet; the first of a kind makes the Konnektor ask again.
        await _until(lambda: bench.asked()[-1:] == [terminal])
        assert bench.asked()[0] == own
        assert not any(map(bench.holds, (OLD, BLOCKED, OLD_TERMINAL, AVAILABLE)))
        await _networks(bench)
        await _failures(bench)
        await _packages_for_terminals(bench)
        await _terminals_by_themselves(bench)
        await _packages_for_the_konnektor(bench)
        await _own_package(bench)
        await _blocked(bench)
        await _packages_of_fachmodule(bench)


async def _networks(bench: Bench) -> None:
    """Bestandsnetze.xml is taken over as a whole or not at all; a network is what an administrator made of it."""
    held, there = bench.instance.bestandsnetze, bench.run.lab.ksr.networks
    changes: list[tuple[str, ...]] = []
    held.on_change = lambda: changes.append(tuple(map(str, held.routes)))
    first, names, serving = held.list, held.names, bench.instance.serves_since
    assert (first.version, len(held.active)) == ("1.0.0", 2), "fetched at the start, and new ones are active"
    for code, reason in NETWORK_FAILURES.items():
        before = bench.logged(4198)
        bench.fault(code=code)
        assert not await held.refresh(), code
        told = _last(bench)
        assert told[0] == 4198
        assert reason in told[1], (code, told)
        assert held.list is first
        await _until(partial(_is_more, bench, before))
    bench.fault(http=503, match="GET konfig")
    assert not await held.refresh()
    assert _last(bench) == (4198, "Bestandsnetze.xml: HTTP status 503")
    assert await held.refresh()
    assert _last(bench) == (None, "")
    assert not bench.told("KSR/UPDATE_KONFIG"), "nothing is new"
    await held.choose("TIAAS-1", is_active=False)
    await held.activate_new(False)
    more = {"id": "N3", "domain": "drei.tiaas-test", "segments": ["198.18.7.0/24"], "servers": ["198.18.7.53"]}
    there.put({"version": "1.0.1", "networks": [*there.shown["networks"], more]})
    assert await held.refresh()
    assert bench.told("KSR/UPDATE_KONFIG") == [{"AlteVersion": "1.0.0", "NeueVersion": "1.0.1"}]
    assert [network.id for network in held.active] == ["TIAAS-2"]
    assert changes[-1] == ("198.19.0.0/16",)
    assert names.forwards == {"labore.tiaas-test": (Address("198.19.0.53", 53),)}
    await held.choose("N3", is_active=True)
    assert "198.18.7.0/24" in changes[-1]
    assert bench.instance.serves_since == serving, "no restart"
    there.restore()
    assert await held.refresh()
    assert [network.id for network in held.active] == ["TIAAS-2"], "what is not in the list any more is not used"


def _last(bench: Bench) -> tuple[int | None, str]:
    """Code and reason of the last time the list was asked for."""
    asked = bench.instance.bestandsnetze.asked
    assert asked is not None
    return asked.code, asked.reason


def _is_more(bench: Bench, before: int) -> bool:
    return bench.logged(4198) > before


async def _failures(bench: Bench) -> None:
    """Each fault has its code, the event KSR/ERROR and an entry in the log; what was known stays."""
    for code, (number, reason) in FAILURES.items():
        bench.fault(code=code)
        assert not await bench.updates.check(), code
        assert bench.updates.asked is not None
        assert bench.updates.asked.code == number, code
        assert reason in bench.updates.asked.reason, code
        assert bench.told("KSR/ERROR")[-1]["Error"] == str(number)
    error = [event for event in bench.events if str(event.topic) == "KSR/ERROR"][-1]
    assert (error.kind, error.severity) == (EventType.SECURITY, EventSeverity.FATAL)
    bench.fault(http=503)
    assert not await bench.updates.check()
    assert bench.told("KSR/ERROR")[-1]["Error"] == "4190"
    unplugged = {"service": "network", "match": "ksr", "code": "refused"}
    bench.run.lab.faults.add(Fault.from_document(unplugged))
    assert not await bench.updates.check()
    last = bench.told("KSR/ERROR")[-1]
    text = "Konfigurationsdienst nicht erreichbar, konfigurierte Adresse kontrollieren."
    assert last == {"Error": "4188", "Bedeutung": text}
    assert await bench.updates.check()
    assert bench.updates.asked is not None
    assert bench.updates.asked.code is None


async def _packages_for_terminals(bench: Bench) -> None:
    """Told, fetched, kept while it is the newest, brought to the terminal; gone when it is withdrawn."""
    firmware = bench.instance.terminal_admin.firmware
    bench.offer("1.0.0", **{"for": "terminal"})
    second = bench.offer("1.1.0", notes="https://hersteller.example/1.1.0", **{"for": "terminal"})
    bench.fault(code="file-short")
    assert await bench.updates.check()
    assert bench.told("KSR/ERROR")[-1]["Error"] == "4186"
    assert bench.shelf() == []
    assert bench.holds(OLD_TERMINAL), "what is offered counts, fetched or not"
    assert bench.holds(AVAILABLE)
    assert await bench.updates.check()
    (kept,) = firmware.packages
    assert (kept.version, kept.from_ksr, kept.hardware) == ("1.1.0", True, "1.0.0")
    told = bench.told("KSR/UPDATES_AVAILABLE")[-1]
    assert told == {
        "ProductVendorID": "DETIA",
        "ProductCode": "TIAASVKT",
        "ProductName": "tiaas Kartenterminal (TEST-ONLY)",
        "FirmwareVersion": "1.1.0",
        "FWPriority": "Normal",
        "FirmwareReleaseNotes": "https://hersteller.example/1.1.0",
    }
    third = bench.offer("1.2.0", **{"for": "terminal"})
    assert await bench.updates.check()
    assert bench.shelf() == ["1.2.0"], "only the newest is kept"
    bench.run.lab.ksr.packages.withdraw(third)
    assert await bench.updates.check()
    assert bench.shelf() == ["1.1.0"]
    admin = bench.instance.terminal_admin
    await admin.set_account(bench.ct_id, AdminAccount("admin", Secret(b"admin")))
    view = await admin.update_firmware(bench.ct_id)
    assert view.product is not None
    assert view.product.firmware_version == "1.1.0"
    assert not bench.holds(OLD_TERMINAL)
    assert not bench.holds(AVAILABLE)
    bench.run.lab.ksr.packages.withdraw(second)
    assert await bench.updates.check()
    assert bench.shelf() == []
    # Offered but not fetched: an update fetches it itself, and tells if that fails.
    bench.updates.settings = type(bench.updates.settings)(auto_download=False)
    fourth = bench.offer("1.3.0", **{"for": "terminal"})
    assert await bench.updates.check()
    assert bench.shelf() == []
    bench.fault(http=404, match="GET ")
    with pytest.raises(KonnektorError, match="4186"):
        await admin.update_firmware(bench.ct_id)
    assert bench.told("KSR/ERROR")[-1]["CtID"] == bench.ct_id
    view = await admin.update_firmware(bench.ct_id, "1.3.0")
    assert view.product is not None
    assert view.product.firmware_version == "1.3.0"
    bench.run.lab.ksr.packages.withdraw(fourth)


async def _terminals_by_themselves(bench: Bench) -> None:
    """A_18387, A_18390, A_18391: on Monday at one, unless the terminal is excluded, or it is too late."""
    offered = bench.offer("1.4.0", **{"for": "terminal"})
    terminal = next(each for each in bench.context.terminals if each.config.ct_id == bench.ct_id)

    def version() -> str | None:
        return None if terminal.last_product is None else terminal.last_product.firmware_version

    clock = ManualClock(datetime(2026, 6, 3, 12, tzinfo=UTC))
    instance, context = bench.instance, bench.context
    auto = AutoUpdate(bench.updates, instance.terminal_admin, context.terminals, context.store, clock)
    due = next_run(clock.now(), auto.settings) - clock.now()
    clock.advance(due.total_seconds() - 1)
    assert not await auto.look()
    clock.advance(7200)
    assert not await auto.look(), "what was slept through is not made up for"
    await auto.configure(replace(auto.settings, day=None, excluded=frozenset({bench.ct_id})))
    clock.advance((next_run(clock.now(), auto.settings) - clock.now()).total_seconds())
    assert await auto.look()
    assert version() == "1.3.0"
    await auto.configure(replace(auto.settings, excluded=frozenset()))
    clock.advance((next_run(clock.now(), auto.settings) - clock.now()).total_seconds())
    assert await auto.look()
    assert version() == "1.4.0"
    await auto.configure(replace(auto.settings, enabled=False))
    clock.advance((next_run(clock.now(), auto.settings) - clock.now()).total_seconds())
    assert not await auto.look()
    bench.run.lab.ksr.packages.withdraw(offered)
    await context.store.put(AUTO_UPDATE_KIND, "current", {**auto.settings.to_row(), "day": DAYS})
    again = AutoUpdate(bench.updates, instance.terminal_admin, context.terminals, context.store, clock)
    await again.start()
    await again.stop()
    assert again.settings == AutoUpdateSettings(), "damaged settings do not keep an instance from starting"


async def _packages_for_the_konnektor(bench: Bench) -> None:
    """Older, the same, newer, critical: only a newer one counts, and only a critical one makes the program old."""
    opstate = bench.context.opstate
    for version in ("0.0.9", bench.updates.own.firmware_version):
        bench.offer(version, priority=Priority.CRITICAL.value, deadline=bench.day(-1))
    bench.offer("0.2.0", product_code="OTHER", priority=Priority.CRITICAL.value)
    assert await bench.updates.check()
    assert not any(map(bench.holds, (OLD, BLOCKED, AVAILABLE)))
    bench.offer("0.2.0", deadline=bench.day(-1))
    assert await bench.updates.check()
    assert bench.holds(AVAILABLE)
    assert not bench.holds(OLD)
    critical = bench.offer("0.10.0", priority=Priority.CRITICAL.value, deadline=bench.day(1))
    bench.fault(code="fault", match="DETIA")
    known = bench.updates.found[1]
    assert not await bench.updates.check()
    assert bench.holds(OLD), "what is told of one device counts, whatever is told of another"
    assert bench.updates.found[1] == known
    assert await bench.updates.check()
    assert bench.holds(OLD)
    assert not bench.holds(BLOCKED), "the deadline is tomorrow"
    assert bench.told("KSR/UPDATES_AVAILABLE")[-1]["Deadline"] == bench.day(1)
    (event,) = (e for e in bench.events if str(e.topic) == f"OPERATIONAL_STATE/{OLD.value.name}")
    assert (event.kind, event.severity, dict(event.parameters)["Value"]) == (
        EventType.OPERATION,
        EventSeverity.INFO,
        "true",
    )
    bench.run.lab.ksr.packages.withdraw(critical)
    assert await bench.updates.check()
    assert not bench.holds(OLD)
    assert allows(Row.TI, opstate.holding)


async def _program(bench: Bench) -> ProgramState:
    async with connect_admin(access_of(bench.run.served[0].admin)) as admin:
        program = (await admin.read("/updates", UpdateOverview)).program
    assert program is not None
    return program


async def _own_package(bench: Bench) -> None:
    """TIP1-A_4836-02: checked, fetched once, told; it waits under its own name until somebody has it applied."""
    bench.updates.settings = replace(bench.updates.settings, auto_download=True)
    offered = bench.offer("0.3.0", content=None, notes="https://hersteller.example/0.3.0", deadline=bench.day(30))
    kept = bench.run.lab.store.folder / "program" / "offer"
    for code, fault in (
        ("4181", {"code": "information-changed"}),
        ("4182", {"http": 404, "match": "GET "}),
        ("4182", {"code": "file-short"}),
        ("4183", {"code": "file-changed"}),
    ):
        bench.fault(**fault)
        assert await bench.updates.check()
        error = [event for event in bench.events if str(event.topic) == "KSR/ERROR"][-1]
        told = dict(error.parameters)
        assert (told["Target"], told["Name"], told["Error"]) == ("Konnektor", "konnektor", code), fault
        assert (error.kind, error.severity, deviations(error)) == (EventType.SECURITY, EventSeverity.ERROR, [])
        assert not kept.exists()
        assert (await _program(bench)).not_fetched.startswith(f"0.3.0: {code} "), fault
    assert bench.told("KSR/UPDATE/KONNEKTOR_DOWNLOAD_END") == []
    assert await bench.updates.check()
    (event,) = (e for e in bench.events if str(e.topic) == "KSR/UPDATE/KONNEKTOR_DOWNLOAD_END")
    assert deviations(event) == []
    assert dict(event.parameters) == {
        "ProductVendorID": "TIAAS",
        "ProductCode": "TIAAS",
        "ProductName": "tiaas Highspeed-Konnektor (TEST-ONLY)",
        "FirmwareVersion": "0.3.0",
        "Deadline": bench.day(30),
        "FWPriority": "Normal",
        "FirmwareReleaseNotes": "https://hersteller.example/0.3.0",
    }
    assert [path.name for path in kept.iterdir()] == ["TIAAS_0_3_0.zip"]
    fetched = sum(line.startswith("GET ") for line in bench.asked())
    assert await bench.updates.check()
    assert sum(line.startswith("GET ") for line in bench.asked()) == fetched, "it is here already"
    program = await _program(bench)
    assert (program.version, program.waiting, program.not_fetched) == (__version__, "0.3.0", "")
    bench.run.lab.ksr.packages.withdraw(offered)
    bench.updates.settings = replace(bench.updates.settings, auto_download=False)


async def _blocked(bench: Bench) -> None:
    """A deadline that has come takes the TI away; it stays away over a start, and ends with newer firmware."""
    instance, context = bench.instance, bench.context
    await _until(lambda: not bench.holds(Condition.NO_VPN_TI_CONNECTION))
    bench.offer("0.10.0", priority=Priority.CRITICAL.value, deadline=bench.day(0))
    assert await bench.updates.check()
    assert bench.holds(BLOCKED)
    assert not bench.is_online()
    assert not allows(Row.TI, context.opstate.holding)
    assert allows(Row.CARD, context.opstate.holding)
    assert context.intermediaer is not None
    assert not context.intermediaer.is_open
    await _until(lambda: bench.holds(Condition.NO_VPN_TI_CONNECTION))
    assert not bench.holds(Condition.NO_VPN_SIS_CONNECTION)
    assert bench.told("NETWORK/VPN_TI/DOWN") == [{}]
    assert not await instance.health.time.sync()
    asked = len(bench.asked())
    assert not await bench.updates.check()
    assert len(bench.asked()) == asked, "the KSR is in the TI"
    # What was told is in the store: another start is blocked before it asks anybody.
    row = await context.store.get(UPDATES_KIND, "found")
    assert row is not None
    context.opstate.set(BLOCKED, False)
    assert bench.is_online()
    await bench.updates.load()
    assert bench.holds(BLOCKED)
    bench.updates.own = type(bench.updates.own)("TIAAS", "TIAAS", "1.0.0", "0.10.0")
    bench.updates.judge()
    assert not bench.holds(BLOCKED)
    assert bench.is_online()
    await _until(lambda: not bench.holds(Condition.NO_VPN_TI_CONNECTION))


async def _packages_of_fachmodule(bench: Bench) -> None:
    """TUC_KON_285 and 286: listed, loaded, kept; nothing of what is too large or damaged."""
    packages, most = bench.instance.fachmodul_packages, 25 * 1024 * 1024
    assert (await packages.updates("VSDM")).offers == ()
    for code, (number, _) in FAILURES.items():
        bench.fault(code=code)
        with pytest.raises(KonnektorError, match=str(number)):
            await packages.updates("VSDM")
    bench.offer("1.1.0", **{"for": "fachmodul", "octets": most})
    bench.offer("1.2.0", **{"for": "fachmodul", "octets": most + 1})
    small = bench.offer("1.3.0", **{"for": "fachmodul"})
    largest, larger, offer = (await packages.updates("VSDM")).offers
    unplugged = {"service": "network", "match": "ksr", "code": "refused"}
    bench.run.lab.faults.add(Fault.from_document(unplugged))
    with pytest.raises(KonnektorError, match="4188"):
        await packages.load("VSDM", offer)
    for fault, number in (
        ({"code": "server-role"}, 4189),
        ({"http": 404, "match": "GET "}, 4238),
        ({"drop": True, "match": "GET "}, 4238),
        ({"code": "file-short"}, 4238),
        ({"code": "file-changed"}, 4238),
        ({"code": "file-long"}, 4242),
    ):
        bench.fault(**fault)
        with pytest.raises(KonnektorError, match=str(number)):
            await packages.load("VSDM", offer)
    with pytest.raises(KonnektorError, match="4238"):
        await packages.load("VSDM", replace(offer, files=()))
    asked = len(bench.asked())
    with pytest.raises(KonnektorError, match="4242"):
        await packages.load("VSDM", larger)
    assert len(bench.asked()) == asked, "what is announced as too large is not asked for"
    lies = replace(larger, files=(replace(larger.files[0], octets=1),))
    with pytest.raises(KonnektorError, match="4242"):
        await packages.load("VSDM", lies)
    assert await packages.kept("VSDM") is None
    assert await packages.content("VSDM") is None
    assert (await packages.load("VSDM", largest)).octets == most
    async with connect_admin(access_of(bench.run.served[0].admin)) as admin:
        path = "/updates/fachmodul/VSDM"
        loaded = await admin.change("POST", f"{path}/load", LoadPackage(small), LoadedPackage)
        assert (loaded.version, loaded.file) == ("1.3.0", "VSDM_1_3_0.bin")
        shown = await admin.read(path, FachmodulUpdates)
        assert [update.version for update in shown.updates] == ["1.3.0", "1.2.0", "1.1.0"]
        assert shown.loaded == loaded
        for unknown, wish in ((f"{path}/load", LoadPackage("none")), ("/updates/fachmodul/X/load", LoadPackage(small))):
            with pytest.raises(AdminRefused) as refused:
                await admin.change("POST", unknown, wish, LoadedPackage)
            assert refused.value.status == 404
        bench.context.online_mode.switch(False)
        with pytest.raises(AdminRefused, match="MGM_LU_ONLINE is off"):
            await admin.read(path, FachmodulUpdates)
    with pytest.raises(KonnektorError, match="4188"):
        await packages.load("VSDM", offer)
    bench.context.online_mode.switch(True)
    assert await packages.content("VSDM") == bench.run.lab.ksr.packages.find(small).file()
    await _until(lambda: bench.logged(4238) == 5 and bench.logged(4242) == 3)
