"""What the references of XML signatures lead to: always something in the document itself, never anything outside.

XML Signature 1.1, 4.4.3.2 (reference processing) with the restrictions of gemSpec_Kon A_22673: URIs are "" (the whole
document) or "#" and an Id; the transforms are canonicalisations and enveloped-signature.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from hmac import compare_digest

from cryptography.hazmat.primitives import hashes
from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.xmlsec.canonical import XmlElement, canonical, canonical_document, digest, digest_of, remaining
from tiaas.xmlsec.errors import BadXmlSignature, NotResolved, UnknownAlgorithm
from tiaas.xmlsec.names import CANONICAL, DIGESTS, XML, Transform
from tiaas.xmlsec.syntax import Reference, Step

ID_ATTRIBUTES = ("Id", "ID", "id", f"{{{XML}}}id")
"""What counts as an Id where no schema says otherwise (gemSpec_Kon TAB_KON_779 "Referenzierung")."""

IdIndex = Mapping[str, XmlElement | None]

_DEFAULT = Step(Transform.C14N)
_FEW = 1024
"""So many attributes are taken out of a tree in a thousandth of a second."""
_DIGESTS_MAX = 512
"""Different things that the signatures of one document may refer to."""
_WHOLE_MAX = 20
_MORE_OCTETS = 16 * 1024 * 1024
"""Ours: so many times a document may be digested, and so many octets beside. 20 signatures are demanded (gemSpec_Kon
TAB_KON_779), each of which may be of all of the document without itself."""
_COMPARISONS, _COMPARISONS_PER_OCTET = 400_000_000, 64
"""Ours: comparisons of namespaces and attributes for all digests of a document, about two seconds; usual documents take
thousands for each. A large document may take more, about as long as its octets take."""


def index_ids(root: XmlElement, wanted: Iterable[str]) -> IdIndex:
    """The `wanted` Ids of a document with their elements, and of few Ids all; None for one that several elements bear.

    Whoever resolves an Id may find another element of that Id first, so such a one leads nowhere. `wanted` is asked
    for only if there are many: all in one piece would take fifty times the memory of the document.
    """
    found: dict[str, XmlElement | None] = {}
    for search in _SEARCHES.all:
        names = search(root)
        if len(names) > _FEW:
            return _looked_for(root, frozenset(wanted))
        for name in names:
            element = name.getparent()
            if found.setdefault(str(name), element) is not element:
                found[str(name)] = None
    return found


def _looked_for(root: XmlElement, wanted: frozenset[str]) -> IdIndex:
    """Element by element, so that other threads have their turn."""
    found: dict[str, XmlElement | None] = {}
    for element in root.iter(etree.Element):
        for attribute in ID_ATTRIBUTES:
            name = element.get(attribute)
            if name is not None and name in wanted and found.setdefault(name, element) is not element:
                found[name] = None
    return found


class _Searches(threading.local):
    """What finds attributes of a name, one more than `_FEW`, in a tenth of the time of a walk. Each thread has its own,
    for nobody should wait for a large document."""

    def __init__(self) -> None:
        names = (name.replace(f"{{{XML}}}", "xml:") for name in ID_ATTRIBUTES)
        few = f"[position() <= {_FEW + 1}]"
        self.all = tuple([etree.XPath(f"(descendant-or-self::*/@{name}){few}") for name in names])


_SEARCHES = _Searches()


@dataclass(slots=True)
class Allowance:
    """What may still be digested for the signatures of a document: `left` octets; `whole` is all of it. Anything, where
    a reader takes few references only.

    `comparing` are the comparisons that all of it takes to be made canonical (`markup.canonical_cost`).
    """

    whole: int = 0
    left: int = sys.maxsize
    comparing: int = 0
    comparisons: int = _COMPARISONS

    @classmethod
    def of(cls, octets: int, comparing: int = 0) -> "Allowance":
        """For a document of so many octets."""
        comparisons = max(_COMPARISONS, _COMPARISONS_PER_OCTET * octets)
        return cls(octets, _WHOLE_MAX * octets + _MORE_OCTETS, comparing, comparisons)


def _one_piece(octets: bytes) -> Iterable[bytes | memoryview]:
    return (octets,)


@dataclass(frozen=True, slots=True)
class Document:
    """A document with signatures in it. `detached` are the octets that a reference without URI means, or None.

    `pieces` gives of canonical octets what they stand for, where texts of the tree are marks.
    """

    root: XmlElement
    ids: IdIndex
    detached: bytes | None = None
    allowance: Allowance = field(default_factory=Allowance, compare=False, repr=False)
    pieces: Callable[[bytes], Iterable[bytes | memoryview]] = field(default=_one_piece, compare=False, repr=False)
    _digests: dict[tuple[object, ...], bytes] = field(default_factory=dict, compare=False, repr=False)

    def target(self, reference: Reference) -> XmlElement | None:
        """The element referred to: None for the whole document. Raises `NotResolved`."""
        uri = reference.uri
        if uri is None or (uri and not uri.startswith("#")):
            raise NotResolved("a reference to something outside of the document")
        if not uri:
            return None
        element = self.ids.get(uri[1:])
        if element is None:
            raise NotResolved("a reference to an Id that is missing or occurs twice")
        return element

    def fits(self, reference: Reference, signature: XmlElement) -> bool:
        """Whether the digest of a reference of `signature` fits. Raises `UnknownAlgorithm` and like `octets`.

        What many references mean is digested once, so that they cost no more than one. Raises `BadXmlSignature` if
        there is too much to be digested.
        """
        enveloped = Step(Transform.ENVELOPED) in reference.steps
        key = (reference.uri, reference.steps, reference.digest_method, signature if enveloped else None)
        made = self._digests.get(key)
        if made is None:
            if len(self._digests) >= _DIGESTS_MAX:
                raise BadXmlSignature("too many different references")
            made = self._digests[key] = self._digest(reference, signature, enveloped=enveloped)
        return compare_digest(made, reference.digest_value)

    def _digest(self, reference: Reference, signature: XmlElement, *, enveloped: bool) -> bytes:
        """Made anew, at the cost of the allowance, also if that leads to nothing."""
        allowance = self.allowance
        if allowance.left <= 0 or allowance.comparisons < 0:
            raise BadXmlSignature("too much is referred to")
        allowance.comparisons -= allowance.comparing
        # That there is no canonical form is found out at the end; and what an enveloped signature is left out of is
        # copied before.
        cost = allowance.whole
        try:
            octets = self.octets(reference, signature)
            # What stands beside the document is no part of its tree.
            pieces = (octets,) if reference.uri is None else tuple(self.pieces(octets))
            cost = max(sum(map(len, pieces)), cost if enveloped else 0)
            return digest_of(pieces, _algorithm(reference.digest_method))
        except NotResolved:
            cost = 0
            raise
        finally:
            allowance.left -= cost

    def octets(self, reference: Reference, signature: XmlElement) -> bytes:
        """What is digested for a reference of `signature`. Raises `BadXmlSignature` (`NotResolved`)."""
        if reference.uri is None and self.detached is not None and not reference.steps:
            return self.detached
        element = self.target(reference)
        *before, last = reference.steps or (_DEFAULT,)
        if last.algorithm not in CANONICAL:
            before, last = [*before, last], _DEFAULT
        if any(step.algorithm in CANONICAL for step in before):
            raise UnknownAlgorithm("a transform of what is canonical already")
        enveloped = any(step.algorithm is Transform.ENVELOPED for step in before)
        # A signature outside of what it refers to leaves it as it is (XML Signature 1.1, 6.6.4).
        if enveloped and (element is None or element in signature.iterancestors()):
            return remaining(signature, element, last.algorithm, last.prefixes)
        if element is None:
            return canonical_document(self.root, last.algorithm, last.prefixes)
        return canonical(element, last.algorithm, last.prefixes)


def digest_fits(octets: bytes, method: str, value: bytes) -> bool:
    """Whether `value` is the digest of `octets`. Raises `UnknownAlgorithm`."""
    return compare_digest(digest_named(octets, method), value)


def digest_named(octets: bytes, method: str) -> bytes:
    """The digest of `octets` by the algorithm of that name. Raises `UnknownAlgorithm`."""
    return digest(octets, _algorithm(method))


def _algorithm(method: str) -> hashes.HashAlgorithm:
    algorithm = DIGESTS.get(method)
    if algorithm is None:
        raise UnknownAlgorithm("unknown digest method")
    return algorithm()
