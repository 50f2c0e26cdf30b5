"""Operating states: changes raise events, repetitions do not, an HSK has no states of a box."""

from datetime import UTC, datetime

import pytest

from tiaas.base.clock import ManualClock
from tiaas.konnektor.events import Event, EventHub, EventSeverity, EventType
from tiaas.konnektor.opstate import Condition, OperatingState

pytestmark = pytest.mark.requirement("TIP1-A_4509")

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def _state(*, box: bool = False) -> tuple[OperatingState, list[Event], ManualClock]:
    clock, hub, seen = ManualClock(START), EventHub(), list[Event]()
    hub.subscribe(seen.append)
    return OperatingState(hub, clock, box=box), seen, clock


def test_only_a_change_raises_an_event_and_moves_the_time() -> None:
    state, seen, clock = _state()
    clock.advance(60)
    state.set(Condition.TSL_EXPIRING, True, (("NextUpdateTSL", "2026-03-05T00:00:00Z"),))
    clock.advance(60)
    state.set(Condition.TSL_EXPIRING, True)
    (event,) = seen
    assert (event.topic, event.kind, event.severity) == (
        "OPERATIONAL_STATE/EC_TSL_Expiring",
        EventType.SECURITY,
        EventSeverity.INFO,
    )
    assert dict(event.parameters)["Value"] == "true"
    assert dict(event.parameters)["NextUpdateTSL"] == "2026-03-05T00:00:00Z"
    (entry,) = [entry for entry in state if entry.condition is Condition.TSL_EXPIRING]
    assert (entry.value, (entry.since - START).total_seconds()) == (True, 60)
    state.set(Condition.TSL_EXPIRING, False)
    assert [dict(event.parameters)["Value"] for event in seen] == ["true", "false"]


def test_a_condition_per_terminal_has_one_state_each_and_goes_with_the_terminal() -> None:
    state, seen, _ = _state()
    state.set(Condition.CARD_TERMINAL_NOT_AVAILABLE, False, of="CT-1")
    assert seen == []
    state.set(Condition.CARD_TERMINAL_NOT_AVAILABLE, True, of="CT-2")
    assert [event.topic for event in seen] == ["OPERATIONAL_STATE/EC_CardTerminal_Not_Available(CT-2)"]
    assert dict(seen[0].parameters)["CtID"] == "CT-2"
    assert state.holds(Condition.CARD_TERMINAL_NOT_AVAILABLE, "CT-2")
    assert not state.holds(Condition.CARD_TERMINAL_NOT_AVAILABLE, "CT-1")
    state.forget("CT-2")
    assert [entry.of for entry in state if entry.condition.value.per_terminal] == ["CT-1"]
    with pytest.raises(ValueError, match="per terminal"):
        state.set(Condition.CARD_TERMINAL_NOT_AVAILABLE, True)


def test_states_of_a_box_exist_in_a_box_only() -> None:
    hsk, seen, _ = _state()
    hsk.set(Condition.NO_VPN_TI_CONNECTION, True)
    assert seen == []
    assert not hsk.holds(Condition.NO_VPN_TI_CONNECTION)
    assert all(not entry.condition.value.box_only for entry in hsk)
    box, seen, _ = _state(box=True)
    box.set(Condition.NO_VPN_TI_CONNECTION, True)
    assert [event.topic for event in seen] == ["OPERATIONAL_STATE/EC_No_VPN_TI_Connection"]
