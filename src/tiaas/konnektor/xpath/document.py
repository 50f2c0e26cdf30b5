"""The tree an expression is evaluated on: root, elements and text, numbered in document order."""

import enum
from collections.abc import Sequence
from dataclasses import field

from tiaas.base.dataclass import dataclass


@enum.unique
class Kind(enum.Enum):
    """Kinds of node; attributes, comments and processing instructions do not occur."""

    ROOT = "root"
    ELEMENT = "element"
    TEXT = "text"


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """One node. `order` is its place in the document, `last` that of its last descendant (its own without any)."""

    kind: Kind
    uri: str = ""
    local: str = ""
    text: str = ""
    parent: "Node | None" = None
    children: list["Node"] = field(default_factory=list)
    order: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Branch:
    """An element to build a document from: a name in the document's namespace, text or further elements."""

    local: str
    content: "str | Sequence[Branch]" = ""


@dataclass(frozen=True, slots=True, repr=False)
class Document:
    """All nodes in document order; the first is the root."""

    nodes: tuple[Node, ...]

    @property
    def root(self) -> Node:
        """The root node."""
        return self.nodes[0]

    def below(self, node: Node) -> tuple[Node, ...]:
        """The descendants of a node in document order."""
        return self.nodes[node.order + 1 : node.last + 1]

    def string_value(self, node: Node) -> str:
        """The text of a node (§5)."""
        if node.kind is Kind.TEXT:
            return node.text
        return "".join(inner.text for inner in self.below(node) if inner.kind is Kind.TEXT)


def build(uri: str, top: Branch) -> Document:
    """A document whose elements all belong to namespace `uri`; an empty text makes no node."""
    root = Node(Kind.ROOT)
    nodes = [root]
    _grow(uri, top, root, nodes)
    root.last = len(nodes) - 1
    return Document(tuple(nodes))


def _grow(uri: str, branch: Branch, parent: Node, nodes: list[Node]) -> None:
    node = Node(Kind.ELEMENT, uri, branch.local, parent=parent, order=len(nodes))
    parent.children.append(node)
    nodes.append(node)
    if not isinstance(branch.content, str):
        for inner in branch.content:
            _grow(uri, inner, node, nodes)
    elif branch.content:
        text = Node(Kind.TEXT, text=branch.content, parent=node, order=len(nodes), last=len(nodes))
        node.children.append(text)
        nodes.append(text)
    node.last = len(nodes) - 1
