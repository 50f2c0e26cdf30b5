"""Documents about CERT_IMPORTED_CA_LIST (gemSpec_Kon V5.18 TAB_KON_606)."""

from datetime import datetime
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.fields import Octets, Told


@dataclass(frozen=True, slots=True)
class ImportedCaEntry:
    """A CA outside of the TI whose holders documents are encrypted for. `fingerprint` is SHA-256 in hexadecimal."""

    fingerprint: str
    subject: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class ImportedCaList:
    """CERT_IMPORTED_CA_LIST, the first imported first."""

    imported_cas: tuple[ImportedCaEntry, ...]


@dataclass(frozen=True, slots=True)
class CaImport:
    """A CA to be imported."""

    certificate: Annotated[bytes, Octets(1, 16 * 1024), Told("DER")]
