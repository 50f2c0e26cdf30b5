"""Which patients of a practice come on a day, so that what was before the day does not change what they meet.

A Konnektor keeps what OCSP told it of a certificate; the model knows nothing of what was before the day.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tiaas.base.errors import InvalidInput
from tiaas.lab.day.place import Person
from tiaas.lab.day.schedule import Before, Schedule, Trouble

EGK_STATUS = "kind=C.CH.AUT"
"""Part of a status request's subject in the lab's journal: it is about a health card's certificate."""
_CARD = re.compile(rf"{EGK_STATUS} card=(\d+)")


def choose_people(
    people: tuple[Person, ...], schedule: Schedule, entries: Iterable[Mapping[str, Any]]
) -> tuple[Person, ...]:
    """One person per patient of the schedule, the practice's first ones where that is possible.

    `entries` is the lab's journal. Who was asked about with a fault does not come at all; who was asked about comes
    only where the schedule needs no new status. Raises `InvalidInput` if there are too few others.
    """
    asked: set[str] = set()
    struck: set[str] = set()
    for entry in entries:
        about = _CARD.search(entry["subject"]) if entry["service"] == "ocsp" else None
        if about is not None:
            asked.add(about[1])
            if entry["fault"] is not None:
                struck.add(about[1])
    usable = [person for person in people if person.iccsn not in struck]
    strict = [at for at in range(schedule.patients) if _needs_new_status(schedule, at)]
    fresh = sum(person.iccsn not in asked for person in usable)
    if len(usable) < schedule.patients or fresh < len(strict):
        raise InvalidInput(
            f"the day needs {schedule.patients} patients, {len(strict)} of them with a card that was not checked "
            f"online since the lab was started; there are {len(usable)} and {fresh}, the Konnektor remembers the "
            "status of the others: start the lab anew, or with more --patients"
        )
    # Those who come anyway come first: a spare patient is better than two who change places.
    others = list(range(schedule.patients, len(usable)))
    others += [at for at in range(schedule.patients) if at not in strict]
    for at in strict:
        if usable[at].iccsn in asked:
            other = next(other for other in others if usable[other].iccsn not in asked)
            usable[at], usable[other] = usable[other], usable[at]
    return tuple(usable[: schedule.patients])


def _needs_new_status(schedule: Schedule, patient: int) -> bool:
    causes = [contact.cause for contact in schedule.of_patient(patient)]
    return any(cause.before is Before.REVOKED or cause.trouble is Trouble.OCSP_DOWN for cause in causes)
