"""Files of the eGK with insured data."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.fachdienste.vsdm.containers import (
    StatusVd,
    VdBlocks,
    VersionNumber,
    decode_gvd_untrusted,
    decode_pd_untrusted,
    decode_status_vd_untrusted,
    decode_vd_untrusted,
    encode_gvd,
    encode_pd,
    encode_status_vd,
    encode_vd,
)
from tiaas.interfaces.vsd_gzip import BadContainer, compress, decompress_untrusted

BLOCK = compress(b"<a/>")


def test_counted_files() -> None:
    assert encode_pd(BLOCK) == len(BLOCK).to_bytes(2, "big") + BLOCK
    padded = encode_pd(BLOCK) + bytes(100)
    assert decode_pd_untrusted(padded) == BLOCK
    assert decode_gvd_untrusted(encode_gvd(BLOCK)) == BLOCK
    assert decompress_untrusted(BLOCK) == b"<a/>"


def test_vd_offsets_are_inclusive() -> None:
    content = encode_vd(VdBlocks(BLOCK))
    assert content[:8].hex() == f"0008{8 + len(BLOCK) - 1:04x}ffffffff"
    assert decode_vd_untrusted(content) == VdBlocks(BLOCK)


def test_vd_as_on_cards_with_both_blocks() -> None:
    # Header of a real card: 0008 014D 014E 022F, the second block begins right behind the first one's end.
    other = compress(b"<b/>")
    content = encode_vd(VdBlocks(BLOCK, other))
    offsets = [int.from_bytes(content[at : at + 2], "big") for at in (0, 2, 4, 6)]
    assert offsets[2] == offsets[1] + 1
    assert offsets[3] == len(content) - 1
    assert decode_vd_untrusted(content) == VdBlocks(BLOCK, other)


def test_too_large_for_the_file() -> None:
    for encode in (encode_pd, encode_gvd):
        with pytest.raises(ValueError, match="do not fit"):
            encode(bytes(1300))
    with pytest.raises(ValueError, match="do not fit"):
        encode_vd(VdBlocks(bytes(1250)))


def test_status_vd() -> None:
    status = StatusVd(False, datetime(2026, 6, 1, 12, 30, 5, tzinfo=UTC))
    raw = encode_status_vd(status)
    assert raw == b"020260601123005" + bytes.fromhex("00500200000030000004")
    assert decode_status_vd_untrusted(raw) == status
    assert decode_status_vd_untrusted(b"1" + raw[1:]).transaction_open
    assert str(status.xml_version) == "5.2.0"


def test_version_digits_are_split_3_3_4() -> None:
    assert VersionNumber(7, 3, 1).encode().hex() == "0070030001"
    raw = b"0" + b"20260601123005" + bytes.fromhex("00700300010030000004")
    assert decode_status_vd_untrusted(raw).xml_version == VersionNumber(7, 3, 1)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x00", b"\x00\x00", b"\x00\x05abc", b"\x00\x03abc", b"\xff\xff" + BLOCK],
)
def test_bad_counted_files(content: bytes) -> None:
    with pytest.raises(BadContainer):
        decode_pd_untrusted(content)


@pytest.mark.parametrize(
    "header",
    ["ffffffffffffffff", "0007000900080009", "000801000008ffff", "0009000800080009", "0008ffffffffffff", "0008"],
)
def test_bad_vd(header: str) -> None:
    with pytest.raises(BadContainer):
        decode_vd_untrusted(bytes.fromhex(header) + BLOCK)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"2" + b"20260601123005" + bytes(10),
        b"0" + b"2026060112300x" + bytes(10),
        b"0" + b"20261301123005" + bytes(10),
        b"0" + b"20260601123005" + b"\xab" * 10,
    ],
)
def test_bad_status(content: bytes) -> None:
    with pytest.raises(BadContainer):
        decode_status_vd_untrusted(content)


def test_decompression_is_bounded() -> None:
    for block in (b"abc", BLOCK[:-9], compress(bytes(70_000)), b"\x1f\x8b\x08"):
        with pytest.raises(BadContainer):
            decompress_untrusted(block)


@given(st.binary(max_size=400))
def test_round_trip(xml: bytes) -> None:
    assert decompress_untrusted(decode_vd_untrusted(encode_vd(VdBlocks(compress(xml)))).vd or b"") == xml
