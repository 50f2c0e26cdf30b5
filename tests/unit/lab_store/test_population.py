"""Enough people for any number of practices, nobody twice, nobody's place ever changed."""

from importlib.resources import files

import pytest

from tiaas.base.errors import InvalidInput
from tiaas.lab.population import PATIENTS, PRACTICES_MAX, populate, staffing
from tiaas.lab.seed import Seed, parse_seed


@pytest.fixture(scope="module")
def seed() -> Seed:
    return parse_seed(files("tiaas.lab").joinpath("seed.toml").read_text(encoding="utf-8"), "seed.toml")


def test_everybody_belongs_to_one_practice(seed: Seed) -> None:
    grown = populate(seed, 40)
    staff = [staffing(grown, number) for number in range(1, 41)]
    kvnrs = [patient.kvnr for practice in staff for patient in practice.patients]
    assert len(kvnrs) == len(set(kvnrs)) == 40 * PATIENTS
    names = [(patient.vorname, patient.nachname) for practice in staff[:20] for patient in practice.patients]
    # Two patients of the seed share a surname, so a few pairs come twice.
    assert len(set(names)) > 100
    assert len({practice.institution.telematik_id for practice in staff}) == 40
    assert len({practice.professional.telematik_id for practice in staff}) == 40


def test_growing_moves_nobody(seed: Seed) -> None:
    small, large = populate(seed, 7), populate(seed, 20)
    assert large.patients[: len(small.patients)] == small.patients
    assert large.institutions[: len(small.institutions)] == small.institutions
    assert large.professionals[: len(small.professionals)] == small.professionals
    assert small.patients[: len(seed.patients)] == seed.patients


def test_the_first_practice_is_the_seeds_first(seed: Seed) -> None:
    first = staffing(populate(seed, 1), 1)
    assert first.institution == seed.institutions[0]
    assert first.professional.key == seed.institutions[0].people[0]
    assert first.patients == seed.patients[:PATIENTS]


@pytest.mark.parametrize("practices", [0, PRACTICES_MAX + 1])
def test_a_number_out_of_range_is_refused(seed: Seed, practices: int) -> None:
    with pytest.raises(InvalidInput, match="practices"):
        populate(seed, practices)


def test_a_seed_without_people_is_refused(seed: Seed) -> None:
    with pytest.raises(InvalidInput, match="needs a patient"):
        populate(Seed(seed.insurers, (), (), ()), 1)
