"""Fuzz target: XML from outside, before anybody asks what it means."""

from contextlib import suppress
from hashlib import sha256
from xml.parsers import expat

from lxml import etree

from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import (
    Limits,
    XmlElement,
    document_encoding,
    parse_document_untrusted,
    parse_thin_untrusted,
    parse_untrusted,
)

SEEDS: list[bytes] = [
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- c --><a xmlns="urn:x" b="1"><?p i?><c>&amp;&#228;</c></a>',
    b"<a><![CDATA[<]]></a>",
    b'\xef\xbb\xbf<a:b xmlns:a="urn:x"/>',
    b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
    b"<a>" * 20 + b"</a>" * 20,
    b"<a>" + b"<b/>" * 20 + b"</a>",
    b"<a><!-- < --><![CDATA[<<]]>" + b"<b c='=' d=\"'\"/>" * 19 + b"</a>",
    '<?xml version="1.0" encoding="ISO-8859-15"?><ä/>'.encode("iso-8859-15"),
    b"<?xml\tversion = '1.1'" + b" " * 100 + b"encoding\n=\n'us-ascii' standalone='yes' ?><a/>",
    b'<a xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="b.xml"/></a>',
    '<a b=">ab">long t\u00e4xt<?p >x?><!-- >two -- three --><![CDATA[>x]]>y&lt;z</a>'.encode(),
]
_LIMITS = Limits(octets=4096, nodes=20, depth=16)


def target(data: bytes) -> None:
    """Only `BadEnvelope` may escape, and what gets through keeps the limits and has no entities.

    Its encoding is the one that another parser finds declared.
    What is parsed without its texts is well-formed exactly if the whole is, and has the same canonical form.
    """
    for parse in (parse_untrusted, parse_document_untrusted):
        try:
            root = parse(data, _LIMITS)
        except BadEnvelope:
            continue
        _check(root)
        if document_encoding(data) != declared_to_expat(data):
            raise AssertionError("another reader takes it for another encoding")
    if _digest(data) != _thin_digest(data):
        raise AssertionError("without its texts it is another document")


def declared_to_expat(data: bytes) -> str:
    """The encoding that another parser finds declared."""
    named: list[str | None] = []
    parser = expat.ParserCreate()
    parser.XmlDeclHandler = lambda version, encoding, standalone: named.append(encoding)
    # What the declaration names is told before its octets are read by it.
    with suppress(expat.ExpatError, LookupError, ValueError):
        parser.Parse(data, True)
    return (next(iter(named), None) or "utf-8").lower()


def _digest(data: bytes) -> bytes | None:
    with suppress(BadEnvelope, etree.C14NError):
        return sha256(_canonical(parse_document_untrusted(data, _LIMITS))).digest()
    return None


def _thin_digest(data: bytes) -> bytes | None:
    with suppress(BadEnvelope, etree.C14NError):
        root, _, thin = parse_thin_untrusted(data, _LIMITS, long=1)
        canonical = _canonical(root)
        return sha256(canonical).digest() if thin is None else thin.digest(canonical)
    return None


def _canonical(root: XmlElement) -> bytes:
    return etree.tostring(root.getroottree(), method="c14n", with_comments=False)


def _check(root: XmlElement) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise AssertionError("a document type declaration got through")
    elements = list(root.iter("*"))
    if len(elements) > _LIMITS.nodes:
        raise AssertionError("too many elements")
    if sum(len(element.attrib) for element in elements) > _LIMITS.attributes * _LIMITS.nodes:
        raise AssertionError("too many attributes")
    for node in root.iter():
        if isinstance(node, etree._Entity):
            raise AssertionError("an entity reference got through")
        if sum(1 for _ in node.iterancestors()) >= _LIMITS.depth:
            raise AssertionError("too deep")
