"""The ready file: `ready.json` in the lab folder says where everything is (design, §6), format version 1.

It exists exactly while the lab serves: written atomically (a reader never sees half of it), mode 0600 because PINs,
passwords and key paths are in it, written anew when a card moves or a PIN changes, removed at stop. All paths are
absolute; `cert`, `key` and `ca` are PEM, keys unencrypted; `sicct` is `host:port`; `in` is `{"ct_id", "slot"}` or null.

    version
    instances[]   konnektor, client, context, workplaces[], terminals[], cards, virtual_smbs[], kon_file, ldap; those of
                  the first one are repeated at the top
    virtual_smbs  the SMC-Bs in an HSM, each with its activation code; empty without `--hsm`
    ldap          url (ldaps), plain (ldap, or null) and base of the directory's proxy; null where there is none
    lab           control, ca_bundle, faults, journal; ocsp, tsl, bnetza are URLs of the lab's PKI services, vzd is
                  that of the directory behind the proxy, or null
    portal        url of the status page
    base          how the node is managed: url, ca, token

Each instance has `admin` like `base`: where it is managed, the PEM file to trust, a Super-Administrator's token.

Beside it lies one `.kon` file per instance in the JSON format that the `ti` command line of gematik/zero-lab reads
(facts from `go/kon/dotkon.go` and `config.go` there): PKCS#12 and trust anchors are inside as base64.
"""

import json
import os
import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.lab.errors import LabNotFound

