"""Codes, types, severities and official texts against what the sources say."""

import os
import re
from pathlib import Path

import pytest

from tiaas.konnektor.codes import CODES

DIGEST = Path(__file__).parents[4] / "shared" / "domain" / "konnektor_soap.md"
SPECIFICATION = "TIAAS_GEMSPEC_KON"
"""Environment variable: path of gemSpec_Kon V5.18.0 as Markdown."""

_TYPES = {"T": "Technical", "S": "Security"}
_SEVERITIES = {"E": "Error", "W": "Warning", "F": "Fatal"}


def test_codes_of_the_digest_are_all_in_the_table_with_their_type() -> None:
    if not DIGEST.exists():
        pytest.skip("the digest of the specification is not beside this repository")
    text = DIGEST.read_text(encoding="utf-8")
    section = text[text.index("### 30.1") : text.index("### 30.2")]
    seen = 0
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) != 3 or not cells[0][:1].isdigit():
            continue
        numbers = [int(number) for number in re.split(r"[/,]", cells[0])]
        for number in numbers:
            seen += 1
            assert number in CODES, number
            if number == 4001 or " / " in cells[1]:
                continue
            types, severity = cells[1].rsplit(" ", 1)
            assert CODES[number].severity.value == _SEVERITIES[severity], number
            if "/" not in types:
                assert CODES[number].error_type.value == _TYPES[types], number
    assert seen > 180


def test_the_digest_s_vsdm_codes_are_in_the_table() -> None:
    if not DIGEST.exists():
        pytest.skip("the digest of the specification is not beside this repository")
    text = DIGEST.read_text(encoding="utf-8")
    section = text[text.index("### 30.2") : text.index("## 31")]
    numbers = [int(match) for match in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)]
    assert len(numbers) > 35
    assert not [number for number in numbers if number not in CODES]


def test_texts_stand_in_the_specification() -> None:
    path = os.environ.get(SPECIFICATION)
    if path is None or not Path(path).exists():
        pytest.skip(f"{SPECIFICATION} names no copy of the specification")
    text = _flat(Path(path).read_text(encoding="utf-8"))
    numbers = sorted(n for n in CODES if 4000 <= n < 5000 and n not in (4045, 4047, 4050, 4052))
    parts = [(number, _flat(part).strip(" ():.")) for number in numbers for part in CODES[number].text.split("{}")]
    assert len(numbers) > 190
    assert [(number, part) for number, part in parts if part not in text] == []


def _flat(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\\", ""))
