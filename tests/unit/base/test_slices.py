"""Large octets in slices: the same as in one go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.base import slices as sliced
from tiaas.base import unlocked
from tiaas.base.slices import SLICE, copied, counted, found, joined, slices


@given(st.binary(max_size=60), st.binary(min_size=1, max_size=4), st.integers(0, 60), st.integers(0, 60))
def test_found_is_find(octets: bytes, wanted: bytes, start: int, end: int) -> None:
    for some in (octets, memoryview(octets)):
        assert found(some, wanted, start, end) == octets.find(wanted, start, end)
        assert found(some, wanted, start) == octets.find(wanted, start)


@pytest.mark.parametrize("before", [0, 510, 511, 512, 513, 5000])
@pytest.mark.parametrize("start", [0, 1, 600])
def test_found_near_and_far_in_a_view(before: int, start: int) -> None:
    octets = bytes(before) + b"ab" + bytes(before) + b"a"
    for wanted in (b"ab", b"a", b"ba"):
        for end in (None, before, before + 1, before + 2, len(octets) + 1):
            assert found(memoryview(octets), wanted, start, end) == octets.find(wanted, start, end)


def test_across_the_ends_of_slices() -> None:
    octets = bytes(SLICE - 1) + b"ab" + bytes(SLICE) + b"a"
    for some in (octets, memoryview(octets)):
        assert found(some, b"ab") == octets.find(b"ab")
        assert found(some, b"ba") == -1
        assert counted(some, b"a") == 2
        assert counted(some, b"ab") == octets.count(b"ab") == 1
    assert counted(memoryview(b"aba"), b"a") == 2
    assert joined(slices(octets)) == octets
    assert copied(memoryview(octets)) == octets
    assert copied(octets) is octets
    assert sliced.SLICE % 12 == 0


@given(st.binary(max_size=60), st.binary(min_size=1, max_size=4), st.integers(0, 60), st.integers(0, 70))
def test_found_without_the_lock_is_find(octets: bytes, wanted: bytes, start: int, end: int) -> None:
    for some in (octets, bytearray(octets), memoryview(octets)):
        assert unlocked.found(some, wanted, min(start, len(octets)), end) == octets.find(wanted, start, end)


@given(st.lists(st.binary(max_size=20), max_size=4))
def test_joined_without_the_lock_is_join(parts: list[bytes]) -> None:
    assert unlocked.joined(parts) == b"".join(parts)
    assert unlocked.joined([memoryview(bytearray(part)) for part in parts]) == b"".join(parts)


def test_room_is_kept_as_it_was_written() -> None:
    size = 5 * 1024 * 1024 + 1
    room = unlocked.room(size)
    with memoryview(room) as place:
        unlocked.make_ready(place[:4096])
        place[:] = bytes(range(256)) * (size // 256) + b"!"
        unlocked.make_ready(place[3:])
        with pytest.raises(BufferError):
            room.clear()
    assert room == bytes(range(256)) * (size // 256) + b"!"
    assert joined((room, b"?")) == bytes(room) + b"?"
    with pytest.raises(BufferError):
        unlocked.joined([memoryview(room)[::2]])
