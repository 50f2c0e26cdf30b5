"""XML from outside: well-formed UTF-8 without DTD, within limits, or refused.

What a hostile document could cost is bounded before the parser runs: its octets, and by counting `<` and `=` the nodes
and attributes it can have. The parser resolves nothing and opens nothing.
"""

import re
from dataclasses import dataclass

from lxml import etree

from tiaas.soap.errors import BadEnvelope, WrongEncoding

XmlElement = etree._Element


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one document: octets, elements (and, as many, attributes), nesting."""

    octets: int = 8 * 1024 * 1024
    nodes: int = 30_000
    depth: int = 32


_DECLARED = re.compile(rb"""\s*<\?xml\s[^>]{0,80}?encoding\s*=\s*["']([A-Za-z0-9._\-]{1,40})["']""")
_BOM = b"\xef\xbb\xbf"
_OTHER_UNICODE = (b"\xfe\xff", b"\xff\xfe", b"\x00", b"<\x00", b"\x4c\x6f\xa7\x94")
_PROLOG = re.compile(rb"(?>\s+|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)


def parse_untrusted(document: bytes, limits: Limits) -> XmlElement:
    """The root element, without comments and processing instructions; raises BadEnvelope (WrongEncoding)."""
    _check_octets(document, limits)
    try:
        root = etree.fromstring(document, _parser())
    except etree.XMLSyntaxError:
        raise BadEnvelope("not well-formed XML") from None
    if document.count(b"<") > 2 * limits.depth and _too_deep(root, limits.depth):
        raise BadEnvelope(f"nested deeper than {limits.depth} elements")
    return root


def local_name(element: XmlElement) -> str:
    """The element's name without its namespace, whatever characters the namespace is made of.

    `lxml.etree.QName` refuses an element whose namespace holds a brace; outsiders may send one.
    """
    return str(element.tag).rpartition("}")[2]


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        huge_tree=False,
        load_dtd=False,
        dtd_validation=False,
        remove_comments=True,
        remove_pis=True,
    )


def _check_octets(document: bytes, limits: Limits) -> None:
    if len(document) > limits.octets:
        raise BadEnvelope(f"larger than {limits.octets} octets")
    if document.startswith(_OTHER_UNICODE):
        raise WrongEncoding("the message is not in UTF-8")
    start = len(_BOM) if document.startswith(_BOM) else 0
    declared = _DECLARED.match(document, start)
    if declared is not None and declared[1].lower() not in (b"utf-8", b"utf8"):
        raise WrongEncoding("the XML declaration names an encoding other than UTF-8")
    # An element costs at least one "<", an attribute one "="; the octets before them are a bound on what is built.
    if document.count(b"<") > 2 * limits.nodes or document.count(b"=") > 2 * limits.nodes:
        raise BadEnvelope(f"more than {limits.nodes} elements or attributes")
    if b"<!DOCTYPE" in document and document.startswith(b"<!DOCTYPE", _prolog_end(document, start)):
        raise BadEnvelope("a document type declaration is not allowed")
    if b"<?xml-stylesheet" in document:
        raise BadEnvelope("a style sheet instruction is not allowed")


def _prolog_end(document: bytes, start: int) -> int:
    match = _PROLOG.match(document, start)
    return match.end() if match is not None else start


def _too_deep(root: XmlElement, depth: int) -> bool:
    level = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        level += 1 if event == "start" else -1
        if level > depth:
            return True
    return False
