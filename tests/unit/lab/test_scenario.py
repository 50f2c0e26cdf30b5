"""Scenario files: those that come with tiaas are right, wrong ones are refused with the line, steps come in order."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tiaas.base.errors import InvalidInput
from tiaas.lab.errors import LabError
from tiaas.lab.scenario.document import BadScenario
from tiaas.lab.scenario.model import read_scenario_untrusted
from tiaas.lab.scenario.named import unknown_names
from tiaas.lab.scenario.play import Player, load_scenario, packaged
from tiaas.lab.scenario.quarter import before_quarter, quarter_begin

GOOD = """\
title: T
setup:
  - insert: egk-2
    into: CT-1/1
  - fault: {service: card, code: 6581, match: "hba-1 * 00B0"}
timeline:
  - {at: 1.5, eject: egk-2}
  - {at: 2, press: CT-1, keys: 1 2 ok}
  - {at: 2, clear: all}
"""


class Hand:
    """Writes down what it is told to do."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self._places: dict[str, dict[str, Any] | None] = {"1" * 20: {"ct_id": "CT-1", "slot": 1}}

    async def cards(self) -> list[dict[str, Any]]:
        kinds = (("EGK", "1"), ("EGK", "2"), ("HBA", "3"))
        home = {"ct_id": "CT-1", "slot": 1}
        return [{"iccsn": n * 20, "type": kind, "home": home, "in": self._places.get(n * 20)} for kind, n in kinds]

    async def held(self, ct_id: str, slot: int) -> str | None:
        return next((iccsn for iccsn, place in self._places.items() if place == {"ct_id": ct_id, "slot": slot}), None)

    async def eject(self, ct_id: str, slot: int) -> None:
        self.done.append(("eject", ct_id, slot))
        self._places = {}

    async def insert(self, ct_id: str, slot: int, iccsn: str) -> None:
        self.done.append(("insert", ct_id, slot, iccsn))
        self._places[iccsn] = {"ct_id": ct_id, "slot": slot}

    async def press(self, ct_id: str, key: str) -> None:
        self.done.append(("press", ct_id, key))

    async def fault(self, **fault: Any) -> int:
        self.done.append(("fault", fault))
        return 1

    async def end_faults(self, service: str | None) -> None:
        self.done.append(("clear", service))


def test_those_that_come_with_tiaas_can_be_read() -> None:
    known = packaged()
    wanted = {
        "card-expired",
        "online-check-down",
        "smcb-pulled",
        "hba-locked",
        "terminal-lost-at-pin",
        "quarter-change",
    }
    assert wanted <= set(known)
    assert all(each.title and each.about for each in known.values())
    with pytest.raises(InvalidInput, match="smcb-pulled"):
        load_scenario("nothing-like-it")


async def test_steps_are_done_in_order_and_in_time() -> None:
    hand, waits = Hand(), []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    said: list[str] = []
    await Player(hand, said.append, sleep).play(read_scenario_untrusted(GOOD.encode()))  # type: ignore[arg-type]
    assert hand.done == [
        ("eject", "CT-1", 1),
        ("insert", "CT-1", 1, "2" * 20),
        ("fault", {"service": "card", "code": "6581", "match": f"{'3' * 20} * 00B0"}),
        ("eject", "CT-1", 1),
        ("press", "CT-1", "1"),
        ("press", "CT-1", "2"),
        ("press", "CT-1", "ok"),
        ("clear", None),
    ]
    assert waits == [1.5, 0.5, 0.0]
    assert len(said) == 2 + 5


async def test_a_card_that_this_lab_does_not_have_is_told_with_the_line() -> None:
    for step in (f'insert: "{"9" * 20}"', f'eject: "{"9" * 20}"', "insert: smcb-1"):
        with pytest.raises(LabError, match="line 3: this lab has no"):
            await Player(Hand(), lambda text: None).play(  # type: ignore[arg-type]
                read_scenario_untrusted(f"title: T\nsetup:\n  - {step}".encode())
            )
    hand = Hand()
    text = 'title: T\nsetup:\n  - fault: {service: card, code: mute, match: "hba-* egk-x"}'
    await Player(hand, lambda text: None).play(read_scenario_untrusted(text.encode()))  # type: ignore[arg-type]
    assert hand.done == [("fault", {"service": "card", "code": "mute", "match": "hba-* egk-x"})]


