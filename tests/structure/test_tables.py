"""The conformance tables are up to date, and say nothing that no test shows."""

import re

import pytest

from tests.structure.marks import shown
from tests.structure.tables import TABLES, Table


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_row_is_sound(table: Table) -> None:
    rows = table.rows()
    assert [row.problem for row in rows if row.problem] == []
    assert len({row.key for row in rows}) == len(rows)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_mark_has_a_row(table: Table) -> None:
    unknown = set(shown()[table.kind]) - {row.key for row in table.rows()}
    if table.kind == "requirement":
        # Tests may name requirements of other documents, too.
        unknown = {key for key in unknown if not re.fullmatch(r"([A-Z0-9]+-)?A_\d+(-\d+)?", key)}
    assert unknown == set()
