"""The conformance tables of the documents, made from the tests' marks: `./tiaas python -m tests.structure.tables`.

What a table says beside the tests stands in `docs/conformance/*.toml`: one row per requirement, code, pitfall or event.
A row without state is `implemented` when a test shows it, else `open`; `simulated` (the lab plays the other side) needs
a test, too. `not applicable` needs a note that says why.
"""

import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.structure.marks import shown
from tests.structure.sources import ROOT
from tiaas.client.errorhelp import Language, all_help
from tiaas.konnektor.catalogue import row_of
from tiaas.konnektor.codes import CODES

FOLDER = ROOT / "docs" / "conformance"
STATES = ("implemented", "simulated", "not applicable", "open")
WITH_TEST = ("implemented", "simulated")


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `group` is the chapter of a requirement, where a code shows, where an event goes; `about` is in our
    words, of a code the official text, and `cause` says what provokes it.
    """

    key: str
    group: str
    about: str
    state: str
    note: str
    tests: tuple[str, ...]
    cause: str = ""

    @property
    def problem(self) -> str | None:
        """What is wrong with the row, if anything."""
        if self.state not in STATES:
            return f"{self.key}: the state is none of {', '.join(STATES)}"
        if self.state in WITH_TEST and not self.tests:
            return f"{self.key}: {self.state}, but no test has its mark"
        if self.state == "not applicable" and self.tests:
            return f"{self.key}: not applicable, but a test has its mark"
        if self.state not in WITH_TEST and not self.note:
            return f"{self.key}: {self.state} without a note that says why"
        return None if self.about else f"{self.key}: says nothing of what it is about"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the documents: its kind of mark, its data `NAME.toml`, its page `NAME.md` and the page's columns."""

    name: str
    kind: str
    title: str
    source: str
    columns: tuple[str, ...]

    def rows(self) -> tuple[Row, ...]:
        """All rows in the order of the data."""
        entries: list[dict[str, Any]] = tomllib.loads((FOLDER / f"{self.name}.toml").read_text())["row"]
        return tuple(self._row(entry) for entry in entries)

    def _row(self, entry: dict[str, Any]) -> Row:
        key = str(entry["key"])
        about = entry.get("about", "")
        if self.kind == "code" and not about and int(key) in CODES:
            about = CODES[int(key)].text
        group = destinations(key) if self.kind == "event" else entry.get("group", "")
        tests = shown()[self.kind].get(key, ())
        state, note = entry.get("state"), entry.get("note", "")
        if state is None:
            state, note = ("implemented", note) if tests else ("open", note or "no test shows it yet")
        return Row(key, group, about, state, note, tests, entry.get("cause", ""))

    def page(self) -> str:
        """The page's text."""
        rows = self.rows()
        count = Counter(row.state for row in rows)
        numbers = ", ".join(f"{count[state]} {state}" for state in STATES if count[state])
        made = f"Made from `{self.name}.toml` and the tests' marks by `./tiaas python -m tests.structure.tables`."
        head = [
            f"# {self.title}",
            "",
            f"{self.source} {made}",
            "",
            f"{len(rows)} rows: {numbers}.",
            "",
            f"| {' | '.join(self.columns)} |",
            "|---" * len(self.columns) + "|",
        ]
        return "\n".join((*head, *(_line(row, self.columns) for row in rows), ""))


TABLES = (
    Table(
        "requirements",
        "requirement",
        "Requirements of gemSpec_Kon V5.18.0, chapter 4.1",
        "Ids as in the specification, contents in our words.",
        ("id", "chapter", "about", "state", "tests"),
    ),
    Table(
        "codes",
        "code",
        "Error codes: what provokes them",
        "Texts are the official ones; what to do stands in the [error catalogue](../reference/errors.md).",
        ("code", "text", "shows in", "provoked by", "state", "tests"),
    ),
    Table(
        "pitfalls",
        "pitfall",
        "What practice software depends on",
        "Behaviour that clients in the field count on, or stumble over.",
        ("no.", "about", "state", "tests"),
    ),
    Table(
        "events",
        "event",
        "Events: what raises them",
        "All topics of gemSpec_Kon V5.18 and of VSDM; parameters stand in the [reference](../reference/events.md).",
        ("topic", "goes to", "raised when", "state", "tests"),
    ),
)


def destinations(topic: str) -> str:
    """Who gets an event of the topic, as the catalogue has it; empty for one that is not raised."""
    row = row_of(topic)
    if row is None:
        return ""
    places = {"clients": row.deliver, "log": row.log}
    told = [place for place, goes in places.items() if goes]
    told += [f"{place} as the use case says" for place, goes in places.items() if goes is None]
    return ", ".join(told) or "the Konnektor only"


def _line(row: Row, columns: tuple[str, ...]) -> str:
    state = f"{row.state}: {row.note}" if row.note else row.state
    cells = {
        **dict.fromkeys(("id", "code", "no.", "topic"), row.key),
        **dict.fromkeys(("about", "text", "raised when"), row.about.replace("|", "¦")),
        **dict.fromkeys(("chapter", "shows in", "goes to"), row.group),
        "provoked by": row.cause,
        "state": state,
        "tests": "<br>".join(_link(test) for test in row.tests),
    }
    return f"| {' | '.join(cells[column] for column in columns)} |"


def _link(test: str) -> str:
    path, _, name = test.partition("::")
    return f"[{name or Path(path).stem}](../../{path})"


def errors_page(language: Language) -> str:
    """The error catalogue: official text, cause and remedy."""
    title, intro, cause, remedy = _CATALOGUE[language]
    lines = [f"# {title}", "", intro, "", f"| | Text | {cause} | {remedy} |", "|---|---|---|---|"]
    for number, told in all_help(language).items():
        lines.append(f"| {number} | {CODES[number].filled('')} | {told.cause} | {told.remedy} |")
    return "\n".join((*lines, ""))


_MADE = "`src/tiaas/client/errorhelp.toml`, `./tiaas python -m tests.structure.tables`"
_ENGLISH = f"What a code means, what to do; also `tiaas explain CODE`. Made from {_MADE}. [Deutsch](fehler.md)"
_GERMAN = f"Was ein Code bedeutet, was zu tun ist; `tiaas explain --lang de CODE`. Aus {_MADE}. [English](errors.md)"
_CATALOGUE = {
    Language.ENGLISH: ("Error codes", _ENGLISH, "Cause", "Remedy"),
    Language.GERMAN: ("Fehlercodes", _GERMAN, "Ursache", "Abhilfe"),
}

ERROR_PAGES = {
    ROOT / "docs" / "reference" / "errors.md": Language.ENGLISH,
    ROOT / "docs" / "reference" / "fehler.md": Language.GERMAN,
}


def main() -> None:
    """Writes the pages."""
    for page, language in ERROR_PAGES.items():
        page.write_text(errors_page(language))
    for table in TABLES:
        (FOLDER / f"{table.name}.md").write_text(table.page())


if __name__ == "__main__":
    main()
