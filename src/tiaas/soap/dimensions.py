"""What a parser would build of a document, counted in its octets before it does: elements and attributes.

Counting `<` and `=` is a quick bound, since an element costs one of the former and an attribute one of the latter. A
text may be full of both, so a document above that bound is gone through tag by tag, up to the first one too many.
"""

import re

from tiaas.base.slices import counted, found
from tiaas.soap.errors import TooLarge

_SHORTEST = 4
"""Octets of `<a/>`; no attribute has fewer."""
_TO_VALUE = re.compile(rb"""[^<>="']*+=[ \t\r\n]*+(["'])""")
_TO_END = re.compile(rb"""[^<>"']*+>""")


def check_dimensions(document: bytes, elements: int, attributes: int) -> None:
    """Raises `TooLarge` for more elements, or more attributes in all. What cannot be followed is not well-formed, and
    no parser builds what stands behind it.

    Instructions, comments and CDATA sections are bounded by twice the number of elements.
    """
    if len(document) <= _SHORTEST * min(elements, attributes):
        return
    opening = counted(document, b"<")
    if opening > elements:
        # Ends of elements, and the XML declaration.
        opening -= counted(document, b"</") + document.startswith((b"<?xml ", b"\xef\xbb\xbf<?xml "))
    if opening > elements or counted(document, b"=") > attributes:
        _Walk(document, elements, attributes).walk()


class _Walk:
    """Goes from tag to tag."""

    def __init__(self, document: bytes, elements: int, attributes: int) -> None:
        self._document = document
        self._elements, self._attributes = elements, attributes
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
        if self._document.startswith(b"<!--", at):
            return self._other(at + 4, b"-->")
        if self._document.startswith(b"<![CDATA[", at):
            return self._other(at, b"]]>")
        return -1

    def _other(self, at: int, end: bytes) -> int:
        self._others += 1
        if self._others > 2 * self._elements:
            raise TooLarge(f"more than {2 * self._elements} instructions, comments and CDATA sections")
        return found(self._document, end, at)

    def _start_tag(self, at: int) -> int:
        """Where it ends, or -1."""
        document = self._document
        self._begun += 1
        if self._begun > self._elements:
            raise TooLarge(f"more than {self._elements} elements")
        while value := _TO_VALUE.match(document, at):
            self._with += 1
            if self._with > self._attributes:
                raise TooLarge(f"more than {self._attributes} attributes")
            at = found(document, value[1], value.end()) + 1
            if at == 0:
                return -1
        end = _TO_END.match(document, at)
        return -1 if end is None else end.end()
