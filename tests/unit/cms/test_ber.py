"""The BER reader: indefinite lengths, strings in segments, bounds."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiaas.cms import ber, der
from tiaas.cms.errors import BadCms
from tiaas.tlv import encode

_NESTED = bytes.fromhex("3080 30800201050000 2480 040161 04026263 0000 0000".replace(" ", ""))


def test_indefinite_lengths_and_segments() -> None:
    element = ber.read_untrusted(_NESTED)
    inner, text = element.children()
    assert ber.whole_number(inner.only()) == 5
    assert ber.string(text, der.OCTET_STRING) == b"abc"
    assert ber.definite(element) == bytes.fromhex("300a30030201050403616263")


def test_ends_are_looked_for_once_however_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0
    header = ber._header

    def counted(octets: bytes, position: int, limit: int) -> tuple[int, int, int | None]:
        nonlocal read
        read += 1
        return header(octets, position, limit)

    monkeypatch.setattr(ber, "_header", counted)
    depth, inside = 26, 1000
    nested = b"\x30\x80" * depth + b"\x05\x00" * inside + b"\0\0" * depth
    element = ber.read_untrusted(nested)
    assert ber.definite(element).endswith(b"\x05\x00" * inside)
    assert read <= inside + 2 * depth
    read = 0
    text = b"\x24\x80" * depth + b"\x04\x00" * inside + b"\0\0" * depth
    assert ber.string(ber.read_untrusted(text), der.OCTET_STRING) == b""
    assert read <= inside + 2 * depth


def test_zeros_behind_are_ignored() -> None:
    assert ber.read_untrusted(b"\x02\x01\x05" + bytes(20)).value == b"\x05"


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "30",
        "3002",
        "300100",
        "0400ff",
        "308000",
        "0480010000",
        "3085000000000100",
        "1f818181818100",
        "30" + "80" * 3,
        "30803080" * 40 + "0000" * 80,
    ],
)
def test_what_is_none(octets: str) -> None:
    with pytest.raises(BadCms):
        ber.read_untrusted(bytes.fromhex(octets)).children()


def test_an_element_on_a_way_is_found_without_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    many = encode(0x30, encode(0x04, b"a"), encode(0x30, encode(0x05), encode(0x04, b"b")), b"\x05\x00" * 10_000)
    monkeypatch.setattr(ber, "_find_ends", None)
    for number, value in ((0, b"a"), (4, b"")):
        assert _value(many, 0, number) == value
    assert _value(many, 0, 1, 1) == b"b"
    for nowhere in ((0, 1, 2), (1, 0), (0, 0, 0)):
        assert ber.on_the_way(many, nowhere) is None
    # A way may go into what has no definite length, not past it, and not end there.
    assert _value(_NESTED, 0, 0, 0) == b"\5"
    for way in ([0], [0, 0], [0, 1], [0, 1, 0]):
        assert ber.on_the_way(_NESTED, way) is None


def _value(octets: bytes, *way: int) -> bytes:
    found = ber.on_the_way(octets, way)
    assert found is not None
    return found.value


_NODES = st.recursive(
    st.binary(max_size=3).map(lambda octets: encode(0x04, octets)),
    lambda inside: st.lists(inside, max_size=3).map(lambda parts: encode(0x30, *parts)),
    max_leaves=12,
)


@given(_NODES, st.lists(st.integers(0, 2), max_size=4), st.integers(0, 60), st.binary(max_size=1))
def test_what_is_on_a_way_is_what_reading_finds(whole: bytes, way: list[int], at: int, other: bytes) -> None:
    for octets in (whole, whole[:at] + other + whole[at + 1 :]):
        found = ber.on_the_way(octets, (0, *way))
        try:
            read = ber.read_untrusted(octets)
            for number in way:
                read = read.children()[number]
        except (BadCms, IndexError):
            continue
        assert found is None or found[:6] == read[:6]
        assert found is not None or octets != whole


def test_segments_of_another_type_or_nested_without_end() -> None:
    with pytest.raises(BadCms):
        ber.string(ber.read_untrusted(bytes.fromhex("2403020105")), der.OCTET_STRING)
    deep = b"\x04\x00"
    for _ in range(ber.MAX_DEPTH + 1):
        deep = b"\x24" + bytes([len(deep)]) + deep
        if len(deep) > 120:
            break
    with pytest.raises(BadCms):
        ber.string(ber.read_untrusted(deep), der.OCTET_STRING)


def test_too_many_elements() -> None:
    with pytest.raises(BadCms):
        ber.read_untrusted(b"\x30\x80" + b"\x05\x00" * (ber.MAX_ELEMENTS + 1) + b"\x00\x00")


@settings(max_examples=40, deadline=None)
@given(st.integers(-(2**300), 2**300))
def test_integers(value: int) -> None:
    assert ber.whole_number(ber.read_untrusted(der.integer(value))) == value


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=6))
def test_object_identifiers(rest: list[int]) -> None:
    dotted = ".".join(map(str, (2, *rest)))
    assert ber.dotted_oid(ber.read_untrusted(der.oid(dotted))) == dotted


@given(st.binary(max_size=200))
def test_only_one_error(octets: bytes) -> None:
    with suppress(BadCms):
        ber.definite(ber.read_untrusted(octets))


def test_the_segments_of_a_string_are_bounded_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ber, "MAX_ELEMENTS", 100)
    nested = encode(0x24, encode(0x24, encode(0x04, b"") * 50) * 3)
    with pytest.raises(BadCms, match="too many"):
        ber.string_segments(ber.read_untrusted(nested), 0x04)
