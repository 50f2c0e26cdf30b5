"""Enough people for any number of practices, nobody twice, nobody's place ever changed."""

from importlib.resources import files

import pytest

from tiaas.base.errors import InvalidInput
from tiaas.lab.population import PATIENTS, PATIENTS_MAX, PATIENTS_MIN, PRACTICES_MAX, populate
from tiaas.lab.seed import Seed, parse_seed


@pytest.fixture(scope="module")
def seed() -> Seed:
    return parse_seed(files("tiaas.lab").joinpath("seed.toml").read_text(encoding="utf-8"), "seed.toml")


def test_everybody_belongs_to_one_practice(seed: Seed) -> None:
    grown = populate(seed, 40)
    staff = [grown.staffing(number) for number in range(1, 41)]
    kvnrs = [patient.kvnr for practice in staff for patient in practice.patients]
    assert len(kvnrs) == len(set(kvnrs)) == 40 * PATIENTS
    names = [(patient.vorname, patient.nachname) for practice in staff[:20] for patient in practice.patients]
    # Two patients of the seed share a surname, so a few pairs come twice.
    assert len(set(names)) > 100
    assert len({practice.institution.telematik_id for practice in staff}) == 40
    assert len({practice.professional.telematik_id for practice in staff}) == 40


def test_growing_moves_nobody(seed: Seed) -> None:
    small, large = populate(seed, 7).seed, populate(seed, 20).seed
    assert large.patients[: len(small.patients)] == small.patients
    assert large.institutions[: len(small.institutions)] == small.institutions
    assert large.professionals[: len(small.professionals)] == small.professionals
    assert small.patients[: len(seed.patients)] == seed.patients


def test_whichever_way_a_lab_grows_patients_keep_number_and_kvnr(seed: Seed) -> None:
    wanted: list[tuple[int, dict[int, int]]] = [(1, {}), (1, {1: 60}), (3, {1: 60}), (4, {1: 500, 3: 9})]
    steps = [populate(seed, practices, patients) for practices, patients in wanted]
    for (practices, _), before, after in zip(wanted, steps, steps[1:], strict=False):
        for number in range(1, practices + 1):
            was = before.staffing(number).patients
            assert after.staffing(number).patients[: len(was)] == was
        assert before.numbers.items() <= after.numbers.items()
    largest = steps[-1]
    assert [len(largest.staffing(number).patients) for number in (1, 2, 3, 4)] == [500, PATIENTS, 9, PATIENTS]
    assert len(set(largest.numbers.values())) == len(largest.numbers) == 500 - PATIENTS + 3
    assert min(largest.numbers.values()) > len(largest.seed.patients)


def test_no_two_patients_of_the_largest_lab_share_a_kvnr(seed: Seed) -> None:
    largest = populate(seed, 20, dict.fromkeys(range(1, 21), PATIENTS_MAX))
    kvnrs = [patient.kvnr for patient in largest.seed.patients]
    assert len(set(kvnrs)) == len(kvnrs) == 20 * PATIENTS_MAX


def test_a_practice_may_have_few_patients(seed: Seed) -> None:
    assert populate(seed, 1, {1: 2}).staffing(1).patients == seed.patients[:2]


def test_the_first_practice_is_the_seeds_first(seed: Seed) -> None:
    first = populate(seed, 1).staffing(1)
    assert first.institution == seed.institutions[0]
    assert first.professional.key == seed.institutions[0].people[0]
    assert first.patients == seed.patients[:PATIENTS]


@pytest.mark.parametrize("patients", [PATIENTS_MIN - 1, PATIENTS_MAX + 1])
def test_a_number_of_patients_out_of_range_is_refused(seed: Seed, patients: int) -> None:
    with pytest.raises(InvalidInput, match="patients"):
        populate(seed, 1, {1: patients})


@pytest.mark.parametrize("practices", [0, PRACTICES_MAX + 1])
def test_a_number_out_of_range_is_refused(seed: Seed, practices: int) -> None:
    with pytest.raises(InvalidInput, match="practices"):
        populate(seed, practices)


def test_a_seed_without_people_is_refused(seed: Seed) -> None:
    with pytest.raises(InvalidInput, match="needs a patient"):
        populate(Seed(seed.insurers, (), (), ()), 1)
