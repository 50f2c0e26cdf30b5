"""How the receivers of a Clientsystem's events are checked in TLS; kept per Clientsystem.

What gemSpec_Kon allows (TIP1-A_5009) is lost in the published text, and receivers in the field use self-signed
certificates. So it is a setting: `any` takes every certificate, `pinned` those with one of the given SHA-256
fingerprints, `ca` those that one of the given CA certificates issued. No name is compared: EventTo holds addresses.
"""

import enum
import re
from collections.abc import Mapping
from typing import Any

from cryptography import x509

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.konnektor.store import InstanceStore, StoreError

SINK_CHECK_KIND = "sink-check"
_FINGERPRINT = re.compile("[0-9a-f]{64}")


@enum.unique
class SinkTrust(enum.StrEnum):
    """Kinds of check."""

    ANY = "any"
    PINNED = "pinned"
    CA = "ca"


@dataclass(frozen=True, slots=True)
class SinkCheck:
    """One setting. `fingerprints` are SHA-256 of the certificate (DER) in lower-case hex, `ca_pem` the CAs.

    Raises `InvalidInput` for what can accept nobody.
    """

    trust: SinkTrust = SinkTrust.ANY
    fingerprints: frozenset[str] = frozenset()
    ca_pem: str = ""

    def __post_init__(self) -> None:
        if not all(_FINGERPRINT.fullmatch(each) for each in self.fingerprints):
            raise InvalidInput("a fingerprint is SHA-256 in 64 hex digits")
        if self.trust is SinkTrust.PINNED and not self.fingerprints:
            raise InvalidInput("a pinned sink needs at least one fingerprint")
        if self.trust is SinkTrust.CA:
            try:
                x509.load_pem_x509_certificates(self.ca_pem.encode())
            except ValueError:
                raise InvalidInput("sinks checked by CA need CA certificates in PEM") from None

    def to_document(self) -> dict[str, Any]:
        """A JSON-able document."""
        return {"trust": self.trust.value, "fingerprints": sorted(self.fingerprints), "ca": self.ca_pem}

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "SinkCheck":
        """Reads what `to_document` wrote. Raises `StoreError`."""
        try:
            return SinkCheck(
                SinkTrust(document["trust"]), frozenset(map(str, document["fingerprints"])), str(document["ca"])
            )
        except (KeyError, TypeError, ValueError, InvalidInput):
            raise StoreError("a stored check of event receivers is damaged") from None


class SinkChecks:
    """The checks of all Clientsysteme of one instance; without a setting it is `any`. Build it with `load`."""

    def __init__(self, store: InstanceStore, checks: dict[str, SinkCheck]) -> None:
        self._store = store
        self._checks = checks

    @classmethod
    async def load(cls, store: InstanceStore) -> "SinkChecks":
        """Reads the settings. Raises `StoreError`."""
        rows = await store.list(SINK_CHECK_KIND)
        return cls(store, {client: SinkCheck.from_document(row) for client, row in rows.items()})

    def of(self, client_system_id: str) -> SinkCheck:
        """The setting in force for a Clientsystem."""
        return self._checks.get(client_system_id, SinkCheck())

    async def put(self, client_system_id: str, check: SinkCheck) -> None:
        """Sets it; the next connection obeys. Raises `StoreError`."""
        if self.of(client_system_id) != check:
            await self._store.put(SINK_CHECK_KIND, client_system_id, check.to_document())
            self._checks[client_system_id] = check
