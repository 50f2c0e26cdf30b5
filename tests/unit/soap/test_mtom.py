"""MTOM and large contents: taken apart, put together, and what is refused."""

import email
import email.policy
from binascii import b2a_base64
from dataclasses import dataclass
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tiaas.base.entropy import SeededEntropy
from tiaas.soap.bulk import LONG, Bulk, NotBase64, base64_slices, decode_long_base64
from tiaas.soap.dispatch import AccessDeclaration, Dispatcher, operation
from tiaas.soap.envelope import Limits, SoapFault, write_envelope
from tiaas.soap.errors import BadEnvelope, FaultCode, TooLarge
from tiaas.soap.mapping import Element, Namespace, Text, message
from tiaas.soap.mtom import is_package, open_package_untrusted, wants_package
from tiaas.soap.received import received_untrusted
from tiaas.soap.reply import SoapReply
from tiaas.soap.simple import ANY_ELEMENTS, BASE64_BINARY, STRING

T = Namespace("urn:t", "t")
OPEN = '<?xml version="1.0"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>'
CLOSE = "</S:Body></S:Envelope>"
XOP = 'xmlns:xop="http://www.w3.org/2004/08/xop/include"'
PACKAGE = 'multipart/related; type="application/xop+xml"; boundary="b"; start="<root>"'
DOCUMENT = bytes(range(256)) * 1200


@message(T)
class Held:
    data: Annotated[bytes, Text(BASE64_BINARY)]


@message(T, root="Ask")
class Ask:
    held: Annotated[tuple[Held, ...], Element(T, "Held").occurs(0)] = ()
    data: Annotated[bytes | None, Element(T, "Data", BASE64_BINARY)] = None
    text: Annotated[str | None, Element(T, "Text", STRING)] = None
    other: Annotated[tuple[str, ...] | None, Element(T, "Other", ANY_ELEMENTS)] = None


@message(T, root="Answer")
class Answer:
    data: Annotated[bytes, Element(T, "Data", BASE64_BINARY)]
    more: Annotated[bytes, Element(T, "More", BASE64_BINARY)] = b""


@dataclass(frozen=True, slots=True)
class Open(AccessDeclaration):
    pass


class Desk:
    """Serves Ask with what it was given; keeps the last request."""

    def __init__(self, *, mtom: bool = True) -> None:
        self.asked: Ask | None = None
        self.dispatcher = Dispatcher(
            [operation(Ask, Answer, self._serve, access=Open(), soap_action="")],
            lambda error: SoapFault(FaultCode.SERVER, f"{type(error).__name__}: {error}"),
            mtom=SeededEntropy(b"m") if mtom else None,
        )

    async def _serve(self, request: Ask, peer: object) -> Answer:
        self.asked = request
        return Answer(data=request.data or b"short", more=b"".join(held.data for held in request.held))

    async def ask(self, body: bytes, content_type: str | None = None, accept: str | None = None) -> SoapReply:
        return await self.dispatcher.handle(body, content_type, None, accept)


def parts(*attachments: tuple[str, bytes], root: str, line: bytes = b"\r\n", head: bytes = b"") -> bytes:
    """A package as clients write it."""
    out = line.join([b"--b", b"Content-ID: <root>", b'Content-Type: application/xop+xml; type="text/xml"', b"", b""])
    out += f"{OPEN}{root}{CLOSE}".encode()
    for name, content in attachments:
        out += (
            line + line.join([b"--b", f"Content-ID: <{name}>".encode(), *([head] if head else []), b"", b""]) + content
        )
    return out + line + b"--b--" + line


def include(name: str) -> str:
    return f'<xop:Include {XOP} href="cid:{name}"/>'


async def test_a_long_content_is_read_without_being_text() -> None:
    desk = Desk()
    reply = await desk.ask(write_envelope(Ask(held=(Held(data=DOCUMENT[::-1]),), data=DOCUMENT)))
    assert desk.asked is not None
    assert (desk.asked.data, desk.asked.held[0].data) == (DOCUMENT, DOCUMENT[::-1])
    assert (reply.status, reply.content_type) == (200, "text/xml; charset=utf-8")
    assert b2a_base64(DOCUMENT, newline=False) in reply.body
    assert reply.size == len(reply.body)
    assert len(reply.pieces) > 1


@pytest.mark.parametrize("line", [b"\r\n", b"\n"], ids=["CRLF", "LF"])
async def test_an_attachment_is_read_and_the_answer_is_packaged_too(line: bytes) -> None:
    desk = Desk()
    root = f'<t:Ask xmlns:t="urn:t"><t:Held>{include("a%20b")}</t:Held><t:Data>{include("x@y")}</t:Data></t:Ask>'
    reply = await desk.ask(parts(("x@y", DOCUMENT), ("a b", b"\r\n--b is in it\r\n"), root=root, line=line), PACKAGE)
    assert desk.asked is not None, reply.body
    assert (desk.asked.data, desk.asked.held[0].data) == (DOCUMENT, b"\r\n--b is in it\r\n")
    assert reply.status == 200
    # A foreign reader of multipart messages.
    read = email.message_from_bytes(
        f"Content-Type: {reply.content_type}\r\n\r\n".encode() + reply.body, policy=email.policy.HTTP
    )
    first, second = read.iter_parts()
    assert first.get_content_type() == "application/xop+xml"
    assert second.get_payload(decode=True) == DOCUMENT
    assert second["Content-ID"].strip("<>") in first.get_payload()
    assert reply.size == len(reply.body)


