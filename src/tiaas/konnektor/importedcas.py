"""CERT_IMPORTED_CA_LIST: CAs outside of the TI that an administrator trusts (gemSpec_Kon V5.18 §3.7, TAB_KON_606).

Certificates that only such a CA vouches for serve one purpose: a document may be encrypted for them (TIP1-A_5433); the
operation VerifyCertificate tells what it finds. Their status is not asked for (validationMode NONE, TAB_KON_797), so
whoever imports a CA takes its revoked certificates, too. A CA of the TSL is judged by the TSL, whatever is imported.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.konnektor.store import InstanceStore
from tiaas.pki.certificate import BadCertificate, Certificate, decode_certificate_untrusted
from tiaas.pki.oids import KeyUsage
from tiaas.pki.path import Demands, Examination, Fits, examine_path

_log = logging.getLogger("tiaas.konnektor.importedcas")

STORE_KIND = "imported-ca"
MOST = 100
"""CAs; the specification names no number."""
_QUALIFIED = "a CA that issues qualified certificates is not imported"


class NotImported(InvalidInput):
    """The certificate is none that may be imported; says why."""


@dataclass(frozen=True, slots=True)
class ImportedCa:
    """One CA; `fingerprint` is the SHA-256 of its certificate in hexadecimal digits."""

    certificate: Certificate
    fingerprint: str


class ImportedCas:
    """The list of one instance; the first imported stands first. `load` it before it is used."""

    def __init__(self, store: InstanceStore | None = None) -> None:
        self._store = store
        self._held: dict[str, ImportedCa] = {}

    async def load(self) -> None:
        """Takes up what is stored; what `add` would not take is left out and told. Raises `StoreError`."""
        rows = {} if self._store is None else await self._store.list(STORE_KIND)
        for fingerprint, row in rows.items():
            try:
                certificate = check_ca(fingerprint, row)
                require_few(len(self._held) + 1)
            except NotImported as error:
                _log.warning("a stored CA does not count", extra={"reason": str(error)})
                continue
            self._held[fingerprint] = ImportedCa(certificate, fingerprint)

    def __iter__(self) -> Iterator[ImportedCa]:
        return iter(tuple(self._held.values()))

    async def add(self, der: bytes, qualified: Iterable[Certificate] = ()) -> ImportedCa:
        """Imports a CA; one that is there already stays. `qualified` are those of the BNetzA-VL, which may not be here.

        Raises `NotImported`, `StoreError`.
        """
        fingerprint, row = sha256(der).hexdigest(), {"der": der.hex()}
        certificate = check_ca(fingerprint, row)
        if any(ca.public_key == certificate.public_key for ca in qualified):
            raise NotImported(_QUALIFIED)
        made = ImportedCa(certificate, fingerprint)
        require_few(len(self._held.keys() | {fingerprint}))
        if self._store is not None:
            await self._store.put(STORE_KIND, made.fingerprint, row)
        self._held[made.fingerprint] = made
        return made

    async def remove(self, fingerprint: str) -> bool:
        """Trusts a CA no more; False if it is not there. Raises `StoreError`."""
        if fingerprint not in self._held:
            return False
        if self._store is not None:
            await self._store.delete(STORE_KIND, fingerprint)
        del self._held[fingerprint]
        return True

    def examine(self, certificate: Certificate, at: datetime, demands: Demands, signed_by: Fits) -> Examination | None:
        """The path below an imported CA and all that is wrong with it; None if none of them issued the certificate."""
        anchors = [held.certificate for held in self._held.values()]
        if all(anchor.subject_key != certificate.issuer_key for anchor in anchors):
            return None
        return examine_path(certificate, anchors, at, demands=demands, signed_by=signed_by)


def check_ca(fingerprint: str, row: Mapping[str, Any]) -> Certificate:
    """The certificate of a row, which is that of a CA that may be imported. Raises `NotImported`."""
    try:
        der = bytes.fromhex(str(row["der"]))
        certificate = decode_certificate_untrusted(der)
    except (BadCertificate, ValueError, KeyError):
        raise NotImported("this is no certificate") from None
    if sha256(der).hexdigest() != fingerprint:
        raise NotImported("the certificate has another fingerprint")
    may_sign = certificate.key_usage is None or KeyUsage.KEY_CERT_SIGN in certificate.key_usage
    if not certificate.is_ca or not may_sign:
        raise NotImported("this is no certificate of a CA")
    if certificate.is_qualified:
        raise NotImported(_QUALIFIED)
    return certificate


def require_few(count: int) -> None:
    """Raises `NotImported` for more than `MOST` CAs."""
    if count > MOST:
        raise NotImported(f"no more than {MOST} CAs are imported")
