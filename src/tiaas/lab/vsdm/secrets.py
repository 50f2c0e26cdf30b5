"""What the insurers of a lab keep secret: the master key of their cards, and the operator's key for Prüfziffern.

Kept in the lab's database (`vsdm`); the E-Rezept service of the lab reads the operator's key there.
"""

from dataclasses import field

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.fachdienste.vsdm.pruefziffer import OperatorKey
from tiaas.lab.store import LabStore
from tiaas.lab.vsdm.cardkeys import MASTER_SIZE, CardKeys

_META = "vsdm"
_SECRET_SIZE = 32
_OPERATOR, _KEY_VERSION, _RECEIPT_VERSION = "T", 1, 2


@dataclass(frozen=True, slots=True)
class VsdmSecrets:
    """`receipt_version` is the version of the Prüfziffern, 1 or 2."""

    master: bytes = field(repr=False)
    operator_key: OperatorKey
    receipt_version: int

    @classmethod
    def load(cls, store: LabStore, entropy: Entropy) -> tuple["VsdmSecrets", bool]:
        """The secrets in `store`; new ones that are not stored yet, and True, if it has none."""
        document = store.meta(_META)
        if document is None:
            key = OperatorKey(_OPERATOR, _KEY_VERSION, entropy.octets(_SECRET_SIZE))
            return cls(entropy.octets(MASTER_SIZE), key, _RECEIPT_VERSION), True
        key = OperatorKey(document["operator"], document["key_version"], bytes.fromhex(document["secret"]))
        return cls(bytes.fromhex(document["master"]), key, document["receipt_version"]), False

    def keep(self, store: LabStore) -> None:
        """Stores them."""
        key = self.operator_key
        document = {
            "master": self.master.hex(),
            "operator": key.letter,
            "key_version": key.version,
            "secret": key.secret.hex(),
            "receipt_version": self.receipt_version,
        }
        store.put_meta(_META, document)

    @property
    def card_keys(self) -> CardKeys:
        """The keys of the cards."""
        return CardKeys(self.master)
