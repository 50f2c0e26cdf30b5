"""Where tags stand in the octets of XML, as expat tells it; octets in an encoding that contains ASCII.

Expat works on a document with the interpreter's lock, and reads what is not whole yet from its beginning each time more
comes. So it gets a slice at a time, and of a long comment, instruction or value of an attribute no more than its
beginning: nobody who looks for tags wants the rest.
"""

import re
from bisect import bisect_right
from xml.parsers import expat

from tiaas.base.dataclass import dataclass
from tiaas.base.slices import SLICE, found
from tiaas.base.unlocked import Octets

_TAG = re.compile(rb"""<([^\s/>]++)(?:\s++[^\s=<>"'/]++\s*+=\s*+(?:"[^"]*+"|'[^']*+'))*+\s*+(/?)>""")
"""What begins with a quotation mark, `>` or `/` is no attribute: text behind a tag may look like one."""
_NAME = re.compile(rb"<([^\s/>]+)")
_TO_VALUE = re.compile(rb"""[^<>="']*+=[ \t\r\n]*+(["'])""")
_IN_TAG = re.compile(rb"""[<>="']""")
_NO_BLANK = re.compile(rb"[^ \t\r\n]")
_EQUALS, _GREATER, _SLASH = b"=>/"
_QUOTES = {ord(quote): quote for quote in (b'"', b"'")}
_KEPT = 16 * 1024
"""Octets of a value that are given to expat: whoever looks at values looks at shorter ones."""
_LONGEST = 1024 * 1024
"""Octets of a tag that are: so many are read in some 10 ms."""
_HANDLERS = tuple(name for name in dir(expat.ParserCreate()) if name.endswith("Handler"))


class TagTooLong(expat.ExpatError):
    """What expat would have to read at once, or a tag, comment or instruction without end."""


@dataclass(frozen=True, slots=True)
class StartTag:
    """A start tag or the tag of an empty element, up to `end`."""

    name: bytes
    end: int
    is_empty: bool


def start_tag(document: Octets, start: int) -> StartTag | None:
    """The tag at `start` of a document that is well-formed up to its end; None if there is none. Raises `TagTooLong`
    for a name that is not looked for."""
    tag = _TAG.match(document, start, start + SLICE)
    if tag is not None:
        return StartTag(tag[1], tag.end(), bool(tag[2]))
    name, at = _NAME.match(document, start, start + SLICE), start + 1
    if name is not None and name.end() == start + SLICE:
        raise TagTooLong
    while (value := next_value(document, at)) is not None:
        at = found(document, *value) + 1
        if at == 0:
            return None
    end = end_of_tag(document, at)
    return None if name is None or end < 0 else StartTag(name[1], end, document[end - 2] == _SLASH)


def end_of_tag(document: Octets, at: int) -> int:
    """Where a start tag ends, from behind its last value on or from its name if there is none; -1 if it does not."""
    at = _first(_IN_TAG, document, at)
    return at + 1 if at >= 0 and document[at] == _GREATER else -1


def next_value(document: Octets, at: int) -> tuple[bytes, int] | None:
    """The quotation mark of the next attribute's value in a start tag, and where the value begins; None behind the last
    one. `at` is behind the tag's `<` or a value."""
    if near := _TO_VALUE.match(document, at, at + SLICE):
        return near[1], near.end()
    at = _first(_IN_TAG, document, at)
    if at < 0 or document[at] != _EQUALS:
        return None
    at = _first(_NO_BLANK, document, at + 1)
    quote = _QUOTES.get(document[at]) if at >= 0 else None
    return None if quote is None else (quote, at + 1)


def _first(wanted: re.Pattern[bytes], document: Octets, at: int) -> int:
    """Where the first octet that is `wanted` stands from `at` on, or -1; an expression keeps the interpreter's lock
    for no more than a slice."""
    octet, end = wanted.search(document, at, at + SLICE), at + SLICE
    while octet is None and end < len(document):
        octet, end = wanted.search(document, end, end + SLICE), end + SLICE
    return -1 if octet is None else octet.start()


