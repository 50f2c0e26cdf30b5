"""The lab's authorities for card verifiable certificates (gemSpec_PKI V2.14.1, 6.4; names 6.4.3.2)."""

from datetime import date, timedelta
from enum import Enum, unique
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.lab.keys import new_ec_key, read_key, write_key
from tiaas.pki.cvc import Cvc, CvcBody, decode_cvc_untrusted, issue_cvc
from tiaas.pki.profession import CA_FLAGS_EGK, CA_FLAGS_GSMC, CA_FLAGS_HBA_SMCB, ROOT_FLAGS

_LETTERS = b"DETIA"
_SERVICE_CA, _SERVICE_CARD = 0x80, 0x10
_ECC = 0x02
_ROOT_DAYS, _CA_DAYS, _CARD_DAYS = 3652, 2922, 1826


@unique
class CvcAuthorityKind(Enum):
    """A CVC CA of the second level: index in its name, and the most it may grant (Tab_PKI_919-02)."""

    EGK = (1, CA_FLAGS_EGK)
    HPC = (2, CA_FLAGS_HBA_SMCB)
    SMC = (3, CA_FLAGS_HBA_SMCB)
    GSMC = (4, CA_FLAGS_GSMC)

    def __init__(self, index: int, flags: bytes) -> None:
        self.index = index
        self.flags = flags


@dataclass(frozen=True, slots=True)
class CvcAuthority:
    """A CA's certificate and key."""

    certificate: Cvc
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class CvcAuthorities:
    """Root and second level."""

    root: CvcAuthority
    authorities: dict[CvcAuthorityKind, CvcAuthority]

    @classmethod
    def create(cls, entropy: Entropy, today: date) -> "CvcAuthorities":
        """New keys and certificates, valid from `today`."""
        root_name = _name(_SERVICE_CA, 1, today)
        key = new_ec_key(entropy)
        body = CvcBody(root_name, root_name, key.public_key(), ROOT_FLAGS, today, today + timedelta(_ROOT_DAYS))
        root = CvcAuthority(issue_cvc(body, key), key)
        return cls(root, {kind: _second_level(kind, root, entropy, today) for kind in CvcAuthorityKind})

    def card(
        self,
        kind: CvcAuthorityKind,
        key: ec.EllipticCurvePublicKey,
        key_id: int,
        iccsn: bytes,
        flags: bytes,
        day: date,
        last: date | None = None,
    ) -> Cvc:
        """A card's certificate: CHR is `key_id` (2 octets) and `iccsn` (10); valid from `day` on.

        It is valid for 5 years and not longer than its CA. `last` is another last day: one before `day` makes a
        certificate that was issued five years before it and has ended.
        """
        authority = self.authorities[kind]
        end = min(last or day + timedelta(_CARD_DAYS), authority.certificate.cxd)
        start = day if day <= end else end - timedelta(_CARD_DAYS)
        name = key_id.to_bytes(2, "big") + iccsn
        return issue_cvc(CvcBody(authority.certificate.chr, name, key, flags, start, end), authority.key)

    def to_document(self) -> dict[str, Any]:
        """A JSON document with the certificates and PRIVATE KEYS."""
        second = {kind.name: _write(authority) for kind, authority in self.authorities.items()}
        return {"root": _write(self.root), **second}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "CvcAuthorities":
        """Reads what `to_document` wrote."""
        return cls(_read(document["root"]), {kind: _read(document[kind.name]) for kind in CvcAuthorityKind})


def _second_level(kind: CvcAuthorityKind, root: CvcAuthority, entropy: Entropy, today: date) -> CvcAuthority:
    key = new_ec_key(entropy)
    name = _name(_SERVICE_CARD, kind.index, today)
    end = today + timedelta(_CA_DAYS)
    body = CvcBody(root.certificate.chr, name, key.public_key(), kind.flags, today, end)
    return CvcAuthority(issue_cvc(body, root.key), key)


def _name(service: int, index: int, today: date) -> bytes:
    """Five letters, service and index nibble, algorithm 02, year of the key in BCD (Tab_PKI_266)."""
    return _LETTERS + bytes([service | index, _ECC]) + bytes.fromhex(today.strftime("%y"))


def _write(authority: CvcAuthority) -> dict[str, str]:
    return {"certificate": authority.certificate.encoded.hex(), "key": write_key(authority.key).hex()}


def _read(document: dict[str, str]) -> CvcAuthority:
    key = read_key(bytes.fromhex(document["key"]))
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("a CVC authority has an EC key")
    return CvcAuthority(decode_cvc_untrusted(bytes.fromhex(document["certificate"])), key)
