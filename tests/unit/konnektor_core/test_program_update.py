"""TUC_KON_280: an Update-Paket is checked, unpacked, looked at; what was before stays where anything is wrong."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from tests.unit.konnektor_core.programs import package_of, small_program
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.interfaces.updatepackage import FirmwareGroup
from tiaas.konnektor.catalogue import deviations
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub, EventType
from tiaas.konnektor.ksrclient import KsrClient
from tiaas.konnektor.program.checks import Own
from tiaas.konnektor.program.download import OwnPackage
from tiaas.konnektor.program.folder import PROGRAM_VARIABLE, Choice, ProgramFolder
from tiaas.konnektor.program.selfcheck import bare_environment, check_program
from tiaas.konnektor.program.update import Audience, CannotUpdate, ProgramUpdates
from tiaas.konnektor.updateoffers import Device, Found, Offer
from tiaas.lab.hersteller import Hersteller
from tiaas.pki.certificate import decode_certificate_untrusted

CLOCK = ManualClock(datetime(2026, 6, 1, 12, tzinfo=UTC))
ENTROPY = SeededEntropy(b"program")
HERSTELLER, OTHER = Hersteller.create(CLOCK, ENTROPY), Hersteller.create(CLOCK, ENTROPY)
GOOD = package_of(small_program("0.2.0"), "0.2.0", HERSTELLER)


@dataclass
class Bench:
    """A node's program in a folder of its own."""

    path: Path
    running: str = "0.1.0"
    events: list[Event] = field(default_factory=list)
    restarts: int = 0

    def __post_init__(self) -> None:
        self.folder = ProgramFolder(self.path / "program", self.running, is_installed=self.running == "0.1.0")
        hub = EventHub()
        hub.subscribe(self.events.append)
        self.programs = ProgramUpdates(
            self.folder,
            (decode_certificate_untrusted(HERSTELLER.ca),),
            Own("TIAAS", "TIAAS", "1.0.0"),
            self.path / "konnektor.sqlite",
            lambda: [Audience(hub, "konnektor")],
            self._restart,
            CLOCK,
        )

    def _restart(self) -> None:
        self.restarts += 1

    def told(self) -> list[str]:
        assert [deviations(event) for event in self.events] == [[]] * len(self.events)
        return [str(event.topic) for event in self.events]

    def held(self) -> list[str]:
        """What is in the folder."""
        return sorted(path.name for path in self.folder.path.iterdir()) if self.folder.path.is_dir() else []

    async def refused(self, package: bytes) -> KonnektorError:
        with pytest.raises(KonnektorError) as raised:
            await self.programs.apply(package)
        return raised.value


