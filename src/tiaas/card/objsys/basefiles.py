"""Contents of the root folder's information files, written by the personaliser and read by the Konnektor.

gemSpec_Karten_Fach_TIP_G2.1 and gemSpec_COS V3.12.0 as far as known (sicct_cards 8):

    EF.GDO         5A 0A ICCSN
    EF.Version2    EF { C0 filling rules, C1 object system, C2 product (16), C4 EF.GDO, C5 EF.ATR, [C7 EF.Logging] }
    EF.ATR         E0 { 02 command, 02 response, 02 command with SM, 02 response with SM }  (largest APDU each)
    EF.CardAccess  PACEInfo: id-PACE-ECDH-GM-AES-CBC-CMAC-128, version 2, parameter id 13 (brainpoolP256r1)
    EF.DIR         one record 61 { 4F AID } for each application, the first is the root
"""

from typing import Final

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.card.objsys.model import CardKind, Folder, ObjectSystem
from tiaas.tlv import BadTlv, Tlv, decode_untrusted, encode

ICCSN_SIZE: Final = 10
# Largest command and response, plain and with secure messaging: what the real cards tell (sicct_cards 8).
_RESPONSE_LIMIT: Final = 0x8002
_COMMAND_LIMITS: Final = {
    CardKind.EGK: 0x0809,
    CardKind.HBA: 0x0409,
    CardKind.HBA_QSIG: 0x0409,
    CardKind.SMC_B: 0x0409,
    CardKind.SMC_KT: 0x0409,
}

_PRODUCT_SIZE: Final = 16
# Maker (5 letters), product (8), version (3 octets): names nobody else uses.
_PRODUCT: Final = b"TIAASSOFTCARD\x01\x00\x00"

_FILLING_RULES: Final = bytes.fromhex("020000")
_LAYOUT_GDO: Final = bytes.fromhex("010000")
_LAYOUT_ATR: Final = bytes.fromhex("020000")
_LAYOUT_LOGGING: Final = bytes.fromhex("010000")
_OBJECT_SYSTEM: Final = {
    CardKind.EGK: bytes.fromhex("040502"),
    CardKind.HBA: bytes.fromhex("040701"),
    CardKind.SMC_B: bytes.fromhex("040800"),
    CardKind.SMC_KT: bytes.fromhex("040500"),
}

_CARD_ACCESS: Final = bytes.fromhex("31143012060A04007F0007020204020202010202010D")


class BadBaseFile(TiaasError):
    """A card's information file does not hold what it should."""


@dataclass(frozen=True, slots=True)
class CardVersions:
    """EF.Version2: versions are three octets (main, minor, revision), `product` 16 octets."""

    filling_rules: bytes
    object_system: bytes
    product: bytes
    gdo: bytes | None
    atr: bytes | None
    key_info: bytes | None
    logging: bytes | None

    @property
    def object_system_text(self) -> str:
        """Product type version of the object system, as `4.5.2`."""
        return ".".join(str(octet) for octet in self.object_system)

    @property
    def generation2(self) -> bool:
        """True for object systems 4.x.y."""
        return self.object_system[0] == 4

    @property
    def has_ecc(self) -> bool:
        """True from 4.4.0 on (G2.1): the card has keys on elliptic curves for X.509 certificates."""
        return self.object_system >= b"\x04\x04\x00"


def encode_gdo(iccsn: bytes) -> bytes:
    """EF.GDO of a card with this ICCSN (10 octets)."""
    if len(iccsn) != ICCSN_SIZE:
        raise ValueError("an ICCSN has 10 octets")
    return encode(0x5A, iccsn)


def decode_gdo_untrusted(raw: bytes) -> bytes:
    """The ICCSN (10 octets) in EF.GDO; raises only `BadBaseFile`."""
    return _sized(_only(raw, 0x5A), ICCSN_SIZE)


def encode_version2(kind: CardKind, object_system: bytes | None = None) -> bytes:
    """EF.Version2 of a lab card of that kind; `object_system` are 3 octets in place of the kind's own version."""
    parts = [
        encode(0xC0, _FILLING_RULES),
        encode(0xC1, object_system or _OBJECT_SYSTEM[kind]),
        encode(0xC2, _PRODUCT),
        encode(0xC4, _LAYOUT_GDO),
        encode(0xC5, _LAYOUT_ATR),
    ]
    if kind is CardKind.EGK:
        parts.append(encode(0xC7, _LAYOUT_LOGGING))
    return encode(0xEF, *parts)


