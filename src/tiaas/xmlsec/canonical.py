"""Canonical XML without comments, done by lxml: 1.0 (15 March 2001), 1.1 (2 May 2008), exclusive 1.0 (18 July 2002).

lxml offers C14N 1.0 and exclusive C14N. For a whole document 1.0 and 1.1 give the same octets; they differ where a
part of a document takes attributes of the namespace `xml` from what was left out (1.1, 2.4), and that is done here: 1.0
takes all of them, 1.1 only xml:lang and xml:space, no xml:id, and joins xml:base.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from urllib.parse import urlsplit, urlunsplit

from cryptography.hazmat.primitives import hashes
from lxml import etree

from tiaas.base import slices
from tiaas.base.dataclass import dataclass
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.names import EXCLUSIVE, XML, Transform

XmlElement = etree._Element

_XML_PREFIX = f"{{{XML}}}"
_BASE = f"{_XML_PREFIX}base"
_BASES_MAX = 2048
"""Characters of all xml:base attributes around a part: joining them takes time by the square of their length."""
_INHERITED_11 = frozenset({f"{_XML_PREFIX}lang", f"{_XML_PREFIX}space"})
_VERSION_10 = frozenset({Transform.C14N, Transform.C14N_COMMENTS})


def canonical(
    element: XmlElement, method: Transform = Transform.EXCLUSIVE_C14N, prefixes: tuple[str, ...] = ()
) -> bytes:
    """The canonical octets of an element with all it contains; what stands around it does not count.

    `prefixes` is the InclusiveNamespaces PrefixList of exclusive C14N. Raises `BadXmlSignature` for what has no
    canonical form (relative namespace names).
    """
    if element.getparent() is None or method in EXCLUSIVE:
        return _octets(element, method, prefixes)
    with _wearing(element, inherited(element.iterancestors(), dict(element.attrib), method)):
        return _octets(element, method, prefixes)


def canonical_document(
    root: XmlElement, method: Transform = Transform.EXCLUSIVE_C14N, prefixes: tuple[str, ...] = ()
) -> bytes:
    """`canonical` of the whole document, with the processing instructions before and after its document element."""
    return _octets(root.getroottree(), method, prefixes)


@dataclass(frozen=True, slots=True)
class Remainder:
    """A copy of a document with one element left out: the transform enveloped-signature (XMLDSig 6.6.4).

    The text behind that element stays. A copy, because lxml gives other prefixes to what is put back into a document.
    """

    root: XmlElement

    def of(self, element: XmlElement) -> XmlElement:
        """The copy of an element of the original that stands in front of or around what was left out."""
        return _descend(self.root, _steps(element))


def without(child: XmlElement) -> Remainder:
    """Raises `BadXmlSignature` for the document element."""
    steps = _steps(child)
    if not steps:
        raise BadXmlSignature("nothing is left of the document")
    root = _copied(child.getroottree().getroot())
    parent = _descend(root, steps[:-1])
    removed = parent[steps[-1]]
    before = removed.getprevious()
    if removed.tail and before is None:
        parent.text = (parent.text or "") + removed.tail
    elif removed.tail and before is not None:
        before.tail = (before.tail or "") + removed.tail
    parent.remove(removed)
    return Remainder(root)


def remaining(
    child: XmlElement, element: XmlElement | None, method: Transform, prefixes: tuple[str, ...] = ()
) -> bytes:
    """`canonical` of an ancestor of `child`, or of its whole document (None), with `child` left out.

    Nothing outside of an element has another canonical form for what is in it, so it is cut out of the octets if it is
    certain where it stands. Raises `BadXmlSignature` for the document element, too.
    """
    if child.getparent() is None:
        raise BadXmlSignature("nothing is left of the document")
    try:
        octets = _canonical_of(child.getroottree().getroot(), element, method, prefixes)
    except BadXmlSignature:
        # Perhaps only what is left out has no canonical form.
        octets = b""
    span = _span(child, octets)
    if span is None:
        remainder = without(child)
        return _canonical_of(remainder.root, None if element is None else remainder.of(element), method, prefixes)
    view = memoryview(octets)
    return slices.joined((view[: span[0]], view[span[1] :]))


def _canonical_of(root: XmlElement, element: XmlElement | None, method: Transform, prefixes: tuple[str, ...]) -> bytes:
    if element is None:
        return canonical_document(root, method, prefixes)
    return canonical(element, method, prefixes)


def _span(element: XmlElement, octets: bytes) -> tuple[int, int] | None:
    """Where an element stands in canonical octets; None if there may be another of its name, in whichever namespace.

    Of what is no markup only processing instructions may look like it.
    """
    local = str(element.tag).rpartition("}")[2]
    name = (f"{element.prefix}:{local}" if element.prefix else local).encode()
    starts = [found for more in (b" ", b">") for found in _places(octets, b"<%b%b" % (name, more), 0)]
    if len(starts) != 1:
        return None
    end = b"</%b>" % name
    ends = _places(octets, end, starts[0])
    return (starts[0], ends[0] + len(end)) if len(ends) == 1 else None


def _places(octets: bytes, wanted: bytes, start: int) -> list[int]:
    """Where something stands: the first two places at most."""
    first = slices.found(octets, wanted, start)
    second = slices.found(octets, wanted, first + 1) if first >= 0 else -1
    return [place for place in (first, second) if place >= 0]


def inherited(
    ancestors: Iterable[XmlElement], own: Mapping[str, str], method: Transform = Transform.C14N_11
) -> dict[str, str]:
    """Attributes of the namespace `xml` that a part of a document with its `own` attributes gets from its `ancestors`.

    `ancestors` come from the inside out; the keys are Clark names. An xml:base of nothing means that there is none.
    """
    found: dict[str, str] = {}
    bases: list[str] = []
    for ancestor in ancestors:
        for name, value in ancestor.attrib.items():
            if not name.startswith(_XML_PREFIX):
                continue
            if name == _BASE:
                bases.append(value)
            if name not in own and (method in _VERSION_10 or name in _INHERITED_11):
                found.setdefault(name, value)
    if bases and method not in _VERSION_10:
        joined = _joined([*reversed(bases), own.get(_BASE, "")])
        if joined or _BASE in own:
            found[_BASE] = joined
    return found


def digest(octets: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    """The hash of `octets`."""
    return digest_of((octets,), algorithm)


def digest_of(pieces: Iterable[bytes | memoryview], algorithm: hashes.HashAlgorithm) -> bytes:
    """The hash of all pieces."""
    state = hashes.Hash(algorithm)
    for piece in pieces:
        state.update(piece)
    return state.finalize()


def _octets(node: XmlElement | etree._ElementTree, method: Transform, prefixes: tuple[str, ...]) -> bytes:
    exclusive = method in EXCLUSIVE
    try:
        return etree.tostring(
            node,
            method="c14n",
            exclusive=exclusive,
            with_comments=False,
            inclusive_ns_prefixes=list(prefixes) if exclusive and prefixes else None,
        )
    except (etree.LxmlError, ValueError):
        raise BadXmlSignature("no canonical form") from None


def _copied(root: XmlElement) -> XmlElement:
    """A copy of a whole document. A deep copy of the tree would turn round what stands behind the document element."""
    copy = deepcopy(root)
    for node in reversed(list(root.itersiblings(preceding=True))):
        copy.addprevious(_bare(node))
    for node in reversed(list(root.itersiblings())):
        copy.addnext(_bare(node))
    return copy


def _bare(node: XmlElement) -> XmlElement:
    copy = deepcopy(node)
    copy.tail = None
    return copy


def _steps(element: XmlElement) -> list[int]:
    """The way from the document element to an element, as positions among siblings."""
    steps: list[int] = []
    while (parent := element.getparent()) is not None:
        steps.append(parent.index(element))
        element = parent
    return steps[::-1]


def _descend(element: XmlElement, steps: list[int]) -> XmlElement:
    for step in steps:
        element = element[step]
    return element


@contextmanager
def _wearing(element: XmlElement, attributes: dict[str, str]) -> Iterator[None]:
    """Puts attributes on for a while."""
    worn = {name: element.get(name) for name in attributes}
    for name, value in attributes.items():
        element.set(name, value)
        if name == _BASE and not value:
            del element.attrib[name]
    try:
        yield
    finally:
        for name, old in worn.items():
            if old is not None:
                element.set(name, old)
            elif name in element.attrib:
                del element.attrib[name]


def _joined(bases: list[str]) -> str:
    """The URI references of nested xml:base attributes, from the outermost, as one (C14N 1.1, 2.4)."""
    if sum(map(len, bases)) > _BASES_MAX:
        raise BadXmlSignature("too long an xml:base")
    joined, *rest = bases
    for reference in rest:
        joined = _join(joined, reference) if reference else joined
    return joined


def _join(base: str, reference: str) -> str:
    """RFC 3986, 5.2.2, for a base that may be relative itself; a segment ".." at its end counts as "../"."""
    try:
        outer, inner = urlsplit(base), urlsplit(reference)
    except ValueError:
        raise BadXmlSignature("xml:base is no URI reference") from None
    scheme, netloc, path, query = outer.scheme, outer.netloc, outer.path, inner.query
    if inner.scheme or inner.netloc:
        scheme, netloc, path = inner.scheme or outer.scheme, inner.netloc, inner.path
    elif not inner.path:
        return urlunsplit((scheme, netloc, path, inner.query or outer.query, ""))
    elif inner.path.startswith("/"):
        path = inner.path
    else:
        folder = path if path.rpartition("/")[2] == ".." else path.rpartition("/")[0]
        path = f"{folder}/{inner.path}" if folder or "/" in path or netloc else inner.path
    return urlunsplit((scheme, netloc, _without_dots(path), query, ""))


def _without_dots(path: str) -> str:
    """RFC 3986, 5.2.4; leading ".." segments of a relative path stay, and no two slashes stand together (2.4)."""
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == ".." and kept and kept[-1] != "..":
            kept.pop()
        elif segment == ".." and path.startswith("/"):
            continue
        elif segment not in ("", "."):
            kept.append(segment)
    start = "/" if path.startswith("/") else ""
    end = "/" if kept and segments[-1] in ("", ".", "..") else ""
    return f"{start}{'/'.join(kept)}{end}"
