"""XML from outside: well-formed, without DTD, within limits, or refused. Messages are UTF-8, documents ISO 8859, too.

What a hostile document could cost is bounded before the parser runs: its octets, elements and attributes
(`tiaas.soap.dimensions`). The parser resolves nothing and opens nothing.
"""

import re
import threading

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.base.slices import counted, found
from tiaas.soap.dimensions import NAMESPACE_MAX, check_dimensions
from tiaas.soap.errors import BadEnvelope, NotAllowed, NotWellFormed, TooLarge, WrongEncoding
from tiaas.soap.longtexts import LONG, Thin, thin
from tiaas.soap.parsers import fromstring, parser_for

XmlElement = etree._Element


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one document: octets, elements, nesting, and attributes: so many for each element, in all."""

    octets: int = 8 * 1024 * 1024
    nodes: int = 30_000
    depth: int = 32
    attributes: int = 2


DOCUMENT_ENCODINGS = ("utf-8", "us-ascii", "iso-8859-15", "iso-8859-1")
"""What documents may be written in: gemSpec_Kon 3.1.1 names UTF-8 and ISO-8859-15; the others are parts of these."""

_UTF_8 = ("utf-8", "utf8")
_XINCLUDE = "{http://www.w3.org/2001/XInclude}*"
_BLANKS, _EQUALS = rb"[ \t\r\n]{1,1000}+", rb"[ \t\r\n]{0,1000}+=[ \t\r\n]{0,1000}+"
_DECLARATION = re.compile(
    rb"<\?xml(?=[ \t\r\n])(?:"
    + (_BLANKS + rb"version" + _EQUALS + rb"""(?:"[0-9.]{1,20}+"|'[0-9.]{1,20}+')""")
    + (rb"(?:" + _BLANKS + rb"encoding" + _EQUALS + rb"""(["'])([A-Za-z][A-Za-z0-9._\-]{0,39}+)\1)?""")
    + (rb"(?:" + _BLANKS + rb"standalone" + _EQUALS + rb"""(?:"(?:yes|no)"|'(?:yes|no)'))?""")
    + rb"[ \t\r\n]{0,1000}+(\?>))?"
)
"""XML 1.0, 2.8. The third group is missing where the declaration is wrong, or longer than anybody writes one."""
_DECLARATION_MAX = 12_000
"""Octets; the longest one that is read has fewer."""
_BOM = b"\xef\xbb\xbf"
_OTHER_UNICODE = (b"\xfe\xff", b"\xff\xfe", b"\x00", b"<\x00", b"\x4c\x6f\xa7\x94")
CANONICAL_COST_MAX = 200_000_000
"""libxml2 compares every namespace in force with every other for each element that it makes canonical, and every
attribute with all before it; so many comparisons take a second."""
NAMES_WRITTEN_MAX = 64 * 1024 * 1024
"""Exclusive canonical XML declares a namespace at every element that uses it while those around it do not; so many
octets may names have then that are longer than `_USUAL_NAME`."""
_USUAL_NAME = 128
ATTRIBUTES_MAX = 10_000
"""Of one element."""
_DOCTYPE = b"<!DOCTYPE"
_KINDS = {
    number: name.removeprefix("NS_").partition("_")[2].lower().replace("_", " ")
    for name, number in vars(etree.ErrorTypes).items()
    if name.startswith(("ERR_", "NS_ERR_", "WAR_"))
}
"""Words for what a parser stumbles over: libxml2's sentences hold names and values of the document."""


def parse_untrusted(document: bytes, limits: Limits) -> XmlElement:
    """The root element, without comments and processing instructions; raises BadEnvelope (WrongEncoding)."""
    _check_octets(document, limits, _UTF_8)
    if b"<?xml-stylesheet" in document:
        raise NotAllowed("a style sheet instruction is not allowed")
    return _parsed(document, limits, parser_for("utf-8", is_message=True))


def parse_document_untrusted(document: bytes, limits: Limits) -> XmlElement:
    """The root element of a document that a message carries, with processing instructions and without comments.

    Raises BadEnvelope: WrongEncoding for another than `DOCUMENT_ENCODINGS`, TooLarge, NotAllowed (DTD, XInclude),
    NotWellFormed. A single text may be as long as the document.
    """
    return _parsed_document(document, limits, _check_octets(document, limits, DOCUMENT_ENCODINGS))


