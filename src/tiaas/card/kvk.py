"""The Krankenversichertenkarte: its record, "VersichertenDatenTemplate" (KBV Merkblatt Krankenversichertenkarte V2.05,
table 1).

    60 L { 80 Kasse, 81 Kassennummer, 8F VKNR/WOP, 82 Versichertennummer, 83 Status, 90 Statusergänzung, 84 Titel,
           85 Vorname, 86 Namenszusatz, 87 Familienname, 88 Geburtsdatum TTMMJJJJ, 89 Straße, 8A Land, 8B PLZ, 8C Ort,
           8D gültig bis MMJJ, 8E Prüfsumme }

Texts are in DIN 66003. The checksum is the exclusive or of all octets before its value, from the tag 60 on; so it is
zero over the whole record.
"""

import enum
from collections.abc import Mapping
from functools import reduce
from operator import xor

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput, TiaasError
from tiaas.tlv.ber import BadTlv, decode_one_untrusted, encode

AIDS = (bytes.fromhex("D27600000101"), bytes.fromhex("D28000000101"))
"""The application of the KVK and its name of former times; cards with either are in use (ch. 4.1)."""
TAG_TEMPLATE = 0x60
TAG_CHECKSUM = 0x8E

_TO_NATIONAL = str.maketrans("§ÄÖÜäöüß", "@[\\]{|}~")
_FROM_NATIONAL = str.maketrans("@[\\]{|}~", "§ÄÖÜäöüß")


@enum.unique
class KvkField(enum.Enum):
    """A field: tag, least and largest length in octets, whether every card has it."""

    KASSENNAME = (0x80, 2, 28, True)
    KASSENNUMMER = (0x81, 7, 7, True)
    VKNR = (0x8F, 5, 5, False)
    VERSICHERTENNUMMER = (0x82, 6, 12, True)
    STATUS = (0x83, 1, 4, True)
    STATUSERGAENZUNG = (0x90, 1, 3, False)
    TITEL = (0x84, 2, 15, False)
    VORNAME = (0x85, 1, 28, False)
    NAMENSZUSATZ = (0x86, 1, 15, False)
    FAMILIENNAME = (0x87, 2, 28, True)
    GEBURTSDATUM = (0x88, 8, 8, True)
    STRASSE = (0x89, 1, 28, False)
    LAND = (0x8A, 1, 3, False)
    PLZ = (0x8B, 4, 7, True)
    ORT = (0x8C, 2, 23, True)
    GUELTIG_BIS = (0x8D, 4, 4, False)

    def __init__(self, tag: int, least: int, most: int, always: bool) -> None:
        self.tag = tag
        self.least = least
        self.most = most
        self.always = always


_BY_TAG = {field.tag: field for field in KvkField}


@enum.unique
class KvkFault(enum.Enum):
    """What is wrong with a record."""

    STRUCTURE = "structure"
    CHECKSUM = "checksum"


class BadKvk(TiaasError):
    """Octets that are no record of a KVK, or one whose checksum is wrong (`fault`)."""

    def __init__(self, fault: KvkFault) -> None:
        super().__init__(f"KVK: {fault.value}")
        self.fault = fault


@dataclass(frozen=True, slots=True, repr=False)
class KvkRecord:
    """A record with a right checksum: the octets as they stand on the card, and the fields. Personal data."""

    encoded: bytes
    fields: Mapping[KvkField, str]

    def __repr__(self) -> str:
        return "KvkRecord()"


def encode_kvk(fields: Mapping[KvkField, str]) -> bytes:
    """The record of these fields with its checksum, in the table's order. Raises `InvalidInput`."""
    parts: list[bytes] = []
    for field in KvkField:
        text = fields.get(field)
        if text is None:
            if field.always:
                raise InvalidInput(f"a KVK needs {field.name}")
            continue
        try:
            value = text.translate(_TO_NATIONAL).encode("ascii")
        except UnicodeEncodeError:
            raise InvalidInput(f"{field.name}: a KVK has only the characters of DIN 66003") from None
        if not field.least <= len(value) <= field.most:
            raise InvalidInput(f"{field.name}: {field.least} to {field.most} characters")
        parts.append(encode(field.tag, value))
    without = encode(TAG_TEMPLATE, *parts, encode(TAG_CHECKSUM, b"\x00"))
    return without[:-1] + bytes([_xor(without)])


def decode_kvk_untrusted(data: bytes) -> KvkRecord:
    """The record at the beginning of `data`; octets behind it are left alone. Raises only `BadKvk`."""
    try:
        template, rest = decode_one_untrusted(data)
        objects = template.children()
    except BadTlv:
        raise BadKvk(KvkFault.STRUCTURE) from None
    if template.tag != TAG_TEMPLATE or not objects or objects[-1].tag != TAG_CHECKSUM or len(objects[-1].value) != 1:
        raise BadKvk(KvkFault.STRUCTURE)
    encoded = data[: len(data) - len(rest)]
    if _xor(encoded) != 0:
        raise BadKvk(KvkFault.CHECKSUM)
    fields: dict[KvkField, str] = {}
    for item in objects[:-1]:
        field = _BY_TAG.get(item.tag)
        if field is not None:
            fields[field] = item.value.decode("ascii", "replace").translate(_FROM_NATIONAL)
    return KvkRecord(encoded, fields)


def _xor(data: bytes) -> int:
    return reduce(xor, data, 0)
