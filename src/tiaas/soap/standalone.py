"""Elements of a message whose octets count: a ds:Signature that stands in it, as a document of its own.

What is signed are octets, and the tree of a message does not have them: its parser leaves processing instructions out
and keeps to the bounds of messages. So such an element is found in the octets before the message is parsed, and its
content stays out of the tree (`tiaas.soap.bulk`).

Elements around it declare prefixes, and Canonical XML counts what is in force as the element's own (C14N 1.1, 2.3):
a signer who knew nothing of the message did not sign it so. Of those declarations the document gets the ones it uses;
those of the element itself stay, used or not. A prefix counts as used by an element or attribute, and where it stands
before a colon in a value or text (xsi:type).
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from tiaas.base.dataclass import dataclass
from tiaas.base.slices import found, joined
from tiaas.base.unlocked import Octets
from tiaas.soap.plan import ways_to_octets
from tiaas.soap.tags import Reading, start_tag

_BETWEEN = "\x01"
"""Stands in no name, because it is no character of XML."""
_LONGEST = 8 * 1024
"""A value that is longer names nothing by its prefix; text comes in pieces that are as long at most."""
_OF_A_PREFIX = r"""[^\s:<>"'&=/;,()|\[\]{}@*+!]"""
# They start where a run of such characters starts, and nowhere within: else a long run takes its square.
_BEFORE_COLON = re.compile(f"(?<!{_OF_A_PREFIX})({_OF_A_PREFIX}+):")
_AT_THE_END = re.compile(f"(?<!{_OF_A_PREFIX}){_OF_A_PREFIX}*+\\Z")
_UTF_16 = re.compile(rb"\xfe\xff|\xff\xfe|\x00|.\x00", re.DOTALL)
"""Expat reads such a document as UTF-16, whatever encoding it was told; no bound counted in octets would hold."""


@dataclass(frozen=True, slots=True)
class Places:
    """The ways to elements whose octets count: Clark names from the envelope on."""

    ways: frozenset[tuple[str, ...]]

    def may_be_in(self, document: Octets) -> bool:
        """Whether a message may have such an element, without reading it. What it hides from this is not decoded."""
        return any(found(document, parent) >= 0 and found(document, uri) >= 0 for parent, uri in _hints(self.ways))


NOWHERE = Places(frozenset())


@cache
def places_of(classes: tuple[type[Any], ...], *around: str) -> Places:
    """Where the messages of these classes have such elements; the message stands in elements of the names `around`."""
    return Places(frozenset((*around, *way) for cls in classes for way in ways_to_octets(cls)))


@cache
def _hints(ways: frozenset[tuple[str, ...]]) -> frozenset[tuple[bytes, bytes]]:
    """Parents' local names and elements' namespaces."""
    return frozenset(
        (way[-2].rpartition("}")[2].encode(), way[-1].rpartition("}")[0].removeprefix("{").encode()) for way in ways
    )


@dataclass(frozen=True, slots=True)
class Standing:
    """Where such an element stands, from `start` to `end`, its content from `inside` to `close`.

    `declarations` are those that it lacks; they go to `named`, behind the name in its tag.
    """

    start: int
    named: int
    inside: int
    close: int
    end: int
    declarations: bytes


def standing_untrusted(document: Octets, places: Places, depth: int) -> list[Standing]:
    """The elements at `places` that are not empty, in the order of the document, whose dimensions were checked.

    None for what is not well-formed, not in UTF-8, has a document type declaration or is deeper around them than
    `depth`, which its reader refuses.
    """
    if _UTF_16.match(document):
        return []
    finder = _Finder(document, places, depth)
    try:
        finder.reading.read()
    except (expat.ExpatError, _Unread):
        return []
    return finder.found


class _Unread(Exception):
    """Nothing is looked for in this document."""


class _Finder:
    """Reads a message once: the way to where it is, the declarations in force there, and what such an element uses."""

    def __init__(self, document: Octets, places: Places, deepest: int) -> None:
        self.found: list[Standing] = []
        self._document = document
        self._ways, self._lengths = places.ways, frozenset(map(len, places.ways))
        self._deepest = deepest
        self._way: list[str] = []
        self._declared: dict[str | None, list[str]] = {}
        self._tag: list[str | None] = []
        self._start = self._depth = 0
        self._own: dict[str | None, int] = {}
        self._needed: set[str | None] = set()
        self._begun = ""
        self._parser = parser = expat.ParserCreate("utf-8", _BETWEEN)
        self.reading = Reading(parser, document)
        parser.namespace_prefixes = parser.buffer_text = True
        parser.buffer_size = _LONGEST
        parser.StartDoctypeDeclHandler = self._refuse
        self._look_for()

    def _refuse(self, *declaration: object) -> None:
        raise _Unread

    # ---- around --------------------------------------------------------------------------------------------------

    def _look_for(self) -> None:
        parser = self._parser
        parser.StartElementHandler, parser.EndElementHandler = self._begin, self._end
        parser.StartNamespaceDeclHandler, parser.EndNamespaceDeclHandler = self._declare, self._forget
        parser.CharacterDataHandler = None

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        uri, _, local = name.partition(_BETWEEN)
        self._way.append(f"{{{uri}}}{local.partition(_BETWEEN)[0]}" if local else uri)
        depth = len(self._way)
        if depth > self._deepest:
            raise _Unread
        if depth in self._lengths and tuple(self._way) in self._ways:
            self._start, self._depth = self.reading.at, 0
            self._own = dict.fromkeys(self._tag, 1) | {"xml": 1}
            self._needed = set()
            self._use(name, attributes)
            self._look_into()
        self._tag.clear()

    def _end(self, name: str) -> None:
        self._way.pop()

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        if self.reading.is_shortened:
            raise _Unread
        self._tag.append(prefix)
        self._declared.setdefault(prefix, []).append(uri or "")

    def _forget(self, prefix: str | None) -> None:
        self._declared[prefix].pop()

    # ---- inside --------------------------------------------------------------------------------------------------

    def _look_into(self) -> None:
        parser = self._parser
        parser.StartElementHandler, parser.EndElementHandler = self._begin_inside, self._end_inside
        parser.StartNamespaceDeclHandler, parser.EndNamespaceDeclHandler = self._declare_inside, self._forget_inside
        parser.CharacterDataHandler = self._look_on

    def _begin_inside(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._begun = ""
        self._use(name, attributes)

    def _end_inside(self, name: str) -> None:
        self._begun = ""
        if self._depth:
            self._depth -= 1
            return
        self._put(self.reading.at)
        self._look_for()
        self._end(name)

    def _declare_inside(self, prefix: str | None, uri: str | None) -> None:
        self._own[prefix] = self._own.get(prefix, 0) + 1

    def _forget_inside(self, prefix: str | None) -> None:
        self._own[prefix] -= 1

    def _use(self, name: str, attributes: dict[str, str]) -> None:
        _, has_uri, local = name.partition(_BETWEEN)
        if has_uri:
            self._need(local.partition(_BETWEEN)[2] or None)
        for key, value in attributes.items():
            if _BETWEEN in key:
                self._need(key.rpartition(_BETWEEN)[2])
            if len(value) <= _LONGEST:
                self._look_at(value)

    def _need(self, prefix: str | None) -> None:
        if not self._own.get(prefix):
            self._needed.add(prefix)

    def _look_on(self, text: str) -> None:
        """Looks at text that comes in pieces: a prefix may begin in one and end in another."""
        text = self._begun + text
        self._look_at(text)
        end = _AT_THE_END.search(text[-_LONGEST:])
        self._begun = "" if end is None else end[0]

    def _look_at(self, text: str) -> None:
        if ":" in text:
            for prefix in _BEFORE_COLON.findall(text):
                if prefix in self._declared:
                    self._need(prefix)

    def _put(self, close: int) -> None:
        document, start = self._document, self._start
        tag = start_tag(document, start)
        if tag is None:
            raise _Unread
        if not tag.is_empty:
            end = found(document, b">", close) + 1
            named = start + 1 + len(tag.name)
            self.found.append(Standing(start, named, tag.end, close, end, self._declarations()))

    def _declarations(self) -> bytes:
        lacking = ((prefix, self._declared[prefix]) for prefix in self._needed if prefix in self._declared)
        in_force = sorted((prefix or "", uris[-1]) for prefix, uris in lacking if uris and uris[-1])
        return "".join(
            f" xmlns:{prefix}={quoteattr(uri, _LINES)}" if prefix else f" xmlns={quoteattr(uri, _LINES)}"
            for prefix, uri in in_force
        ).encode()


_LINES = {"\t": "&#9;"}


def document_of(document: Octets, place: Standing, content: Iterable[bytes | memoryview]) -> bytes:
    """The element at a place as a document of its own; `content` stands for what is in it."""
    view = memoryview(document)
    return joined(
        (
            view[place.start : place.named],
            place.declarations,
            view[place.named : place.inside],
            *content,
            view[place.close : place.end],
        )
    )
