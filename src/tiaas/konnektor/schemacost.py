"""What a schema that came with a call would cost libxml2: a few lines can describe a content model of any size.

Compiling a content model takes time with the third power of its particles (800 optional elements: eight seconds), and
groups that name groups twice double them with every line. Identity constraints (xs:unique, xs:key, xs:keyref) look at
each element below the one that they are declared at. No thread can be stopped, so such schemas are refused before.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.soap.markup import XmlElement, local_name

COST_MAX = 10**8
"""Sum of the third powers of all content models' particles; about two seconds."""
IDENTITY_COST_MAX = 10**7
"""Of identity constraints for a document, in steps of 0.1 to 0.4 µs; a key that is found takes 25, and 200 octets."""
_DEPTH_MAX = 64
_XSD = "{http://www.w3.org/2001/XMLSchema}"
_ELEMENT, _ANY, _GROUP, _TYPE, _EXTENSION = (
    f"{_XSD}{name}" for name in ("element", "any", "group", "complexType", "extension")
)
_TRANSPARENT = frozenset(
    f"{_XSD}{name}" for name in ("sequence", "choice", "all", "complexContent", "extension", "restriction")
)
_CONSTRAINTS = tuple(f"{_XSD}{name}" for name in ("unique", "key", "keyref"))
_FOR_EACH = 10
"""What a path takes for what it finds, beside each of its characters."""
_ANY_ATTRIBUTE = re.compile(r"(?:@|::)[^/|]*\*")
"""A field may have one value: of such a path each attribute more would be an error, which takes a thousand steps."""
_PAIRS = 20
"""So many keys are compared in a step, where those of inner elements are gathered for a keyref."""
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


def require_few_keys(schemas: Iterable[XmlElement], document: XmlElement) -> None:
    """Raises `TooCostly` for schemas whose identity constraints would take too long for a document."""
    found: dict[str, _Constraints] = {}
    keyrefs = 0
    for root in schemas:
        for constraint in root.iter(*_CONSTRAINTS):
            holder = constraint.getparent()
            name = "" if holder is None else holder.get("name", "")
            found[name] = found.get(name, _Constraints(0, 0)).with_one(constraint)
            keyrefs += constraint.tag == _CONSTRAINTS[-1]
    if found and _identity_cost(document, found, keyrefs) > IDENTITY_COST_MAX:
        raise TooCostly("identity constraints that look at too much")


@dataclass(frozen=True, slots=True)
class _Constraints:
    """What the identity constraints take that are declared at elements of a name.

    `each` is for any element inside, `step` for each level between the two: fields are looked for in all that a
    selector may have chosen.
    """

    each: int
    step: int

    def with_one(self, constraint: XmlElement) -> "_Constraints":
        """These and another one. Raises `TooCostly` for a path to any attribute."""
        each, step = self.each, self.step
        for path in (found.get("xpath", "") for found in constraint.iterfind(f"{_XSD}selector")):
            each += _FOR_EACH + len(path)
        for path in (found.get("xpath", "") for found in constraint.iterfind(f"{_XSD}field")):
            if _ANY_ATTRIBUTE.search(path):
                raise TooCostly("fields that may be any attribute")
            values = _FOR_EACH * (1 + path.count("|"))
            each, step = each + values, step + len(path) + (values if "//" in path else 0)
        return _Constraints(each, step)


def _identity_cost(document: XmlElement, constraints: Mapping[str, _Constraints], keyrefs: int) -> int:
    cost = count = depth = begun = 0
    each = step = above = 0
    starts: list[tuple[int, int]] = []
    for event, element in etree.iterwalk(document, events=("start", "end")):
        own = constraints.get(local_name(element))
        if event == "start":
            count, depth = count + 1, depth + 1
            if own is not None:
                starts.append((count, begun))
                begun += 1
                each, step, above = each + own.each, step + own.step, above + own.step * depth
            cost += each + step * depth - above
            continue
        if own is not None:
            first, before = starts.pop()
            each, step, above = each - own.each, step - own.step, above - own.step * depth
            # Only keys of elements inside are gathered: those of its own are found by their value.
            if begun > before + 1:
                cost += keyrefs * (count - first + 1) ** 2 // _PAIRS
        depth -= 1
    return cost


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
