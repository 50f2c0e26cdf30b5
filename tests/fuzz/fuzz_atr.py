"""Fuzz target: answers to reset."""

from contextlib import suppress

from tiaas.card.atr import BadAtr, decode_atr_untrusted

SEEDS: list[bytes] = [
    bytes.fromhex("3B909681B1FE451F0391"),
    bytes.fromhex("3B80800101"),
    bytes.fromhex("3BD096FF81B1FE451F072A"),
    bytes.fromhex("3B00"),
    b"",
]


def target(data: bytes) -> None:
    """Only `BadAtr` may escape; what is read is part of the input."""
    with suppress(BadAtr):
        atr = decode_atr_untrusted(data)
        assert atr.historical in data
        assert len(atr.historical) == data[1] & 0x0F