def parse_thin_untrusted(document: bytes, limits: Limits, long: int = LONG) -> tuple[XmlElement, str, Thin | None]:
    """`parse_document_untrusted` of a document whose long texts are not needed: marks stand for them in the tree.

    With the encoding. Without long texts there is nothing to put back (None).
    """
    encoding = _check_octets(document, limits, DOCUMENT_ENCODINGS)
    made = None if len(document) < long else thin(document, encoding, long)
    try:
        return _parsed_document(document if made is None else made.octets, limits, encoding), encoding, made
    except NotWellFormed:
        if made is not None:
            # Lines of the texts are no lines of the marks.
            _parsed_document(document, limits, encoding)
        raise


def _parsed_document(document: bytes, limits: Limits, encoding: str) -> XmlElement:
    root = _parsed(document, limits, parser_for(encoding, is_message=False))
    if found(document, b"XInclude") >= 0 and next(root.iter(_XINCLUDE), None) is not None:
        raise NotAllowed("XInclude is not allowed")
    return root


def document_encoding(document: bytes) -> str:
    """The encoding that the XML declaration names, in lower case; UTF-8 without.

    Raises NotWellFormed for a declaration that is wrong, WrongEncoding for one that is too long to be read.
    """
    start = len(_BOM) if document.startswith(_BOM) else 0
    declaration = _DECLARATION.match(document, start)
    if declaration is None:
        return "utf-8"
    _, declared, end = declaration.groups()
    if end is None:
        raise _unread(document[:_DECLARATION_MAX])
    name = "utf-8" if declared is None else declared.decode("ascii").lower()
    if start and name not in _UTF_8:
        raise WrongEncoding("a byte order mark of UTF-8 and the name of another encoding")
    return name


def _unread(beginning: bytes) -> BadEnvelope:
    """What is wrong with the XML declaration that a document begins with."""
    end = beginning.find(b"?>")
    if end < 0 and len(beginning) == _DECLARATION_MAX:
        end = _DECLARATION_MAX
    try:
        fromstring(beginning if end < 0 else beginning[:end] + b"?><a/>", parser_for("utf-8", is_message=True))
    except etree.XMLSyntaxError as error:
        return _refusal(error)
    return WrongEncoding("the XML declaration is too long to be read")


def local_name(element: XmlElement) -> str:
    """The element's name without its namespace, whatever characters the namespace is made of.

    `lxml.etree.QName` refuses an element whose namespace holds a brace; outsiders may send one.
    """
    return str(element.tag).rpartition("}")[2]


def written(element: XmlElement) -> str:
    """The XML text of an element with the namespaces it stands in, without what follows it."""
    return etree.tostring(element, encoding="unicode", with_tail=False)


class _Searches(threading.local):
    """What is asked of trees. Each thread has its own, which must not wait for another's.

    `deeper` asks for elements below a depth, `more` for an attribute above `ATTRIBUTES_MAX`.
    """

    def __init__(self) -> None:
        self.more = etree.XPath(f"boolean(//*/@*[{ATTRIBUTES_MAX + 1}])")
        self.deeper: dict[int, etree.XPath] = {}


_SEARCHES = _Searches()


def _parsed(document: bytes, limits: Limits, parser: etree.XMLParser) -> XmlElement:
    try:
        root = fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise _refusal(error) from None
    if counted(document, b"<") > 2 * limits.depth and _too_deep(root, limits.depth):
        raise TooLarge(f"nested deeper than {limits.depth} elements")
    if len(document) > 4 * ATTRIBUTES_MAX and counted(document, b"=") > ATTRIBUTES_MAX and _SEARCHES.more(root):
        raise TooLarge(f"more than {ATTRIBUTES_MAX} attributes of one element")
    _check_canonical_cost(document, root)
    return root


def _refusal(error: etree.XMLSyntaxError) -> BadEnvelope:
    if error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
        return TooLarge("too deep, or a text too long")
    line, column = error.position
    return NotWellFormed(f"line {line}, column {column}: {_KINDS.get(error.code, 'no XML')}")


