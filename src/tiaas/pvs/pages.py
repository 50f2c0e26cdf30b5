"""HTML of recordings and reports: one file without outside resources, light and dark, English and German."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tiaas.pvs.checks.model import Said

LANGUAGES = ("en", "de")
NOTICE = Said(
    "TEST DATA from a lab: KVNR, ICCSN and names are those of invented people and test cards.",
    "TESTDATEN aus einem Labor: KVNR, ICCSN und Namen gehören erfundenen Personen und Testkarten.",
)


def render(template: str, title: str, lang: str, **values: Any) -> str:
    """A page. What is put in is escaped."""
    return _environment().get_template(template).render(title=title, lang=lang, **values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("tiaas.pvs"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
