"""Contracts of the lab's VPN-Zugangsdienst, which boxes are registered, and the operating data they sent.

Each practice has a contract. Kept in the lab's database.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.provisioning_service_v1_1 import ContractStatus
from tiaas.lab.store import LabStore

DATA_KEPT = 20
"""Documents, the youngest."""
_META = "registrations"


def contract_id(practice: int) -> str:
    """The contract of a practice; characters as A_14623 allows them."""
    return f"TIAAS-TEST/{practice:04d}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered box: the serial number of its C.NK.VPN and of the C.HCI.OSIG that signed, both hexadecimal."""

    contract: str
    device: str
    signer: str
    at: datetime

    def to_document(self) -> dict[str, Any]:
        """The JSON object that is stored and shown."""
        return {"contract": self.contract, "device": self.device, "signer": self.signer, "at": self.at.isoformat()}

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "Entry":
        """What `to_document` made."""
        at = datetime.fromisoformat(document["at"])
        return Entry(document["contract"], document["device"], document["signer"], at)


class Contracts:
    """All of them. `practices` says how many practices the lab has."""

    def __init__(self, store: LabStore) -> None:
        self._store = store
        self.practices: tuple[int, ...] = ()
        kept = store.meta(_META) or {"entries": [], "data": []}
        self._entries = [Entry.from_document(entry) for entry in kept["entries"]]
        self._data: list[dict[str, str]] = list(kept["data"])

    def status(self, contract: str) -> ContractStatus | None:
        """What a contract allows; None: there is no such contract."""
        return ContractStatus.TI_AND_SIS if contract in map(contract_id, self.practices) else None

    def enter(self, entry: Entry) -> None:
        """Registers a box, in place of what its C.NK.VPN had; a contract may have several (A_22543)."""
        self._entries = [*(known for known in self._entries if known.device != entry.device), entry]
        self._keep()

    def remove(self, contract: str, device: str) -> bool:
        """Takes a registration away; whether there was one."""
        rest = [entry for entry in self._entries if (entry.contract, entry.device) != (contract, device)]
        is_gone = len(rest) < len(self._entries)
        self._entries = rest
        self._keep()
        return is_gone

    def take_data(self, at: datetime, document: bytes) -> None:
        """Keeps a document that a box has sent."""
        self._data = [*self._data, {"at": at.isoformat(), "document": document.decode()}][-DATA_KEPT:]
        self._keep()

    def to_shown(self) -> dict[str, Any]:
        """The JSON object of the control port."""
        return {
            "contracts": [
                {"contract": contract_id(practice), "status": ContractStatus.TI_AND_SIS.value}
                for practice in self.practices
            ],
            "registrations": [entry.to_document() for entry in self._entries],
            "data": self._data,
        }

    def _keep(self) -> None:
        document = {"entries": [entry.to_document() for entry in self._entries], "data": self._data}
        self._store.put_meta(_META, document)
