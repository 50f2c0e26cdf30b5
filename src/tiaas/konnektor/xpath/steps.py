"""Location steps: axes, node tests, predicates (§2)."""

from collections.abc import Callable, Iterator, Mapping

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.xpath.document import Document, Kind, Node
from tiaas.konnektor.xpath.functions import Focus
from tiaas.konnektor.xpath.values import Run, Value, to_boolean

Expression = Callable[[Focus], Value]
Axis = Callable[[Document, Node], Iterator[Node]]


def _ancestors(_: Document, node: Node) -> Iterator[Node]:
    while node.parent is not None:
        node = node.parent
        yield node


def _following(document: Document, node: Node) -> Iterator[Node]:
    yield from document.nodes[node.last + 1 :]


def _preceding(document: Document, node: Node) -> Iterator[Node]:
    return (before for before in reversed(document.nodes[: node.order]) if before.last < node.order)


def _siblings(node: Node) -> list[Node]:
    return node.parent.children if node.parent is not None else [node]


def _self_and(axis: Axis) -> Axis:
    def walk(document: Document, node: Node) -> Iterator[Node]:
        yield node
        yield from axis(document, node)

    return walk


def _descendants(document: Document, node: Node) -> Iterator[Node]:
    yield from document.below(node)


AXES: Mapping[str, Axis] = {
    "child": lambda _, node: iter(node.children),
    "descendant": _descendants,
    "descendant-or-self": _self_and(_descendants),
    "parent": lambda _, node: iter(() if node.parent is None else (node.parent,)),
    "ancestor": _ancestors,
    "ancestor-or-self": _self_and(_ancestors),
    "self": lambda _, node: iter((node,)),
    "following": _following,
    "preceding": _preceding,
    "following-sibling": lambda _, node: (other for other in _siblings(node) if other.order > node.order),
    "preceding-sibling": lambda _, node: (other for other in reversed(_siblings(node)) if other.order < node.order),
    "attribute": lambda *_: iter(()),
}


@dataclass(frozen=True, slots=True)
class NodeTest:
    """What a step takes of its axis: nodes of a kind (None: any), of a name; None for namespace or name: any."""

    kind: Kind | None = Kind.ELEMENT
    uri: str | None = None
    local: str | None = None
    nothing: bool = False
    """`comment()`, `processing-instruction()`: there are none."""

    def takes(self, node: Node) -> bool:
        """Whether a node passes."""
        return (
            not self.nothing
            and (self.kind is None or node.kind is self.kind)
            and (self.uri is None or node.uri == self.uri)
            and (self.local is None or node.local == self.local)
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a path."""

    axis: Axis
    test: NodeTest
    predicates: tuple[Expression, ...] = ()

    def apply(self, run: Run, nodes: list[Node]) -> list[Node]:
        """The nodes the step leads to from `nodes`, in document order."""
        found: dict[int, Node] = {}
        for node in nodes:
            reached = []
            for candidate in self.axis(run.document, node):
                run.spend(1)
                if self.test.takes(candidate):
                    reached.append(candidate)
            for predicate in self.predicates:
                reached = keep(run, reached, predicate)
            found.update((kept.order, kept) for kept in reached)
        return [found[order] for order in sorted(found)]


def keep(run: Run, nodes: list[Node], predicate: Expression) -> list[Node]:
    """The nodes a predicate holds for (§2.4); a number is a position."""
    kept = []
    for position, node in enumerate(nodes, 1):
        run.spend(1)
        value = predicate(Focus(run, node, position, len(nodes)))
        if value == position if isinstance(value, float) else to_boolean(value):
            kept.append(node)
    return kept
