"""Bestandsnetze.xml as the lab's KSR has it, signed beside it; in the lab's database.

The networks are invented: their addresses are those for measurements (RFC 2544, 198.18.0.0/15), so nobody routes them.
"""

import re
from collections.abc import Mapping
from datetime import date
from ipaddress import ip_address, ip_network
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from tiaas.ades import cades
from tiaas.ades.signing import SignedBy
from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.interfaces import infrastruktur_konfig_v1_0 as ticonf
from tiaas.lab.errors import BadControlRequest
from tiaas.lab.keys import new_ec_key
from tiaas.lab.pki import ORGANIZATION, AuthorityKind, Family, LabPki, label
from tiaas.lab.store import LabStore
from tiaas.pki.admission import build_admission
from tiaas.pki.issue import EndEntity
from tiaas.pki.keys import SigningScheme
from tiaas.pki.names import component_name
from tiaas.pki.oids import Role
from tiaas.pki.profiles import NETWORKS_SIGNER
from tiaas.soap.errors import UnfitMessage
from tiaas.soap.mapping import encode_document

NETWORKS_OCTETS = 4 * 1024 * 1024
FILE, SIGNATURE_FILE = "Bestandsnetze.xml", "Bestandsnetze.xml.p7s"
DOCUMENT_DAMAGES = frozenset({"networks-malformed", "networks-schema", "networks-useless"})
SIGNATURE_DAMAGES = frozenset(
    {"networks-signature-wrong", "networks-signer-role", "networks-signer-unknown", "networks-unsigned"}
)

_META = "networks"
_NAME = "bestandsnetze.tiaas.lab"
_VERSION = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")
_KEYS = frozenset({"id", "name", "segments", "domain", "servers", "valid_from", "valid_until", "changed"})
_FIRST: Mapping[str, Any] = {
    "version": "1.0.0",
    "networks": [
        {
            "id": "TIAAS-1",
            "name": "Netz der Kammern TEST-ONLY",
            "segments": ["198.18.0.0/24", "198.18.1.0/24"],
            "domain": "kammern.tiaas-test",
            "servers": ["198.18.0.53", "198.18.1.53"],
            "valid_from": "2026-01-01",
            "valid_until": "2099-12-31",
            "changed": "2026-01-01",
        },
        {
            "id": "TIAAS-2",
            "name": "Netz der Labore TEST-ONLY",
            "segments": ["198.19.0.0/16"],
            "domain": "labore.tiaas-test",
            "servers": ["198.19.0.53"],
            "valid_from": "2026-01-01",
            "valid_until": "2099-12-31",
            "changed": "2026-01-01",
        },
    ],
}


class Networks:
    """What lies there. `shown` is the JSON object of the control port, `document` the file."""

    def __init__(self, store: LabStore, pki: LabPki, clock: Clock, entropy: Entropy) -> None:
        self._store = store
        self._pki = pki
        self._clock = clock
        self._entropy = entropy
        self.shown: Mapping[str, Any] = store.meta(_META) or _FIRST
        self.document = _written(self.shown)
        self._served = self.document
        self._signers: dict[str, tuple[ec.EllipticCurvePrivateKey, bytes]] = {}

    def put(self, wish: Mapping[str, Any]) -> None:
        """Other networks from now on: `{"version", "networks": [{"id", …}]}`. Raises `BadControlRequest`."""
        shown = _read(wish, self._clock.now().date())
        document = _written(shown)
        self._store.put_meta(_META, shown)
        self.shown, self.document = shown, document

    def restore(self) -> None:
        """The networks that a new lab has."""
        self.put(_FIRST)

    def file(self, damage: str | None = None) -> bytes:
        """Bestandsnetze.xml, or with `damage` of `DOCUMENT_DAMAGES` what somebody published by mistake."""
        document = self.document
        if damage == "networks-malformed":
            document = document[: len(document) // 2]
        elif damage == "networks-schema":
            document = document.replace(b"DomainName>", b"Domainname>")
        elif damage == "networks-useless":
            document = re.sub(rb"<([A-Za-z0-9]*:?)NetworkPrefix>[^<]*<", rb"<\1NetworkPrefix>/99<", document)
        self._served = document
        return document

    def signature(self, damage: str | None = None) -> bytes:
        """What lies beside the file that was given out last: detached CAdES. `damage`: of `SIGNATURE_DAMAGES`."""
        key, certificate = self._signer(damage or "")
        scheme = SigningScheme.ECDSA
        signed = self._served + b" " if damage == "networks-signature-wrong" else self._served
        options = cades.CadesOptions(time=self._clock.now())
        prepared = cades.prepare(signed, SignedBy(certificate, scheme), options)
        values = [key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256()))) for digest in prepared.digests]
        return prepared.finish(values)

    def _signer(self, damage: str) -> tuple[ec.EllipticCurvePrivateKey, bytes]:
        known = self._signers.get(damage)
        if known is None:
            pki = LabPki.create(self._entropy, self._clock) if damage == "networks-signer-unknown" else self._pki
            role = Role.KONFIGDIENST if damage == "networks-signer-role" else Role.BESTANDSNETZE
            key = new_ec_key(self._entropy)
            name = component_name(_NAME, ORGANIZATION)
            holder = EndEntity(name, key.public_key(), build_admission(role), self._pki.ocsp_url)
            authority = pki.authority(AuthorityKind.KOMP)
            certificate = pki.certify(NETWORKS_SIGNER, holder, authority, label(AuthorityKind.KOMP, Family.ECC))
            known = self._signers[damage] = key, certificate
        return known


