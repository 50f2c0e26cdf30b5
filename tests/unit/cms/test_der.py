"""The DER writer against octets made by hand and by a foreign ASN.1 library."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from asn1crypto import core
from hypothesis import given, settings
from hypothesis import strategies as st

from tiaas.cms import der


@settings(max_examples=40, deadline=None)
@given(st.integers(-(2**200), 2**200))
def test_integers(value: int) -> None:
    assert der.integer(value) == core.Integer(value).dump()


@settings(max_examples=40, deadline=None)
@given(
    st.one_of(st.tuples(st.integers(0, 1), st.integers(0, 39)), st.tuples(st.just(2), st.integers(0, 2**40))),
    st.lists(st.integers(0, 2**70), max_size=8),
)
def test_object_identifiers(start: tuple[int, int], rest: list[int]) -> None:
    # The foreign library cannot write second arcs above 39 below 2, and reads them back as we do.
    dotted = ".".join(map(str, (*start, *rest)))
    encoded = der.oid(dotted)
    if start[1] < 40:
        assert encoded == core.ObjectIdentifier(dotted).dump()
    assert core.ObjectIdentifier.load(encoded).dotted == dotted


@pytest.mark.parametrize("text", ["3.1", "1.40", "1.-1", "1"])
def test_no_object_identifiers(text: str) -> None:
    with pytest.raises(ValueError, match=r"object identifier|unpack"):
        der.oid(text)


def test_sets_are_sorted() -> None:
    assert der.set_of([b"\x04\x01\x02", b"\x02\x01\x05", b"\x04\x01\x01"]) == bytes.fromhex("3109020105040101040102")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(2026, 6, 1, 12, 30, 5, 999, tzinfo=UTC), b"\x17\x0d260601123005Z"),
        (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), b"\x17\x0d491231235959Z"),
        (datetime(2050, 1, 1, tzinfo=UTC), b"\x18\x0f20500101000000Z"),
        (datetime(1950, 1, 1, tzinfo=UTC), b"\x17\x0d500101000000Z"),
        (datetime(2026, 6, 1, 1, tzinfo=timezone(timedelta(hours=2))), b"\x17\x0d260531230000Z"),
    ],
)
def test_times(moment: datetime, expected: bytes) -> None:
    assert der.time(moment) == expected


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_chunks_are_what_encode_writes(size: int) -> None:
    content = bytes(size)
    assert b"".join(der.wrap(0x30, der.wrap(0x04, content))) == der.sequence(der.octet_string(content))
