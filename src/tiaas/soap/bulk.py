"""Large contents of messages, which never become text of a tree: lifted out of a request, or sent beside it (XOP).

A document of 25 MB is 35 MB of base64. Parsed as text it would be in memory as octets, tree, string and document at
once, so long base64 is cut out of the octets first and a mark left in its place; what came as an attachment (MTOM) has
an `xop:Include` there already. The decoder asks `Bulk` what stands behind either. Sources: XML Schema 1.0 part 2
§3.2.16; XOP (W3C 25 January 2005) §3; gemSpec_Kon V5.18 TIP1-A_5694-03.
"""

import io
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from urllib.parse import unquote

from lxml import etree

from tiaas.base.slices import SLICE, copied, counted, found, joined, slices
from tiaas.base.unlocked import Octets
from tiaas.soap.dimensions import check_dimensions
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import ATTRIBUTES_MAX, Limits, parse_document_untrusted
from tiaas.soap.standalone import Places, Standing, document_of, standing_untrusted

XmlElement = etree._Element

LONG = 64 * 1024
"""From here on content is bulk."""
INCLUDE = "{http://www.w3.org/2004/08/xop/include}Include"
_INCLUDE_URI = b"http://www.w3.org/2004/08/xop/include"
_WITH_ATTACHMENTS = Limits(octets=64 * 1024 * 1024, nodes=30_000, depth=129)
"""Bounds for an element that attachments are put back into; a mark in the deepest one is a level more."""
_PLACE = b"urn:tiaas:bulk:content"
"""Stands as text where a content is put back."""
_MARK_URI = b"urn:tiaas:bulk"
_MARK = "{urn:tiaas:bulk}at"
_MARK_START, _MARK_END = b'<at xmlns="%s" n="' % _MARK_URI, b'"/>'
_SECTION = b"<![CDATA["
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_WHITESPACE = b" \t\r\n"
_DECODED = 24 * 1024
"""Octets of base64 decoded at once: that takes eight times longer than encoding."""


class NotBase64(ValueError):
    """Text that is not canonical base64."""


