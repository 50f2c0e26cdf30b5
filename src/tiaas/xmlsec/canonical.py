"""Exclusive XML Canonicalization 1.0 without comments (W3C, 18 July 2002), done by lxml."""

from copy import deepcopy

from cryptography.hazmat.primitives import hashes
from lxml import etree

from tiaas.xmlsec.errors import BadXmlSignature

XmlElement = etree._Element


def canonical(element: XmlElement) -> bytes:
    """The canonical octets of an element with all it contains; what follows it does not count.

    Raises `BadXmlSignature` for what has no canonical form (relative namespace names).
    """
    try:
        return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    except (etree.LxmlError, ValueError):
        raise BadXmlSignature("no canonical form") from None


def canonical_without(root: XmlElement, child: XmlElement) -> bytes:
    """`canonical` of `root` without one of its children: the transform enveloped-signature (XMLDSig 6.6.4)."""
    copy = deepcopy(root)
    removed = copy[root.index(child)]
    before = removed.getprevious()
    # lxml removes the text behind an element with it; the transform does not.
    if removed.tail:
        if before is None:
            copy.text = (copy.text or "") + removed.tail
        else:
            before.tail = (before.tail or "") + removed.tail
    copy.remove(removed)
    return canonical(copy)


def digest(octets: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    """The hash of `octets`."""
    state = hashes.Hash(algorithm)
    state.update(octets)
    return state.finalize()
