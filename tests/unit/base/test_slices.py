"""Large octets in slices: the same as in one go."""

from hypothesis import given
from hypothesis import strategies as st

from tiaas.base import slices as sliced
from tiaas.base.slices import SLICE, copied, counted, found, joined, slices


@given(st.binary(max_size=60), st.binary(min_size=1, max_size=4), st.integers(0, 60), st.integers(0, 60))
def test_found_is_find(octets: bytes, wanted: bytes, start: int, end: int) -> None:
    assert found(octets, wanted, start, end) == octets.find(wanted, start, end)


def test_across_the_ends_of_slices() -> None:
    octets = bytes(SLICE - 1) + b"ab" + bytes(SLICE) + b"a"
    assert found(octets, b"ab") == octets.find(b"ab")
    assert found(octets, b"ba") == -1
    assert counted(octets, b"a") == 2
    assert joined(slices(octets)) == octets
    assert copied(memoryview(octets)) == octets
    assert copied(octets) is octets
    assert sliced.SLICE % 12 == 0
