"""Check digits, against values published elsewhere."""

from string import ascii_uppercase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.lab.identifiers import check_ik, check_kvnr, ik_check_digit, kvnr_check_digit, lab_iccsn


@pytest.mark.parametrize("kvnr", ["A123456780", "A000500015"])
def test_public_kvnr_examples(kvnr: str) -> None:
    assert kvnr_check_digit(kvnr[:9]) == int(kvnr[9])


@pytest.mark.parametrize("ik", ["109500969", "101575519", "104212059"])
def test_public_iks(ik: str) -> None:
    assert check_ik(ik) == ik


@given(st.sampled_from(ascii_uppercase), st.integers(0, 10**8 - 1), st.integers(1, 8), st.integers(1, 9))
def test_kvnr_sees_every_wrong_digit(letter: str, number: int, place: int, step: int) -> None:
    nine = f"{letter}{number:08}"
    other = nine[:place] + str((int(nine[place]) + step) % 10) + nine[place + 1 :]
    assert kvnr_check_digit(other) != kvnr_check_digit(nine)


@pytest.mark.parametrize("kvnr", ["A123456781", "a123456780", "A12345678", "A1234567800", "A000050006"])
def test_bad_kvnr(kvnr: str) -> None:
    with pytest.raises(ValueError, match="KVNR"):
        check_kvnr(kvnr)


def test_bad_ik() -> None:
    for ik in ("109500960", "10950096", "X09500969"):
        with pytest.raises(ValueError, match="IK"):
            check_ik(ik)
    assert ik_check_digit("10950096") == 9


def test_iccsn() -> None:
    assert lab_iccsn(1, 0, 1) == "80276999901000000001"
    assert len(lab_iccsn(9, 99, 9_999_999)) == 20
    with pytest.raises(ValueError, match="ICCSN"):
        lab_iccsn(1, 100, 1)
