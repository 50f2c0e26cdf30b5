"""Which documents are certain to be dealt with in the event loop in a few milliseconds.

A prescription takes a fraction of one, less than the change to a thread costs. But octets are no bound on work: a few
KiB of XML can have namespaces whose comparison takes seconds, as few of a PDF megabytes that are packed. What might be
like that is counted here, without reading it; the wrong guess costs a thread.
"""

import re

from tiaas.cms.signed import octets_beside_content

QUICK_OCTETS = 32 * 1024
_HIDDEN = re.compile(rb"#([0-9A-Fa-f]{2})")
_COMPARISONS = 500_000
"""Of namespaces and attributes, by libxml2 for canonical forms: some thousandths of a second."""
_FEW = 50
_MORE = re.compile(rb"<[^<=]*+(?:=[^<=]*+){%d}" % (_FEW + 1))
"""More attributes of one element than few."""
_DIGESTED = 8 * QUICK_OCTETS
"""Octets for all tags of Reference together: each has a start tag and an end tag as a rule, and may mean the whole
document, which takes up to a thousandth of a second to be made canonical."""
_VALUES_MAX = 4
"""Tags of SignatureValue: two signatures. The certificate of each takes up to a hundredth of a second to read."""
_DEAR_IN_PDF = (b"Predictor", b"ObjStm", b"XRef")
"""What is packed, and may be a thousand times as long, and rows that are put together octet by octet."""
_ELEMENTS_OCTETS = 8 * 1024
"""Of CMS: certificates, OCSP responses and a few signatures. Elements of two octets, as many as there is room for, take
five thousandths of a second to read; the octets of a content are read by nobody."""


def is_quick_cms(signature: bytes) -> bool:
    """Whether a CMS signature is quick."""
    size = len(signature)
    return size <= _ELEMENTS_OCTETS or (size <= QUICK_OCTETS and octets_beside_content(signature) <= _ELEMENTS_OCTETS)


def holds_quick_cms(document: bytes) -> bool:
    """Whether a document, whose signatures are CMS in it somewhere, is quick."""
    return len(document) <= _ELEMENTS_OCTETS and _is_quick(document)


def is_quick(*documents: bytes) -> bool:
    """Whether all of them together are quick."""
    return sum(map(len, documents)) <= QUICK_OCTETS and all(map(_is_quick, documents))


def _is_quick(document: bytes) -> bool:
    # XML may have the mark of a PDF in a comment, and is none by that: what holds for it is asked of every document.
    if b"%PDF" in document and _may_be_dear_pdf(document):
        return False
    if b"<" not in document:
        return True
    references = document.count(b"Reference")
    if references * len(document) > _DIGESTED or document.count(b"SignatureValue") > _VALUES_MAX:
        return False
    namespaces, attributes = document.count(b"xmlns"), document.count(b"=")
    # The shortest element and the shortest reference would leave room for so many.
    if (namespaces**2 * len(document) // 4 + attributes**2) * max(len(document) // 12, 1) <= _COMPARISONS:
        return True
    times, of_namespaces = max(references, 1), namespaces**2 * document.count(b"<")
    if (of_namespaces + attributes**2) * times <= _COMPARISONS:
        return True
    # Only those of one element are compared with each other.
    return (of_namespaces + _FEW * attributes) * times <= _COMPARISONS and _MORE.search(document) is None


def _may_be_dear_pdf(document: bytes) -> bool:
    # A number sign can hide a part of a name, an object stream whole dictionaries.
    plain = _HIDDEN.sub(lambda match: bytes.fromhex(match[1].decode()), document) if b"#" in document else document
    is_packed = b"Metadata" in plain and b"FlateDecode" in plain
    return is_packed or any(name in plain for name in _DEAR_IN_PDF)
