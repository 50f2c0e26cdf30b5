"""Fuzz target: BER-TLV from cards and terminals."""

from tiaas.tlv import BadTlv, Tlv, decode_one_untrusted, decode_untrusted

SEEDS: list[bytes] = [
    bytes.fromhex("6F098407D2760001448000"),
    bytes.fromhex("7F4E0A5F290170420512345678AA"),
    bytes.fromhex("5A0A80276001011234567890"),
    bytes.fromhex("53820101") + bytes(257),
    bytes.fromhex("E0028000E1048102AABB"),
]
_DEPTH = 16


def target(data: bytes) -> None:
    """Only `BadTlv` may escape; what was read encodes to octets that read the same."""
    try:
        objects = decode_untrusted(data)
    except BadTlv:
        return
    encoded = b"".join(item.encode() for item in objects)
    if decode_untrusted(encoded) != objects or len(encoded) > len(data):
        raise AssertionError("not reproducible")
    if objects:
        first, rest = decode_one_untrusted(data)
        if first != objects[0] or decode_untrusted(rest) != objects[1:]:
            raise AssertionError("one and all differ")
    for item in objects:
        _descend(item, _DEPTH)


def _descend(item: Tlv, depth: int) -> None:
    if not item.constructed or not depth:
        return
    try:
        children = item.children()
    except BadTlv:
        return
    for child in children:
        _descend(child, depth - 1)
