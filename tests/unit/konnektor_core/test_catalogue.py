"""The catalogue of events against the sources: every topic raised has a row, every row is raised."""

import ast
from pathlib import Path

import pytest

from tests.unit.protocol.logs import Logs
from tiaas.konnektor.catalogue import CATALOGUE, OWN_TOPICS, STATE, deviations, row_of
from tiaas.konnektor.events import Event, EventHub, EventSeverity, Topic
from tiaas.konnektor.opstate import Condition, OperatingState

SOURCES = Path(__file__).parents[3] / "src" / "tiaas" / "konnektor"


def _named_in_sources() -> set[str]:
    """Members of `Topic` that something uses, and texts in other modules that are topics or begin one."""
    found = set()
    for path in SOURCES.rglob("*.py"):
        if path.name in ("catalogue.py", "events.py", "personal.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Topic":
                found.add(str(Topic[node.attr]))
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if node.value in OWN_TOPICS or node.value in CATALOGUE:
                    found.add(node.value)
                if node.value in ("CERT/TSL", "CERT/BNETZA_VL"):
                    found |= {f"{node.value}/IMPORT", f"{node.value}/UPDATED"}
    return found


def test_all_topics_of_the_sources_are_in_the_catalogue() -> None:
    assert {str(topic) for topic in Topic} <= set(CATALOGUE)


def test_every_row_is_raised_somewhere() -> None:
    """A row whose topic nobody names any more shows here."""
    assert (set(CATALOGUE) | set(OWN_TOPICS)) - _named_in_sources() == set()


@pytest.mark.requirement("TIP1-A_4509")
def test_every_condition_raises_an_event_that_fits() -> None:
    seen: list[Event] = []
    hub = EventHub()
    hub.subscribe(seen.append)
    state = OperatingState(hub, Logs().clock, box=True)
    for condition in Condition:
        state.set(condition, True, of="CT-1" if condition.value.per_terminal else "")
    assert len(seen) == len(Condition)
    assert [problem for event in seen for problem in deviations(event)] == []
    assert seen[2].topic == "OPERATIONAL_STATE/EC_CardTerminal_Not_Available(CT-1)"


def test_deviations_are_found() -> None:
    pairs = (("CtID", "CT-1"), ("Hostname", "kt"))
    assert deviations(Event(Topic.CT_CONNECTED, pairs)) == []
    assert deviations(Event(Topic.CT_CONNECTED, (*pairs, ("KVNR", "X")), log=False)) == [
        "CT/CONNECTED: parameter KVNR",
        "CT/CONNECTED: log False, deliver True",
    ]
    assert deviations(Event(Topic.CT_CONNECTED, severity=EventSeverity.FATAL)) == ["CT/CONNECTED: Fatal"]
    assert deviations(Event("CT/NO_SUCH")) == ["CT/NO_SUCH is not in the catalogue"]
    assert row_of(f"{STATE}EC_No_Such") is None