class Reading:
    """A document that `parser` is given, once; then it has no handlers any more."""

    def __init__(self, parser: expat.XMLParserType, document: Octets) -> None:
        # Newer ones wait for more before they read on, and then do not say where what is not whole begins.
        if hasattr(parser, "SetReparseDeferralEnabled"):
            parser.SetReparseDeferralEnabled(False)
        self._parser = parser
        self._document = document
        # What stands from so many octets on, as expat counts them, stands so many further behind in the document.
        self._from, self._left_out = [0], [0]
        self._shortened = set[int]()

    @property
    def at(self) -> int:
        """Where in the document that begins of which the parser tells."""
        index = self._parser.CurrentByteIndex
        return index + self._left_out[bisect_right(self._from, index) - 1]

    @property
    def is_shortened(self) -> bool:
        """Whether the parser tells of a tag with values of which it was given the beginning."""
        return self._parser.CurrentByteIndex in self._shortened

    def read(self) -> None:
        """Raises `ExpatError`; `TagTooLong` for what may be well-formed."""
        try:
            self._read()
        finally:
            # They hold the parser and the document and are held by it: 25 MB would wait for the collector of garbage.
            for handler in _HANDLERS:
                setattr(self._parser, handler, None)

    def _read(self) -> None:
        view, start, size = memoryview(self._document), 0, SLICE
        while start < len(view):
            self._parser.Parse(view[start : start + size], False)
            begun, start = start, start + size
            token = self.at
            if token > begun or start >= len(view):
                size = SLICE
                continue
            end = self._shorten(token, start)
            start, size = (end, SLICE) if end > start else (start, 2 * size)
            if start + size - token > _LONGEST and size > SLICE:
                raise TagTooLong
        self._parser.Parse(b"", True)

    def _shorten(self, token: int, start: int) -> int:
        """Gives the parser what it needs of the rest of what begins at `token`; `start` is how far it got. How far it
        is then."""
        document = self._document
        head = bytes(document[token : token + 4])
        if head == b"<!--":
            return self._shorten_other(token, start, b"-->")
        if head.startswith(b"<?"):
            return self._shorten_other(token, start, b"?>")
        if head.startswith(b"<") and not head.startswith((b"<!", b"</")):
            return self._shorten_tag(token, start)
        return start

    def _shorten_other(self, token: int, start: int, ending: bytes) -> int:
        """See `_shorten`: a comment or an instruction."""
        document = self._document
        end = found(document, ending, token + 2 * len(ending) - 2)
        if end < 0:
            raise TagTooLong
        if end <= start:
            return start  # It has its end, or a part of it.
        # A blank, lest it ends with what ends it otherwise.
        rest = bytes(document[start : _next_character(document, start, end)]) + b" " + ending
        self._give(rest, start, end + len(ending))
        return end + len(ending)

    def _shorten_tag(self, token: int, start: int) -> int:
        """See `_shorten`: a start tag."""
        document, parts, done, at = self._document, list[bytes](), start, token + 1
        while (value := next_value(document, at)) is not None:
            close = found(document, *value)
            if close < 0:
                raise TagTooLong
            kept = _kept(document, value[1], max(value[1] + _KEPT, start), close)
            if kept < close:
                parts.append(bytes(document[done:kept]))
                done = close
            at = close + 1
        end = end_of_tag(document, at)
        if end < 0 or sum(map(len, parts)) + end - done + start - token > _LONGEST:
            raise TagTooLong
        if end > start:
            if parts:
                self._shortened.add(self._parser.CurrentByteIndex)
            self._give(b"".join((*parts, bytes(document[done:end]))), start, end)
        return max(start, end)

    def _give(self, rest: bytes, start: int, end: int) -> None:
        """Instead of what stands from `start` to `end`."""
        index = start - self._left_out[-1] + len(rest)
        self._from.append(index)
        self._left_out.append(end - index)
        self._parser.Parse(rest, False)


def _kept(document: Octets, start: int, end: int, close: int) -> int:
    """Where a value from `start` to `close` can be left out from `end` on: not within a reference or a character."""
    kept = bytes(document[start : min(end, close)])
    if kept.rfind(b"&") > kept.rfind(b";"):
        end = found(document, b";", end, close) + 1 or close
    return _next_character(document, end, close)


def _next_character(document: Octets, at: int, end: int) -> int:
    """Where a character begins: UTF-8 has up to three more octets for one (10xxxxxx)."""
    most = min(at + 3, end)
    while at < most and document[at] & 0xC0 == 0x80:
        at += 1
    return at
