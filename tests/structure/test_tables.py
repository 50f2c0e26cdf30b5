"""The conformance tables are up to date, and say nothing that no test shows."""

import re
from pathlib import Path

import pytest

from tests.structure.marks import shown
from tests.structure.tables import ERROR_PAGES, FOLDER, TABLES, Table, errors_page
from tiaas.client.errorhelp import Language, all_help
from tiaas.konnektor.catalogue import CATALOGUE, OWN_TOPICS, STATE
from tiaas.konnektor.codes import CODES
from tiaas.konnektor.opstate import Condition


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


def test_every_code_that_can_come_is_explained() -> None:
    never = {int(row.key) for row in TABLES[1].rows() if row.state == "not applicable"}
    explained = set(all_help(Language.ENGLISH))
    assert explained == set(all_help(Language.GERMAN))
    # Some that never come from here come from others.
    assert set(CODES) - never <= explained


def test_a_code_that_cannot_come_cites_what_the_product_drops_or_the_table_of_reasons() -> None:
    rows = [row for row in TABLES[1].rows() if row.state == "not applicable"]
    _, _, reasons = (FOLDER / "choices.md").read_text().partition("## Codes that never come")
    reasons, _, _ = reasons.partition("\n## ")
    cells = (line.split("|")[1] for line in reasons.splitlines() if line.startswith("|"))
    told = {number for cell in cells for number in re.findall(r"\d+", cell)}
    by_table = {row.key for row in rows if "choices.md#codes-that-never-come" in row.note}
    assert by_table == told
    assert [row.key for row in rows if row.key not in by_table and "hsk_gateway §1.10" not in row.note] == []


def test_a_requirement_without_a_test_is_replaced_or_dropped_or_in_the_table_of_reasons() -> None:
    rows = [row for row in TABLES[0].rows() if row.state == "not applicable"]
    _, _, reasons = (FOLDER / "choices.md").read_text().partition("## Requirements without a test")
    told = set(re.findall(r"^\| ((?:[A-Z0-9]+-)?A_\S+) \|", reasons, re.MULTILINE))
    by_table = {row.key for row in rows if "choices.md#requirements-without-a-test" in row.note}
    assert by_table == told
    others = [row for row in rows if row.key not in by_table]
    assert [row.key for row in others if not re.search(r"hsk_gateway §1\.10, \d|^replaced by ", row.note)] == []


def test_every_event_is_raised_by_a_test_or_cannot_be() -> None:
    """Nothing that the sources raise is missing, and what they do not raise cites what the product drops, or why."""
    rows = TABLES[3].rows()
    raised = {*CATALOGUE, *OWN_TOPICS, *(STATE + condition.value.name for condition in Condition)}
    never = {row.key for row in rows if row.state == "not applicable"}
    assert raised - {row.key for row in rows} == set()
    assert {row.key for row in rows} - raised <= never
    assert never & raised == set()
    reasons = [row.note for row in rows if row.key in never]
    assert [note for note in reasons if not re.search(r"hsk_gateway §1\.10, \d|TAB_KON_503|\(choices\.md#", note)] == []


def test_every_code_says_where_it_shows_and_what_provokes_it() -> None:
    rows = [row for row in TABLES[1].rows() if row.state != "not applicable"]
    assert [row.key for row in rows if not row.group or not row.cause] == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_pages_are_up_to_date(table: Table) -> None:
    assert (FOLDER / f"{table.name}.md").read_text() == table.page(), "run ./tiaas python -m tests.structure.tables"


@pytest.mark.parametrize(("page", "language"), ERROR_PAGES.items(), ids=lambda value: getattr(value, "name", value))
def test_the_error_catalogue_is_up_to_date(page: Path, language: Language) -> None:
    assert page.read_text() == errors_page(language), "run ./tiaas python -m tests.structure.tables"
