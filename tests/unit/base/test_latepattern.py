"""Patterns that are compiled late."""

import re

import pytest

from tiaas.base.latepattern import late_pattern


def test_a_late_pattern_does_what_a_pattern_does() -> None:
    late = late_pattern("[a-c]+")
    assert late.fullmatch("abc") is not None
    assert late.fullmatch("abd") is None
    assert late.sub("-", "xabcx") == "x-x"
    assert late.pattern == "[a-c]+"
    assert late.fullmatch == re.compile("[a-c]+").fullmatch, "no step between"


def test_it_is_compiled_at_its_first_use() -> None:
    late = late_pattern("(")
    with pytest.raises(re.error):
        late.search("")
