"""Which language a reader gets: what was asked for, what was chosen before, what the browser prefers, German."""

from collections.abc import Mapping
from types import MappingProxyType

from tiaas.portal.texts import Texts
from tiaas.portal.texts_de import DE
from tiaas.portal.texts_en import EN

COOKIE = "tiaas-lang"
LANGUAGES: Mapping[str, Texts] = MappingProxyType({texts.code: texts for texts in (DE, EN)})


def choose(asked: str | None, chosen: str | None, accepted: str) -> Texts:
    """`asked` is the query's `lang`, `chosen` the cookie, `accepted` the Accept-Language field (RFC 9110 §12.5.4)."""
    for code in (asked, chosen, *_by_preference(accepted)):
        if code is not None and code in LANGUAGES:
            return LANGUAGES[code]
    return DE


def _by_preference(accepted: str) -> list[str]:
    wanted: list[tuple[float, str]] = []
    for item in accepted[:200].split(","):
        tag, _, parameter = item.partition(";")
        name, _, value = parameter.partition("=")
        try:
            quality = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if quality > 0:
            wanted.append((-quality, tag.strip().partition("-")[0].lower()))
    return [tag for _, tag in sorted(wanted, key=lambda pair: pair[0])]
