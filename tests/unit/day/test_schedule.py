"""The schedule: a pure function of its seed in which nobody is forgotten and nothing overlaps."""

from itertools import pairwise

import pytest

from tiaas.base.errors import InvalidInput
from tiaas.lab.day.schedule import (
    AFTER_LUNCH,
    PATIENTS_MIN,
    ROUTINE,
    STORIES,
    Act,
    Options,
    Phase,
    Schedule,
    plan_day,
)

SEEDS = range(20)


def test_the_same_seed_gives_the_same_day_and_another_one_another() -> None:
    assert plan_day(1, 60, 5) == plan_day(1, 60, 5)
    assert plan_day(1, 60, 5) != plan_day(2, 60, 5)


@pytest.mark.parametrize("seed", SEEDS)
def test_everybody_comes_as_often_as_the_story_says(seed: int) -> None:
    day = plan_day(seed, 60, 5)
    assert [contact.number for contact in day.contacts] == list(range(1, len(day.contacts) + 1))
    for patient in range(60):
        contacts = day.of_patient(patient)
        story = contacts[0].story
        assert [contact.order for contact in contacts] == ([1] if story.second is None else [1, 2])
        assert [contact.cause for contact in contacts] == [cause for cause in (story.first, story.second) if cause]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_terminal_has_one_patient_at_a_time_within_the_phase(seed: int) -> None:
    day = plan_day(seed, 60, 5)
    for phase in Phase:
        for terminal in range(5):
            queue = day.queue(phase, terminal)
            assert all(before.at + before.minutes <= after.at + 0.11 for before, after in pairwise(queue))
            assert all(phase.value[1] <= contact.at for contact in queue)
    assert max(contact.at + contact.minutes for contact in day.contacts) < 18.25 * 60


def test_everything_happens_on_a_day_of_60() -> None:
    told = {contact.story for contact in plan_day(1, 60, 5).contacts}
    assert told == {ROUTINE, AFTER_LUNCH, *STORIES}


@pytest.mark.parametrize("seed", SEEDS)
def test_bursts_keep_several_terminals_busy_at_once(seed: int) -> None:
    day = plan_day(seed, 60, 5)
    busiest = max(
        sum(1 for other in day.contacts if other.at <= contact.at < other.at + other.minutes)
        for contact in day.contacts
    )
    assert busiest >= 3


@pytest.mark.parametrize("seed", SEEDS)
def test_after_lunch_one_patient_comes_alone_where_the_smcb_is(seed: int) -> None:
    for options, story in ((Options(), AFTER_LUNCH), (Options(faults=False), ROUTINE), (Options(ti=False), ROUTINE)):
        (first,) = [c for c in plan_day(seed, 60, 5, options).contacts if c.phase is Phase.AFTER_LUNCH]
        assert (first.story, first.terminal, first.order) == (story, 0, 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_nobody_trips_over_the_cable_of_the_terminal_with_the_smcb(seed: int) -> None:
    for terminals in (1, 2, 5):
        tripped = [c for c in plan_day(seed, 60, terminals).contacts if c.cause.act is Act.UNPLUG]
        assert all(contact.terminal > 0 for contact in tripped)
        assert len(tripped) == (terminals > 1)


def test_switches() -> None:
    calm = plan_day(1, 60, 5, Options(faults=False))
    assert not any(contact.story.is_fault for contact in calm.contacts)
    alone = plan_day(1, 60, 5, Options(ti=False))
    assert not any(contact.story.needs_ti for contact in alone.contacts)


@pytest.mark.parametrize("patients", [PATIENTS_MIN, 23, 500])
def test_a_third_is_routine_however_many_come(patients: int) -> None:
    day = plan_day(3, patients, 3)
    assert max(contact.at + contact.minutes for contact in day.contacts) < 18.25 * 60
    routine = [patient for patient in range(patients) if day.of_patient(patient)[0].story in (ROUTINE, AFTER_LUNCH)]
    assert len(routine) >= patients // 3


@pytest.mark.parametrize(("patients", "terminals"), [(PATIENTS_MIN - 1, 1), (60, 0)])
def test_too_few_are_refused(patients: int, terminals: int) -> None:
    with pytest.raises(InvalidInput):
        plan_day(1, patients, terminals)


def test_numbers_follow_the_clock() -> None:
    day: Schedule = plan_day(5, 60, 4)
    assert all(before.at <= after.at for before, after in pairwise(day.contacts))
