"""Who lives in the lab: a seed file in TOML with insurers, patients, professionals and institutions, all invented.

`load_seed()` reads the packaged `seed.toml`, `load_seed(path)` another one. Every key is known or an error; KVNR and IK
have right check digits. Keys of a patient are named as in the VSD (Schema_VSD.xsd); dates are text YYYYMMDD.
"""

import re
from enum import Enum, unique
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from tiaas.base.config import load_config, parse_config
from tiaas.base.dataclass import dataclass
from tiaas.interfaces.vsd_v5_2 import Kostenerstattung, PostfachAdresse, RuhenderLeistungsanspruch, StrassenAdresse
from tiaas.lab.identifiers import check_ik, check_kvnr
from tiaas.pki.names import PersonName, PostalAddress
from tiaas.pki.oids import Role

_Found = TypeVar("_Found")

_DATE = re.compile(r"\d{4}(0[0-9]|1[012])(0[0-9]|[12][0-9]|3[01])")
_PIN = re.compile(r"[0-9]{6,8}")
_TELEMATIK_ID = re.compile(r"[0-9]{1,2}-[A-Za-z0-9.\-]{1,120}")


@unique
class ProfessionalKind(Enum):
    """Who gets an HBA."""

    ARZT = Role.ARZT
    ZAHNARZT = Role.ZAHNARZT
    APOTHEKER = Role.APOTHEKER
    PSYCHOTHERAPEUT = Role.PSYCHOTHERAPEUT


@unique
class InstitutionKind(Enum):
    """What gets an SMC-B."""

    PRAXIS_ARZT = Role.PRAXIS_ARZT
    ZAHNARZTPRAXIS = Role.ZAHNARZTPRAXIS
    KRANKENHAUS = Role.KRANKENHAUS
    OEFFENTLICHE_APOTHEKE = Role.OEFFENTLICHE_APOTHEKE


@dataclass(frozen=True, slots=True)
class Pins:
    """PINs of a card, 6 to 8 digits; one that is missing is made at random."""

    pin: str | None = None
    puk: str | None = None
    pin_qes: str | None = None
    puk_qes: str | None = None
    can: str | None = None

    def __post_init__(self) -> None:
        for value in (self.pin, self.pin_qes):
            if value is not None and not _PIN.fullmatch(value):
                raise ValueError("a PIN has six to eight digits")
        for value in (self.puk, self.puk_qes):
            if value is not None and not re.fullmatch(r"[0-9]{8}", value):
                raise ValueError("a PUK has eight digits")
        if self.can is not None and not re.fullmatch(r"[0-9]{6}", self.can):
            raise ValueError("a CAN has six digits")

    def __repr__(self) -> str:
        return "Pins(…)"


@dataclass(frozen=True, slots=True)
class Insurer:
    """A statutory health insurer. `name` at most 45 characters (VSD)."""

    ik: str
    name: str
    land: str = "D"

    def __post_init__(self) -> None:
        check_ik(self.ik)
        _at_most(45, self.name)


@dataclass(frozen=True, slots=True, repr=False)
class Patient:
    """An insured person. `insurer` is an IK; `versichertenart` 1 member, 3 family, 5 pensioner."""

    kvnr: str
    vorname: str
    nachname: str
    geburtsdatum: str
    geschlecht: str
    insurer: str
    beginn: str
    wop: str
    versichertenart: int = 1
    ende: str | None = None
    vorsatzwort: str | None = None
    namenszusatz: str | None = None
    titel: str | None = None
    strassen_adresse: StrassenAdresse | None = None
    postfach_adresse: PostfachAdresse | None = None
    abrechnender_kostentraeger: str | None = None
    kostenerstattung: Kostenerstattung | None = None
    zuzahlung_befreit_bis: str | None = None
    besondere_personengruppe: int | None = None
    dmp_kennzeichnung: int | None = None
    selektivvertrag_aerztlich: int = 9
    selektivvertrag_zahnaerztlich: int = 9
    selektivvertrag_art: str | None = None
    ruhender_leistungsanspruch: RuhenderLeistungsanspruch | None = None
    pins: Pins = Pins()

    def __post_init__(self) -> None:
        check_kvnr(self.kvnr)
        for value in (self.geburtsdatum, self.beginn, self.ende, self.zuzahlung_befreit_bis):
            if value is not None and not _DATE.fullmatch(value):
                raise ValueError("a date is written YYYYMMDD")
        for most, texts in (
            (45, (self.vorname, self.nachname)),
            (20, (self.titel, self.vorsatzwort, self.namenszusatz)),
        ):
            _at_most(most, *texts)
        if self.geschlecht not in ("M", "W", "X", "D"):
            raise ValueError("geschlecht is M, W, X or D")
        if not re.fullmatch(r"[0-9]{2}", self.wop):
            raise ValueError("wop has two digits")
        _check_addresses(self.strassen_adresse, self.postfach_adresse)

    @property
    def name(self) -> PersonName:
        """The name as certificates need it."""
        return PersonName(
            self.vorname, self.nachname, self.titel or "", self.namenszusatz or "", self.vorsatzwort or ""
        )


