"""What is read without a parser is what the decoder reads, and all else is left to it."""

from enum import StrEnum
from typing import Annotated, Any

import pytest

from tests.unit.soap.test_mapping import NS, Outer
from tiaas.soap import shapes as shapes_module
from tiaas.soap.envelope import SOAP, Limits, parse_envelope_untrusted
from tiaas.soap.errors import BadMessage
from tiaas.soap.mapping import Attribute, Element, decode, message
from tiaas.soap.shapes import Shapes
from tiaas.soap.simple import BASE64_BINARY, BOOLEAN, ID, STRING, Enumeration


class Kind(StrEnum):
    """Kinds of folders."""

    OPEN = "open"
    CLOSED = "closed folder"


KIND = Enumeration(members=Kind)


@message(NS, type_name="Sheet")
class Sheet:
    """A document with a name."""

    octets: Annotated[bytes, Element(NS, "Octets", BASE64_BINARY)]
    id: Annotated[str | None, Attribute("ID", ID)] = None


@message(NS, root="Folder")
class Folder:
    """Holds documents."""

    owner: Annotated[Outer, Element(NS, "Owner")]
    label: Annotated[str | None, Element(NS, "Label", STRING)] = None
    kind: Annotated[Kind | None, Element(NS, "Kind", KIND)] = None
    sealed: Annotated[bool | None, Element(NS, "Sealed", BOOLEAN)] = None
    sheets: Annotated[tuple[Sheet, ...], Element(NS, "Sheet")] = ()


def document(
    name: str = "abc",
    number: str = "1",
    *,
    lang: str = "de",
    octets: str = "AAEC",
    label: str = "<t:Label>x</t:Label>",
    kind: str = "open",
    sealed: str = "true",
    more: str = "",
    prolog: str = '<?xml version="1.0" encoding="UTF-8"?>',
    name_of: str = ' ID="a"',
) -> bytes:
    return (
        f'{prolog}\n<s:Envelope xmlns:s="{SOAP}"><s:Body>\n  <t:Folder xmlns:t="urn:test">\n    <t:Owner wide="true">'
        f"<t:Name>{name}</t:Name><t:Number>{number}</t:Number><t:Number>7</t:Number>"
        f"<t:Note lang='{lang}'>x</t:Note><t:Note  lang = \"en\" /><t:Free></t:Free></t:Owner>{label}"
        f"<t:Kind>{kind}</t:Kind><t:Sealed>{sealed}</t:Sealed><t:Sheet{name_of}><t:Octets>{octets}</t:Octets></t:Sheet>{more}</t:Folder></s:Body></s:Envelope>"
    ).encode()


def exactly(body: bytes) -> Folder:
    return decode(Folder, parse_envelope_untrusted(body, Limits()))


def learnt(*bodies: bytes) -> Shapes[str]:
    shapes: Shapes[str] = Shapes()
    for body in bodies:
        element = parse_envelope_untrusted(body, Limits())
        shapes.learn(body, element, "a folder", decode(Folder, element))
    return shapes


LIKE = {
    "the same": document(),
    "other values": document(
        "x", "23", lang="en-GB", octets="////", label="<t:Label>any text; with 'quotes'</t:Label>"
    ),
    "white space": document("a b", " 5 ", octets="AA\nEC\t ", label="<t:Label> x\n </t:Label>", sealed=" 1\n"),
    "values of few": document(kind="closed folder", sealed="false"),
    "another name": document(name_of=' ID="b"'),
}
UNLIKE = {
    "a reference": document("a&#98;c"),
    "an entity": document(label="<t:Label>&amp;</t:Label>"),
    "a section": document(label="<t:Label><![CDATA[x]]></t:Label>"),
    "a comment": document(label="<t:Label>x<!-- y --></t:Label>"),
    "another letter": document(label="<t:Label>\u00fc</t:Label>"),
    "a reference in base64": document(octets="AA&#69;C"),
    "a section in base64": document(octets="<![CDATA[AAEC]]>"),
    "a carriage return": document(label="<t:Label>x\r\n</t:Label>"),
    "a greater-than sign": document(label="<t:Label>]></t:Label>"),
    "nothing": document(label="<t:Label></t:Label>"),
    "an element less": document(label=""),
    "an element more": document(more="<t:Sheet><t:Octets>AAEC</t:Octets></t:Sheet>"),
    "white space between": document(more=" "),
    "white space in an attribute": document(lang="d\te"),
    "a reference in an attribute": document(lang="d&#101;"),
    "another attribute": document(name_of=""),
    "another prolog": document(prolog=""),
    "a byte order mark": b"\xef\xbb\xbf" + document(),
    "something behind": document() + b"\n",
}
WRONG = {
    "a value": document(number="-1"),
    "a value too long": document("abcd"),
    "an attribute's value": document(name_of=' ID="1"'),
    "no base64": document(octets="A"),
    "none of few": document(kind="shut"),
    "one of few with a blank": document(kind=" open"),
    "no boolean": document(sealed="no"),
}


