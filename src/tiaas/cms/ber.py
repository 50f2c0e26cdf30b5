"""Reads BER (X.690, 8) as it comes from outside: definite and indefinite lengths, strings in segments.

Nothing is copied until somebody asks for octets. Depth and number of elements are bounded, so a hostile file costs no
more than its size; a document of 25 MB in segments of 1000 octets stays within the bounds.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from tiaas.cms.der import BIT_STRING, OID_TAG
from tiaas.cms.errors import BadCms
from tiaas.tlv import encode, header

MAX_DEPTH = 32
MAX_ELEMENTS = 200_000
"""Elements that may be looked at in one pass over one element."""
_CONSTRUCTED = 0x20
_MAX_TAG_OCTETS = 4
_MAX_LENGTH_OCTETS = 4
_END_OF_CONTENTS = b"\x00\x00"
_NOT_HERE = 1 << 40
"""In place of a length that is read elsewhere: longer than anything."""


Ends = dict[int, int]
"""Where the contents of elements of indefinite length end, by where the contents begin."""


class Element(NamedTuple):
    """One element of `octets`: its tag (all octets as one integer) and where it and its content begin and end.

    `ends` is what is known of the elements in it: to look for the end of one finds those of all that are in it, and
    they are not looked for again, however deep they are nested.
    """

    octets: bytes
    tag: int
    start: int
    first: int
    stop: int
    end: int
    ends: Ends | None = None

    @property
    def encoded(self) -> bytes:
        """The element as it is written."""
        return self.octets[self.start : self.end]

    @property
    def value(self) -> bytes:
        """The content octets as they are written."""
        return self.octets[self.first : self.stop]

    @property
    def constructed(self) -> bool:
        """Whether the content consists of elements."""
        return bool(self.octets[self.start] & _CONSTRUCTED)

    def children(self) -> list["Element"]:
        """The elements in the content; raises `BadCms`."""
        octets, _, start, position, stop, _, ends = self
        if not octets[start] & _CONSTRUCTED:
            raise BadCms("a primitive element where a constructed one is expected")
        found: list[Element] = []
        for _ in range(MAX_ELEMENTS + 1):
            if position >= stop:
                return found
            # Nearly all have one octet for the tag and a length in up to three; a call each would cost as much.
            tag, first = octets[position], position + 2
            length = octets[position + 1] if first <= stop else _NOT_HERE
            if length >= 0x80:
                first += length - 0x80
                length = int.from_bytes(octets[position + 2 : first], "big") if 0x80 < length <= 0x82 else _NOT_HERE
            end = first + length
            if end <= stop and tag and tag & 0x1F != 0x1F:
                found.append(tuple.__new__(Element, (octets, tag, position, first, end, end, ends)))
                position = end
            else:
                found.append(element := _read(octets, position, stop, ends))
                position = element.end
        raise BadCms("too many elements")

    def only(self) -> "Element":
        """The one element in the content (explicit tag); raises `BadCms`."""
        children = self.children()
        if len(children) != 1:
            raise BadCms("one element expected behind an explicit tag")
        return children[0]

    def expect(self, tag: int) -> "Element":
        """This element if it has that tag; raises `BadCms` otherwise."""
        if self.tag != tag:
            raise BadCms(f"tag {self.tag:X} where {tag:X} is expected")
        return self


class Elements:
    """The elements of a SEQUENCE, taken in order; optional ones by their tag."""

    def __init__(self, parent: Element) -> None:
        self._rest = parent.children()
        self._rest.reverse()

    def take(self, tag: int | None = None) -> Element:
        """The next element, which must be there and have `tag` if one is given; raises `BadCms`."""
        if not self._rest:
            raise BadCms("an element is missing")
        element = self._rest.pop()
        return element if tag is None else element.expect(tag)

    def optional(self, *tags: int) -> Element | None:
        """The next element if it has one of these tags, else None."""
        return self._rest.pop() if self._rest and self._rest[-1].tag in tags else None

    @property
    def left(self) -> int:
        """How many are not yet taken."""
        return len(self._rest)

    def end(self) -> None:
        """Raises `BadCms` if something is left."""
        if self._rest:
            raise BadCms("more elements than expected")


def read_untrusted(octets: bytes) -> Element:
    """The element that fills `octets`, but for zero octets behind it (card files are padded); raises only `BadCms`."""
    size = len(octets)
    if size >= 4 and octets[0] and octets[0] & 0x1F != 0x1F:
        # Nearly all have one octet for the tag and a length in one or three.
        if octets[1] == size - 2 and size <= 0x81:
            return tuple.__new__(Element, (octets, octets[0], 0, 2, size, size, None))
        if octets[1] == 0x82 and int.from_bytes(octets[2:4], "big") == size - 4:
            return tuple.__new__(Element, (octets, octets[0], 0, 4, size, size, None))
    element = _read(octets, 0, size, None)
    if element.end != size and octets[element.end :].strip(b"\x00"):
        raise BadCms("octets behind the structure")
    return element


def on_the_way(octets: bytes, way: Sequence[int]) -> Element | None:
    """The element that a way of numbers leads to, from 0: of the elements in `octets`, of those in that one and so on.

    None if there is none, or if it or one before one on the way has no definite length. Reads no other headers than
    these, however many elements there are.
    """
    start, tag, first, end, stop = 0, 0, 0, 0, len(octets)
    length: int | None = None
    try:
        for number in way:
            end = first
            for left in range(number, -1, -1):
                start = end
                tag, first, length = _header(octets, start, stop)
                if length is None and left:
                    return None
                end = stop if length is None else first + length
                if end > stop:
                    return None
            stop = end
    except BadCms:
        return None
    return None if length is None else Element(octets, tag, start, first, stop, stop)


def string_segments(element: Element, tag: int, implicit: int | None = None) -> list[memoryview]:
    """The content of a string of type `tag` (without constructed bit), in the segments it is written in.

    `implicit` is the tag the string has instead, if it has one. Raises `BadCms`.
    """
    if element.tag & ~_CONSTRUCTED != (tag if implicit is None else implicit):
        raise BadCms("another element where a string is expected")
    found: list[memoryview] = []
    _collect(element, tag, found, MAX_DEPTH)
    return found


def string(element: Element, tag: int) -> bytes:
    """The content of a string of type `tag`, in one piece; raises `BadCms`."""
    return element.value if element.tag == tag else b"".join(string_segments(element, tag))


def dotted_oid(element: Element) -> str:
    """An OBJECT IDENTIFIER in dotted form; raises `BadCms`."""
    return dotted(element.expect(OID_TAG).value)


@lru_cache(maxsize=512)
def dotted(octets: bytes) -> str:
    """The content of an OBJECT IDENTIFIER in dotted form; raises `BadCms`."""
    if not octets or octets[-1] & 0x80 or len(octets) > 64:
        raise BadCms("no object identifier")
    numbers = []
    number = 0
    for octet in octets:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2)
    return ".".join(str(part) for part in (first, numbers[0] - 40 * first, *numbers[1:]))


def whole_number(element: Element, tag: int = 0x02) -> int:
    """An INTEGER, negative ones included (a serial number may be one); raises `BadCms`."""
    octets = element.expect(tag).value
    if not 1 <= len(octets) <= 64:
        raise BadCms("no integer of a usable length")
    return int.from_bytes(octets, "big", signed=True)


def definite(element: Element, tag: int | None = None) -> bytes:
    """The element with definite, shortest lengths and strings in one piece, else in the order it is written.

    `tag` replaces the element's own. Raises `BadCms`.
    """
    return _definite(element, element.tag if tag is None else tag, MAX_DEPTH)


def _definite(element: Element, tag: int, depth: int) -> bytes:
    octets, _, start, first, stop, _, _ = element
    if not octets[start] & _CONSTRUCTED:
        return header(tag, stop - first) + octets[first:stop]
    if depth <= 0:
        raise BadCms("nested too deep")
    if element.tag & ~_CONSTRUCTED in _STRINGS:
        return encode(tag & ~_CONSTRUCTED, string(element, element.tag & ~_CONSTRUCTED))
    return encode(tag, *[_definite(child, child.tag, depth - 1) for child in element.children()])


# Universal string types that BER may cut into segments, and that CMS has: OCTET STRING and the character strings.
_STRINGS = frozenset({0x04, 0x0C, *range(0x12, 0x17), *range(0x19, 0x1F)})


def _collect(element: Element, tag: int, found: list[memoryview], depth: int) -> None:
    if not element.constructed:
        if len(found) >= MAX_ELEMENTS:
            raise BadCms("too many elements")
        found.append(memoryview(element.octets)[element.first : element.stop])
        return
    if depth <= 0 or tag == BIT_STRING:
        raise BadCms("a string nested too deep, or one that is not read in segments")
    for child in element.children():
        if child.tag & ~_CONSTRUCTED != tag:
            raise BadCms("a segment of another type")
        _collect(child, tag, found, depth - 1)


def _read(octets: bytes, position: int, limit: int, ends: Ends | None) -> Element:
    tag, first, length = _header(octets, position, limit)
    if length is not None:
        stop = first + length
        if stop > limit:
            raise BadCms("cut off")
        return Element(octets, tag, position, first, stop, stop, ends)
    if not octets[position] & _CONSTRUCTED:
        raise BadCms("a primitive element of indefinite length")
    ends = {} if ends is None else ends
    if first not in ends:
        _find_ends(octets, first, limit, ends)
    stop = ends[first]
    return Element(octets, tag, position, first, stop, stop + 2, ends)


def _find_ends(octets: bytes, position: int, limit: int, ends: Ends) -> None:
    """Finds where the content that begins at `position` ends, and with it those of indefinite length in it."""
    open_elements = [position]
    for _ in range(MAX_ELEMENTS):
        if octets[position : position + 2] == _END_OF_CONTENTS and position + 2 <= limit:
            ends[open_elements.pop()] = position
            if not open_elements:
                return
            position += 2
            continue
        first_octet = position
        _, position, length = _header(octets, position, limit)
        if length is not None:
            position += length
            continue
        open_elements.append(position)
        if len(open_elements) > MAX_DEPTH or not octets[first_octet] & _CONSTRUCTED:
            raise BadCms("indefinite lengths nested too deep, or of a primitive element")
    raise BadCms("too many elements")


def _header(octets: bytes, position: int, limit: int) -> tuple[int, int, int | None]:
    """Tag, where the content begins, and its length (None: indefinite)."""
    if position + 2 > limit:
        raise BadCms("cut off")
    tag = octets[position]
    position += 1
    if tag & 0x1F == 0x1F:
        for count in range(_MAX_TAG_OCTETS):
            if count == _MAX_TAG_OCTETS - 1 or position >= limit:
                raise BadCms("a tag that is too long or cut off")
            tag = tag << 8 | octets[position]
            position += 1
            if not tag & 0x80:
                break
    if position >= limit or not tag:
        raise BadCms("cut off, or end-of-contents octets where none belong")
    length = octets[position]
    position += 1
    if length < 0x80:
        return tag, position, length
    size = length & 0x7F
    if not size:
        return tag, position, None
    if size > _MAX_LENGTH_OCTETS or position + size > limit:
        raise BadCms("a length that is too long or cut off")
    return tag, position + size, int.from_bytes(octets[position : position + size], "big")
