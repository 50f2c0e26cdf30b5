"""What a parser would build of a document, found in its octets before it does: elements, attributes, namespace names.

Counting `<` and `=` is a quick bound, since an element costs one of the former and an attribute one of the latter. A
text may be full of both, so a document above that bound is gone through tag by tag, up to the first one too many.

Parsers write the name of a namespace into the name of every element and attribute that is in it, and canonical XML
again wherever it is used: a few octets of the document each time. So these names have a bound, too.
"""

import re

from tiaas.base.slices import SLICE, counted, found
from tiaas.base.unlocked import Octets
from tiaas.soap.errors import TooLarge
from tiaas.soap.tags import end_of_tag, next_value

NAMESPACE_MAX = 512
"""Octets of a namespace's name as it is written. No reference takes fewer than what it stands for."""
_SHORTEST = 4
"""Octets of `<a/>`; no attribute has fewer."""
_DECLARATIONS = tuple(blank + b"xmlns" for blank in (b" ", b"\t", b"\r", b"\n"))
"""How the names of declarations begin; others that begin so are reserved (XML 1.0, 2.3)."""
_BLANK, _NAME = rb"[ \t\r\n]", rb"""[^ \t\r\n<>="']"""
_EQUALS = _BLANK + rb"*+=" + _BLANK + rb"*+"
_SHORT = rb"{0,%d}+" % NAMESPACE_MAX
_NAMED_SHORTLY = re.compile(
    (rb"<(?:[/!?]|" + _NAME + rb"++(?:" + _BLANK + rb"++(?:")
    + (rb"xmlns" + _NAME + rb"*+" + _EQUALS + rb"""(?:"[^"<]""" + _SHORT + rb""""|'[^'<]""" + _SHORT + rb"')")
    + (rb"|(?!xmlns)" + _NAME + rb"++" + _EQUALS + rb"""(?:"[^"<]*+"|'[^'<]*+')""")
    + (rb"))*" + _BLANK + rb"*+/?+>)")
)
"""A whole tag whose namespaces have names that are short enough, or what is no start tag."""


def check_dimensions(document: Octets, elements: int, attributes: int, of_one: int | None = None) -> None:
    """Raises `TooLarge` for more elements, more attributes in all or `of_one` element, or the name of a namespace that
    is longer than `NAMESPACE_MAX`. What cannot be followed is not well-formed, and no parser builds what stands behind
    it.

    Instructions, comments and CDATA sections are bounded by twice the number of elements. The document's encoding
    contains ASCII.
    """
    of_one = attributes if of_one is None else min(of_one, attributes)
    if _may_have_more(document, elements, of_one) or _may_name_more(document):
        _Walk(document, elements, attributes, of_one).walk()


def _may_have_more(document: Octets, elements: int, of_one: int) -> bool:
    if len(document) <= _SHORTEST * min(elements, of_one):
        return False
    opening = counted(document, b"<")
    if opening > elements:
        # Ends of elements, and the XML declaration.
        opening -= counted(document, b"</") + bytes(document[:9]).startswith((b"<?xml ", b"\xef\xbb\xbf<?xml "))
    return opening > elements or counted(document, b"=") > of_one


def _may_name_more(document: Octets) -> bool:
    """Whether there may be a longer name. There is no `<` in it, so only tags are looked at that have none near."""
    last, at = len(document) - NAMESPACE_MAX, found(document, b"<")
    while 0 <= at < last:
        near = bytes(document[at + 1 : at + 1 + NAMESPACE_MAX]).rfind(b"<")
        if near >= 0:
            at += 1 + near
        elif _NAMED_SHORTLY.match(document, at, at + SLICE) is None:
            return True
        else:
            at = found(document, b"<", at + 1 + NAMESPACE_MAX)
    return False


class _Walk:
    """Goes from tag to tag."""

    def __init__(self, document: Octets, elements: int, attributes: int, of_one: int) -> None:
        self._document = document
        self._elements, self._attributes, self._of_one = elements, attributes, of_one
        self._begun = self._ended = self._others = self._with = 0

    def walk(self) -> None:
        """Raises `TooLarge`."""
        document, at = self._document, found(self._document, b"<")
        while at >= 0:
            match document[at + 1 : at + 2]:
                case b"/":
                    self._ended += 1
                    end = at + 1 if self._ended <= self._begun else -1
                case b"!":
                    end = self._section(at)
                case b"?":
                    end = self._other(at, b"?>")
                case _:
                    end = self._start_tag(at + 1)
            at = -1 if end < 0 else found(document, b"<", end)

    def _section(self, at: int) -> int:
        if self._document[at : at + 4] == b"<!--":
            return self._other(at + 4, b"-->")
        if self._document[at : at + 9] == b"<![CDATA[":
            return self._other(at, b"]]>")
        return -1

    def _other(self, at: int, end: bytes) -> int:
        self._others += 1
        if self._others > 2 * self._elements:
            raise TooLarge(f"more than {2 * self._elements} instructions, comments and CDATA sections")
        return found(self._document, end, at)

    def _start_tag(self, at: int) -> int:
        """Where it ends, or -1."""
        document, most = self._document, self._with + self._of_one
        self._begun += 1
        if self._begun > self._elements:
            raise TooLarge(f"more than {self._elements} elements")
        while (value := next_value(document, at)) is not None:
            self._with += 1
            if self._with > self._attributes:
                raise TooLarge(f"more than {self._attributes} attributes")
            if self._with > most:
                raise TooLarge(f"more than {self._of_one} attributes of one element")
            close = found(document, *value)
            if close < 0:
                return -1
            if close - value[1] > NAMESPACE_MAX and self._is_declared(at, value[1]):
                raise TooLarge(f"a namespace whose name is longer than {NAMESPACE_MAX} octets")
            at = close + 1
        return end_of_tag(document, at)

    def _is_declared(self, at: int, value: int) -> bool:
        """Whether the name in front of a value is that of a declaration; it stands behind `at`, with what is before."""
        return any(found(self._document, wanted, at, value) >= 0 for wanted in _DECLARATIONS)
