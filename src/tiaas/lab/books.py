"""The lab's books: which certificates its CAs issued, and which of them are revoked. The status service reads them.

One document per certificate in the lab's database, by serial number (hexadecimal, capitals). Whoever is revoked stays
revoked: the TI knows no suspension.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from cryptography import x509

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.lab.errors import UnknownCertificate
from tiaas.lab.store import Kind, LabStore
from tiaas.pki.certificate import BadCertificate, Certificate, decode_certificate_untrusted
from tiaas.pki.issue import Authority
from tiaas.pki.oids import CertificateType
from tiaas.pki.subject import COMMON_NAME, values


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate. `kind` is its profile's name, `card` an ICCSN or ""; `digest` is the SHA-256 of the whole."""

    serial: int
    issuer: str
    kind: str
    name: str
    card: str
    digest: bytes
    revoked: datetime | None = None

    @property
    def number(self) -> str:
        """The serial number as people write it."""
        return f"{self.serial:X}"

    def to_document(self) -> dict[str, Any]:
        """The JSON object that is stored and shown."""
        return {
            "serial": self.number,
            "issuer": self.issuer,
            "kind": self.kind,
            "name": self.name,
            "card": self.card,
            "sha256": self.digest.hex(),
            "revoked": None if self.revoked is None else self.revoked.isoformat(),
        }

    @staticmethod
    def from_document(document: dict[str, Any]) -> "Issued":
        """Reads what `to_document` wrote."""
        revoked = document["revoked"]
        return Issued(
            serial=int(document["serial"], 16),
            issuer=document["issuer"],
            kind=document["kind"],
            name=document["name"],
            card=document["card"],
            digest=bytes.fromhex(document["sha256"]),
            revoked=None if revoked is None else datetime.fromisoformat(revoked),
        )


class CertificateBook:
    """The certificates of a lab. Usable from any thread that may use the store."""

    def __init__(self, store: LabStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def enter(self, der: bytes, issuer: str, card: str) -> None:
        """Enters a certificate that the CA with the label `issuer` issued."""
        certificate = decode_certificate_untrusted(der)
        revoked = self._card_revoked(card)
        issued = Issued(
            certificate.serial_number,
            issuer,
            _kind(certificate),
            _name(certificate),
            card,
            _digest(certificate),
            revoked,
        )
        self._put(issued)

    def enter_found(self, content: bytes, issuers: Mapping[str, Authority], card: str) -> None:
        """Enters a certificate found on a card or elsewhere, if it is one that one of `issuers` (by label) issued."""
        try:
            certificate = decode_certificate_untrusted(content)
        except BadCertificate:
            return
        for label, issuer in issuers.items():
            key = issuer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
            if key == certificate.authority_key_identifier:
                self.enter(certificate.encoded, label, card)

    def find(self, serial: int) -> Issued | None:
        """The certificate with that serial number."""
        document = self._store.get(Kind.CERTIFICATE, f"{serial:X}")
        return None if document is None else Issued.from_document(document)

    def named(self, what: str) -> list[Issued]:
        """All certificates of the card with the ICCSN `what`, else the one with that serial number.

        It is read as hexadecimal, as it is printed, and as decimal if there is none such.
        """
        of_card = [issued for issued in self if issued.card and issued.card == what.strip()]
        digits = what.replace(":", "").strip().upper().lstrip("0")
        found = of_card or [issued for issued in self if issued.number == digits]
        if not found and digits.isascii() and digits.isdecimal():
            found = [issued for issued in self if str(issued.serial) == digits]
        return found

    def revoke(self, what: str) -> list[Issued]:
        """Revokes a certificate by its serial number, or all of a card by its ICCSN (see `named`), now.

        Certificates that the card gets later are revoked, too. Returns those concerned. Raises `UnknownCertificate`.
        """
        concerned = self.named(what)
        if not concerned:
            raise UnknownCertificate
        now = self._clock.now().replace(microsecond=0)
        revoked = [replace(issued, revoked=issued.revoked or now) for issued in concerned]
        with self._store.transaction():
            for issued in revoked:
                self._put(issued)
            if concerned[0].card and concerned[0].card == what.strip():
                self._store.put_meta(f"revoked/{concerned[0].card}", now.isoformat())
        return revoked

    def __iter__(self) -> Iterator[Issued]:
        """All certificates, oldest first."""
        return (Issued.from_document(document) for document in self._store.all(Kind.CERTIFICATE).values())

    def _card_revoked(self, card: str) -> datetime | None:
        stored = self._store.meta(f"revoked/{card}") if card else None
        return None if stored is None else datetime.fromisoformat(stored)

    def _put(self, issued: Issued) -> None:
        self._store.put(Kind.CERTIFICATE, issued.number, issued.to_document())


def _kind(certificate: Certificate) -> str:
    """The profile's name: by certificate type, or for signers by what they may do."""
    for kind in CertificateType:
        if kind.oid in certificate.policies:
            return kind.profile
    return "signer"


def _name(certificate: Certificate) -> str:
    return next(iter(values(certificate, COMMON_NAME)), "")


def _digest(certificate: Certificate) -> bytes:
    return sha256(certificate.encoded).digest()
