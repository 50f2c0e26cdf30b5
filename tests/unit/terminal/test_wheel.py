"""The timer wheel against a naive model."""

from hypothesis import given
from hypothesis import strategies as st

from tiaas.terminal.wheel import Wheel

SPAN = 10
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("schedule"), st.integers(0, 5), st.integers(1, SPAN)),
        st.tuples(st.just("cancel"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("advance"), st.just(0), st.just(0)),
    ),
    max_size=80,
)


@given(ACTS)
def test_items_come_when_they_are_due(acts: list[tuple[str, int, int]]) -> None:
    wheel: Wheel[int] = Wheel(SPAN)
    due_at: dict[int, int] = {}
    now = 0
    for act, item, ticks in acts:
        if act == "schedule":
            wheel.schedule(item, ticks)
            due_at[item] = now + ticks
        elif act == "cancel":
            wheel.cancel(item)
            due_at.pop(item, None)
        else:
            now += 1
            expected = {due for due, moment in due_at.items() if moment == now}
            assert set(wheel.advance()) == expected
            due_at = {waiting: moment for waiting, moment in due_at.items() if waiting not in expected}
        assert len(wheel) == len(due_at)