async def test_who_accepts_a_package_gets_one() -> None:
    desk, body = Desk(), write_envelope(Ask(data=DOCUMENT))
    accept = 'text/xml, multipart/related; type="application/xop+xml"'
    assert is_package((await desk.ask(body, None, accept)).content_type)
    assert not is_package((await desk.ask(body, None, "text/xml, multipart/related")).content_type)
    assert not is_package((await Desk(mtom=False).ask(body, None, accept)).content_type)
    assert wants_package(accept)


async def test_a_service_without_mtom_refuses_a_package() -> None:
    reply = await Desk(mtom=False).ask(parts(root='<t:Ask xmlns:t="urn:t"/>'), PACKAGE)
    assert reply.status == 500
    assert b"MtomRefused" in reply.body


async def test_bulk_within_foreign_xml_is_text_again() -> None:
    desk, text = Desk(), b2a_base64(DOCUMENT, newline=False).decode()
    await desk.ask(f'{OPEN}<t:Ask xmlns:t="urn:t"><t:Other><x><y>{text}</y></x></t:Other></t:Ask>{CLOSE}'.encode())
    assert desk.asked is not None
    assert desk.asked.other is not None
    assert f"<y>{text}</y>" in desk.asked.other[0]
    root = f'<t:Ask xmlns:t="urn:t"><t:Other><x>{include("x")}</x></t:Other></t:Ask>'
    await desk.ask(parts(("x", DOCUMENT), root=root), PACKAGE)
    assert desk.asked.other is not None
    assert desk.asked.other[0].endswith(f">{text}</x>")


async def test_a_long_string_stays_a_string() -> None:
    desk, text = Desk(), "abcd" * LONG
    await desk.ask(f'{OPEN}<t:Ask xmlns:t="urn:t"><t:Text>{text}</t:Text></t:Ask>{CLOSE}'.encode())
    assert desk.asked is not None
    assert desk.asked.text == text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (include("nobody"), "attachment"),
        (f"AAAA{include('x')}", "is not"),
        (f"{include('x')}{include('x')}", "is not expected"),
        (f'<xop:Include {XOP} href="http://x/y"/>', "attachment"),
        (f"<!-- --><b>{include('x')}</b>", "is not expected"),
    ],
)
async def test_references_that_lead_nowhere_are_refused(data: str, words: str) -> None:
    reply = await Desk().ask(
        parts(("x", b"1"), root=f'<t:Ask xmlns:t="urn:t"><t:Data>{data}</t:Data></t:Ask>'), PACKAGE
    )
    assert reply.status == 500
    assert words.encode() in reply.body


async def test_only_octets_may_be_attached() -> None:
    root = f'<t:Ask xmlns:t="urn:t"><t:Text>{include("x")}</t:Text></t:Ask>'
    desk = Desk()
    assert (await desk.ask(parts(("x", b"1"), root=root), PACKAGE)).status == 500
    assert desk.asked is None


async def test_a_mark_of_our_own_in_a_message_leads_nowhere() -> None:
    forged = f'{OPEN}<t:Ask xmlns:t="urn:t"><t:Data><at xmlns="urn:tiaas:bulk" n="0"/></t:Data></t:Ask>{CLOSE}'
    assert (await Desk().ask(forged.encode())).status == 500
    long = b2a_base64(DOCUMENT, newline=False).decode()
    both = forged.replace("<t:Data>", f"<t:Held>{long}</t:Held><t:Data>")
    assert (await Desk().ask(both.encode())).status == 500


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (PACKAGE.replace('boundary="b"; ', ""), parts(root="<x/>")),
        (PACKAGE, b"nothing"),
        (PACKAGE, b"--b\r\nno head --b--"),
        (PACKAGE, parts(root="<x/>")[:-10]),
        (PACKAGE.replace("root", "other"), parts(root="<x/>")),
        (PACKAGE, parts(("x", b"AA=="), root="<x/>", head=b"Content-Transfer-Encoding: base64")),
        (PACKAGE, parts(("x", b"1"), root="<x/>", head=b"x: " + b"y" * 9000)),
        (PACKAGE, parts(*((str(n), b"") for n in range(2100)), root="<x/>")),
    ],
    ids=["no boundary", "no part", "no head", "no end", "no root", "base64", "long head", "many parts"],
)
def test_packages_that_are_none(content_type: str, body: bytes) -> None:
    with pytest.raises(BadEnvelope):
        open_package_untrusted(content_type, body)


