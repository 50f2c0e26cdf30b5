"""What a day should bring: for every contact the ending, the E of the receipt and the errors on the way.

The model walks through the schedule and knows no Konnektor. Its rules: the decision table of gemILF_PS (first contact
of the quarter with online check and receipt, afterwards without, unless the last result was 3 to 6), the interface of
VSDM (gemSpec_SST_PS_VSDM: E, EC, 106, 113, 114), gemSpec_Kon (4093, 4094) and what a SICCT terminal does to its
cards when its line breaks (3041 after lunch).
"""

import enum
from collections.abc import Mapping
from dataclasses import field

from tiaas.base.dataclass import dataclass
from tiaas.lab.day.schedule import Act, Before, Cause, Contact, Phase, Schedule, Trouble


@enum.unique
class Ending(enum.Enum):
    """How a contact ends at the desk."""

    READ = "read"
    REFUSED = "refused"
    NO_CARD = "no card"


@dataclass(frozen=True, slots=True)
class Expected:
    """`code` of a refusal; `result` E and `ec` EC of the receipt, None without one; `on_the_way` codes that come first.

    `moved`: the new address is on the card.
    """

    ending: Ending
    code: int | None = None
    result: int | None = None
    ec: int | None = None
    on_the_way: tuple[frozenset[int], ...] = ()
    moved: bool = False
    online: bool = False


@dataclass(slots=True)
class _Person:
    """What the model knows of a patient and the card. `waiting`: updates that wait for it; `moves`: one is a move."""

    waiting: int = 0
    locked: bool = False
    moves: bool = False
    moved: bool = False
    last: int | None = None


# E and EC.
_FAILED_CHECKS: Mapping[Trouble, tuple[int, int | None]] = {
    Trouble.UFS_503: (3, None),
    Trouble.UFS_1011: (3, 1011),
    Trouble.UFS_SILENT: (3, None),
    # EC is the code of a Fachdienst; what the Intermediär itself says is not in it.
    Trouble.GATEWAY_1011: (3, None),
}
_FAILED_UPDATES: Mapping[Trouble, tuple[int, int | None]] = {
    Trouble.VSDD_12105: (3, 12105),
    Trouble.VSDD_BREAKS_OFF: (3, None),
}
_CARD_GONE = frozenset({4094, 4008})
_TAKEN = frozenset({4093})
_SMB_LOCKED = frozenset({3041})


@dataclass(slots=True)
class Model:
    """Expectations for a schedule. `waiting` says how many updates waited for a patient before the day began."""

    schedule: Schedule
    waiting: Mapping[int, int] = field(default_factory=dict)

    def expectations(self) -> dict[int, Expected]:
        """By number of the contact."""
        found: dict[int, Expected] = {}
        for patient in range(self.schedule.patients):
            person = _Person(waiting=self.waiting.get(patient, 0))
            for contact in self.schedule.of_patient(patient):
                found[contact.number] = self._expect(person, contact)
        return found

    def _expect(self, person: _Person, contact: Contact) -> Expected:
        cause = contact.cause
        _befall(person, cause.before)
        if cause.act is Act.NO_CARD:
            return Expected(Ending.NO_CARD)
        if cause.before is Before.TOO_OLD:
            return Expected(Ending.REFUSED, 113)
        way = _on_the_way(contact)
        online = self.schedule.options.ti and person.last not in (1, 2)
        if not online:
            return Expected(Ending.READ, on_the_way=way, moved=person.moved)
        if cause.before is Before.REVOKED:
            return Expected(Ending.REFUSED, 106, on_the_way=way, online=True)
        return _check(person, cause, way)


def _check(person: _Person, cause: Cause, way: tuple[frozenset[int], ...]) -> Expected:
    """A contact with online check."""
    ec: int | None = None
    if cause.trouble in _FAILED_CHECKS:
        person.last, ec = _FAILED_CHECKS[cause.trouble]
    elif person.waiting and cause.trouble in _FAILED_UPDATES:
        person.last, ec = _FAILED_UPDATES[cause.trouble]
    elif person.waiting:
        person.waiting, person.last, person.moved = 0, 1, person.moves
    else:
        person.last = 5 if cause.trouble is Trouble.OCSP_DOWN else 2
    if person.locked:
        # No receipt reached the practice software.
        person.last = None
        return Expected(Ending.REFUSED, 114, on_the_way=way, online=True)
    return Expected(Ending.READ, None, person.last, ec, way, person.moved, online=True)


def _befall(person: _Person, before: Before) -> None:
    if before in (Before.MOVED, Before.LOCKED, Before.UNLOCKED):
        person.waiting += 1
        person.moves = person.moves or before is Before.MOVED
    if before in (Before.LOCKED, Before.UNLOCKED):
        person.locked = before is Before.LOCKED


def _on_the_way(contact: Contact) -> tuple[frozenset[int], ...]:
    way: tuple[frozenset[int], ...] = ()
    if contact.phase is Phase.AFTER_LUNCH:
        way += (_SMB_LOCKED,)
    if contact.cause.act in (Act.PULL, Act.PULL_WHILE_WRITING):
        way += (_CARD_GONE,)
    if contact.cause.act is Act.TWO_AT_ONCE:
        way += (_TAKEN,)
    return way
