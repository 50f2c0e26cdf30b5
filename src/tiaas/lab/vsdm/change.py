"""What can change about an insured person: new values for fields of a patient of the seed."""

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import date
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.interfaces.vsd_v5_2 import StrassenAdresse
from tiaas.lab.seed import Patient

_NEVER_EMPTY = frozenset({"vorname", "nachname", "strasse", "postleitzahl", "ort"})
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What is no Char of XML 1.0, section 2.2."""
_POSTCODE = re.compile("[0-9]{5}")
_DAY = re.compile("[0-9]{8}")
_ADDRESS = ("strasse", "hausnummer", "postleitzahl", "ort")


@dataclass(frozen=True, slots=True, repr=False)
class Change:
    """New values by the seed's names; None leaves a value as it is, an empty text takes an optional one away.

    A part of the address makes it a street address. `zuzahlung_befreit_bis` is a date YYYYMMDD.
    """

    vorname: str | None = None
    nachname: str | None = None
    titel: str | None = None
    strasse: str | None = None
    hausnummer: str | None = None
    postleitzahl: str | None = None
    ort: str | None = None
    versichertenart: int | None = None
    zuzahlung_befreit_bis: str | None = None

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "Change":
        """Reads what `to_document` wrote. Raises `InvalidInput` for values of another type."""
        for name, value in document.items():
            wanted = int if name == "versichertenart" else str
            if not isinstance(value, wanted) or isinstance(value, bool):
                raise InvalidInput(f"{name} is of another type than it should")
        return Change(**document)

    def to_document(self) -> dict[str, Any]:
        """The values that are given, by name."""
        return {name: value for name in NAMES if (value := getattr(self, name)) is not None}

    def check(self, patient: Patient, today: date) -> None:
        """Raises `InvalidInput` for what no insurer would send for the person."""
        for name, value in self.to_document().items():
            if name in _NEVER_EMPTY and not str(value).strip():
                raise InvalidInput(f"{name} cannot be empty")
            if _NO_XML.search(str(value)):
                raise InvalidInput(f"{name} has characters that XML does not allow")
        home = patient.strassen_adresse or patient.postfach_adresse
        is_german = home is None or home.land == "D"
        if self.postleitzahl is not None and is_german and not _POSTCODE.fullmatch(self.postleitzahl):
            raise InvalidInput("postleitzahl has five digits in Germany")
        if self.zuzahlung_befreit_bis:
            _check_day(self.zuzahlung_befreit_bis, today)

    def merged(self, later: "Change") -> "Change":
        """Both changes in one; where both have a value the later one counts."""
        return replace(self, **later.to_document())

    def apply(self, patient: Patient) -> Patient:
        """The person with the new values. Raises `InvalidInput` if the seed's rules forbid one."""
        new = self.to_document()
        address = {name: new.pop(name) for name in _ADDRESS if name in new}
        values: dict[str, Any] = {name: value if value != "" else None for name, value in new.items()}
        try:
            if address:
                values |= {"strassen_adresse": _moved(patient, address), "postfach_adresse": None}
            return replace(patient, **values)
        except (ValueError, TypeError) as error:
            raise InvalidInput(str(error)) from None


NAMES = tuple(field.name for field in fields(Change))
"""All fields of a `Change`."""


def _check_day(text: str, today: date) -> None:
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise InvalidInput("zuzahlung_befreit_bis is no date YYYYMMDD")
    if day < today:
        raise InvalidInput("zuzahlung_befreit_bis is in the past")


def _moved(patient: Patient, address: Mapping[str, str]) -> StrassenAdresse:
    before = patient.strassen_adresse
    if before is None:
        box = patient.postfach_adresse
        before = StrassenAdresse(ort="", land="D") if box is None else StrassenAdresse(box.ort, box.land)
    # The place is the one part an address cannot be without.
    values: dict[str, Any] = {name: value or None for name, value in address.items() if name != "ort"}
    return replace(before, ort=address.get("ort") or before.ort, **values)
