"""Puts markup into an XML document without touching any other octet of it.

So the encoding, a byte order mark, the XML declaration, comments and the way things are written stay what they were
(gemSpec_Kon TIP1-A_5436: without the signature the document is the same). The document must have been parsed before:
what stands here relies on it being well-formed, without DTD, and in an encoding that contains ASCII.
"""

import re
from collections.abc import Iterable
from xml.parsers import expat

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.base.slices import SLICE, found, joined
from tiaas.soap.tags import Reading, TagTooLong, start_tag

XmlElement = etree._Element

_LAST_TAG = re.compile(rb"""</([^\s<>/?="']++)\s*+>\s*+\Z""")


class NotLocated(TiaasError):
    """An element that was parsed is not found in the octets: two parsers disagree about the document, or a name in it
    is so long that it is not looked for. `code` is the gematik code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


_MISSED = 4022, "not well-formed"


@dataclass(frozen=True, slots=True)
class Place:
    """Where markup goes: it replaces the octets from `start` to `end` and stands between `before` and `after`."""

    start: int
    end: int
    before: bytes = b""
    after: bytes = b""

    def around(self, before: bytes, after: bytes) -> "Place":
        """The same place for markup with something more around it."""
        return Place(self.start, self.end, self.before + before, after + self.after)


@dataclass(frozen=True, slots=True)
class Span:
    """The octets of an element: its start tag from `start` to `inside`, its end tag from `close` to `end`."""

    name: bytes
    start: int
    inside: int
    close: int
    end: int

    def first(self) -> Place:
        """In front of all that is in the element."""
        return self._within(self.inside)

    def last(self) -> Place:
        """Behind all that is in the element."""
        return self._within(self.close)

    def attribute(self) -> Place:
        """In the start tag, behind the name."""
        at = self.start + 1 + len(self.name)
        return Place(at, at)

    def _within(self, at: int) -> Place:
        if self.inside == self.close == self.end:
            # An empty-element tag: its "/>" becomes ">", and it gets an end tag.
            return Place(self.end - 2, self.end, b">", b"</" + self.name + b">")
        return Place(at, at)


def locate(document: bytes, encoding: str, elements: Iterable[XmlElement]) -> list[Span]:
    """Where elements of the parsed document stand in its octets, in the order asked for. Raises `NotLocated`."""
    wanted = list(elements)
    places: dict[XmlElement, int] = dict.fromkeys(wanted, -1)
    for number, element in enumerate(wanted[0].getroottree().getroot().iter(etree.Element)) if wanted else ():
        if element in places:
            places[element] = number
    spans = _spans(document, encoding, frozenset(places.values()))
    try:
        return [spans[places[element]] for element in wanted]
    except KeyError:
        raise NotLocated(*_MISSED) from None


def end_of_root(document: bytes, encoding: str, root: XmlElement) -> Place:
    """Behind all that is in the document element. Raises `NotLocated`."""
    # What ends with an end tag ends with that of the document element: a comment ends with two hyphens in front of its
    # ">", an instruction with a question mark. One that is farther away is not worth to be looked for in one go.
    at = document.rfind(b"</", max(len(document) - SLICE, 0))
    last = _LAST_TAG.match(document, at) if at >= 0 else None
    if last is not None and not last[1].endswith(b"--"):
        return Place(at, at)
    return locate(document, encoding, (root,))[0].last()


def inserted(document: bytes, additions: Iterable[tuple[Place, bytes]]) -> bytes:
    """The document with markup at places that do not overlap; at one place, in the order given."""
    pieces, done = list[bytes | memoryview](), 0
    view = document if len(document) <= SLICE else memoryview(document)
    ordered = list(additions)
    if len(ordered) > 1:
        ordered.sort(key=_start)
    for place, markup in ordered:
        pieces += (view[done : place.start], place.before, markup, place.after)
        done = place.end
    pieces.append(view[done:])
    return joined(pieces)


def _start(addition: tuple[Place, bytes]) -> int:
    return addition[0].start


def _spans(document: bytes, encoding: str, wanted: frozenset[int]) -> dict[int, Span]:
    spans: dict[int, Span] = {}
    open_elements: list[int] = []
    starts: dict[int, int] = {}
    count = 0
    parser = expat.ParserCreate(encoding)
    reading = Reading(parser, document)

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        if count in wanted:
            starts[count] = reading.at
        open_elements.append(count)
        count += 1

    def end(name: str) -> None:
        number = open_elements.pop()
        if number in starts:
            spans[number] = _span(document, starts[number], reading.at)

    parser.StartElementHandler, parser.EndElementHandler = start, end
    try:
        reading.read()
    except TagTooLong:
        raise NotLocated(4280, "a tag is too long") from None
    except expat.ExpatError:
        raise NotLocated(*_MISSED) from None
    return spans


def _span(document: bytes, start: int, close: int) -> Span:
    tag = start_tag(document, start)
    if tag is None:
        raise NotLocated(*_MISSED)
    if tag.is_empty:
        return Span(tag.name, start, tag.end, tag.end, tag.end)
    return Span(tag.name, start, tag.end, close, found(document, b">", close) + 1)