def _written(shown: Mapping[str, Any]) -> bytes:
    return encode_document(
        ticonf.Infrastructure(
            version=shown["version"],
            inventory=ticonf.InventoryNetworks(networks=tuple(map(_network, shown["networks"]))),
        )
    )


def _network(entry: Mapping[str, Any]) -> ticonf.InventoryNetwork:
    segments = [segment.partition("/") for segment in entry["segments"]]
    servers = ticonf.Servers(servers=tuple(entry["servers"]))
    days = (date.fromisoformat(entry[name]) for name in ("valid_from", "valid_until", "changed"))
    valid_from, valid_until, changed = days
    return ticonf.InventoryNetwork(
        id=entry["id"],
        name=entry["name"],
        networks=ticonf.Segments(
            segments=tuple(ticonf.Segment(address=address, prefix=prefix) for address, _, prefix in segments)
        ),
        dns=ticonf.Dns(domain=ticonf.Domain(name=entry["domain"], servers=servers)),
        history=ticonf.History(valid_from=valid_from, valid_until=valid_until, changed=changed),
    )


def _read(wish: Mapping[str, Any], today: date) -> Mapping[str, Any]:
    version, entries = wish.get("version"), wish.get("networks")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise BadControlRequest("version is none", 'three numbers with dots: {"version": "1.0.1"}')
    if not isinstance(entries, list) or not entries:
        raise BadControlRequest("networks is no list", "one network at least")
    shown = {"version": version, "networks": [_entry(entry, today) for entry in entries]}
    try:
        _written(shown)
    except UnfitMessage as error:
        raise BadControlRequest(f"against InfrastrukturKonfig.xsd: {error}", "GET /ksr/networks is right") from None
    return shown


def _entry(entry: Any, today: date) -> Mapping[str, Any]:
    if not isinstance(entry, dict) or not entry.keys() <= _KEYS:
        raise BadControlRequest("a network is an object", f"with {', '.join(sorted(_KEYS))}")
    days = {"valid_from": today.isoformat(), "valid_until": "2099-12-31", "changed": today.isoformat()}
    filled = {"name": "", **days, **entry}
    try:
        return {
            **{name: str(filled[name]) for name in ("id", "name", "domain")},
            "segments": [str(ip_network(segment)) for segment in filled["segments"]],
            "servers": [str(ip_address(server)) for server in filled["servers"]],
            **{name: date.fromisoformat(filled[name]).isoformat() for name in days},
        }
    except (KeyError, TypeError, ValueError):
        raise BadControlRequest(
            "a network has id, domain, segments and servers",
            '{"segments": ["198.18.0.0/24"], "servers": ["198.18.0.53"]}',
        ) from None