def test_what_a_lab_does_not_have_is_told_beforehand() -> None:
    text = (
        'title: T\nsetup:\n  - insert: egk-2\n  - {insert: egk-1, into: CT-1/9}\n  - eject: "99999999999999999999"\n'
        '  - unplug: CT-2\n  - fault: {service: keypad, code: wrong, match: "hba-1 PIN.CH"}\n'
        "  - {insert: egk-1, into: CT-1/1}"
    )
    terminals = [{"ct_id": "CT-1", "slots": [{"number": 1}]}]
    cards = [{"type": "EGK", "iccsn": "1" * 20}]
    assert list(unknown_names(read_scenario_untrusted(text.encode()), cards, terminals)) == [
        "line 3: this lab has no egk-2",
        "line 4: CT-1 has no slot 9",
        "line 5: this lab has no card 99999999999999999999",
        "line 6: this lab has no terminal CT-2; there are CT-1",
        "line 7: this lab has no hba-1",
    ]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "empty"),
        ("- 1", 1, "mapping"),
        ("title: T", 1, "nothing happens"),
        ("setup: []", 1, "title"),
        ("title: T\nsetup:\n  - {insert: egk-1}\nmore: 1", 4, "unknown key 'more'"),
        ("title: T\nsetup:\n  - insert: egk-0", 3, "a card is"),
        ("title: T\nsetup:\n  - {insert: egk-1, into: CT-1}", 3, "a place is"),
        ("title: T\nsetup:\n  - {insert: egk-1, at: 1}", 3, "timeline"),
        ("title: T\nsetup:\n  - {insert: egk-1, eject: egk-2}", 3, "one of"),
        ("title: T\nsetup:\n  - {jump: CT-1}", 3, "one of"),
        ("title: T\ntimeline:\n  - {eject: egk-1}", 3, "at which second"),
        ("title: T\ntimeline:\n  - {at: 2, eject: egk-1}\n  - {at: 1, eject: egk-1}", 4, "forward"),
        ("title: T\ntimeline:\n  - {at: .inf, eject: egk-1}", 3, "seconds"),
        ("title: T\nsetup:\n  - fault:\n      service: ufs\n      code: 4711", 4, "ufs knows no code"),
        ("title: T\nsetup:\n  - fault:\n      service: ufs\n      cod: 1", 5, "unknown key 'cod'"),
        ("title: T\nsetup:\n  - {press: CT-1, keys: F1}", 3, "keys are"),
        ("title: T\nsetup:\n  - {typed: CT-1, by: wrong}", 3, "by is one of"),
        ("title: T\nsetup:\n  - {update: egk-1}", 3, "change"),
        ("title: T\nsetup:\n  - {clear: everything}", 3, "clear names"),
        ("title: T\nquarter_in: 0\nsetup:\n  - say: x", 2, "quarter_in"),
        ("title: T\ntitle: U", 2, "twice"),
        ("title: &a T\nabout: *a", 1, "anchors"),
        ("title: T\nsetup: [", 2, ""),
        ("title: !!python/object:os.system T\nsetup: 5", 2, "a list"),
        ('title: "\\x"', 1, ""),
        ('title: !!int ""', 1, "no YAML"),
        ("title: !!bool maybe", 1, "no YAML"),
        ('title: "\\ud800"', 1, "half of a sign"),
        ("title: T\ntimeline:\n  - {at: 1" + "0" * 400 + ", eject: egk-1}", 3, "too large"),
        ("title: T\nsetup:\n  - fault: {service: ocsp, delay: 1" + "0" * 400 + "}", 3, "delay is"),
        ("title: T\nabout: " + "[" * 50, 2, "deep"),
    ],
)
def test_wrong_files_are_refused_with_the_line(text: str, line: int, reason: str) -> None:
    with pytest.raises(BadScenario) as bad:
        read_scenario_untrusted(text.encode())
    assert (bad.value.line, str(bad.value).startswith(f"line {line}: ")) == (line, True)
    assert reason in str(bad.value)


def test_octets_that_are_no_text_are_refused_with_the_line() -> None:
    with pytest.raises(BadScenario, match="line 2: it is not UTF-8"):
        read_scenario_untrusted(b"title: T\nabout: \xff")
    with pytest.raises(BadScenario, match="octets"):
        read_scenario_untrusted(b"#" * 300_000)


def test_a_file_is_named_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("title: T\nsetup:\n  - insert: nobody\n")
    with pytest.raises(InvalidInput, match=r"mine\.yaml, line 3: a card is"):
        load_scenario(str(path))
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_scenario(str(tmp_path / "other.yaml"))


@pytest.mark.parametrize("month", range(1, 13))
def test_the_clock_stands_before_a_quarter(month: int) -> None:
    now = datetime(2026, month, 17, 12, 30, tzinfo=UTC)
    moved = now + before_quarter(now, 60)
    assert moved < now
    assert quarter_begin(now) - moved == timedelta(seconds=60)
    assert quarter_begin(moved) != quarter_begin(now)
