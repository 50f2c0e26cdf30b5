"""Enough people for any number of practices: the seed's own first, then invented ones in their likeness.

Practice N (from 1) is the seed's institution N with its first professional, and the N-th group of `PATIENTS` patients.
What a seed lacks is appended, so the place of everybody in the seed, and with it every card's number, never changes.
"""

from dataclasses import dataclass, replace

from tiaas.base.errors import InvalidInput
from tiaas.lab.identifiers import check_kvnr, kvnr_check_digit
from tiaas.lab.seed import Institution, Patient, Pins, Professional, Seed

PATIENTS = 6
"""Health cards of a practice: one in the terminal, the others in the drawer."""

PRACTICES_MAX = 500
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Staffing:
    """Who belongs to a practice."""

    institution: Institution
    professional: Professional
    patients: tuple[Patient, ...]


def populate(seed: Seed, practices: int) -> Seed:
    """The seed with enough institutions, professionals and patients. Raises `InvalidInput` if it has none to copy."""
    staffed = [institution for institution in seed.institutions if institution.people]
    if not staffed or not seed.patients:
        raise InvalidInput("the seed needs a patient and an institution with people")
    if not 1 <= practices <= PRACTICES_MAX:
        raise InvalidInput(f"a lab has 1 to {PRACTICES_MAX} practices")
    institutions, professionals = list(seed.institutions), list(seed.professionals)
    for number in range(len(staffed), practices):
        model = staffed[number % len(staffed)]
        person = _another_professional(seed, seed.professional(model.people[0]), number)
        professionals.append(person)
        institutions.append(_another_institution(model, person, number))
    patients = list(seed.patients)
    known = {patient.kvnr for patient in patients}
    for number in range(len(patients), practices * PATIENTS):
        patient = _another_patient(seed.patients, number, known)
        known.add(patient.kvnr)
        patients.append(patient)
    return Seed(seed.insurers, tuple(patients), tuple(professionals), tuple(institutions))


def staffing(seed: Seed, number: int) -> Staffing:
    """Who belongs to practice `number` (from 1) of a populated seed."""
    institution = [found for found in seed.institutions if found.people][number - 1]
    first = (number - 1) * PATIENTS
    return Staffing(institution, seed.professional(institution.people[0]), seed.patients[first : first + PATIENTS])


def _another_patient(models: tuple[Patient, ...], number: int, known: set[str]) -> Patient:
    """First name of one model, surname and everything else of another: a new pair for each round through the models."""
    turn, place = divmod(number, len(models))
    model = models[place]
    other = models[(place + turn) % len(models)]
    return replace(model, vorname=other.vorname, geschlecht=other.geschlecht, kvnr=_kvnr(number, known), pins=Pins())


def _kvnr(number: int, known: set[str]) -> str:
    serial = number
    while True:
        # A factor prime to the modulus spreads consecutive numbers over all digits.
        digits = (serial * 7_654_321 + 12_345_678) % 100_000_000
        nine = f"{_LETTERS[serial % len(_LETTERS)]}{digits:08d}"
        kvnr = f"{nine}{kvnr_check_digit(nine)}"
        if kvnr not in known and _is_valid(kvnr):
            return kvnr
        serial += 1_000_003


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
