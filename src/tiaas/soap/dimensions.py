"""What a parser would build of a document, counted in its octets before it does: elements and attributes.

Counting `<` and `=` is a quick bound, since an element costs one of the former and an attribute one of the latter. A
text may be full of both, so a document above that bound is gone through tag by tag, up to the first one too many.
"""

from tiaas.base.slices import counted, found
from tiaas.base.unlocked import Octets
from tiaas.soap.errors import TooLarge
from tiaas.soap.tags import end_of_tag, next_value

_SHORTEST = 4
"""Octets of `<a/>`; no attribute has fewer."""


def check_dimensions(document: Octets, elements: int, attributes: int, of_one: int | None = None) -> None:
    """Raises `TooLarge` for more elements, or more attributes in all or `of_one` element. What cannot be followed is
    not well-formed, and no parser builds what stands behind it.

    Instructions, comments and CDATA sections are bounded by twice the number of elements.
    """
    of_one = attributes if of_one is None else min(of_one, attributes)
    if len(document) <= _SHORTEST * min(elements, of_one):
        return
    opening = counted(document, b"<")
    if opening > elements:
        # Ends of elements, and the XML declaration.
        opening -= counted(document, b"</") + bytes(document[:9]).startswith((b"<?xml ", b"\xef\xbb\xbf<?xml "))
    if opening > elements or counted(document, b"=") > of_one:
        _Walk(document, elements, attributes, of_one).walk()


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
            at = found(document, *value) + 1
            if at == 0:
                return -1
        return end_of_tag(document, at)
