"""Who comes on a day: cards whose status the Konnektor may remember only where that does not matter."""

from typing import Any

import pytest

from tiaas.base.errors import InvalidInput
from tiaas.lab.day.choosing import choose_people
from tiaas.lab.day.place import Person
from tiaas.lab.day.schedule import Before, Options, Schedule, Trouble, plan_day

DAY = plan_day(1, 60, 2)


def people(number: int) -> tuple[Person, ...]:
    return tuple(Person(f"{at:020}", f"A{at:09}", f"Person {at}") for at in range(number))


def asked(person: Person, fault: int | None = None, kind: str = "C.CH.AUT") -> dict[str, Any]:
    return {"service": "ocsp", "subject": f"serial=AB kind={kind} card={person.iccsn}", "fault": fault}


def strict(schedule: Schedule) -> set[int]:
    return {
        contact.patient
        for contact in schedule.contacts
        if contact.cause.before is Before.REVOKED or contact.cause.trouble is Trouble.OCSP_DOWN
    }


def test_on_a_fresh_lab_the_first_ones_come() -> None:
    assert choose_people(people(70), DAY, []) == people(70)[:60]


def test_who_was_read_before_comes_where_it_does_not_matter() -> None:
    everybody = people(60)
    free = next(at for at in range(60) if at not in strict(DAY))
    assert choose_people(everybody, DAY, [asked(everybody[free])]) == everybody


@pytest.mark.parametrize("number", [60, 70])
def test_others_come_where_a_new_status_is_needed(number: int) -> None:
    everybody = people(number)
    stale = [everybody[at] for at in strict(DAY)]
    chosen = choose_people(everybody, DAY, [asked(person) for person in stale])
    assert len(set(chosen)) == 60
    assert all(chosen[at] not in stale for at in strict(DAY))
    if number == 60:
        assert set(chosen) == set(everybody)


def test_cards_that_a_fault_struck_stay_at_home() -> None:
    everybody = people(61)
    assert everybody[7] not in choose_people(everybody, DAY, [asked(everybody[7], fault=3)])


def test_other_practices_and_certificates_do_not_count() -> None:
    stranger = Person("9" * 20, "Z1", "Stranger")
    entries = [asked(stranger, fault=1), *(asked(person, kind="C.HCI.AUT") for person in people(60))]
    assert choose_people(people(60), DAY, entries) == people(60)


def test_too_few_are_refused() -> None:
    everybody = people(60)
    with pytest.raises(InvalidInput, match="start the lab anew"):
        choose_people(everybody, DAY, [asked(person) for person in everybody])
    calm = plan_day(1, 60, 2, Options(faults=False))
    assert choose_people(everybody, calm, [asked(person) for person in everybody]) == everybody