class Bulk:
    """What one message holds apart from its tree: pieces of its own octets, and attachments by Content-ID.

    Texts of at least `long` octets are cut.
    """

    def __init__(self, attachments: Mapping[str, Octets] | None = None, long: int = LONG) -> None:
        self._long = long
        self._attachments = dict(attachments or {})
        self._cut: dict[str, memoryview] = {}
        self._decoded: dict[tuple[str, str], bytes] = {}
        self._standing: dict[str, tuple[Octets, Standing]] = {}
        self._put_back: set[tuple[str, str]] = set()

    def cut_untrusted(self, document: Octets) -> Octets:
        """The document with a mark for every long base64 text; itself if there is none.

        Only whole texts between tags are cut, and only those of the base64 alphabet. In a comment a mark is nothing,
        and in an attribute there is no `<`, so nothing becomes well-formed that was not.
        """
        if len(document) < self._long or found(document, _MARK_URI) >= 0:
            return document
        view, kept, done = memoryview(document), list[Octets](), 0
        for start, end in _long_texts(document, self._long):
            kept += (view[done:start], b"%s%d%s" % (_MARK_START, len(self._cut), _MARK_END))
            self._cut[str(len(self._cut))] = view[start:end]
            done = end
        if not self._cut:
            return document
        return joined((*kept, view[done:]))

    def take_out_untrusted(self, document: Octets, places: Places, limits: Limits) -> Octets:
        """The document, of which `cut_untrusted` made this, without the content of the elements whose octets count.

        A mark stands in each; `standing` gives the element. What is more than the limits allow twice, one for what is
        left and one for these, is refused before any parser sees it, and so are many attributes of one element, which
        expat hands over at once. Raises `TooLarge`.
        """
        check_dimensions(document, 2 * limits.nodes, 2 * limits.attributes * limits.nodes, ATTRIBUTES_MAX)
        view, kept, done = memoryview(document), list[Octets](), 0
        for place in standing_untrusted(document, places, limits.depth):
            number = f"element{len(self._standing)}"
            self._standing[number] = document, place
            kept += (view[done : place.inside], _MARK_START + number.encode() + _MARK_END)
            done = place.close
        return joined((*kept, view[done:])) if kept else document

    def standing(self, element: XmlElement) -> bytes | None:
        """An element whose content was taken out, as a document of its own; None for another one.

        Raises `BadEnvelope` for an attachment that is not there, or in several places.
        """
        mark = element[0] if len(element) == 1 and element[0].tag == _MARK else None
        known = None if mark is None else self._standing.get(mark.get("n", ""))
        if known is None:
            return None
        document, place = known
        if self._attachments and _may_include(document, place):
            content = memoryview(document)[place.inside : place.close]
            return self._with_attachments(document_of(document, place, (content,)))
        return document_of(document, place, self._uncut(document, place.inside, place.close))

    def _with_attachments(self, document: bytes) -> bytes:
        """A document with what was cut out of it, and what came beside it, in place again.

        As texts of the tree they would be copied five times, by calls that keep everybody else waiting.
        """
        root = parse_document_untrusted(document, _WITH_ATTACHMENTS)
        contents = list[Iterable[Octets]]()
        for parent, child in self._kept_apart(root, attached=True):
            is_mark = child.tag == _MARK
            contents.append((self._text(child),) if is_mark else base64_slices(self._attachment(child)))
            _replace(parent, child, _PLACE.decode())
        thin = etree.tostring(root, encoding="UTF-8", xml_declaration=False)
        if counted(thin, _PLACE) != len(contents):
            raise BadEnvelope("a text that stands for attachments")
        return joined(_filled(thin, contents))

    def _uncut(self, document: Octets, start: int, end: int) -> Iterator[memoryview]:
        """A part of the document in pieces, with what was cut out in its place again."""
        view = memoryview(document)
        # Where anything was cut out, there is no mark but ours.
        at = found(document, _MARK_START, start, end) if self._cut else -1
        while at >= 0:
            behind = found(document, _MARK_END, at)
            yield view[start:at]
            yield self._cut[str(view[at + len(_MARK_START) : behind], "ascii")]
            start = behind + len(_MARK_END)
            at = found(document, _MARK_START, start, end)
        yield view[start:end]

    def holds(self, element: XmlElement) -> bool:
        """Whether the element's content is somewhere else: its only child is a mark or an `xop:Include`."""
        return len(element) == 1 and element[0].tag in (_MARK, INCLUDE)

    def octets(self, element: XmlElement) -> bytes:
        """Base64 content, decoded; the same object however often a message names it.

        Raises `NotBase64`; `BadEnvelope` for an attachment that is not there, or a mark that is none of ours.
        """
        child = element[0]
        if child.tag != _MARK and ((element.text or "").strip() or (child.tail or "").strip()):
            raise NotBase64
        name = _name(child)
        if name not in self._decoded:
            is_mark = child.tag == _MARK
            self._decoded[name] = decode_long_base64(self._text(child)) if is_mark else copied(self._attachment(child))
        return self._decoded[name]

    def put_back(self, element: XmlElement, *, attached: bool) -> None:
        """Makes what was cut out of the element text again, and with `attached` what came beside it.

        For those who want the XML as it came. Raises `BadEnvelope`, also where one attachment is to be put back twice:
        small messages would become large ones.
        """
        for parent, child in self._kept_apart(element, attached=attached):
            if child.tag == _MARK:
                # A parser makes every line end a line feed (XML 1.0 §2.11).
                lines = bytes(self._text(child)).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                _replace(parent, child, lines.decode("ascii"))
            else:
                _replace(parent, child, b2a_base64(self._attachment(child), newline=False).decode("ascii"))

    def _kept_apart(self, element: XmlElement, *, attached: bool) -> Iterator[tuple[XmlElement, XmlElement]]:
        """What stands in an element for contents, in its order, each with its parent, which may replace it.

        Raises `BadEnvelope` for one content in several places.
        """
        for child in [*(element.iter(_MARK, INCLUDE) if attached else element.iter(_MARK))]:
            parent = child.getparent()
            if child is element or parent is None or not (child.tag == _MARK or self.holds(parent)):
                continue
            if _name(child) in self._put_back:
                raise BadEnvelope("one content in several places")
            self._put_back.add(_name(child))
            yield parent, child

    def _text(self, mark: XmlElement) -> memoryview:
        found = self._cut.get(mark.get("n", ""))
        if found is None:
            raise BadEnvelope("a mark for content that was not cut out")
        return found

    def _attachment(self, include: XmlElement) -> Octets:
        scheme, name = _name(include)
        found = self._attachments.get(name) if scheme == "cid" else None
        if found is None:
            raise BadEnvelope("xop:Include names an attachment that is not there")
        return found