@pytest.mark.parametrize("body", LIKE.values(), ids=LIKE)
def test_a_message_alike_is_read_as_the_decoder_reads_it(body: bytes) -> None:
    assert learnt(document()).read(body) == ("a folder", exactly(body))


@pytest.mark.parametrize("body", UNLIKE.values(), ids=UNLIKE)
def test_another_message_is_left_to_the_decoder(body: bytes) -> None:
    assert learnt(document()).read(body) is None
    assert isinstance(exactly(body), Folder)


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_one_that_is_wrong_is_left_to_the_decoder_too(body: bytes) -> None:
    assert learnt(document()).read(body) is None
    with pytest.raises(BadMessage):
        exactly(body)


@pytest.mark.parametrize("broken", [b"", document()[:-1], document().replace(b"<t:Label>x", b"<t:Label>x\x01")])
def test_what_is_no_xml_is_left_to_the_parser(broken: bytes) -> None:
    assert learnt(document()).read(broken) is None


@pytest.mark.parametrize(
    "body",
    [
        document(label="<t:Label>x<!-- <t:Label> --></t:Label>"),
        document(label="<t:Label><![CDATA[</t:Label>]]></t:Label>"),
        document(more="<t:Sheet ID='b'><t:Octets>AAEC</t:Octets></t:Sheet>"),
    ],
    ids=["a comment", "a section", "two names, which could become one"],
)
def test_some_messages_have_no_shape(body: bytes) -> None:
    assert learnt(body).read(body) is None


def test_what_a_parser_changes_may_stand_as_it_is() -> None:
    body = document(label="<t:Label>&lt;\n</t:Label>")
    shapes = learnt(body)
    assert shapes.read(body) == ("a folder", exactly(body))
    assert shapes.read(document()) is None


def test_what_comes_again_is_the_same_object_but_for_documents() -> None:
    shapes = learnt(document())
    first, second = _folder(shapes, document()), _folder(shapes, document(octets="////"))
    assert first.owner is second.owner
    assert first.sheets[0] is not _folder(shapes, document()).sheets[0]
    assert _folder(shapes, document("x")).owner == exactly(document("x")).owner


def test_the_last_shapes_are_kept_and_a_new_one_is_learnt_seldom() -> None:
    bodies = [document(label=f"<t:Label>&#{number};</t:Label>") for number in range(65, 72)]
    shapes = learnt(*bodies[:4])
    assert [shapes.read(body) is not None for body in bodies[:5]] == [True] * 4 + [False]
    element = parse_envelope_untrusted(bodies[5], Limits())
    needed = 0
    while shapes.read(bodies[5]) is None:
        shapes.learn(bodies[5], element, "a folder", decode(Folder, element))
        needed += 1
    assert needed > 10
    # The one that was used longest ago makes room.
    assert [shapes.read(body) is not None for body in bodies[:4]] == [False, True, True, True]


def test_learning_in_vain_is_seldom_and_large_messages_have_no_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    body = document(more="<t:Sheet ID='b'><t:Octets>AAEC</t:Octets></t:Sheet>")
    element = parse_envelope_untrusted(body, Limits())
    message = decode(Folder, element)
    tried = []
    monkeypatch.setattr(shapes_module, "_shape_of", lambda *_: tried.append(1))
    shapes: Shapes[str] = Shapes()
    for _ in range(320):
        shapes.learn(body, element, "a folder", message)
    assert len(tried) <= 14
    monkeypatch.undo()
    for large in (document(more=" " * 10_000), document(more="<t:Sheet><t:Octets>AAEC</t:Octets></t:Sheet>" * 60)):
        assert learnt(large).read(large) is None


def _folder(shapes: Shapes[str], body: bytes) -> Folder:
    read = shapes.read(body)
    assert read is not None
    found: Any = read[1]
    assert isinstance(found, Folder)
    return found
