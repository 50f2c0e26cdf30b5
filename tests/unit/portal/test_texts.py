"""Both languages say everything."""

import dataclasses
import re
import string
from pathlib import Path

from tiaas import portal
from tiaas.portal.languages import LANGUAGES, choose
from tiaas.portal.lights import Light
from tiaas.portal.texts import Texts
from tiaas.portal.texts_de import DE
from tiaas.portal.texts_en import EN
from tiaas.portal.view import KINDS

# Words that are the same in both languages.
SAME = {
    "live", "title", "konnektor", "ti", "slot", "firmware", "key_ok", "outcome_ok", "client_system",
    "clients", "online", "offline", "vsdm", "konnektor_ok", "operation",
}  # fmt: skip


def _gaps(text: str) -> int:
    return sum(field is not None for _, field, _, _ in string.Formatter().parse(text))


def test_every_text_is_there_in_every_language_with_the_same_gaps() -> None:
    for field in dataclasses.fields(Texts):
        texts = [getattr(language, field.name) for language in LANGUAGES.values()]
        assert all(text.strip() for text in texts), field.name
        assert len({_gaps(text) for text in texts}) == 1, field.name


def test_nothing_was_left_untranslated() -> None:
    same = {f.name for f in dataclasses.fields(Texts) if getattr(DE, f.name) == getattr(EN, f.name)}
    assert same == SAME


def test_every_text_is_used() -> None:
    folder = Path(str(portal.__file__)).parent
    sources = [path for path in folder.rglob("*") if path.suffix in (".py", ".html") and "texts" not in path.name]
    written = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    built = {f"light_{light.name.lower()}" for light in Light} | {
        f"card_{kind}" for kind in (*KINDS.values(), "unknown")
    }
    names = {f.name for f in dataclasses.fields(Texts)}
    assert built <= names
    assert [name for name in sorted(names - built) if not re.search(rf"\b{name}\b", written)] == []


def test_the_language_is_asked_for_then_chosen_then_preferred() -> None:
    assert choose("en", "de", "de") is EN
    assert choose(None, "en", "de") is EN
    assert choose("xx", None, "fr, en-GB;q=0.8, de;q=0.9") is DE
    assert choose(None, None, "fr, en-GB;q=0.9, de;q=0.8") is EN
    assert choose(None, None, "de;q=0, en;q=x, en;q=0.1") is EN
    assert choose(None, "", "") is DE
