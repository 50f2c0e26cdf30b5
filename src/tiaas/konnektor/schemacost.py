"""What a schema that came with a call would cost libxml2: a few lines can describe a content model of any size.

Compiling a content model takes time with the third power of its particles (800 optional elements: eight seconds), and
groups that name groups twice double them with every line. No thread can be stopped, so such schemas are refused before.
"""

from collections.abc import Iterable, Sequence

from lxml import etree

from tiaas.base.errors import TiaasError
from tiaas.soap.markup import XmlElement

COST_MAX = 10**8
"""Sum of the third powers of all content models' particles; about two seconds."""
_DEPTH_MAX = 64
_XSD = "{http://www.w3.org/2001/XMLSchema}"
_ELEMENT, _ANY, _GROUP, _TYPE, _EXTENSION = (
    f"{_XSD}{name}" for name in ("element", "any", "group", "complexType", "extension")
)
_TRANSPARENT = frozenset(
    f"{_XSD}{name}" for name in ("sequence", "choice", "all", "complexContent", "extension", "restriction")
)
_OCTETS_PER_PART = 3
"""A pattern is an automaton too; shorter than this no part of one that may be left out is."""


class TooCostly(TiaasError):
    """Nobody waits for such a schema."""


def require_cheap(schemas: Iterable[XmlElement]) -> None:
    """Raises `TooCostly` for schemas, given by their document elements, that would take too long together."""
    roots = tuple(schemas)
    models, cost = _Models(roots), 0
    for root in roots:
        for found in root.iter(_TYPE):
            cost += models.particles(found) ** 3
        for found in root.iter(f"{_XSD}pattern"):
            cost += (len(found.get("value", "")) // _OCTETS_PER_PART) ** 3
        if cost > COST_MAX:
            raise TooCostly("content models or patterns that are too large")


class _Models:
    """How many particles content models have when all names are followed."""

    def __init__(self, roots: Sequence[XmlElement]) -> None:
        self._named: dict[tuple[str, str], list[XmlElement]] = {}
        self._known: dict[tuple[str, str], int] = {}
        for root in roots:
            for child in root.iterchildren(etree.Element):
                name = f"{{{root.get('targetNamespace', '')}}}{child.get('name', '')}"
                self._named.setdefault((str(child.tag), name), []).append(child)
        substitutes = [found for root in roots for found in root.iter(_ELEMENT) if found.get("substitutionGroup")]
        self._heads = {_name(found, "substitutionGroup") for found in substitutes}
        self._substitutes = len(substitutes)

    def particles(self, model: XmlElement, depth: int = 0) -> int:
        """Raises `TooCostly` for names that lead nowhere but on."""
        if depth > _DEPTH_MAX:
            raise TooCostly("definitions that are nested too deep")
        total = 0
        for child in model.iterchildren(etree.Element):
            if child.tag == _ELEMENT:
                total += 1 + (self._substitutes if _name(child, "ref") in self._heads else 0)
            elif child.tag == _ANY:
                total += 1
            elif child.tag == _GROUP:
                total += self._of_name(_GROUP, _name(child, "ref"), depth)
            elif child.tag in _TRANSPARENT:
                base = self._of_name(_TYPE, _name(child, "base"), depth) if child.tag == _EXTENSION else 0
                total += base + self.particles(child, depth + 1)
        return total

    def _of_name(self, tag: str, name: str, depth: int) -> int:
        key = tag, name
        if key not in self._known:
            self._known[key] = max((self.particles(found, depth + 1) for found in self._named.get(key, ())), default=0)
        return self._known[key]


def _name(element: XmlElement, attribute: str) -> str:
    """`{namespace}local` of the name that an attribute has; of one it has not, a name that nothing has."""
    prefix, _, local = element.get(attribute, "").strip().rpartition(":")
    return f"{{{element.nsmap.get(prefix or None) or ''}}}{local}"