ROOT = b"--b\r\nContent-ID: <root>\r\n"
END = b"\r\n--b--"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (ROOT + b"\r\n<a/>" + b"\n--bx" * 2_001 + END, "too many lines"),
        (ROOT + b"a:\r\n" * 100 + b"\r\n<a/>" + END, "more than 100 lines"),
        ((ROOT + b"\r\n<a/>\r\n") * 2_001 + END, "more than 2000 parts"),
    ],
)
def test_what_is_gone_through_line_by_line_is_bounded(body: bytes, words: str) -> None:
    """It is read in the event loop, before anybody knows who sent it."""
    with pytest.raises(BadEnvelope, match=words):
        open_package_untrusted(PACKAGE, body)


def test_lines_that_begin_like_a_delimiter_are_content() -> None:
    content = b"<a/>" + b"\n--bx" * 2_000
    assert open_package_untrusted(PACKAGE, ROOT + b"a:\r\n" * 99 + b"\r\n" + content + END).root == content


@given(st.binary(max_size=500), st.integers(1, 80), st.sampled_from([b"\n", b"\r\n", b" \t"]))
def test_base64_in_lines_is_decoded(octets: bytes, width: int, gap: bytes) -> None:
    text = b"".join(base64_slices(octets))
    lines = gap.join(text[start : start + width] for start in range(0, len(text), width))
    assert decode_long_base64(lines) == octets


@pytest.mark.parametrize(
    "text", [b"A", b"AAA", b"AA=", b"AB==", b"AAB=", b"AA==AA==", b"A===", b"AA-_", b"=AAA", b"AAAA="]
)
def test_what_is_not_canonical_is_no_base64(text: bytes) -> None:
    with pytest.raises(NotBase64):
        decode_long_base64(text)


def test_slices_of_a_long_content_meet() -> None:
    octets = bytes(range(251)) * 20_000
    text = b"".join(base64_slices(octets))
    assert decode_long_base64(text) == octets
    padded = b"".join(base64_slices(octets + b"x"))
    assert decode_long_base64(padded) == octets + b"x"
    with pytest.raises(NotBase64):
        decode_long_base64(padded + text)


def test_only_whole_texts_of_the_alphabet_are_cut() -> None:
    long = b"QUJD" * LONG
    for document in (
        b"<a>" + long + b"&#65;</a>",
        b"<a>" + long + b"-</a>",
        b'<a b="' + long + b'"/>',
        b"<a><![CDATA[" + long + b"]]></a>",
        b"<a><!--" + long + b"--></a>",
        b"<a>" + b" \n" * LONG + b"<b/></a>",
    ):
        assert Bulk().cut_untrusted(document) == document
    assert len(Bulk().cut_untrusted(b"<a>" + long + b"</a>")) < 100


@pytest.mark.parametrize("number", ["0", "-1", "x", "\N{SUPERSCRIPT TWO}", "", "9" * 5000])
def test_a_mark_for_what_was_not_cut_is_refused(number: str) -> None:
    element = etree.fromstring(f'<e><at xmlns="urn:tiaas:bulk" n="{number}"/></e>')
    with pytest.raises(BadEnvelope):
        Bulk().octets(element)
    with pytest.raises(BadEnvelope):
        Bulk().put_back(element, attached=True)


def test_a_content_that_is_named_often_is_in_memory_once() -> None:
    bulk = Bulk({"a": b"content"})
    elements = [etree.fromstring(f"<e>{include(name)}</e>") for name in ("a", "%61")]
    assert bulk.octets(elements[0]) is bulk.octets(elements[1])
    # As text it would be there each time.
    bulk.put_back(etree.fromstring(f"<x><e>{include('a')}</e></x>"), attached=True)
    with pytest.raises(BadEnvelope):
        bulk.put_back(etree.fromstring(f"<x><e>{include('%61')}</e></x>"), attached=True)


class Watched(bytes):
    """Counts the octets that are searched."""

    searched = 0

    def find(self, sub: bytes, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        end = len(self) if end is None else end
        at = super().find(sub, start, end)
        self.searched += (at if at >= 0 else end) - start
        return at

    def rfind(self, sub: bytes, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        end = len(self) if end is None else end
        at = super().rfind(sub, start, end)
        self.searched += end - max(at, start)
        return at


@pytest.mark.parametrize("section", [b"<![CDATA[]]>", b"<![CDATA[<![CDATA[]]>", b""])
def test_looking_for_sections_takes_time_by_the_length(section: bytes) -> None:
    document = Watched(b"<a>" + section + b"<b>QUJD</b>" * 500 + section + b"<b>QUJD</b></a>")
    assert len(Bulk(long=4).cut_untrusted(document)) > len(document)
    assert document.searched < 10 * len(document)


def test_more_elements_than_a_message_may_have_are_not_looked_through() -> None:
    with pytest.raises(TooLarge), received_untrusted(b"<" * 100, None, Limits(nodes=10)):
        pass
