"""The directory's entries: practices, doctors and insurers of the lab as the VZD lists them (gemSpec_VZD V1.15.0).

Flat below dc=data,dc=vzd. entryType and professionOID follow from the role in the certificate; who has no certificate
that is valid now is not listed. Addresses are below `kim.tiaas.example`, which nobody can own (RFC 6761).
"""

import base64
import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from tiaas.base.dataclass import dataclass
from tiaas.lab.seed import Institution, Insurer, Professional
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.oids import Role

BASE = "dc=data,dc=vzd"
KIM_DOMAIN = "kim.tiaas.example"
KIM_VERSION = "1.5+"
_PERSON, _INSTITUTION, _INSURER = "1", "3", "5"
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_GENERAL = "urn:psc:1.3.6.1.4.1.19376.3.276.1.5.4:ALLG"

Attributes = list[tuple[str, str | bytes]]


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One entry: its uid and its attributes in order, a name as often as it has values."""

    uid: str
    attributes: tuple[tuple[str, str | bytes], ...]

    def ldif(self) -> str:
        """In LDIF (RFC 2849), every value as base64."""
        lines = [f"dn: uid={self.uid},{BASE}", "objectClass: vzdEntry", f"uid: {self.uid}"]
        for name, value in self.attributes:
            octets = value if isinstance(value, bytes) else value.encode()
            lines.append(f"{name}:: {base64.b64encode(octets).decode()}")
        return "\n".join(lines) + "\n"


def practice_entry(
    institution: Institution, certificates: Iterable[bytes], now: datetime, number: int
) -> DirectoryEntry | None:
    """An institution's entry; None without a valid certificate."""
    valid = _valid(certificates, now)
    if not valid:
        return None
    role: Role = institution.kind.value
    attributes: Attributes = [
        ("telematikID", institution.telematik_id),
        ("domainID", institution.number),
        ("displayName", institution.name),
        ("cn", institution.name),
        ("sn", institution.name),
        ("organization", institution.name),
        ("streetAddress", institution.strasse),
        ("postalCode", institution.postleitzahl),
        ("localityName", institution.ort),
        ("stateOrProvinceName", institution.bundesland),
        ("countryCode", "DE"),
        ("professionOID", role.oid),
        ("entryType", _INSTITUTION),
        *([("specialization", _GENERAL)] if role is Role.PRAXIS_ARZT else []),
        *_kim(institution.name),
    ]
    return _entry(f"lei-{number}", attributes, valid, now)


def professional_entry(
    person: Professional, certificates: Iterable[bytes], now: datetime, number: int
) -> DirectoryEntry | None:
    """A professional's entry; None without a valid certificate."""
    valid = _valid(certificates, now)
    if not valid:
        return None
    role: Role = person.kind.value
    full = f"{person.vorname} {person.nachname}"
    attributes: Attributes = [
        ("telematikID", person.telematik_id),
        ("displayName", f"{person.nachname}, {person.vorname}"),
        ("cn", full),
        ("sn", person.nachname),
        ("givenName", person.vorname),
        *([("title", person.titel)] if person.titel else []),
        ("countryCode", "DE"),
        ("professionOID", role.oid),
        ("entryType", _PERSON),
        *_kim(full),
    ]
    return _entry(f"lee-{number}", attributes, valid, now)


def insurer_entry(insurer: Insurer, certificate: bytes, now: datetime) -> DirectoryEntry | None:
    """An insurer's entry, found by its IK as domainID; None without a valid certificate."""
    valid = _valid([certificate], now)
    if not valid:
        return None
    attributes: Attributes = [
        ("telematikID", insurer_telematik_id(insurer)),
        ("domainID", insurer.ik),
        ("displayName", insurer.name),
        ("cn", insurer.name),
        ("sn", insurer.name),
        ("organization", insurer.name),
        ("countryCode", "DE"),
        ("professionOID", Role.KOSTENTRAEGER.oid),
        ("entryType", _INSURER),
        *_kim(f"kasse {insurer.ik}"),
    ]
    return _entry(f"kasse-{insurer.ik}", attributes, valid, now)


def insurer_telematik_id(insurer: Insurer) -> str:
    """Sector 8 (Kostenträger)."""
    return f"8-{insurer.ik}"


def ldif(entries: Iterable[DirectoryEntry]) -> str:
    """The whole directory, its root first."""
    root = f"dn: {BASE}\nobjectClass: domain\ndc: data\n"
    return "\n".join([root, *(entry.ldif() for entry in entries)])


def _entry(uid: str, attributes: Attributes, certificates: Sequence[bytes], now: datetime) -> DirectoryEntry:
    system: Attributes = [
        ("personalEntry", "TRUE" if ("entryType", _PERSON) in attributes else "FALSE"),
        ("dataFromAuthority", "FALSE"),
        ("changeDateTime", f"{now:%Y%m%d%H%M%S}Z"),
        *(("userCertificate;binary", der) for der in certificates),
    ]
    return DirectoryEntry(uid, (*attributes, *system))


def _kim(name: str) -> Attributes:
    """Mail address and KIM data: <address>,<version>; komLeData is the older form <version>,<address>."""
    local = re.sub(r"[^a-z0-9]+", ".", name.lower().translate(_UMLAUTS)).strip(".")
    address = f"{local}@{KIM_DOMAIN}"
    return [("mail", address), ("kimData", f"{address},{KIM_VERSION}"), ("komLeData", f"1.5,{address}")]


def _valid(certificates: Iterable[bytes], now: datetime) -> list[bytes]:
    found = []
    for der in certificates:
        try:
            certificate = decode_certificate_untrusted(der)
        except BadCertificate:
            continue
        if certificate.not_before <= now <= certificate.not_after:
            found.append(der)
    return found