@pytest.mark.requirement("TIP1-A_4832-02", "TIP1-A_4832-03", "TIP1-A_4829")
@pytest.mark.event("KSR/UPDATE/START", "KSR/UPDATE/SUCCESS", "KSR/UPDATE/END")
async def test_a_good_package_is_applied(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert await bench.programs.apply(GOOD) == "0.2.0"
    assert (bench.restarts, bench.told()) == (1, ["KSR/UPDATE/START"])
    assert bench.folder.read().runs == "0.2.0"
    assert (bench.folder.place("0.2.0") / "tiaas" / "__main__.py").is_file()
    with pytest.raises(CannotUpdate, match="under way"):
        await bench.programs.apply(GOOD)
    # What was started instead says so.
    after = Bench(tmp_path, "0.2.0")
    after.programs.settle()
    assert after.told() == ["KSR/UPDATE/SUCCESS", "KSR/UPDATE/END"]
    assert dict(after.events[0].parameters) == {
        "Target": "Konnektor",
        "Name": "konnektor",
        "NewFirmwareversion": "0.2.0",
        "ConfigurationChanged": "Nein",
        "ManualInputNeeded": "Nein",
    }
    choice = after.programs.choice
    assert (choice.current, choice.trial, choice.held_group.versions) == ("0.2.0", None, ("0.1.0", "0.2.0"))
    assert [(each.version, each.before, each.code) for each in choice.history] == [("0.2.0", "0.1.0", None)]
    # The next one, and what is not needed any more goes.
    await after.programs.apply(package_of(small_program("0.3.0"), "0.3.0", HERSTELLER))
    Bench(tmp_path, "0.3.0").programs.settle()
    assert bench.held() == ["0.3.0", "state.json"]
    # Who installs another version with his own tools gets that.
    assert ProgramFolder(bench.folder.path, "0.4.0", is_installed=True).read().runs is None


FOREIGN = package_of(small_program("0.2.0"), "0.2.0", OTHER)
CHANGED = GOOD.replace(b"tiaas/__main__.py", b"tiaas/__main__.pz")


@pytest.mark.requirement("TIP1-A_4832-02", "TIP1-A_4832-03")
@pytest.mark.event("KSR/ERROR")
@pytest.mark.code(4183)
@pytest.mark.parametrize(
    "package", [CHANGED, FOREIGN, GOOD[:-1], b"no package"], ids=["changed", "foreign", "cut", "none"]
)
async def test_4183_nothing_of_it_is_written(tmp_path: Path, package: bytes) -> None:
    bench = Bench(tmp_path)
    error = await bench.refused(package)
    assert (error.code, bench.restarts, bench.held()) == (4183, 0, ["state.json"])
    assert bench.told() == ["KSR/UPDATE/START", "KSR/ERROR", "KSR/UPDATE/END"]
    assert dict(bench.events[1].parameters) == {
        "Target": "Konnektor",
        "Name": "konnektor",
        "Error": "4183",
        "Bedeutung": "Integritätsprüfung UpdateFiles fehlgeschlagen.",
    }
    assert bench.events[1].kind is EventType.SECURITY
    assert bench.programs.choice.history[-1].code == 4183
    await bench.programs.apply(GOOD)


@pytest.mark.requirement("TIP1-A_4832-02", "TIP1-A_4832-03", "TIP1-A_4812")
@pytest.mark.code(4185)
async def test_4185_only_versions_of_the_group(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    alone = package_of(small_program("0.2.0"), "0.2.0", HERSTELLER, FirmwareGroup("00001", ("0.1.0",)))
    assert (await bench.refused(alone)).code == 4185
    # A newer group takes the way back: the older list does not count any more.
    second = FirmwareGroup("00002", ("0.3.0",))
    await bench.programs.apply(package_of(small_program("0.3.0"), "0.3.0", HERSTELLER, second))
    after = Bench(tmp_path, "0.3.0")
    after.programs.settle()
    assert after.programs.choice.held_group == second
    assert (await after.refused(GOOD)).detail == "0.2.0 is not in Firmware-Gruppe 00002 (0.3.0)"
    assert (after.restarts, after.held()) == (0, ["0.3.0", "state.json"])


def _main(code: str) -> dict[str, bytes]:
    return {**small_program("0.2.0"), "tiaas/__main__.py": code.encode()}


UNUSABLE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "ends with an error": ("Selbstprüfung fehlgeschlagen", lambda: package_of(_main("1/0"), "0.2.0", HERSTELLER)),
    "another version": ("andere Version", lambda: package_of(small_program("0.9.0"), "0.2.0", HERSTELLER)),
    "says nothing": ("andere Version", lambda: package_of(_main("pass"), "0.2.0", HERSTELLER)),
    "another product": (
        "anderes Produkt",
        lambda: package_of(small_program("0.2.0"), "0.2.0", HERSTELLER, product=("ELSE", "TIAAS", "1.0.0")),
    ),
    "no room": (
        "kein Platz",
        lambda: package_of({**small_program("0.2.0"), "tiaas/a": b"", "tiaas/a/b": b""}, "0.2.0", HERSTELLER),
    ),
    "no program": ("nicht lesbar", lambda: package_of({"tiaas/__init__.py": b""}, "0.2.0", HERSTELLER)),
    "what runs": ("läuft bereits", lambda: package_of(small_program("0.1.0"), "0.1.0", HERSTELLER)),
}


@pytest.mark.requirement("TIP1-A_4832-02", "TIP1-A_4832-03")
@pytest.mark.code(4184)
@pytest.mark.parametrize("case", UNUSABLE)
async def test_4184_what_serves_goes_on(tmp_path: Path, case: str) -> None:
    told, package = UNUSABLE[case]
    bench = Bench(tmp_path)
    error = await bench.refused(package())
    assert (error.code, bench.restarts, bench.held()) == (4184, 0, ["state.json"])
    assert told in dict(bench.events[1].parameters)["Bedeutung"]
    assert bench.programs.choice.runs is None


@pytest.mark.code(4184)
async def test_4184_after_a_trial_that_failed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.programs.apply(GOOD)
    bench.folder.write(bench.folder.read().given_up("it ended with exit code 1"))
    after = Bench(tmp_path)
    after.programs.settle()
    assert after.told() == ["KSR/ERROR", "KSR/UPDATE/END"]
    assert dict(after.events[0].parameters)["Error"] == "4184"
    (attempt,) = after.programs.choice.history
    assert (attempt.version, attempt.before, attempt.code) == ("0.2.0", "0.1.0", 4184)
    assert "exit code 1" in attempt.detail
    assert after.held() == ["state.json"]
    again = Bench(tmp_path)
    again.programs.settle()
    assert again.told() == [], "it is told once"


async def test_who_cannot_note_that_he_serves_says_nothing(tmp_path: Path) -> None:
    """A full disk: it is taken back by whoever started it, which must not have been a success before."""
    await Bench(tmp_path).programs.apply(GOOD)
    after = Bench(tmp_path, "0.2.0")
    (after.folder.path / ".state.json.part").mkdir()
    after.programs.settle()
    assert (after.told(), after.folder.read().trial) == ([], "0.2.0")


async def test_a_program_that_is_gone_takes_no_group_away(tmp_path: Path) -> None:
    group = FirmwareGroup("00002", ("0.2.0", "0.3.0"))
    await Bench(tmp_path).programs.apply(package_of(small_program("0.2.0"), "0.2.0", HERSTELLER, group))
    after = Bench(tmp_path, "0.2.0")
    after.programs.settle()
    await after.programs.apply(package_of(small_program("0.3.0"), "0.3.0", HERSTELLER, group))
    after.folder.drop("0.3.0")
    choice = Bench(tmp_path).programs.choice
    assert (choice.runs, choice.refused, choice.held_group) == ("0.2.0", "0.3.0", group)
    after.folder.drop("0.2.0")
    choice = Bench(tmp_path).programs.choice
    assert (choice.runs, choice.held_group) == (None, group)


async def test_nothing_of_an_update_that_was_killed_is_left(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    (bench.folder.path / ".0.2.0.part" / "tiaas").mkdir(parents=True)
    (bench.folder.path / ".state.json.part").write_text("{")
    bench.programs.settle()
    assert bench.held() == []


async def test_a_look_at_a_program_ends_and_gives_little_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_NODE", "1")
    monkeypatch.setenv(PROGRAM_VARIABLE, "0.1.0")
    folder = ProgramFolder(tmp_path / "program", "0.1.0", is_installed=True)
    folder.unpack("0.2.0", _main("import sys\nprint('tiaas 0.2.0, ', len(sys.stdin.read()))\nsys.exit(3)"))
    environment = folder.environment("0.2.0", bare_environment())
    assert not {"SECRET_OF_THE_NODE", PROGRAM_VARIABLE} & set(environment)
    with pytest.raises(KonnektorError) as raised:
        await check_program(environment, "0.2.0", tmp_path / "store")
    assert "exit code 3" in raised.value.detail
    folder.unpack("0.2.0", _main("import time\ntime.sleep(60)"))
    with pytest.raises(KonnektorError) as raised:
        await check_program(environment, "0.2.0", tmp_path / "store", 0.3)
    assert raised.value.fill == "Selbstprüfung endet nicht"


async def test_a_package_that_waits_is_whole(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with pytest.raises(KonnektorError):
        await bench.programs.keep_offer("a.zip", CHANGED, "0.2.0")
    with pytest.raises(KonnektorError, match="4183"):
        await bench.programs.keep_offer("a.zip", GOOD, "0.3.0")
    with pytest.raises(CannotUpdate):
        await bench.programs.apply_offer()
    assert await bench.programs.offered_version() is None
    await bench.programs.keep_offer("a.zip", GOOD, "0.2.0")
    assert await bench.programs.offered_version() == "0.2.0"
    assert (bench.folder.path / "offer" / "a.zip").read_bytes() == GOOD
    await bench.programs.keep_offer("b.zip", GOOD, "0.2.0")
    assert [path.name for path in (bench.folder.path / "offer").iterdir()] == ["b.zip"]
    (bench.folder.path / "offer" / "b.zip").write_bytes(GOOD[:-1])
    assert await bench.programs.offered_version() is None
    assert "offer" not in bench.held()
    await bench.programs.keep_offer("b.zip", GOOD, "0.2.0")
    assert await bench.programs.apply_offer() == "0.2.0"
    await asyncio.sleep(0)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"installed": 1}'])
def test_a_state_that_cannot_be_read_is_that_of_the_installed_program(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    choice = ProgramFolder(tmp_path, "0.1.0", is_installed=True).read()
    assert (choice.runs, choice.held_group) == (None, FirmwareGroup("00001", ("0.1.0",)))
    with pytest.raises(ValueError, match="no version"):
        ProgramFolder(tmp_path, "0.1.0", is_installed=True).place("../evil")


async def test_a_box_that_starts_tells_of_its_package_itself(tmp_path: Path) -> None:
    bench, heard, hub = Bench(tmp_path), list[Event](), EventHub()
    hub.subscribe(heard.append)
    # It is none of the node's instances yet, and the others have nothing to do with it.
    own = OwnPackage(bench.programs, Audience(hub, "box"))
    device = Device("TIAAS", "TIAAS", "1.0.0", "0.1.0")
    offer = Offer("U", "tiaas", "0.2.0", False, CLOCK.now().date(), None, None, "", (), (), b"x", "AAAA")
    await own.fetch(cast(KsrClient, None), Found(device, (offer,), ""))
    assert [(str(event.topic), dict(event.parameters)["Name"]) for event in heard] == [("KSR/ERROR", "box")]
    assert (bench.events, bench.programs.not_fetched[:12]) == ([], "0.2.0: 4181 ")


async def test_a_package_that_is_being_written_is_not_there_yet(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.programs.keep_offer("a.zip", GOOD, "0.2.0")
    folder = bench.folder.path / "offer"
    (folder / "a.zip").rename(folder / ".a.zip.part")
    assert await bench.programs.offered_version() is None
    assert (folder / ".a.zip.part").is_file()


def test_a_state_whose_group_is_damaged_chooses_nothing(tmp_path: Path) -> None:
    folder = Bench(tmp_path).folder
    folder.write(Choice("0.1.0"))
    state = folder.path / "state.json"
    state.write_text(state.read_text().replace('"group": null', '"group": []'))
    assert folder.read() == Choice("0.1.0")
