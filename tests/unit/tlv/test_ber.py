"""BER-TLV."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.tlv import BadTlv, Tlv, decode_one_untrusted, decode_untrusted, encode, find

_TAGS = st.sampled_from([0x01, 0x5A, 0x6F, 0x84, 0x5F29, 0x7F4E, 0x5F8101, 0xE0])
_OBJECTS = st.lists(st.builds(Tlv, _TAGS, st.binary(max_size=300)), max_size=6)


@given(_OBJECTS)
def test_what_is_written_reads_the_same(objects: list[Tlv]) -> None:
    assert list(decode_untrusted(b"".join(item.encode() for item in objects))) == objects


@pytest.mark.parametrize(
    ("size", "field"), [(0, "00"), (127, "7F"), (128, "8180"), (255, "81FF"), (256, "820100"), (65536, "83010000")]
)
def test_lengths_are_written_shortest(size: int, field: str) -> None:
    assert encode(0x04, bytes(size))[1:].startswith(bytes.fromhex(field))


def test_longer_lengths_than_needed_are_read() -> None:
    assert decode_untrusted(bytes.fromhex("048300000 1AA".replace(" ", ""))) == (Tlv(0x04, b"\xaa"),)


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        ("04", "length missing"),
        ("0401", "exceeds"),
        ("0480", "not allowed"),
        ("0485", "not allowed"),
        ("048201", "cut off"),
        ("5F", "tag cut off"),
        ("5F8182", "tag longer"),
        ("0000", "00 is no tag"),
    ],
)
def test_what_is_refused(octets: str, reason: str) -> None:
    with pytest.raises(BadTlv, match=reason):
        decode_untrusted(bytes.fromhex(octets))


def test_walking() -> None:
    (outer,) = decode_untrusted(bytes.fromhex("7F4E075F290170420105"))
    assert outer.constructed
    assert outer.child(0x42).value == b"\x05"
    assert find(outer.children(), 0x99) is None
    with pytest.raises(BadTlv, match="99 missing in 7F4E"):
        outer.child(0x99)
    assert not Tlv(0x5F29, b"").constructed
    first, rest = decode_one_untrusted(b"\x04\x01\xaa\xff")
    assert (first.value, rest) == (b"\xaa", b"\xff")


def test_encode_nests_and_refuses_nonsense() -> None:
    assert encode(0x70, b"\x04\x00", Tlv(0x05, b"")) == bytes.fromhex("700404000500")
    with pytest.raises(ValueError, match="positive"):
        encode(0)