@dataclass(frozen=True, slots=True, repr=False)
class Professional:
    """A holder of an HBA. `authority` is the chamber that admits; `further` are professions beside `kind`, which alone
    gives the card its rights.
    """

    key: str
    kind: ProfessionalKind
    vorname: str
    nachname: str
    telematik_id: str
    authority: str
    titel: str = ""
    further: tuple[ProfessionalKind, ...] = ()
    pins: Pins = Pins()

    def __post_init__(self) -> None:
        _check_telematik_id(self.telematik_id)

    @property
    def name(self) -> PersonName:
        """The name as certificates need it."""
        return PersonName(self.vorname, self.nachname, self.titel)


@dataclass(frozen=True, slots=True, repr=False)
class Institution:
    """A holder of an SMC-B. `number` is BSNR of a practice, IK of a hospital; `people` are keys of professionals."""

    key: str
    kind: InstitutionKind
    name: str
    telematik_id: str
    number: str
    strasse: str
    postleitzahl: str
    ort: str
    bundesland: str
    people: tuple[str, ...] = ()
    authority: str | None = None
    pins: Pins = Pins()

    def __post_init__(self) -> None:
        _check_telematik_id(self.telematik_id)

    @property
    def address(self) -> PostalAddress:
        """The address as certificates need it."""
        return PostalAddress(self.strasse, self.postleitzahl, self.ort, self.bundesland)


@dataclass(frozen=True, slots=True)
class Seed:
    """All inhabitants of a lab, in the order of the file; the order gives cards their numbers."""

    insurers: tuple[Insurer, ...]
    patients: tuple[Patient, ...]
    professionals: tuple[Professional, ...]
    institutions: tuple[Institution, ...]

    def __post_init__(self) -> None:
        _unique("IK", [insurer.ik for insurer in self.insurers])
        _unique("KVNR", [patient.kvnr for patient in self.patients])
        people = [professional.key for professional in self.professionals]
        _unique("key", people + [institution.key for institution in self.institutions])
        telematik_ids = [person.telematik_id for person in self.professionals]
        _unique("Telematik-ID", telematik_ids + [institution.telematik_id for institution in self.institutions])
        for patient in self.patients:
            self.insurer(patient.insurer)
            if patient.abrechnender_kostentraeger is not None:
                self.insurer(patient.abrechnender_kostentraeger)
        for institution in self.institutions:
            for key in institution.people:
                self.professional(key)

    def insurer(self, ik: str) -> Insurer:
        """The insurer with that IK; raises ValueError."""
        return _one(f"insurer {ik}", [insurer for insurer in self.insurers if insurer.ik == ik])

    def professional(self, key: str) -> Professional:
        """The professional with that key; raises ValueError."""
        return _one(f"professional {key}", [person for person in self.professionals if person.key == key])


def load_seed(path: Path | None = None) -> Seed:
    """Reads a seed file, the packaged one without `path`. Raises `BadConfig`, which says where and why."""
    if path is None:
        return parse_seed(files("tiaas.lab").joinpath("seed.toml").read_text(encoding="utf-8"), "seed.toml")
    return load_config(Seed, path)


def parse_seed(text: str, where: str) -> Seed:
    """Reads the text of a seed file; `where` names it in errors. Raises `BadConfig`."""
    return parse_config(Seed, text, where)


def _check_telematik_id(telematik_id: str) -> None:
    if not _TELEMATIK_ID.fullmatch(telematik_id):
        raise ValueError("a Telematik-ID is a sector's prefix, a dash and at most 120 letters, digits, dots, dashes")


def _check_addresses(street: StrassenAdresse | None, box: PostfachAdresse | None) -> None:
    """Lengths as in Schema_VSD.xsd."""
    for address in (street, box):
        if address is not None:
            _at_most(40, address.ort)
            _at_most(10, address.postleitzahl)
            _at_most(3, address.land)
    if street is not None:
        _at_most(46, street.strasse)
        _at_most(9, street.hausnummer)
        _at_most(40, street.anschriftenzusatz)
    if box is not None:
        _at_most(8, box.postfach)


def _at_most(limit: int, *texts: str | None) -> None:
    for text in texts:
        if text is not None and len(text) > limit:
            raise ValueError(f"a text of {len(text)} characters is longer than {limit}")


def _unique(what: str, found: list[str]) -> None:
    if len(set(found)) != len(found):
        raise ValueError(f"each {what} may occur once")


def _one(what: str, found: list[_Found]) -> _Found:
    if not found:
        raise ValueError(f"there is no {what}")
    return found[0]
