"""The table of codes as a table."""

from collections import Counter

import pytest

from tiaas.konnektor.codes import ALL_CODES, CODES, Code, CompType, ErrorType, Severity


def test_a_number_stands_in_one_row() -> None:
    assert [number for number, count in Counter(code.number for code in ALL_CODES).items() if count > 1] == []
    assert len(CODES) == len(ALL_CODES) > 240


@pytest.mark.parametrize("code", ALL_CODES, ids=lambda code: str(code.number))
def test_rows_are_complete(code: Code) -> None:
    assert code.text == code.text.strip()
    assert code.text
    assert code.source
    assert code.text.count("{}") <= 1
    assert "<" not in code.text
    assert "%" not in code.text
    assert "\u00ad" not in code.text
    assert isinstance(code.error_type, ErrorType)
    assert isinstance(code.severity, Severity)


def test_a_placeholder_is_filled_or_goes() -> None:
    assert CODES[4209].filled("KVK") == "Kartentyp KVK wird durch diese Operation nicht unterstützt."
    assert CODES[4209].filled("") == "Kartentyp wird durch diese Operation nicht unterstützt."
    assert CODES[4110].filled("") == "ungültiges Dokumentformat"
    assert CODES[4110].filled("TIFF") == "ungültiges Dokumentformat (TIFF)"
    assert CODES[4008].filled("ignored") == CODES[4008].text


def test_components() -> None:
    assert {code.comp_type for code in ALL_CODES if 4000 <= code.number < 5000} == {CompType.KONNEKTOR}
    assert {code.comp_type for code in ALL_CODES if 3000 <= code.number < 4000} == {CompType.FM_VSDM}
    assert {code.comp_type for code in ALL_CODES if 11000 <= code.number < 12000} == {CompType.UFS}
    assert {code.comp_type for code in ALL_CODES if 12000 <= code.number < 13000} == {CompType.CCS}
