"""Fuzz target: the record of a Krankenversichertenkarte."""

from tiaas.card.kvk import BadKvk, KvkField, decode_kvk_untrusted, encode_kvk

SEEDS: list[bytes] = [
    encode_kvk(
        {
            KvkField.KASSENNAME: "Testkasse",
            KvkField.KASSENNUMMER: "1234567",
            KvkField.VERSICHERTENNUMMER: "987654321",
            KvkField.STATUS: "1000",
            KvkField.FAMILIENNAME: "Süß",
            KvkField.GEBURTSDATUM: "01021953",
            KvkField.PLZ: "12345",
            KvkField.ORT: "Köln",
        }
    ),
    bytes.fromhex("60038E01EC"),
]


def target(data: bytes) -> None:
    """Only `BadKvk` may escape; what is read stands at the beginning, with a checksum that fits."""
    try:
        record = decode_kvk_untrusted(data)
    except BadKvk:
        return
    assert data.startswith(record.encoded)
    assert decode_kvk_untrusted(record.encoded) == record