def decode_version2_untrusted(raw: bytes) -> CardVersions:
    """Reads EF.Version2; raises only `BadBaseFile`."""
    content = _only(raw, 0xEF)
    try:
        found = {item.tag: item for item in content.children()}
    except BadTlv as error:
        raise BadBaseFile(str(error)) from None
    for tag in (0xC0, 0xC1, 0xC2):
        if tag not in found:
            raise BadBaseFile(f"EF.Version2 without data object {tag:X}")
    return CardVersions(
        filling_rules=_sized(found[0xC0], 3),
        object_system=_sized(found[0xC1], 3),
        product=_sized(found[0xC2], _PRODUCT_SIZE),
        gdo=_optional_version(found.get(0xC4)),
        atr=_optional_version(found.get(0xC5)),
        key_info=_optional_version(found.get(0xC6)),
        logging=_optional_version(found.get(0xC7)),
    )


def command_limit(kind: CardKind) -> int:
    """Octets of the longest command APDU a lab card of that kind takes."""
    return _COMMAND_LIMITS[kind]


def encode_atr_file(kind: CardKind) -> bytes:
    """EF.ATR of a lab card of that kind: its buffer sizes."""
    command = command_limit(kind)
    limits = (
        encode(0x02, command.to_bytes(2, "big")),
        encode(0x02, _RESPONSE_LIMIT.to_bytes(3, "big")),
        encode(0x02, command.to_bytes(2, "big")),
        encode(0x02, command.to_bytes(2, "big")),
    )
    return encode(0xE0, *limits)


@dataclass(frozen=True, slots=True)
class BufferSizes:
    """Largest APDUs, in octets, that a card says it can take and give."""

    command: int
    response: int
    command_sm: int
    response_sm: int


def decode_atr_file_untrusted(raw: bytes) -> BufferSizes:
    """The buffer sizes in EF.ATR (its other data objects are makers' own); raises only `BadBaseFile`."""
    try:
        first = next((item for item in decode_untrusted(raw) if item.tag == 0xE0), None)
        sizes = () if first is None else tuple(int.from_bytes(item.value, "big") for item in first.children())
    except BadTlv as error:
        raise BadBaseFile(str(error)) from None
    if len(sizes) != 4:
        raise BadBaseFile("EF.ATR without the four buffer sizes")
    return BufferSizes(*sizes)


def encode_card_access() -> bytes:
    """EF.CardAccess: the one PACE variant of G2.1 cards."""
    return _CARD_ACCESS


def decode_card_access_untrusted(raw: bytes) -> tuple[bytes, ...]:
    """The mechanisms (object identifiers) that EF.CardAccess offers; raises only `BadBaseFile`."""
    content = _only(raw, 0x31)
    try:
        offers = [item.children() for item in content.children() if item.tag == 0x30]
    except BadTlv as error:
        raise BadBaseFile(str(error)) from None
    return tuple(offer[0].value for offer in offers if offer and offer[0].tag == 0x06)


def encode_directory(system: ObjectSystem) -> list[bytes]:
    """The records of EF.DIR: every application of the object system that fits, the root first."""
    applications = [item for item in system.objects.values() if isinstance(item, Folder)]
    return [encode(0x61, encode(0x4F, folder.aid)) for folder in applications]


def decode_directory_record_untrusted(raw: bytes) -> bytes:
    """The application identifier in a record of EF.DIR; raises only `BadBaseFile`."""
    try:
        return _only(raw, 0x61).child(0x4F).value
    except BadTlv as error:
        raise BadBaseFile(str(error)) from None


def _only(raw: bytes, tag: int) -> Tlv:
    try:
        objects = decode_untrusted(raw)
    except BadTlv as error:
        raise BadBaseFile(str(error)) from None
    if len(objects) != 1 or objects[0].tag != tag:
        raise BadBaseFile(f"not exactly one data object {tag:X}")
    return objects[0]


def _sized(item: Tlv, size: int) -> bytes:
    if len(item.value) != size:
        raise BadBaseFile(f"data object {item.tag:X} has {len(item.value)} octets, not {size}")
    return item.value


def _optional_version(item: Tlv | None) -> bytes | None:
    return None if item is None else _sized(item, 3)
