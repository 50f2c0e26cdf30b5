"""The seed file: what it must have, what it refuses."""

import re
from pathlib import Path

import pytest

from tiaas.base.errors import InvalidInput
from tiaas.lab.seed import InstitutionKind, ProfessionalKind, Seed, load_seed, parse_seed

INSURER = '[[insurers]]\nik = "109990018"\nname = "Testkasse"\n'
PATIENT = """
[[patients]]
kvnr = "A123456780"
vorname = "Änne"
nachname = "Muster"
geburtsdatum = "19700000"
geschlecht = "W"
insurer = "109990018"
beginn = "20200101"
wop = "72"
"""
REST = "professionals = []\ninstitutions = []\n"


def text(patient: str = PATIENT, insurer: str = INSURER) -> str:
    return REST + insurer + patient


@pytest.fixture(scope="module")
def seed() -> Seed:
    return load_seed()


def test_packaged_seed_has_everybody(seed: Seed) -> None:
    assert len(seed.patients) >= 10
    assert len({patient.insurer for patient in seed.patients}) >= 3
    assert any(patient.zuzahlung_befreit_bis for patient in seed.patients)
    assert any(patient.dmp_kennzeichnung for patient in seed.patients)
    assert any(patient.versichertenart == 3 for patient in seed.patients)
    assert any(patient.postfach_adresse and not patient.strassen_adresse for patient in seed.patients)
    assert any(patient.strassen_adresse and patient.strassen_adresse.land != "D" for patient in seed.patients)
    assert any("ß" in patient.nachname for patient in seed.patients)
    assert any(len(patient.nachname) == 45 for patient in seed.patients)
    assert sum(person.kind is ProfessionalKind.ARZT for person in seed.professionals) >= 3
    assert {institution.kind for institution in seed.institutions} == set(InstitutionKind)


def test_telematik_ids_have_the_sector_of_their_holder(seed: Seed) -> None:
    prefixes = {"ARZT": "1-", "ZAHNARZT": "2-", "APOTHEKER": "3-"}
    for person in seed.professionals:
        assert person.telematik_id.startswith(prefixes[person.kind.name])
    sectors = {"PRAXIS_ARZT": "1-2", "ZAHNARZTPRAXIS": "2-2", "OEFFENTLICHE_APOTHEKE": "3-2", "KRANKENHAUS": "5-2"}
    for institution in seed.institutions:
        assert institution.telematik_id.startswith(sectors[institution.kind.name])


def test_minimal_seed() -> None:
    parsed = parse_seed(text(), "x")
    assert parsed.patients[0].name.printed(40) == "Änne Muster"
    assert parsed.insurer("109990018").name == "Testkasse"


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (text(PATIENT + 'vornahme = "x"\n'), "x: patients[0].vornahme: unknown key; did you mean vorname?"),
        (text(PATIENT.replace('wop = "72"\n', "")), "x: patients[0].wop: missing"),
        (text(PATIENT.replace("A123456780", "A123456789")), "check digit of a KVNR"),
        (text(PATIENT.replace('"72"', "72")), "x: patients[0].wop: must be a string"),
        (text(PATIENT + "versichertenart = true\n"), "versichertenart: must be an integer"),
        (text(PATIENT + "strassen_adresse = 5\n"), "strassen_adresse: must be a table"),
        (text(PATIENT + '[patients.pins]\npin = "12345"\n'), "x: patients[0].pins: a PIN has six to eight digits"),
        (text(PATIENT.replace('insurer = "109990018"', 'insurer = "1"')), "there is no insurer 1"),
        (text(PATIENT + PATIENT), "each KVNR may occur once"),
        (text(PATIENT.replace("20200101", "01.01.2020")), "a date is written YYYYMMDD"),
        (text(insurer="insurers = 3\n"), "x: insurers: must be an array of tables"),
        ("insurers = [", "x: "),
    ],
)
def test_errors_say_where_and_why(broken: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(message)):
        parse_seed(broken, "x")


def test_unknown_member() -> None:
    person = '[[professionals]]\nkey = "a"\nkind = "heiler"\nvorname = "a"\nnachname = "b"\n'
    person += 'telematik_id = "1-1"\nauthority = "c"\n'
    with pytest.raises(InvalidInput, match="one of 'arzt', 'zahnarzt', 'apotheker'"):
        parse_seed("institutions = []\npatients = []\n" + INSURER + person, "x")


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_seed(tmp_path / "none.toml")
    (tmp_path / "seed.toml").write_text(text(), encoding="utf-8")
    assert len(load_seed(tmp_path / "seed.toml").patients) == 1


def test_pins_are_not_shown() -> None:
    parsed = parse_seed(text(PATIENT + '[patients.pins]\npin = "135790"\n'), "x")
    assert "135790" not in repr(parsed)
    assert "Muster" not in repr(parsed)
