"""Prüfziffer, both versions. Published values: gematik lib-bbriccs, vsdm-check-digit-brick (Apache-2.0), its tests."""

import base64
from datetime import UTC, datetime

import pytest

from tiaas.base.entropy import SeededEntropy
from tiaas.fachdienste.vsdm.pruefziffer import (
    SIZE,
    BadPruefziffer,
    OperatorKey,
    ProofV1,
    ProofV2,
    Reason,
    decode_untrusted,
    encode_v1,
    encode_v2,
    hcv,
)

SECRET = bytes(31) + b"\x01"
NOW = datetime(2026, 3, 1, 12, 0, 3, tzinfo=UTC)
KEY = OperatorKey("T", 1, SECRET)
PUBLISHED_2 = base64.b64decode("3gyWVfvt1Yncz80adEC997AOEMJAzBxElpKwgyPfL+mGjrG31Yo4AqT9vT168v0=")
PUBLISHED_1 = base64.b64decode("WTc4NTcyODA3MTE2ODU0NDA4MzdVQzEpQdKViiyA4SGBIjkJuPVMWhLD6OBwggI=")


def test_published_version_2_is_read() -> None:
    proof = decode_untrusted(PUBLISHED_2, OperatorKey("X", 2, SECRET))
    issued_at = datetime(2025, 1, 12, 21, 35, 12, tzinfo=UTC)
    assert proof == ProofV2("A123456789", issued_at, bytes.fromhex("10be65f365"), False, "X", 2)


def test_published_version_1_has_our_layout() -> None:
    # The secret of this value is not published; the fields are in the clear.
    made = encode_v1("Y785728071", Reason.UFS, datetime.fromtimestamp(1685440837, UTC), OperatorKey("C", 1, SECRET))
    assert made[:23] == PUBLISHED_1[:23]
    with pytest.raises(BadPruefziffer, match="checksum"):
        decode_untrusted(PUBLISHED_1, OperatorKey("C", 1, SECRET))


@pytest.mark.parametrize(
    ("begin", "street", "expected"),
    [
        ("2018-01-11T07:00:00", "Beispielstrasse", "10be65f365"),
        ("2018-01-11T07:00:00", "", "40851ebe59"),
        ("20180111", " Beispielstrasse ", "17d643edc2"),
    ],
)
def test_hcv(begin: str, street: str, expected: str) -> None:
    assert hcv(begin, street).hex() == expected


@pytest.mark.parametrize("reason", list(Reason))
def test_version_1_comes_back(reason: Reason) -> None:
    made = encode_v1("A123456789", reason, NOW, KEY)
    assert len(made) == SIZE
    assert decode_untrusted(made, KEY) == ProofV1("A123456789", NOW, reason, "T", 1)


@pytest.mark.parametrize("revoked", [False, True])
def test_version_2_comes_back(revoked: bool) -> None:
    check = hcv("20200101", "Hauptstraße")
    made = encode_v2("A123456789", check, NOW, KEY, SeededEntropy(b"pz"), revoked=revoked)
    assert len(made) == SIZE
    eight = NOW.replace(second=0)
    assert decode_untrusted(made, KEY) == ProofV2("A123456789", eight, check, revoked, "T", 1)


@pytest.mark.parametrize("version", [1, 2])
def test_every_changed_octet_is_noticed(version: int) -> None:
    check = hcv("20200101", "Hauptstraße")
    if version == 1:
        made = encode_v1("A123456789", Reason.VSD, NOW, KEY)
    else:
        made = encode_v2("A123456789", check, NOW, KEY, SeededEntropy(b"pz"), revoked=False)
    for at in range(SIZE):
        wrong = bytearray(made)
        wrong[at] ^= 1
        with pytest.raises(BadPruefziffer):
            decode_untrusted(bytes(wrong), KEY)


@pytest.mark.parametrize("octets", [b"", bytes(46), bytes(48), bytes(47), b"\x80" * 47, b"\xff" * 47])
def test_refused(octets: bytes) -> None:
    with pytest.raises(BadPruefziffer):
        decode_untrusted(octets, KEY)


@pytest.mark.parametrize("key", [("", 0), ("a", 0), ("AB", 0), ("A", 10), ("A", -1)])
def test_impossible_keys(key: tuple[str, int]) -> None:
    with pytest.raises(ValueError, match=r"operator|version"):
        OperatorKey(*key, SECRET)


def test_version_2_has_no_room_for_later_keys() -> None:
    with pytest.raises(ValueError, match="0 to 3"):
        encode_v2("A123456789", bytes(5), NOW, OperatorKey("A", 4, SECRET), SeededEntropy(b"pz"), revoked=False)


def test_the_secret_is_never_shown() -> None:
    assert SECRET.hex() not in repr(KEY)
    assert repr(SECRET) not in repr(KEY)