BULK: ContextVar[Bulk | None] = ContextVar("BULK", default=None)
"""What belongs to the message that is being decoded."""


def decode_long_base64(text: Octets) -> bytes:
    """Decodes base64 with whitespace anywhere, a slice at a time. Raises `NotBase64` unless it is canonical."""
    out, rest = io.BytesIO(), b""
    view = memoryview(text)
    is_padded = False
    for part in slices(view, _DECODED):
        compact = rest + bytes(part).translate(None, _WHITESPACE)
        whole = len(compact) - len(compact) % 4
        rest = compact[whole:]
        if is_padded and whole:
            raise NotBase64
        is_padded = compact.endswith(b"=", 0, whole)
        out.write(_decoded(compact[:whole]))
    if rest:
        raise NotBase64
    return out.getvalue()


def _decoded(quads: bytes) -> bytes:
    try:
        octets = a2b_base64(quads, strict_mode=True)
    except (Base64Error, ValueError):
        raise NotBase64 from None
    # Strict mode lets pad bits pass that are not zero.
    if b2a_base64(octets[-(len(octets) % 3 or 3) :], newline=False) != quads[-4:]:
        raise NotBase64
    return octets


def base64_slices(octets: Octets, size: int = SLICE) -> Iterator[bytes]:
    """The base64 of the octets, a slice of `size` at a time, a multiple of 3."""
    for part in slices(octets, size):
        yield b2a_base64(part, newline=False)


def base64_size(octets: Octets) -> int:
    """How long the base64 of the octets is."""
    return (len(octets) + 2) // 3 * 4


def _may_include(document: Octets, place: Standing) -> bool:
    """Whether an element may hold an `xop:Include`, whose namespace may be declared around it."""
    return _INCLUDE_URI in place.declarations or found(document, _INCLUDE_URI, place.start, place.end) >= 0


def _filled(thin: bytes, contents: Iterable[Iterable[Octets]]) -> Iterator[Octets]:
    """A document in pieces, each content where a `_PLACE` is."""
    view, done = memoryview(thin), 0
    for content in contents:
        at = found(thin, _PLACE, done)
        yield view[done:at]
        yield from content
        done = at + len(_PLACE)
    yield view[done:]


def _name(child: XmlElement) -> tuple[str, str]:
    """What a mark or an `xop:Include` leads to."""
    if child.tag == _MARK:
        return _MARK, child.get("n", "")
    scheme, _, name = child.get("href", "").partition(":")
    return scheme.lower(), unquote(name)


def _replace(parent: XmlElement, child: XmlElement, text: str) -> None:
    text += child.tail or ""
    before = child.getprevious()
    parent.remove(child)
    if before is None:
        parent.text = (parent.text or "") + text
    else:
        before.tail = (before.tail or "") + text


def _long_texts(document: Octets, long: int) -> Iterator[tuple[int, int]]:
    """Where texts of at least `long` octets of the base64 alphabet stand, between a `>` and the next `<`."""
    view = memoryview(document)
    sections = _Sections(document)
    tag = found(document, b"<")
    while tag >= 0:
        following = found(document, b"<", tag + 1)
        if following - tag > long:
            start = found(document, b">", tag, following) + 1
            is_long = start > 0 and following - start >= long
            if is_long and not sections.hold(start) and _is_base64(view[start:following]):
                yield start, following
        tag = following


class _Sections:
    """Where CDATA sections are, in which a mark would be text. Asked from the beginning on, each octet is seen once."""

    def __init__(self, document: Octets) -> None:
        self._document = document
        self._opened, self._closed = -1, 0
        self._following = found(document, _SECTION)

    def hold(self, at: int) -> bool:
        """Whether a place, behind all that were asked for before, is in a section."""
        while 0 <= self._following < at:
            self._opened = self._following
            self._following = found(self._document, _SECTION, self._opened + 1)
        if self._opened < 0:
            return False
        if 0 <= self._closed < self._opened:
            self._closed = found(self._document, b"]]>", self._opened)
        return not 0 <= self._closed < at


def _is_base64(text: memoryview) -> bool:
    """Whether all is of the alphabet and not all of it is space, which may stand between elements."""
    known, is_blank = _ALPHABET + _WHITESPACE, True
    for part in slices(text):
        octets = bytes(part)
        if octets.translate(None, known):
            return False
        is_blank = is_blank and not octets.strip(_WHITESPACE)
    return not is_blank