READY_FILE = "ready.json"
FORMAT_VERSION = 1
KON_VERSION = "1.0.0"
_TEMPORARY = re.compile(r"\..+\.(?:json|pem|p12|kon)\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a card sits: a terminal's slot, counted from 1."""

    ct_id: str
    slot: int


@dataclass(frozen=True, slots=True)
class KonnektorEntry:
    """`url` is the origin, `sds` the service directory's URL, `ca` the PEM file a client trusts."""

    url: str
    sds: str
    ca: Path


@dataclass(frozen=True, slots=True)
class LdapEntry:
    """The instance's LDAP proxy: `url` with TLS, `plain` without where that is allowed, `base` where searches begin."""

    url: str
    plain: str | None
    base: str


@dataclass(frozen=True, slots=True)
class ClientEntry:
    """One identity in two forms: PKCS#12, and certificate and key as PEM."""

    p12: Path
    p12_password: Secret
    cert: Path
    key: Path


@dataclass(frozen=True, slots=True)
class ContextEntry:
    """The call context (ConnectorContext 2.0) that the demo practice's information model allows."""

    mandant_id: str
    client_system_id: str
    workplace_id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class WorkplaceEntry:
    """A workplace of the practice and its local terminals; the first one is that of the call context."""

    workplace_id: str
    ct_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SlotEntry:
    """A slot and the card in it."""

    number: int
    iccsn: str | None


@dataclass(frozen=True, slots=True)
class TerminalEntry:
    """A virtual terminal: its SICCT listener and its control port."""

    ct_id: str
    name: str
    sicct: str
    control: str
    slots: tuple[SlotEntry, ...]


@dataclass(frozen=True, slots=True)
class CardEntry:
    """A card, its holder and its PINs in force; `place` is None in the drawer."""

    iccsn: str
    holder: str
    kvnr: str | None
    pins: Mapping[str, Secret]
    place: Place | None


@dataclass(frozen=True, slots=True)
class VirtualSmbEntry:
    """A virtual SMC-B, the logical terminal it shows at, and its activation code."""

    iccsn: str
    ct_id: str
    code: Secret


@dataclass(frozen=True, slots=True)
class CardsEntry:
    """The cards of a practice by type."""

    egk: tuple[CardEntry, ...] = ()
    smcb: tuple[CardEntry, ...] = ()
    hba: tuple[CardEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class AdminEntry:
    """A management interface: origin, the PEM file a client trusts, a token of the highest role."""

    url: str
    ca: Path
    token: Secret


@dataclass(frozen=True, slots=True)
class InstanceEntry:
    """One practice with its vInstanz."""

    konnektor: KonnektorEntry
    client: ClientEntry
    context: ContextEntry
    workplaces: tuple[WorkplaceEntry, ...]
    terminals: tuple[TerminalEntry, ...]
    cards: CardsEntry
    kon_file: Path
    admin: AdminEntry | None = None
    ldap: LdapEntry | None = None
    virtual_smbs: tuple[VirtualSmbEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class LabEntry:
    """The lab's own addresses."""

    control: str
    ca_bundle: Path
    ocsp: str | None = None
    tsl: str | None = None
    bnetza: str | None = None
    faults: str | None = None
    journal: str | None = None
    vzd: str | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """The whole file."""

    instances: tuple[InstanceEntry, ...]
    lab: LabEntry
    portal_url: str | None = None
    base: AdminEntry | None = None
    version: int = field(default=FORMAT_VERSION)

    def to_document(self) -> dict[str, Any]:
        """The JSON object; PINs and passwords are in it in the clear."""
        instances = [_instance(entry) for entry in self.instances]
        lab = {
            "control": self.lab.control,
            "ocsp": self.lab.ocsp,
            "tsl": self.lab.tsl,
            "bnetza": self.lab.bnetza,
            "ca_bundle": str(self.lab.ca_bundle),
            "faults": self.lab.faults,
            "journal": self.lab.journal,
            "vzd": self.lab.vzd,
        }
        first = instances[0] if instances else {}
        return {
            "version": self.version,
            **first,
            "instances": instances,
            "lab": lab,
            "portal": {"url": self.portal_url},
            "base": None if self.base is None else _admin(self.base),
        }


def write_ready(folder: Path, ready: Ready) -> Path:
    """Writes `ready.json` into `folder` and returns its path."""
    path = folder / READY_FILE
    write_private(path, json.dumps(ready.to_document(), indent=2, ensure_ascii=False).encode() + b"\n")
    return path


def remove_ready(folder: Path) -> None:
    """Removes `ready.json`; nothing happens if there is none."""
    (folder / READY_FILE).unlink(missing_ok=True)


def read_ready(folder: Path) -> dict[str, Any]:
    """The content of a running lab's `ready.json`. Raises `LabNotFound`."""
    try:
        document = json.loads((folder / READY_FILE).read_bytes())
    except FileNotFoundError as error:
        raise LabNotFound(f"no lab runs in {folder}; start it with: tiaas up --dir {folder}") from error
    except (OSError, ValueError) as error:
        raise LabNotFound(f"cannot read {folder / READY_FILE}: {error}") from error
    if not isinstance(document, dict) or document.get("version") != FORMAT_VERSION:
        raise LabNotFound(f"{folder / READY_FILE} is not of format {FORMAT_VERSION}; was it written by another tiaas?")
    return document


def kon_document(
    konnektor: KonnektorEntry,
    context: ContextEntry,
    credentials: Mapping[str, str],
    anchors: Sequence[bytes],
) -> dict[str, Any]:
    """The `.kon` content. `credentials` are those of `pkcs12_credentials` or `basic_credentials`.

    `anchors` are DER certificates; an end-entity certificate among them is pinned.
    """
    host = konnektor.url.partition("://")[2].rpartition(":")[0].strip("[]")
    return {
        "version": KON_VERSION,
        "url": konnektor.url,
        "rewriteServiceEndpoints": False,
        "mandantId": context.mandant_id,
        "workplaceId": context.workplace_id,
        "clientSystemId": context.client_system_id,
        "userId": context.user_id,
        "credentials": dict(credentials),
        "env": "ru",
        "insecureSkipVerify": False,
        "expectedHost": host,
        "trustStore": [b64encode(anchor).decode() for anchor in anchors],
    }


def pkcs12_credentials(p12: bytes, password: Secret) -> dict[str, str]:
    """`.kon` credentials: a client certificate with its key."""
    return {"type": "pkcs12", "data": b64encode(p12).decode(), "password": password.reveal().decode()}


def basic_credentials(user: str, password: Secret) -> dict[str, str]:
    """`.kon` credentials: user and password for HTTP Basic authentication."""
    return {"type": "basic", "username": user, "password": password.reveal().decode()}


def write_kon(path: Path, document: Mapping[str, Any]) -> None:
    """Writes a `.kon` file, mode 0600."""
    write_private(path, json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")


def write_private(path: Path, content: bytes) -> None:
    """Replaces a file's content in one step, mode 0600."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    temporary.replace(path)


def sweep_private(folder: Path) -> None:
    """Removes what `write_private` left half written below `folder` in a process that was killed.

    Only for who holds the folder's lock: to anybody else it may be a file that is being written.
    """
    for path in folder.rglob(".*"):
        if _TEMPORARY.fullmatch(path.name) and path.is_file():
            path.unlink(missing_ok=True)


def _instance(entry: InstanceEntry) -> dict[str, Any]:
    return {
        "konnektor": {"url": entry.konnektor.url, "sds": entry.konnektor.sds, "ca": str(entry.konnektor.ca)},
        "client": {
            "p12": str(entry.client.p12),
            "p12_password": entry.client.p12_password.reveal().decode(),
            "cert": str(entry.client.cert),
            "key": str(entry.client.key),
        },
        "context": {
            "mandant_id": entry.context.mandant_id,
            "client_system_id": entry.context.client_system_id,
            "workplace_id": entry.context.workplace_id,
            "user_id": entry.context.user_id,
        },
        "workplaces": [
            {"workplace_id": workplace.workplace_id, "ct_ids": list(workplace.ct_ids)} for workplace in entry.workplaces
        ],
        "terminals": [_terminal(terminal) for terminal in entry.terminals],
        "cards": {
            "egk": [_card(card) for card in entry.cards.egk],
            "smcb": [_card(card) for card in entry.cards.smcb],
            "hba": [_card(card) for card in entry.cards.hba],
        },
        "virtual_smbs": [
            {"iccsn": smb.iccsn, "ct_id": smb.ct_id, "activation_code": smb.code.reveal().decode()}
            for smb in entry.virtual_smbs
        ],
        "kon_file": str(entry.kon_file),
        "ldap": None if entry.ldap is None else _ldap(entry.ldap),
        "admin": None if entry.admin is None else _admin(entry.admin),
    }


def _admin(entry: AdminEntry) -> dict[str, str]:
    return {"url": entry.url, "ca": str(entry.ca), "token": entry.token.reveal().decode()}


def _ldap(entry: LdapEntry) -> dict[str, Any]:
    return {"url": entry.url, "plain": entry.plain, "base": entry.base}


def _terminal(entry: TerminalEntry) -> dict[str, Any]:
    return {
        "ct_id": entry.ct_id,
        "name": entry.name,
        "sicct": entry.sicct,
        "control": entry.control,
        "slots": [{"number": slot.number, "iccsn": slot.iccsn} for slot in entry.slots],
    }


def _card(entry: CardEntry) -> dict[str, Any]:
    place = None if entry.place is None else {"ct_id": entry.place.ct_id, "slot": entry.place.slot}
    return {
        "iccsn": entry.iccsn,
        "holder": entry.holder,
        "kvnr": entry.kvnr,
        "pins": {name: value.reveal().decode() for name, value in entry.pins.items()},
        "in": place,
    }
