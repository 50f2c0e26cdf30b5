"""The persistent content of one card: everything that differs between two cards of the same kind and survives a reset.

The form for storage (`to_document`) holds private keys and PINs in the clear; whoever stores it protects it.
"""

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from datetime import date
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.base.secret import Secret
from tiaas.card.elc import BadCryptogram, decode_point
from tiaas.card.objsys.model import CardKind, KeyProfile, TransportStatus
from tiaas.card.pinblock import BadPinBlock, encode_pin_block
from tiaas.card.virtual.defects import Defect

ICCSN_SIZE = 10
_VERSION = 1


class BadImage(TiaasError):
    """A document that is no card image of the version read here."""


@dataclass(slots=True)
class PasswordState:
    """State of a password. Secret and PUK are ASCII digits, `secret` None is a Leer-PIN.

    Of a multi-reference password only `enabled` counts, the rest stands at its target.
    """

    secret: Secret | None
    puk: Secret | None
    retry_counter: int
    puk_uses: int
    transport: TransportStatus
    enabled: bool


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key for checking certificates (8 octets `key_id`, CAR) or for authentication (12 octets, CHR).

    `point` is the uncompressed point on brainpoolP256r1; `expires` the last day (None: never, for a trust anchor).
    """

    key_id: bytes
    point: bytes
    flag_oid: bytes
    flags: bytes
    expires: date | None

    @property
    def checks_certificates(self) -> bool:
        """True if the key may check certificates (first flag bit)."""
        return bool(self.flags[0] & 0x80)

    @property
    def is_root(self) -> bool:
        """True for the key of a root (first two flag bits)."""
        return self.flags[0] & 0xC0 == 0xC0


@dataclass(slots=True)
class CardImage:
    """One card. Paths are those of its object system; a path that is missing is empty, or filled by the source.

    `files`: octets up to the logical end of file. `records`: in the order of their numbers, 1 first (cyclic: newest
    first). `keys`: PKCS#8 DER; symmetric keys `enc ‖ mac`; the CAN as ASCII digits. `public_keys` by key id. `profile`
    says which kinds of keys the card was made for, `defect` what is broken.
    """

    kind: CardKind
    iccsn: bytes
    point_in_time: date
    files: dict[str, bytes] = field(default_factory=dict)
    records: dict[str, list[bytes]] = field(default_factory=dict)
    passwords: dict[str, PasswordState] = field(default_factory=dict)
    keys: dict[str, bytes] = field(default_factory=dict, repr=False)
    public_keys: dict[bytes, PublicKey] = field(default_factory=dict)
    deactivated: set[str] = field(default_factory=set)
    deactivated_records: dict[str, set[int]] = field(default_factory=dict)
    profile: KeyProfile = KeyProfile.RSA_AND_ECC
    defect: Defect | None = None

    def __post_init__(self) -> None:
        if len(self.iccsn) != ICCSN_SIZE:
            raise BadImage("an ICCSN has 10 octets")

    @property
    def iccsn8(self) -> bytes:
        """The last 8 octets of the ICCSN, the card's name in authentication (gemSpec_COS 8.1)."""
        return self.iccsn[-8:]

    def __repr__(self) -> str:
        # The ICCSN is personal data (it leads to the insured person).
        return f"CardImage({self.kind.value}, {len(self.files)} files, {len(self.keys)} keys)"

    def become(self, other: "CardImage") -> None:
        """All content is that of `other` from now on: the change before could not be kept."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))

    def to_document(self) -> dict[str, Any]:
        """A JSON-able form with everything in it, secrets too."""
        return {
            "version": _VERSION,
            "kind": self.kind.value,
            "iccsn": self.iccsn.hex(),
            "point_in_time": self.point_in_time.isoformat(),
            "files": _hex_values(self.files),
            "records": {path: [record.hex() for record in records] for path, records in self.records.items()},
            "passwords": {path: _password_document(state) for path, state in self.passwords.items()},
            "keys": _hex_values(self.keys),
            "public_keys": [_key_document(key) for key in self.public_keys.values()],
            "deactivated": sorted(self.deactivated),
            "deactivated_records": {path: sorted(numbers) for path, numbers in self.deactivated_records.items()},
            "profile": self.profile.value,
            "defect": None if self.defect is None else self.defect.to_document(),
        }

    @classmethod
    def from_document(cls, document: Any) -> "CardImage":
        """The image a document of `to_document` describes; raises `BadImage`."""
        if not isinstance(document, dict) or document.get("version") != _VERSION:
            raise BadImage(f"version: a card image of version {_VERSION} is read here, and no other")
        return cls(**{name: _part(name, document) for name in _PARTS})


def _hex_values(values: dict[str, bytes]) -> dict[str, str]:
    return {path: value.hex() for path, value in values.items()}


def _bytes_values(values: dict[str, str]) -> dict[str, bytes]:
    return {path: bytes.fromhex(value) for path, value in values.items()}


def _password_document(state: PasswordState) -> dict[str, Any]:
    return {
        "secret": None if state.secret is None else state.secret.reveal().decode("ascii"),
        "puk": None if state.puk is None else state.puk.reveal().decode("ascii"),
        "retry_counter": state.retry_counter,
        "puk_uses": state.puk_uses,
        "transport": state.transport.value,
        "enabled": state.enabled,
    }


def _read_digits(text: str | None) -> Secret | None:
    if text is None:
        return None
    digits = Secret(text.encode("ascii"))
    encode_pin_block(digits)
    return digits


def _read_password(entry: dict[str, Any]) -> PasswordState:
    return PasswordState(
        secret=_read_digits(entry["secret"]),
        puk=_read_digits(entry["puk"]),
        retry_counter=int(entry["retry_counter"]),
        puk_uses=int(entry["puk_uses"]),
        transport=TransportStatus(entry["transport"]),
        enabled=bool(entry["enabled"]),
    )


def _key_document(key: PublicKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id.hex(),
        "point": key.point.hex(),
        "flag_oid": key.flag_oid.hex(),
        "flags": key.flags.hex(),
        "expires": None if key.expires is None else key.expires.isoformat(),
    }


def _read_keys(entries: list[dict[str, Any]]) -> dict[bytes, PublicKey]:
    keys = [_read_key(entry) for entry in entries]
    return {key.key_id: key for key in keys}


def _read_key(entry: dict[str, Any]) -> PublicKey:
    point = bytes.fromhex(entry["point"])
    decode_point(point)
    return PublicKey(
        key_id=bytes.fromhex(entry["key_id"]),
        point=point,
        flag_oid=bytes.fromhex(entry["flag_oid"]),
        flags=bytes.fromhex(entry["flags"]),
        expires=None if entry["expires"] is None else date.fromisoformat(entry["expires"]),
    )


def _read_records(entries: dict[str, list[str]]) -> dict[str, list[bytes]]:
    return {path: [bytes.fromhex(text) for text in texts] for path, texts in entries.items()}


def _read_numbers(entries: dict[str, list[int]]) -> dict[str, set[int]]:
    return {path: set(numbers) for path, numbers in entries.items()}


def _read_passwords(entries: dict[str, dict[str, Any]]) -> dict[str, PasswordState]:
    return {path: _read_password(entry) for path, entry in entries.items()}


_PARTS: Mapping[str, Callable[[Any], Any]] = {
    "kind": CardKind,
    "iccsn": bytes.fromhex,
    "point_in_time": date.fromisoformat,
    "files": _bytes_values,
    "records": _read_records,
    "passwords": _read_passwords,
    "keys": _bytes_values,
    "public_keys": _read_keys,
    "deactivated": set,
    "deactivated_records": _read_numbers,
    "profile": KeyProfile,
    "defect": lambda entry: None if entry is None else Defect.from_document(entry),
}
# Images from before there were such cards have neither.
_NEW_PARTS: Mapping[str, Any] = {"profile": KeyProfile.RSA_AND_ECC.value, "defect": None}


def _part(name: str, document: dict[str, Any]) -> Any:
    """One part of an image; the error names it, and nothing of what is in it."""
    if name not in document and name not in _NEW_PARTS:
        raise BadImage(f"{name} is missing")
    try:
        return _PARTS[name](document.get(name, _NEW_PARTS.get(name)))
    except KeyError as error:
        raise BadImage(f"{name}: {error.args[0]} is missing") from None
    except (TypeError, ValueError, AttributeError, OverflowError, BadPinBlock, BadCryptogram) as error:
        raise BadImage(f"{name} does not read as such ({type(error).__name__})") from None