def _check_octets(document: bytes, limits: Limits, encodings: tuple[str, ...]) -> str:
    """The encoding."""
    if len(document) > limits.octets:
        raise TooLarge(f"larger than {limits.octets} octets")
    if document.startswith(_OTHER_UNICODE):
        raise _wrong_encoding(encodings)
    encoding = document_encoding(document)
    if encoding not in encodings:
        raise _wrong_encoding(encodings)
    check_dimensions(document, limits.nodes, limits.attributes * limits.nodes)
    if _has_doctype(document):
        raise NotAllowed("a document type declaration is not allowed")
    return encoding


def _wrong_encoding(encodings: tuple[str, ...]) -> WrongEncoding:
    if encodings is _UTF_8:
        return WrongEncoding("the message is not in UTF-8")
    return WrongEncoding("the document is neither in UTF-8 nor in ISO-8859-15")


def _has_doctype(document: bytes) -> bool:
    """Whether a document type declaration is the first that is no comment and no instruction.

    Step by step: an expression over all of a long comment would keep the interpreter from everybody else.
    """
    if found(document, _DOCTYPE) < 0:
        return False
    at = found(document, b"<")
    while at >= 0 and not document.startswith(_DOCTYPE, at):
        if document.startswith(b"<?", at):
            end = found(document, b"?>", at + 2)
        elif document.startswith(b"<!--", at):
            end = found(document, b"-->", at + 4)
        else:
            return False
        at = -1 if end < 0 else found(document, b"<", end)
    return at >= 0


def _check_canonical_cost(document: bytes, root: XmlElement) -> None:
    """Raises `TooLarge` for what is small and would take hours or gigabytes to be made canonical: many namespaces or
    attributes."""
    namespaces, octets = counted(document, b"xmlns"), len(document)
    # So small a document has no room for uses of namespaces, either.
    if namespaces**2 * octets + octets**2 <= CANONICAL_COST_MAX:
        return
    tags, attributes = counted(document, b"<"), counted(document, b"=")
    if (
        namespaces**2 * tags + attributes**2 > CANONICAL_COST_MAX
        and canonical_cost(root, CANONICAL_COST_MAX) > CANONICAL_COST_MAX
    ):
        raise TooLarge("too many namespaces or attributes at once")
    if (
        min(namespaces * tags, tags + attributes) * NAMESPACE_MAX > NAMES_WRITTEN_MAX
        and _names_written(root) > NAMES_WRITTEN_MAX
    ):
        raise TooLarge("too many uses of namespaces with long names")


def canonical_cost(root: XmlElement, most: int) -> int:
    """How many comparisons of namespaces and of attributes it takes to make a document canonical; counts to `most`."""
    cost = in_force = 0
    for event, node in etree.iterwalk(root, events=("start", "start-ns", "end-ns")):
        if isinstance(node, XmlElement):
            cost += in_force**2 + len(node.attrib) ** 2
        else:
            in_force += 1 if event == "start-ns" else -1
        if cost > most:
            break
    return cost


def _names_written(root: XmlElement) -> int:
    """How many octets of long names of namespaces a canonical form may have, at most; counts to `NAMES_WRITTEN_MAX`."""
    written = in_force = longest = 0
    for _, node in etree.iterwalk(root, events=("start", "start-ns", "end-ns")):
        if isinstance(node, XmlElement):
            written += min(in_force, 1 + len(node.attrib)) * longest
        elif isinstance(node, tuple):
            in_force += 1
            octets = len(node[1].encode())
            longest = max(longest, octets if octets > _USUAL_NAME else 0)
        else:
            in_force -= 1
        if written > NAMES_WRITTEN_MAX:
            break
    return written


def _too_deep(root: XmlElement, depth: int) -> bool:
    """Whether a document has elements on more levels; libxml2 tells it in a tenth of the time of a walk."""
    made = _SEARCHES.deeper
    deeper = made.get(depth)
    if deeper is None:
        deeper = made[depth] = etree.XPath(f"boolean({'/*' * (depth + 1)})")
    return bool(deeper(root))
