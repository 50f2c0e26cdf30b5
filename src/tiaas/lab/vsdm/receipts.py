"""Prüfziffern of the lab's insurers: one operator, one key, in the version the lab is set to."""

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.fachdienste.vsdm.pruefziffer import OperatorKey, Reason, encode_v1, encode_v2, hcv
from tiaas.lab.vsdm.books import Books


@dataclass(frozen=True, slots=True)
class Receipts:
    """Makes the receipt of an update or of a question to the UFS."""

    books: Books
    key: OperatorKey
    version: int
    clock: Clock
    entropy: Entropy

    def receipt(self, iccsn: str, reason: Reason) -> bytes:
        """The Prüfziffer for what the card of that ICCSN holds now; 47 octets. Raises `UnknownCard`."""
        patient = self.books.present(iccsn)
        now = self.clock.now()
        if self.version == 1:
            return encode_v1(patient.kvnr, reason, now, self.key)
        street = patient.strassen_adresse.strasse if patient.strassen_adresse is not None else None
        check = hcv(patient.beginn, street or "")
        return encode_v2(patient.kvnr, check, now, self.key, self.entropy, revoked=self.books.is_locked(iccsn))
