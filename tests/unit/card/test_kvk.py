"""The record of a Krankenversichertenkarte."""

import pytest

from tiaas.base.errors import InvalidInput
from tiaas.card.kvk import BadKvk, KvkFault, KvkField, decode_kvk_untrusted, encode_kvk
from tiaas.card.memoryatr import is_kvk, is_memory_card

LEAST = {
    KvkField.KASSENNAME: "Testkasse",
    KvkField.KASSENNUMMER: "1234567",
    KvkField.VERSICHERTENNUMMER: "987654321",
    KvkField.STATUS: "1",
    KvkField.FAMILIENNAME: "Öztürk",
    KvkField.GEBURTSDATUM: "01021953",
    KvkField.PLZ: "12345",
    KvkField.ORT: "Köln",
}


def test_octets_by_hand() -> None:
    record = encode_kvk(LEAST)
    body = (
        b"\x80\x09Testkasse\x81\x071234567\x82\x09987654321\x83\x011\x87\x06\\zt}rk"
        b"\x88\x0801021953\x8b\x0512345\x8c\x04K|ln\x8e\x01"
    )
    assert record[:-1] == b"\x60" + bytes([len(body) + 1]) + body
    checksum = 0
    for octet in record[:-1]:
        checksum ^= octet
    assert record[-1] == checksum
    found = decode_kvk_untrusted(record + b"\xff\xff")
    assert (found.encoded, found.fields) == (record, LEAST)
    assert "Öz" not in repr(found)


def test_every_flipped_bit_is_noticed() -> None:
    record = encode_kvk(LEAST)
    for at in range(len(record)):
        broken = bytearray(record)
        broken[at] ^= 0x04
        with pytest.raises(BadKvk):
            decode_kvk_untrusted(bytes(broken))


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", KvkFault.STRUCTURE),
        (b"\x61\x03\x8e\x01\x00", KvkFault.STRUCTURE),
        (b"\x60\x03\x80\x01\x00", KvkFault.STRUCTURE),
        (b"\x60\x04\x8e\x02\x00\x00", KvkFault.STRUCTURE),
        (b"\x60\x03\x8e\x01\x00", KvkFault.CHECKSUM),
        (b"\x60\x03\x8e\x01", KvkFault.STRUCTURE),
    ],
)
def test_what_is_refused(data: bytes, fault: KvkFault) -> None:
    with pytest.raises(BadKvk) as caught:
        decode_kvk_untrusted(data)
    assert caught.value.fault is fault


@pytest.mark.parametrize("change", [{KvkField.KASSENNUMMER: "1"}, {KvkField.ORT: "Łódź"}, {KvkField.VORNAME: "x" * 29}])
def test_fields_that_do_not_fit(change: dict[KvkField, str]) -> None:
    with pytest.raises(InvalidInput):
        encode_kvk(LEAST | change)


def test_a_field_that_every_card_has() -> None:
    with pytest.raises(InvalidInput):
        encode_kvk({field: text for field, text in LEAST.items() if field is not KvkField.ORT})


def test_answers_to_reset() -> None:
    assert is_kvk(bytes.fromhex("A2131091"))
    assert is_kvk(bytes.fromhex("82131091"))
    assert not is_kvk(bytes.fromhex("A2131011"))
    assert not is_kvk(bytes.fromhex("3B131091"))
    assert not is_memory_card(bytes.fromhex("3BDD00FF"))
    assert not is_memory_card(b"")
