"""`base/derived.py`: values by the identity of what they follow from."""

from tiaas.base.derived import Derived


def test_found_by_identity_and_not_by_equality() -> None:
    kept: Derived[str] = Derived(4)
    one, equal = [1], [1]
    assert kept.keep("of one", one, beside=True) == "of one"
    assert kept.get(one, beside=True) == "of one"
    assert kept.get(equal, beside=True) is None
    assert kept.get(one, beside=False) is None
    assert kept.get(one, one, beside=True) is None


def test_what_is_kept_keeps_its_objects_alive() -> None:
    """Else another object could get the identity of one that is gone, and its value."""
    kept: Derived[int] = Derived(1000)
    for number in range(1000):
        found = [number]
        assert kept.get(found) is None
        kept.keep(number, found)


def test_the_least_recently_used_goes_first() -> None:
    kept: Derived[str] = Derived(2)
    first, second, third = [1], [2], [3]
    kept.keep("first", first)
    kept.keep("second", second)
    assert kept.get(first) == "first"
    kept.keep("third", third)
    assert (kept.get(first), kept.get(second), kept.get(third)) == ("first", None, "third")
