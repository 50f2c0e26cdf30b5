"""What a certificate says about its holder (gemSpec_PKI V2.14.1, 4.2, 4.7, 5.1.2, 5.2.1, 10, 12)."""

import re
from datetime import datetime

from tiaas.base.dataclass import dataclass
from tiaas.pki.certificate import Certificate

COMMON_NAME, SURNAME, SERIAL_NUMBER, COUNTRY = "2.5.4.3", "2.5.4.4", "2.5.4.5", "2.5.4.6"
ORGANIZATION, ORGANIZATIONAL_UNIT, TITLE, GIVEN_NAME = "2.5.4.10", "2.5.4.11", "2.5.4.12", "2.5.4.42"

_KVNR = re.compile(r"[A-Z][0-9]{9}")
_IK = re.compile(r"[0-9]{9}")


@dataclass(frozen=True, slots=True, repr=False)
class Holder:
    """The holder as certified. `kvnr` and `insurer_ik` exist on an eGK only, `telematik_id` on HBA and SMC-B."""

    name: str
    surname: str | None
    given_name: str | None
    kvnr: str | None
    insurer_ik: str | None
    telematik_id: str | None
    profession_oids: tuple[str, ...]
    expires: datetime

    def __repr__(self) -> str:
        return f"Holder(profession_oids={self.profession_oids})"


def holder_of(certificate: Certificate) -> Holder:
    """Reads the holder; the name is the common name (empty if there is none)."""
    units = values(certificate, ORGANIZATIONAL_UNIT)
    admission = certificate.admission
    return Holder(
        name=next(iter(values(certificate, COMMON_NAME)), ""),
        surname=next(iter(values(certificate, SURNAME)), None),
        given_name=next(iter(values(certificate, GIVEN_NAME)), None),
        kvnr=next((unit for unit in units if _KVNR.fullmatch(unit)), None),
        insurer_ik=next((unit for unit in units if _IK.fullmatch(unit)), None),
        telematik_id=None if admission is None else admission.registration_number,
        profession_oids=() if admission is None else admission.oids,
        expires=certificate.not_after,
    )


def values(certificate: Certificate, oid: str) -> tuple[str, ...]:
    """The values of one attribute of the subject, in the order they are written."""
    return tuple(value for kind, value in certificate.subject if kind == oid)
