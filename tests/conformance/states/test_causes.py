"""TAB_KON_503: conditions come and go by their real causes, with the parameters of their events."""

import errno
import hashlib
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.konnektor_core.memorystore import MemoryStore
from tiaas.base.clock import ManualClock, SystemClock
from tiaas.base.entropy import Entropy, SeededEntropy, SystemEntropy
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.konnektor.config import Address
from tiaas.konnektor.diskcheck import ENOUGH, LITTLE, free_octets
from tiaas.konnektor.events import Event, EventHub, EventSeverity, EventType
from tiaas.konnektor.identity import Identity
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.misuse import MINUTES, MisuseWatch
from tiaas.konnektor.network import Network
from tiaas.konnektor.nodechecks import SOFTWARE_SECONDS, NodeChecks
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.protocol import Level, LogType, MemoryMedium, ProtocolService, Query
from tiaas.konnektor.protocol.entry import SYSTEM
from tiaas.konnektor.randomcheck import OCTETS, SAMPLES, Failure, failure_of, generator_failures
from tiaas.konnektor.selfchecks import SelfChecks
from tiaas.konnektor.software import Hashes, changed_files, installed_hashes
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.timesource import TimeSettings, TimeSource
from tiaas.lab.faults import Fault, FaultBook, Service
from tiaas.lab.journal import Journal
from tiaas.lab.timeserver import TimeServer
from tiaas.soap.envelope import SoapFault
from tiaas.soap.errors import FaultCode

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass
class Rig:
    """An instance's states, and the lab's time server on a socket."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    store: MemoryStore = field(default_factory=MemoryStore)

    def __post_init__(self) -> None:
        self.faults, self.journal = FaultBook(self.clock), Journal(self.clock)
        self.server = TimeServer(self.clock, self.faults, self.journal)
        self.boot()

    def boot(self) -> None:
        """A new start on the same store."""
        self.events: list[Event] = []
        self.hub = EventHub()
        self.hub.subscribe(self.events.append)
        self.opstate = OperatingState(self.hub, self.clock)
        entropy = SeededEntropy(b"time")
        self.protocol = ProtocolService(MemoryMedium(), self.store, self.hub, self.opstate, self.clock, entropy)

    def source(self) -> TimeSource:
        """Asks the server on its port."""
        return TimeSource(
            (Address("127.0.0.1", self.server.port),),
            Network(),
            self.store,
            self.hub,
            self.opstate,
            self.protocol,
            self.clock,
            SystemEntropy(),
            TimeSettings(answer=0.2),
        )

    def told(self, topic: str) -> list[dict[str, str]]:
        """The parameters of the events of a topic."""
        return [dict(event.parameters) for event in self.events if event.topic == topic]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig()
    await made.server.start("127.0.0.1", 0)
    yield made
    made.server.stop()


@pytest.mark.event("NTP/ENTERCRITICALSTATE", "OPERATIONAL_STATE/EC_Time_Difference_Intolerable")
@pytest.mark.requirement("TIP1-A_4788", "TIP1-A_4509")
async def test_a_time_server_two_hours_ahead_is_a_critical_state_until_confirmed(rig: Rig) -> None:
    source = rig.source()
    assert await source.sync()
    assert rig.events == []
    rig.faults.add(Fault(Service.TIME, offset=7_200, match="NTP 127.0.0.1", times=1))
    assert await source.sync()
    (event,) = [event for event in rig.events if event.topic == "NTP/ENTERCRITICALSTATE"]
    assert (event.severity, event.deliver, event.parameters) == (
        EventSeverity.FATAL,
        False,
        (("MESSAGE", "CRITICALTIME DEVIATION"),),
    )
    (told,) = rig.told("OPERATIONAL_STATE/EC_Time_Difference_Intolerable")
    assert (told["NtpTimedifference"], told["NtpMaxAllowedTimedifference"]) == ("7200", "3600")
    await source.sync()
    assert rig.opstate.holds(Condition.TIME_DIFFERENCE_INTOLERABLE), "only an administrator ends it"
    told_times = [(entry.outcome, entry.fault) for entry in rig.journal.since(service=Service.TIME)]
    assert told_times == [("the time", None), ("+7200 s", 1), ("the time", None)]
    await source.confirm()
    assert not rig.opstate.holds(Condition.TIME_DIFFERENCE_INTOLERABLE)


@pytest.mark.event(
    "OPERATIONAL_STATE/EC_Time_Sync_Not_Successful",
    "OPERATIONAL_STATE/EC_Time_Sync_Pending_Warning",
    "OPERATIONAL_STATE/EC_Time_Sync_Pending_Critical",
)
@pytest.mark.requirement("TIP1-A_4789", "TIP1-A_4509")
@pytest.mark.code(4177)
async def test_a_silent_time_server_is_told_at_once_after_30_and_after_50_days(rig: Rig) -> None:
    await rig.protocol.start()
    source = rig.source()
    await source.sync()
    rig.faults.add(Fault(Service.TIME, code="silent", times=None))
    rig.clock.advance(60)
    assert not await source.sync()
    (told,) = rig.told("OPERATIONAL_STATE/EC_Time_Sync_Not_Successful")
    assert (told["LastSyncAttempt"], told["LastSyncSuccess"]) == ("2026-03-02T09:31:00Z", "2026-03-02T09:30:00Z")
    # Days go on while the instance is off.
    rig.boot()
    await rig.protocol.start()
    rig.clock.advance(31 * 86_400)
    source = rig.source()
    await source.start()
    (entry,) = await rig.protocol.entries(SYSTEM, Query(code=4177))
    assert (entry.type, entry.level) == (LogType.OPERATION, Level.WARNING)
    (told,) = rig.told("OPERATIONAL_STATE/EC_Time_Sync_Pending_Warning")
    assert told["LastSyncSuccess"] == "2026-03-02T09:30:00Z"
    rig.clock.advance(20 * 86_400)
    await source.sync()
    (told,) = rig.told("OPERATIONAL_STATE/EC_Time_Sync_Pending_Critical")
    assert (told["LastSyncSuccess"], told["NtpGracePeriod"]) == ("2026-03-02T09:30:00Z", "50")
    assert not rig.opstate.holds(Condition.TIME_SYNC_PENDING_WARNING)
    await source.confirm()
    assert not rig.opstate.holds(Condition.TIME_SYNC_PENDING_CRITICAL)
    rig.faults.clear()
    rig.faults.add(Fault(Service.TIME, delay=0.01))
    await source.sync()
    assert not any(state.value for state in rig.opstate)
    await source.stop()


class Stuck:
    """A generator that gives the same octet again and again."""

    def octets(self, size: int) -> bytes:
        return b"\x5a" * size


@dataclass
class Switched:
    """A generator that breaks and is mended."""

    now: Entropy

    def octets(self, size: int) -> bytes:
        return self.now.octets(size)


async def _node(
    tmp_path: Path, hashes: Hashes | None = None, free: Callable[[], int] | None = None
) -> tuple[SqliteStore, NodeChecks, Rig, Switched]:
    store = await SqliteStore.open(tmp_path / "konnektor.sqlite")
    rig, entropy = Rig(), Switched(SystemEntropy())
    checks = NodeChecks(store.check, rig.clock, entropy, lambda: hashes or {}, free)
    await checks.tell(rig.opstate)
    return store, checks, rig, entropy


@pytest.mark.event("OPERATIONAL_STATE/EC_Random_Generator_Not_Reliable")
@pytest.mark.requirement("TIP1-A_4509", "TIP1-A_4510-04")
async def test_a_stuck_random_generator(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store, checks, rig, entropy = await _node(tmp_path)
    entropy.now = Stuck()
    for _ in range(2):
        await checks.look()
    assert rig.told("OPERATIONAL_STATE/EC_Random_Generator_Not_Reliable")[0]["Value"] == "true"
    told = [record.__dict__ for record in caplog.records]
    logged = [(each["reason"], each["value"]) for each in told if "reason" in each]
    assert logged == [("poker", 35_000)] * SAMPLES, "once, what each sample fails"
    entropy.now = SystemEntropy()
    await checks.look()
    assert not rig.opstate.holds(Condition.RANDOM_GENERATOR_NOT_RELIABLE)
    await checks.stop()
    await store.close()


GOOD = SeededEntropy(b"good").octets(OCTETS)


@pytest.mark.parametrize(
    ("bad", "failure"),
    [
        (bytes(OCTETS), Failure("monobit", 0)),
        (b"some text " * 250, Failure("monobit", 9_500)),
        (b"\xaa" * OCTETS, Failure("poker", 75_000)),
        (b"\x0f" * OCTETS, Failure("poker", 35_000)),
        (b"\x10\x00\x00\x00\x40" + GOOD[5:], Failure("long run", 29)),
        (b"\xf0\x00\x00\x07" + GOOD[4:], None),
        (GOOD[1:], Failure("octets", OCTETS - 1)),
        (GOOD, None),
    ],
)
def test_octets_that_are_not_random_are_found(bad: bytes, failure: Failure | None) -> None:
    assert failure_of(bad) == failure
    assert not generator_failures(SystemEntropy())


@pytest.mark.event("OPERATIONAL_STATE/EC_Secure_KeyStore_Not_Available")
@pytest.mark.requirement("TIP1-A_4509")
async def test_the_file_with_the_keys_is_taken_away_and_comes_back(tmp_path: Path) -> None:
    store, checks, rig, _ = await _node(tmp_path)
    file = tmp_path / "konnektor.sqlite"
    file.rename(tmp_path / "away")
    await checks.look()
    assert rig.told("OPERATIONAL_STATE/EC_Secure_KeyStore_Not_Available")[0]["Value"] == "true"
    file.write_bytes(b"another file")
    await checks.look()
    assert rig.opstate.holds(Condition.SECURE_KEYSTORE_NOT_AVAILABLE)
    (tmp_path / "away").rename(file)
    await checks.look()
    assert not rig.opstate.holds(Condition.SECURE_KEYSTORE_NOT_AVAILABLE)
    await checks.stop()
    await store.close()


@pytest.mark.event("OPERATIONAL_STATE/EC_OTHER_ERROR_STATE(1)")
@pytest.mark.requirement("TIP1-A_4509")
async def test_a_disk_that_fills_and_has_room_again(tmp_path: Path) -> None:
    disk: dict[str, int] = {"room": free_octets(tmp_path)}

    def free() -> int:
        if "room" not in disk:
            raise OSError(errno.EIO, "the disk cannot be asked")
        return disk["room"]

    store, checks, rig, _ = await _node(tmp_path, free=free)
    held = []
    for room in (LITTLE, LITTLE - 1, None, LITTLE, ENOUGH - 1, ENOUGH, LITTLE, None):
        disk = {} if room is None else {"room": room}
        await checks.look()
        held.append(rig.opstate.holds(Condition.DISK_NEARLY_FULL))
    assert held == [False, True, True, True, True, False, False, False]
    told = [event for event in rig.events if event.topic == "OPERATIONAL_STATE/EC_OTHER_ERROR_STATE(1)"]
    assert [dict(event.parameters)["Value"] for event in told] == ["true", "false"]
    assert {(event.kind, event.severity) for event in told} == {(EventType.OPERATION, EventSeverity.WARNING)}
    await checks.stop()
    await store.close()


def test_the_disk_is_asked_how_much_may_be_written(tmp_path: Path) -> None:
    assert 0 < free_octets(tmp_path) <= shutil.disk_usage(tmp_path).total
    with pytest.raises(FileNotFoundError):
        free_octets(tmp_path / "away")


@pytest.mark.event("OPERATIONAL_STATE/EC_Software_Integrity_Check_Failed")
@pytest.mark.requirement("TIP1-A_4509")
async def test_a_program_file_that_was_changed_is_found_at_boot_and_daily(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("good = True\n")
    hashes = {module: hashlib.sha256(module.read_bytes()).digest()}
    store, checks, rig, _ = await _node(tmp_path, hashes)
    assert not rig.opstate.holds(Condition.SOFTWARE_INTEGRITY_CHECK_FAILED)
    module.write_text("good = False\n")
    await checks.look()
    assert not rig.opstate.holds(Condition.SOFTWARE_INTEGRITY_CHECK_FAILED), "it is a check of once a day"
    rig.clock.advance(SOFTWARE_SECONDS)
    await checks.look()
    assert rig.opstate.holds(Condition.SOFTWARE_INTEGRITY_CHECK_FAILED)
    (event,) = [event for event in rig.events if "Integrity" in str(event.topic)]
    assert (event.kind, event.severity) == (EventType.SECURITY, EventSeverity.FATAL)
    # An instance that boots on this node has it before it serves.
    late = OperatingState(EventHub(), rig.clock)
    await checks.tell(late)
    assert late.holds(Condition.SOFTWARE_INTEGRITY_CHECK_FAILED)
    await checks.stop()
    await store.close()


def test_files_that_are_missing_or_beside_the_list_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a")
    hashes = {tmp_path / "a.py": hashlib.sha256(b"a").digest(), tmp_path / "b.py": b"x" * 32}
    (tmp_path / "c.py").write_text("slipped in")
    assert changed_files(hashes) == ("b.py", "c.py")


def test_a_package_installed_from_a_wheel_is_as_installed() -> None:
    """Of our own environment: a library that came as a wheel has a list that fits."""
    hashes = installed_hashes("uvicorn")
    assert len(hashes) > 20
    assert changed_files(hashes) == ()
    assert installed_hashes("no-such-package-here") == {}


@pytest.mark.event("OPERATIONAL_STATE/EC_TLS_Client_Certificate_Security")
@pytest.mark.requirement("TIP1-A_4509")
@pytest.mark.parametrize(("kind", "weak"), [(KeyKind.RSA_2048, True), (KeyKind.P256, False)])
async def test_a_server_certificate_below_120_bits(kind: KeyKind, weak: bool) -> None:
    rig, store = Rig(), MemoryStore()
    identity = await Identity.load(store, ("127.0.0.1",), kind, SystemClock(), SystemEntropy())
    checks = SelfChecks(rig.opstate, [], rig.hub, rig.clock, lambda: identity.server.certificate)
    checks.look()
    assert rig.opstate.holds(Condition.TLS_CLIENT_CERTIFICATE_SECURITY) is weak


@pytest.mark.event("OPERATIONAL_STATE/EC_CRYPTOPERATION_ALARM")
@pytest.mark.requirement("TIP1-A_4597", "TIP1-A_4513")
@pytest.mark.requirement("TIP1-A_4692")
def test_unusually_many_operations_raise_the_alarm_until_it_is_reset() -> None:
    class Quiet:
        def begin(self) -> float:
            return 0.0

        def done(self, begun: float, request: object | None, answer: object) -> None: ...

    rig = Rig()
    watch = MisuseWatch(rig.opstate, rig.clock, Quiet())
    watch.alarm_values["VerifyCertificate"] = 20
    fault = SoapFault(FaultCode.SERVER, "", None)
    call = type(
        "VerifyCertificate", (), {"context": Context(mandant_id="M", client_system_id="C", workplace_id="AP1")}
    )()
    for _ in range(3):
        watch.done(0.0, call, fault)
    rig.clock.advance(MINUTES * 60)
    for _ in range(3):
        watch.done(0.0, call, fault)
    for _ in range(4):
        watch.done(0.0, call, object())
    assert rig.events == [], "15 + 4, and what was ten minutes ago counts no more"
    watch.done(0.0, call, object())
    (told,) = rig.told("OPERATIONAL_STATE/EC_CRYPTOPERATION_ALARM")
    assert (told["Operation"], told["Count"], told["Arbeitsplatz"]) == ("VerifyCertificate", "20", "AP1")
    rig.clock.advance(timedelta(days=1).total_seconds())
    assert rig.opstate.holds(Condition.CRYPTOPERATION_ALARM)
    watch.reset()
    assert not rig.opstate.holds(Condition.CRYPTOPERATION_ALARM)


async def test_a_port_of_the_time_server_that_is_taken_is_told_as_such() -> None:
    clock = SystemClock()
    first, second = (TimeServer(clock, FaultBook(clock), Journal(clock)) for _ in range(2))
    await first.start("127.0.0.1", 0)
    with pytest.raises(OSError, match="in use") as failure:
        await second.start("127.0.0.1", first.port)
    assert failure.value.errno == errno.EADDRINUSE
    first.stop()
