"""Where tags stand in the octets of XML, as expat tells it; octets in an encoding that contains ASCII."""

import re
from xml.parsers import expat

from tiaas.base.dataclass import dataclass
from tiaas.base.slices import SLICE
from tiaas.base.unlocked import Octets

_TAG = re.compile(rb"""<([^\s/>]+)(?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*(/?)>""")


@dataclass(frozen=True, slots=True)
class StartTag:
    """A start tag or the tag of an empty element, up to `end`."""

    name: bytes
    end: int
    is_empty: bool


def start_tag(document: Octets, start: int) -> StartTag | None:
    """The tag at `start` of a document that is well-formed up to its end; None if there is none."""
    tag = _TAG.match(document, start)
    return None if tag is None else StartTag(tag[1], tag.end(), bool(tag[2]))


def feed(parser: expat.XMLParserType, document: Octets) -> None:
    """The document in slices, so that other threads get their turn; larger ones within a tag or a comment that is long,
    because expat reads such a one from its beginning each time."""
    view, start, size = memoryview(document), 0, SLICE
    while start < len(view):
        parser.Parse(view[start : start + size], False)
        start, begun = start + size, start
        size = SLICE if parser.CurrentByteIndex > begun else 2 * size
    parser.Parse(b"", True)
