"""A small mutable XML tree that can be written in many spellings: what mutants are made of."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from lxml import etree

XSI = "http://www.w3.org/2001/XMLSchema-instance"
XS = "http://www.w3.org/2001/XMLSchema"


@dataclass(slots=True, eq=False)
class Raw:
    """Characters written as they are: escaped text, a comment, a processing instruction, a CDATA section."""

    text: str


@dataclass(slots=True, eq=False)
class Node:
    """An element: namespace, local name, attributes (Clark name or plain name → value), content."""

    uri: str
    local: str
    attributes: dict[str, str] = field(default_factory=dict)
    content: list["Node | Raw"] = field(default_factory=list)

    def copy(self) -> "Node":
        return Node(
            self.uri,
            self.local,
            dict(self.attributes),
            [part.copy() if isinstance(part, Node) else Raw(part.text) for part in self.content],
        )

    def children(self) -> list["Node"]:
        return [part for part in self.content if isinstance(part, Node)]

    def walk(self) -> Iterator["Node"]:
        yield self
        for part in self.content:
            if isinstance(part, Node):
                yield from part.walk()

    def set_text(self, text: str) -> None:
        self.content = [Raw(escape(text))] if text else []


_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"})


def escape(text: str) -> str:
    return text.translate(_TEXT)


def of_element(element: etree._Element) -> Node:
    """The sketch of a parsed element."""
    name = etree.QName(element)
    node = Node(name.namespace or "", name.localname, {str(k): str(v) for k, v in element.attrib.items()})
    if element.text:
        node.content.append(Raw(escape(element.text)))
    for child in element:
        node.content.append(of_element(child))
        if child.tail:
            node.content.append(Raw(escape(child.tail)))
    return node


def serialise(node: Node, prefixes: dict[str, str], random: Random) -> bytes:
    """The document, in one of three spellings: all prefixes on the root, prefixes where used, default namespaces."""
    style = random.randrange(3)
    parts: list[str] = []
    declared = {"xsi": XSI, "xs": XS}
    if style == 0:
        declared |= {prefix: uri for uri, prefix in prefixes.items()}
    head = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in declared.items())
    # xsi:type values use the schema's prefixes, which must then be in scope whatever the style.
    if style != 0 and any(f"{{{XSI}}}type" in entry.attributes for entry in node.walk()):
        head += "".join(f' xmlns:{prefix}="{uri}"' for uri, prefix in prefixes.items())
    _write(node, prefixes, style, head, parts)
    return "".join(parts).encode()


def _write(node: Node, prefixes: dict[str, str], style: int, head: str, parts: list[str]) -> None:
    prefix = prefixes.get(node.uri)
    if not node.uri:
        tag, own = node.local, ' xmlns=""' if style == 2 else ""
    elif style == 2 or prefix is None:
        tag, own = node.local, f' xmlns="{node.uri}"'
    else:
        tag = f"{prefix}:{node.local}"
        own = "" if style == 0 or f"xmlns:{prefix}=" in head else f' xmlns:{prefix}="{node.uri}"'
    attributes = "".join(_attribute(name, value, index) for index, (name, value) in enumerate(node.attributes.items()))
    parts.append(f"<{tag}{own}{head}{attributes}>")
    for part in node.content:
        if isinstance(part, Raw):
            parts.append(part.text)
        else:
            # A child without namespace must not fall into the parent's default namespace.
            if not part.uri and own.startswith(' xmlns="') and style != 2:
                _write(part, prefixes, 2, "", parts)
            else:
                _write(part, prefixes, style, "", parts)
    parts.append(f"</{tag}>")


def _attribute(name: str, value: str, index: int) -> str:
    text = value.translate(_ATTRIBUTE)
    if not name.startswith("{"):
        return f' {name}="{text}"'
    uri, _, local = name[1:].partition("}")
    if uri == XSI:
        return f' xsi:{local}="{text}"'
    if uri == "http://www.w3.org/XML/1998/namespace":
        return f' xml:{local}="{text}"'
    return f' xmlns:a{index}="{uri}" a{index}:{local}="{text}"'
