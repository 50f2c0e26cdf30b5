"""Enough people for any number of practices: the seed's own first, then invented ones in their likeness.

Practice N (from 1) is the seed's institution N with its first professional, the N-th group of `PATIENTS` patients, and
as many further patients as it shall have. A lab grows by practices and by patients: whatever comes later changes
neither anybody's KVNR nor anybody's card number. Patients whose place among all depends on how the lab grew have a
number of their own (`Population.numbers`); everybody else's is the place in the seed.
"""

from collections.abc import Mapping
from dataclasses import replace

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.lab.identifiers import check_kvnr, kvnr_check_digit
from tiaas.lab.seed import Institution, Patient, Pins, Professional, Seed

PATIENTS = 6
"""Health cards of a practice if nobody says how many: one in the terminal, the others in the drawer."""

PATIENTS_MIN, PATIENTS_MAX = 2, 500
TERMINALS_MAX = 8
PRACTICES_MAX = 500

_FURTHER_FIRST = 10_000
"""Numbers from here on are those of further patients; below are the places in the seed and in the groups."""
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# More than all numbers together: what a retry takes is never another's first choice.
_RETRY = 1_000_003


@dataclass(frozen=True, slots=True)
class Staffing:
    """Who belongs to a practice."""

    institution: Institution
    professional: Professional
    patients: tuple[Patient, ...]


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody. `numbers` are card numbers by KVNR of the patients whose number is not their place in the seed."""

    seed: Seed
    numbers: Mapping[str, int]
    _patients: Mapping[int, tuple[Patient, ...]]

    def staffing(self, practice: int) -> Staffing:
        """Who belongs to a practice (from 1)."""
        institution = [found for found in self.seed.institutions if found.people][practice - 1]
        return Staffing(institution, self.seed.professional(institution.people[0]), self._patients[practice])


def populate(seed: Seed, practices: int, patients: Mapping[int, int] | None = None) -> Population:
    """The seed with enough institutions, professionals and patients.

    `patients` says how many a practice has, `PATIENTS` if it is not in there. Raises `InvalidInput` for a number out of
    range and for a seed that has nobody to copy.
    """
    counts = {number: (patients or {}).get(number, PATIENTS) for number in range(1, practices + 1)}
    _check(seed, practices, counts)
    institutions, professionals = _institutions(seed, practices)
    known = {patient.kvnr for patient in seed.patients}
    groups = list(seed.patients)
    for number in range(len(groups), practices * PATIENTS):
        groups.append(_another_patient(seed.patients, number, known))
    further: list[Patient] = []
    numbers: dict[str, int] = {}
    mine: dict[int, tuple[Patient, ...]] = {}
    for practice, count in counts.items():
        group = groups[(practice - 1) * PATIENTS : practice * PATIENTS]
        first = _FURTHER_FIRST + (practice - 1) * PATIENTS_MAX
        added = [_another_patient(seed.patients, first + place, known) for place in range(max(count - PATIENTS, 0))]
        numbers |= {patient.kvnr: first + place for place, patient in enumerate(added)}
        further += added
        mine[practice] = (*group[:count], *added)
    grown = Seed(seed.insurers, (*groups, *further), tuple(professionals), tuple(institutions))
    return Population(grown, numbers, mine)


def _check(seed: Seed, practices: int, counts: Mapping[int, int]) -> None:
    if not seed.patients or not any(institution.people for institution in seed.institutions):
        raise InvalidInput("the seed needs a patient and an institution with people")
    if len(seed.patients) >= _FURTHER_FIRST:
        raise InvalidInput(f"a seed has fewer than {_FURTHER_FIRST} patients")
    if not 1 <= practices <= PRACTICES_MAX:
        raise InvalidInput(f"a lab has 1 to {PRACTICES_MAX} practices")
    if not all(PATIENTS_MIN <= count <= PATIENTS_MAX for count in counts.values()):
        raise InvalidInput(f"a practice has {PATIENTS_MIN} to {PATIENTS_MAX} patients")


def _institutions(seed: Seed, practices: int) -> tuple[list[Institution], list[Professional]]:
    staffed = [institution for institution in seed.institutions if institution.people]
    institutions, professionals = list(seed.institutions), list(seed.professionals)
    for number in range(len(staffed), practices):
        model = staffed[number % len(staffed)]
        person = _another_professional(seed, seed.professional(model.people[0]), number)
        professionals.append(person)
        institutions.append(_another_institution(model, person, number))
    return institutions, professionals


def _another_patient(models: tuple[Patient, ...], number: int, known: set[str]) -> Patient:
    """First name of one model, surname and everything else of another: a new pair for each round through the models."""
    turn, place = divmod(number, len(models))
    model = models[place]
    other = models[(place + turn) % len(models)]
    kvnr = _kvnr(number, known)
    known.add(kvnr)
    return replace(model, vorname=other.vorname, geschlecht=other.geschlecht, kvnr=kvnr, pins=Pins())


def _kvnr(number: int, known: set[str]) -> str:
    serial = number
    while True:
        # A factor prime to the modulus spreads consecutive numbers over all digits.
        digits = (serial * 7_654_321 + 12_345_678) % 100_000_000
        nine = f"{_LETTERS[serial % len(_LETTERS)]}{digits:08d}"
        kvnr = f"{nine}{kvnr_check_digit(nine)}"
        if kvnr not in known and _is_valid(kvnr):
            return kvnr
        serial += _RETRY


def _is_valid(kvnr: str) -> bool:
    try:
        return check_kvnr(kvnr) == kvnr
    except ValueError:
        return False


def _another_professional(seed: Seed, model: Professional, number: int) -> Professional:
    surname = seed.patients[number % len(seed.patients)].nachname
    return replace(
        model,
        key=f"{model.key}-{number + 1}",
        nachname=surname,
        telematik_id=f"{model.telematik_id}{number + 1:05d}",
        pins=Pins(),
    )


def _another_institution(model: Institution, person: Professional, number: int) -> Institution:
    return replace(
        model,
        key=f"{model.key}-{number + 1}",
        name=f"Musterpraxis {number + 1} {person.nachname}"[:64],
        telematik_id=f"{model.telematik_id}{number + 1:05d}",
        people=(person.key,),
        pins=Pins(),
    )
