"""Fuzz target: packaged messages (MTOM), and base64 that is read a slice at a time."""

from binascii import b2a_base64
from contextlib import suppress

from lxml import etree

from tiaas.soap.bulk import Bulk, NotBase64, decode_long_base64
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import Limits, parse_document_untrusted, parse_untrusted
from tiaas.soap.mtom import is_package, open_package_untrusted
from tiaas.soap.parsers import fromstring, parser_for
from tiaas.soap.received import received_untrusted

_TYPE = 'multipart/related; type="application/xop+xml"; boundary="b"; start="<root>"'
_ROOT = b"--b\r\nContent-ID: <root>\r\n\r\n<x/>"
SEEDS: list[bytes] = [
    _ROOT + b"\r\n--b\r\nContent-ID: <x>\r\nContent-Transfer-Encoding: binary\r\n\r\nABC\r\n--b--\r\n",
    b"preamble\n" + _ROOT + b"\n--b \nContent-ID: x\n\n\n--bc\n\n--b--",
    b'multipart/related; start*0="<ro"; start*1="ot>"; boundary=b\n' + _ROOT + b"\r\n--b--",
    b"QUJDREVG\r\nR0g=",
    b'<a xmlns:i="http://www.w3.org/2004/08/xop/include"><b><i:Include href="cid:x"/></b>QUJDREVG<c>QUJDREVG</c></a>',
    b'<a b=">"><b>QUJDREVGR0g=</b>  QUJDREVGR0g=<!-- QUJDREVGR0g= --><c><![CDATA[QUJDREVGR0g=]]>QUJDREVG</c></a>',
]
_LIMITS = Limits(octets=1 << 16, nodes=1000, depth=16)


def _cut_and_put_back(data: bytes) -> None:
    """What was cut out and put back is what was there."""
    bulk = Bulk(long=8)
    cut = bytes(bulk.cut_untrusted(data))
    if bytes(Bulk(long=8).cut_untrusted(memoryview(data))) != cut:
        raise AssertionError("a part of a package is cut in another way than a message")
    try:
        whole = parse_untrusted(data, _LIMITS)
    except BadEnvelope:
        return
    if cut == data:
        return
    part = parse_untrusted(cut, _LIMITS)
    bulk.put_back(part, attached=False)
    if etree.tostring(part) != etree.tostring(whole):
        raise AssertionError("cutting long texts out changed the message")


def _put_back_in_octets(data: bytes) -> None:
    """Contents that are put back in octets are where they are put back in a tree."""
    attachments, parser = {"x": b"ABC", "y": b""}, parser_for("utf-8", is_message=False)
    in_octets, in_tree = Bulk(attachments, long=8), Bulk(attachments, long=8)
    cut = bytes(in_octets.cut_untrusted(data))
    try:
        written = in_octets._with_attachments(cut)
    except BadEnvelope:
        return
    tree = parse_document_untrusted(bytes(in_tree.cut_untrusted(data)), _LIMITS)
    in_tree.put_back(tree, attached=True)
    if etree.tostring(fromstring(written, parser)) != etree.tostring(tree):
        raise AssertionError("contents are in other places")


def target(data: bytes) -> None:
    first, _, rest = data.partition(b"\n")
    for content_type, body in ((_TYPE, data), (first.decode("latin-1"), rest)):
        is_package(content_type)
        with suppress(BadEnvelope):
            package = open_package_untrusted(content_type, body)
            for part in (package.root, *package.attachments.values()):
                if bytes(part) not in body:
                    raise AssertionError("a part that is not in the message")
        with suppress(BadEnvelope), received_untrusted(body, content_type, _LIMITS):
            pass
    _cut_and_put_back(data)
    _put_back_in_octets(data)
    with suppress(NotBase64):
        octets = decode_long_base64(data)
        if b2a_base64(octets, newline=False) != data.translate(None, b" \t\r\n"):
            raise AssertionError("base64 that is not canonical was taken")
