"""Details of errors and reports: official texts are German, what is ours is English (docs/conformance/choices.md)."""

import ast
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

_GERMAN = re.compile(
    r"[äöüÄÖÜß]|\b(nicht|kein|keine|keinen|ohne|ist|sind|wird|hat|fehlt|fehlen|braucht|mehr als|mehrfach|zu viele|"
    r"unbekannt|weder|Zertifikat|Zertifikate|Karte|Statuswort)\b"
)


_TOLD = {"KonnektorError": 1, "invalid": 0, "indetermined": 0}
"""What is given a text of ours, and as which argument: a fault's detail, a reason in a verification report."""


def _details() -> Iterator[tuple[Path, str]]:
    """The texts, where they stand in the source."""
    for path in sorted(Path(str(files("tiaas.konnektor"))).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _TOLD:
                at = _TOLD[node.func.id]
                for part in (*node.args[at : at + 1], *(word.value for word in node.keywords if word.arg == "detail")):
                    texts = part.values if isinstance(part, ast.JoinedStr) else [part]
                    for text in texts:
                        if isinstance(text, ast.Constant) and isinstance(text.value, str):
                            yield path, text.value


def test_what_is_ours_is_in_one_language() -> None:
    found = list(_details())
    assert len(found) > 40
    assert not [(path.name, text) for path, text in found if _GERMAN.search(text)]


def test_the_search_can_find_something() -> None:
    assert _GERMAN.search("X509Certificate ist kein Zertifikat")
    assert not _GERMAN.search("only one of CtId, Iccsn and CardHandle")
