"""Krankenversichertenkarten of a lab: made when they are put in, gone when they are taken out, for nobody's records.

A memory card has no number of its own, so it is none of the lab's cards: it lives in its slot only, and a lab that
starts again starts without it.
"""

import enum
from collections.abc import Mapping

from tiaas.base.errors import InvalidInput
from tiaas.card.kvk import KvkField, encode_kvk
from tiaas.card.virtual.kvkcard import KvkCard

DEFAULT_FIELDS: Mapping[KvkField, str] = {
    KvkField.KASSENNAME: "Musterkasse TEST-ONLY",
    KvkField.KASSENNUMMER: "9999999",
    KvkField.VKNR: "99999",
    KvkField.VERSICHERTENNUMMER: "123456789",
    KvkField.STATUS: "1000",
    KvkField.STATUSERGAENZUNG: "1",
    KvkField.VORNAME: "Karla",
    KvkField.FAMILIENNAME: "Musterfrau",
    KvkField.GEBURTSDATUM: "01011950",
    KvkField.STRASSE: "Musterweg 1",
    KvkField.PLZ: "12345",
    KvkField.ORT: "Musterstadt",
    KvkField.GUELTIG_BIS: "1299",
}


@enum.unique
class KvkDamage(enum.StrEnum):
    """What may be wrong with a KVK: one bit of its record, or its contacts."""

    CHECKSUM = "checksum"
    UNREADABLE = "unreadable"


def make_kvk(fields: Mapping[str, str], damage: KvkDamage | None) -> KvkCard:
    """A card with the default fields but for `fields`, by the names of `KvkField`. Raises `InvalidInput`."""
    known = {field.name: field for field in KvkField}
    foreign = sorted(set(fields) - set(known))
    if foreign:
        raise InvalidInput(f"a KVK has no field {foreign[0]}; it has {', '.join(known)}")
    record = bytearray(encode_kvk({**DEFAULT_FIELDS, **{known[name]: text for name, text in fields.items()}}))
    if damage is KvkDamage.CHECKSUM:
        record[-1] ^= 0x01
    return KvkCard(bytes(record), unreadable=damage is KvkDamage.UNREADABLE)
