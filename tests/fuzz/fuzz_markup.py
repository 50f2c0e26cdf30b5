"""Fuzz target: XML from outside, before anybody asks what it means."""

from lxml import etree

from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import Limits, XmlElement, parse_document_untrusted, parse_untrusted

SEEDS: list[bytes] = [
    b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- c --><a xmlns="urn:x" b="1"><?p i?><c>&amp;&#228;</c></a>',
    b"<a><![CDATA[<]]></a>",
    b'\xef\xbb\xbf<a:b xmlns:a="urn:x"/>',
    b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
    b"<a>" * 40 + b"</a>" * 40,
    '<?xml version="1.0" encoding="ISO-8859-15"?><ä/>'.encode("iso-8859-15"),
    b'<a xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="b.xml"/></a>',
]
_LIMITS = Limits(octets=4096, nodes=200, depth=16)


def target(data: bytes) -> None:
    """Only `BadEnvelope` may escape, and what gets through keeps the limits and has no entities."""
    for parse in (parse_untrusted, parse_document_untrusted):
        try:
            root = parse(data, _LIMITS)
        except BadEnvelope:
            continue
        _check(root)


def _check(root: XmlElement) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise AssertionError("a document type declaration got through")
    for node in root.iter():
        if isinstance(node, etree._Entity):
            raise AssertionError("an entity reference got through")
        if sum(1 for _ in node.iterancestors()) >= _LIMITS.depth:
            raise AssertionError("too deep")
