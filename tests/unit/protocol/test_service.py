"""TUC_KON_271 and TUC_KON_272: where entries go, what they may hold, what happens when they cannot be written."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.protocol.logs import START, Logs
from tiaas.konnektor.codes import ALL_CODES
from tiaas.konnektor.events import Event, EventSeverity, EventType, Topic
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.protocol import (
    BadLogSettings,
    Entry,
    FolderMedium,
    Level,
    LogName,
    LogSettings,
    LogType,
    MediumError,
    MemoryMedium,
    ProtocolService,
    Query,
    Refusals,
)
from tiaas.konnektor.protocol.entry import PERFORMANCE, SECURITY, SYSTEM
from tiaas.konnektor.protocol.personal import fit_text
from tiaas.konnektor.protocol.ring import SEGMENT_ENTRIES, Ring
from tiaas.konnektor.protocol.service import WAITING_MAX
from tiaas.konnektor.protocol.settings import FmSettings

FM = LogName(LogType.OPERATION, "VSDM")
ALL = Query(limit=10_000)


async def _read(service: ProtocolService, log: LogName) -> list[str]:
    return [entry.text for entry in await service.entries(log, ALL)]


@pytest.mark.requirement("TIP1-A_4708", "TIP1-A_4715")
async def test_each_type_and_fachmodul_has_its_log() -> None:
    logs = Logs()
    await logs.service.start()
    await logs.service.configure(LogSettings(performance=True))
    for type_, fm in ((LogType.OPERATION, ""), (LogType.OPERATION, "VSDM"), (LogType.SECURITY, "VSDM")):
        logs.service.write(type_, Level.WARNING, text=f"{type_}/{fm}", fm=fm)
    for fm in ("", "VSDM"):
        logs.service.write(LogType.PERFORMANCE, Level.INFO, text=f"Perf/{fm}", fm=fm)
    assert await _read(logs.service, SYSTEM) == ["Op/"]
    assert await _read(logs.service, FM) == ["Op/VSDM"]
    assert await _read(logs.service, SECURITY) == ["Sec/VSDM"]
    assert await _read(logs.service, PERFORMANCE) == ["Perf/"]
    assert await _read(logs.service, LogName(LogType.PERFORMANCE, "VSDM")) == ["Perf/VSDM"]


@pytest.mark.requirement("TIP1-A_4711")
@pytest.mark.parametrize(("log", "number"), [(SYSTEM, 275_064), (FM, 26_163), (SECURITY, 18_396)])
def test_the_default_sizes_hold_a_year_of_warnings_of_the_largest_environment(log: LogName, number: int) -> None:
    """The numbers are those of LE-U4 as `bench.log_year` has them; here one entry stands for 50."""
    number, size, segment = number // 50, LogSettings().size_of(log) // 50, SEGMENT_ENTRIES // 50
    ring, year = Ring(MemoryMedium(), log.text, bytes(32), segment), timedelta(days=365)
    for first in range(0, number, segment):
        entries = [
            Entry(0, START + year * (at / number), log.type, Level.WARNING)
            for at in range(first, min(first + segment, number))
        ]
        ring.append(entries, durable=False)
        assert not ring.trim(size, 365, entries[-1].at)
    assert len(ring) == ring.written == number


@pytest.mark.requirement("TIP1-A_4717", "TIP1-A_4713")
async def test_the_level_decides_and_can_be_changed() -> None:
    logs = Logs()
    await logs.service.start()
    logs.service.write(LogType.OPERATION, Level.INFO, text="not yet")
    logs.service.write(LogType.OPERATION, Level.DEBUG, text="not yet", fm="VSDM")
    await logs.service.configure(
        LogSettings(system_level=Level.INFO, fachmodule={"VSDM": FmSettings(Level.DEBUG, days=10)})
    )
    service = logs.again()
    await service.start()
    service.write(LogType.OPERATION, Level.INFO, text="now")
    service.write(LogType.OPERATION, Level.DEBUG, text="now", fm="VSDM")
    service.write(LogType.SECURITY, Level.INFO, text="always")
    assert await _read(service, SYSTEM) == ["now"]
    assert await _read(service, FM) == ["now"]
    assert await _read(service, SECURITY) == ["always"]


@pytest.mark.requirement("TIP1-A_4717")
@pytest.mark.parametrize(
    "wrong",
    [
        {"security_size": 9_999},
        {"security_days": 9},
        {"days": 366},
        {"system_level": Level.DEBUG},
        {"fachmodule": {"VSDM": FmSettings(days=5)}},
    ],
)
def test_settings_have_ranges(wrong: dict[str, object]) -> None:
    with pytest.raises(BadLogSettings):
        LogSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.requirement("TIP1-A_4710", "TIP1-A_6479")
async def test_personal_data_of_an_event_stay_out() -> None:
    logs = Logs()
    await logs.service.start()
    await logs.service.configure(LogSettings(system_level=Level.INFO))
    secret = {"ICCSN": "80276001011699901234", "KVNR": "X110411675", "CardHolderName": "Dr. Ada Muster", "Pin": "1"}
    pairs = (("CardHandle", "H1"), *secret.items(), ("CtID", "CT-1"), ("Name", "Terminal von X110411675"))
    logs.hub.publish(Event(Topic.CARD_INSERTED, pairs))
    logs.hub.publish(Event("LOG/CRYPTO_OP", pairs, kind=EventType.SECURITY))
    for log in (SYSTEM, SECURITY):
        (entry,) = await logs.service.entries(log, ALL)
        assert dict(entry.parameters) == {"CardHandle": "H1", "CtID": "CT-1", "Name": "Terminal von █"}


@pytest.mark.requirement("TIP1-A_4710")
async def test_a_fachmodul_may_name_the_iccsn_in_its_own_log_in_case_of_an_error() -> None:
    logs = Logs()
    await logs.service.start()
    for type_, level in (
        (LogType.OPERATION, Level.ERROR),
        (LogType.OPERATION, Level.WARNING),
        (LogType.SECURITY, Level.ERROR),
    ):
        logs.service.write(type_, level, fm="VSDM", parameters=(("ICCSN", "80276001011699901234"),))
    warned, failed = await logs.service.entries(FM, ALL)
    assert (dict(failed.parameters), warned.parameters) == ({"ICCSN": "80276001011699901234"}, ())
    assert [entry.parameters for entry in await logs.service.entries(SECURITY, ALL)] == [()]


@pytest.mark.requirement("TIP1-A_5654", "TIP1-A_4709")
async def test_the_security_log_is_never_cleared_and_the_others_may_be() -> None:
    logs = Logs()
    await logs.service.start()
    logs.service.write(LogType.SECURITY, Level.ERROR, text="stays")
    logs.service.write(LogType.OPERATION, Level.ERROR, text="goes")
    with pytest.raises(PermissionError):
        await logs.service.clear(SECURITY)
    await logs.service.clear(SYSTEM)
    assert (await _read(logs.service, SECURITY), await _read(logs.service, SYSTEM)) == (["stays"], [])


async def test_entries_survive_the_next_boot_and_numbers_go_on(tmp_path: Path) -> None:
    logs = Logs(medium=FolderMedium(tmp_path / "logs"))
    await logs.service.start()
    logs.service.write(LogType.OPERATION, Level.ERROR, text="first")
    await logs.service.stop()
    service = logs.again()
    await service.start()
    service.write(LogType.OPERATION, Level.ERROR, text="second")
    entries = await service.entries(SYSTEM, Query(oldest_first=True))
    assert [(entry.number, entry.text) for entry in entries] == [(1, "first"), (2, "second")]
    assert logs.topics() == []


@pytest.mark.requirement("TIP1-A_4718", "TIP1-A_4709")
@pytest.mark.code(4153, 4154, 4155, 4218, 4219)
@pytest.mark.parametrize(
    ("log", "code"),
    [
        (SECURITY, 4153),
        (SYSTEM, 4154),
        (FM, 4155),
        (PERFORMANCE, 4218),
        (LogName(LogType.PERFORMANCE, "VSDM"), 4219),
    ],
)
async def test_a_line_changed_in_the_file_is_told_at_the_next_boot(tmp_path: Path, log: LogName, code: int) -> None:
    logs = Logs(medium=FolderMedium(tmp_path))
    await logs.service.start()
    await logs.service.configure(LogSettings(performance=True))
    for text in ("one", "two", "three"):
        logs.service.write(log.type, Level.ERROR, text=text, fm=log.fm)
    await logs.service.stop()
    (file,) = tmp_path.glob(f"{log.text}.*.jsonl")
    file.write_bytes(file.read_bytes().replace(b'"two"', b'"2wo"'))
    await logs.again().start()
    (event,) = logs.events
    assert (event.topic, dict(event.parameters)["Error"], event.log) == (Topic.LOG_ERROR, str(code), False)
    # What was written stays and new entries stand behind a good seal of their own.
    logs.service.write(log.type, Level.ERROR, text="four", fm=log.fm)
    assert await _read(logs.service, log) == ["four", "three", "2wo", "one"]


async def test_half_a_line_left_by_a_crash_is_no_manipulation(tmp_path: Path) -> None:
    logs = Logs(medium=FolderMedium(tmp_path))
    await logs.service.start()
    logs.service.write(LogType.SECURITY, Level.ERROR, text="whole")
    await logs.service.stop()
    (file,) = tmp_path.glob("security.*.jsonl")
    file.write_bytes(file.read_bytes() + b'{"number":2,"at":"2026-')
    await logs.again().start()
    logs.service.write(LogType.SECURITY, Level.ERROR, text="next")
    assert await _read(logs.service, SECURITY) == ["next", "whole"]
    await logs.service.stop()
    await logs.again().start()
    assert logs.topics() == []


@pytest.mark.event("LOG/ERROR", "OPERATIONAL_STATE/EC_Security_Log_Not_Writable")
@pytest.mark.code(4150, 4151, 4152, 4216, 4217)
@pytest.mark.parametrize(
    ("log", "code"),
    [
        (SECURITY, 4152),
        (SYSTEM, 4150),
        (FM, 4151),
        (PERFORMANCE, 4216),
        (LogName(LogType.PERFORMANCE, "VSDM"), 4217),
    ],
)
async def test_what_cannot_be_written_raises_log_error_once_and_is_written_later(
    tmp_path: Path, log: LogName, code: int
) -> None:
    folder = tmp_path / "logs"
    logs = Logs(medium=FolderMedium(folder))
    await logs.service.start()
    await logs.service.configure(LogSettings(performance=True))
    folder.rmdir()
    folder.write_text("somebody put a file where the folder was")
    logs.service.write(log.type, Level.ERROR, text="one", fm=log.fm)
    await logs.service.flush()
    logs.service.write(log.type, Level.ERROR, text="two", fm=log.fm)
    await logs.service.flush()
    errors = [event for event in logs.events if event.topic == Topic.LOG_ERROR]
    # The condition's own event finds the system log as unusable.
    also = ["4150"] if log == SECURITY else []
    assert [dict(event.parameters)["Error"] for event in errors] == [str(code), *also]
    assert {(event.log, event.deliver) for event in errors} == {(False, False)}
    assert logs.opstate.holds(Condition.SECURITY_LOG_NOT_WRITABLE) is (log == SECURITY)
    folder.unlink()
    assert (await _read(logs.service, log)) == ["two", "one"]
    assert not logs.opstate.holds(Condition.SECURITY_LOG_NOT_WRITABLE)
    await logs.service.stop()


async def test_a_medium_that_fails_for_long_costs_bounded_memory_and_the_gap_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    logs = Logs(medium=FolderMedium(folder))
    await logs.service.start()
    folder.rmdir()
    folder.write_text("")
    for at in range(WAITING_MAX + 3):
        logs.service.write(LogType.OPERATION, Level.ERROR, text=str(at))
    await logs.service.flush()
    folder.unlink()
    entries = await logs.service.entries(SYSTEM, ALL)
    assert len(entries) == WAITING_MAX + 1
    assert (entries[0].text, entries[0].parameters, entries[-1].text) == ("entries were lost", (("Count", "3"),), "3")
    await logs.service.stop()


@pytest.mark.event("OPERATIONAL_STATE/EC_LOG_OVERFLOW")
@pytest.mark.requirement("TIP1-A_4715")
async def test_a_ring_that_runs_over_too_early_raises_ec_log_overflow_until_the_administrator_resets_it() -> None:
    logs = Logs()
    await logs.service.start()
    await logs.service.configure(LogSettings(security_size=10_000, security_days=10))
    for round_ in range(7):
        for at in range(2_000):
            logs.service.write(LogType.SECURITY, Level.INFO, text=f"{round_}/{at}")
        await logs.service.flush()
        logs.clock.advance(60)
    assert logs.opstate.holds(Condition.LOG_OVERFLOW)
    (event,) = [event for event in logs.events if event.topic == "OPERATIONAL_STATE/EC_LOG_OVERFLOW"]
    assert dict(event.parameters)["Protokoll"] == "security"
    assert (event.kind, event.severity) == (EventType.OPERATION, EventSeverity.WARNING)
    entries = await logs.service.entries(SECURITY, ALL)
    assert 10_000 <= len(entries) <= 12_000
    service = logs.again()
    await service.start()
    assert logs.opstate.holds(Condition.LOG_OVERFLOW)
    await service.reset_overflow()
    assert not logs.opstate.holds(Condition.LOG_OVERFLOW)
    await logs.again().start()
    assert not logs.opstate.holds(Condition.LOG_OVERFLOW)


async def test_old_entries_that_go_are_no_overflow() -> None:
    logs = Logs()
    ring = Ring(MemoryMedium(), "security", b"k", segment_entries=10)
    ring.open()
    draft = (await _one_entry(logs))[0]
    for _ in range(4):
        ring.append([draft] * 10, durable=True)
    logs.clock.advance(11 * 86_400)
    assert ring.trim(10, 10, logs.clock.now()) is False
    assert len(ring) == 10


async def test_a_segment_that_somebody_removed_does_not_stop_the_log(tmp_path: Path) -> None:
    """What was to be dropped and is gone already is no failure: else each try would write the same entries again."""
    logs = Logs(FolderMedium(tmp_path / "a"))
    await logs.service.start()
    ring = logs.service._rings[SECURITY]
    ring._segment_entries = 1
    logs.service.settings = LogSettings()
    object.__setattr__(logs.service.settings, "security_size", 1)
    logs.service.write(LogType.SECURITY, Level.ERROR, text="one")
    await logs.service.flush()
    (tmp_path / "a" / "security.0000000001.jsonl").unlink()
    logs.service.write(LogType.SECURITY, Level.ERROR, text="two")
    await logs.service.flush()
    await logs.service.flush()
    assert not logs.opstate.holds(Condition.SECURITY_LOG_NOT_WRITABLE)
    assert await _read(logs.service, SECURITY) == ["two"]


async def test_an_old_segment_that_cannot_be_dropped_is_told_and_nothing_is_written_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logs = Logs()
    await logs.service.start()
    ring = logs.service._rings[SYSTEM]
    ring._segment_entries = 1

    def refuse(log: str, first: int) -> None:
        raise MediumError("not permitted")

    monkeypatch.setattr(logs.medium, "drop", refuse)
    logs.service.write(LogType.OPERATION, Level.ERROR, text="one")
    await logs.service.flush()
    logs.clock.advance(200 * 86_400)
    logs.service.write(LogType.OPERATION, Level.ERROR, text="two")
    await logs.service.flush()
    await logs.service.flush()
    assert await _read(logs.service, SYSTEM) == ["two", "one"]
    assert str(Topic.LOG_ERROR) in logs.topics()


async def test_what_was_written_before_the_medium_failed_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = Logs()
    await logs.service.start()
    logs.service._rings[SYSTEM]._segment_entries = 1
    append, left = logs.medium.append, [1]

    def full(log: str, first: int, lines: bytes, *, durable: bool) -> None:
        if log == "system" and not left:
            raise MediumError("no space left")
        if log == "system":
            left.pop()
        append(log, first, lines, durable=durable)

    monkeypatch.setattr(logs.medium, "append", full)
    for text in ("one", "two"):
        logs.service.write(LogType.OPERATION, Level.ERROR, text=text)
    await logs.service.flush()
    left += [1, 1, 1]
    await logs.service.flush()
    assert await _read(logs.service, SYSTEM) == ["two", "one"]


async def _one_entry(logs: Logs) -> list:  # type: ignore[type-arg]
    await logs.service.start()
    logs.service.write(LogType.SECURITY, Level.ERROR, text="one")
    return await logs.service.entries(SECURITY, ALL)


@pytest.mark.requirement("TIP1-A_4716", "TIP1-A_4714")
async def test_entries_are_found_by_level_time_text_code_and_event_id_and_exported() -> None:
    logs = Logs()
    await logs.service.start()
    logs.service.write(LogType.OPERATION, Level.WARNING, text="Terminal schweigt", parameters=(("CtID", "CT-7"),))
    logs.clock.advance(60)
    logs.service.write(LogType.OPERATION, Level.ERROR, code=4004, event_id="e-1", message_id="m-1")

    async def found(query: Query) -> list[int]:
        return [entry.number for entry in await logs.service.entries(SYSTEM, query)]

    assert await found(Query()) == [2, 1]
    assert await found(Query(oldest_first=True)) == [1, 2]
    assert await found(Query(level=Level.ERROR)) == [2]
    assert await found(Query(since=logs.clock.now())) == [2]
    assert await found(Query(until=logs.clock.now())) == [1]
    assert await found(Query(search="ctid=ct-7")) == [1]
    assert await found(Query(code=4004)) == [2]
    assert await found(Query(event_id="e-1")) == await found(Query(event_id="m-1")) == [2]
    assert await found(Query(after=1)) == [2]
    assert await found(Query(limit=1)) == [2]
    lines = [json.loads(line) for line in (await logs.service.export(SYSTEM, Query())).splitlines()]
    assert [line["number"] for line in lines] == [1, 2]
    assert lines[1]["text"] == "Ungültige Mandanten-ID"
    assert lines[0]["at"] == START.isoformat(timespec="milliseconds")


async def test_refusals_of_one_address_are_told_together() -> None:
    logs = Logs()
    await logs.service.start()
    refused = Refusals(logs.service, logs.clock)
    for _ in range(50):
        refused("no accepted client certificate", "10.0.0.7")
    logs.clock.advance(61)
    refused("no accepted client certificate", "10.0.0.7")
    entries = await logs.service.entries(SECURITY, Query(oldest_first=True))
    assert [dict(entry.parameters).get("Count") for entry in entries] == [None, "50"]
    assert {entry.code for entry in entries} == {4204}


def test_official_texts_need_not_be_made_fit() -> None:
    texts = [code.filled("") for code in ALL_CODES]
    assert [fit_text(text) for text in texts] == texts
