"""4186: what an administrator is told when no firmware of a terminal is known."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tiaas.konnektor.admin.problems import problem_of
from tiaas.konnektor.admin.terminals import before_update
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.updates import Asked

AT = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
CHECK = "ask the KSR now (tiaas admin updates check) or bring"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (None, "the KSR has not been asked yet"),
        (Asked(AT), "the KSR told of none at 2026-11-26T08:00:00+00:00"),
        (Asked(AT, 4188, "refused"), "the KSR could not be asked at 2026-11-26T08:00:00+00:00 (4188)"),
    ],
)
def test_what_the_ksr_told_and_what_to_do(asked: Asked | None, told: str) -> None:
    updates: Any = SimpleNamespace(has_ksr=True, asked=asked)
    what, remedy = before_update(updates)
    assert what == told
    assert remedy.startswith(CHECK)
    updates.has_ksr = False
    assert before_update(updates)[0] == "there is no KSR to ask"


def test_a_problem_has_the_detail_the_filled_text_and_the_remedy_of_the_catalogue() -> None:
    problem = problem_of(KonnektorError(4186, "the shelf is full"))
    assert problem.detail == "4186 Download nicht aller UpdateFiles möglich. (the shelf is full)"
    assert problem.remedy == "Put the manufacturer's file for this model there, whole, and repeat."
    assert problem_of(KonnektorError(4187, fill="SICCT 6400")).detail == "4187 KT-Update fehlgeschlagen (SICCT 6400)"
