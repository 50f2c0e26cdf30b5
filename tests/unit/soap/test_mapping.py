"""The mapping on a message class of its own, so that each rule stands alone."""

from typing import Annotated, Any

import pytest
from lxml import etree

from tiaas.soap.errors import BadMessage, UnfitMessage
from tiaas.soap.mapping import Attribute, Element, Namespace, Text, decode, encode, encode_document, message
from tiaas.soap.simple import BOOLEAN, POSITIVE_INTEGER, STRING, String

NS = Namespace("urn:test", "t")
OTHER = Namespace("urn:other", "o")
SHORT = String(name=NS("Short"), base=STRING, max_length=3)


@message(NS, type_name="Inner")
class Inner:
    """Has a choice."""

    left: Annotated[str | None, Element(NS, "Left", STRING).alternative("side")] = None
    right: Annotated[str | None, Element(OTHER, "Right", STRING).alternative("side")] = None


@message(NS, type_name="MoreInner")
class MoreInner(Inner):
    """Extends Inner."""

    more: Annotated[str | None, Element(NS, "More", STRING)] = None


@message(NS)
class Note:
    """Text with an attribute."""

    text: Annotated[str, Text(SHORT)]
    lang: Annotated[str, Attribute("lang", STRING)]


@message(NS, root="Outer")
class Outer:
    """Everything once."""

    name: Annotated[str, Element(NS, "Name", SHORT)]
    inner: Annotated[Inner | None, Element(NS, "Inner")] = None
    numbers: Annotated[tuple[int, ...], Element(NS, "Number", POSITIVE_INTEGER).occurs(1, 3)]
    notes: Annotated[tuple[Note, ...], Element(NS, "Note")] = ()
    free: Annotated[str | None, Element(NS, "Free", STRING)] = None
    wide: Annotated[bool, Attribute("wide", BOOLEAN)] = False


def read(inner: str, attributes: str = "") -> Outer:
    return decode(
        Outer,
        etree.fromstring(
            f'<Outer xmlns="urn:test" xmlns:o="urn:other" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            f'xmlns:xs="http://www.w3.org/2001/XMLSchema" {attributes}>{inner}</Outer>'
        ),
    )


FULL = Outer(
    name="a&b",
    inner=Inner(right="<\r\n>"),
    numbers=(1, 2),
    notes=(Note(text="", lang='"\t<'), Note(text="x", lang="")),
    free="",
    wide=True,
)


def test_written_and_read_again() -> None:
    assert decode(Outer, etree.fromstring(encode(FULL))) == FULL
    assert decode(Outer, etree.fromstring(encode_document(FULL))) == FULL


def test_defaults_are_not_written() -> None:
    text = encode(Outer(name="a", numbers=(1,)))
    assert text == (
        '<t:Outer xmlns:o="urn:other" xmlns:t="urn:test"><t:Name>a</t:Name><t:Number>1</t:Number></t:Outer>'
    )


@pytest.mark.parametrize(
    "inner",
    [
        "<Name>a</Name><Number>1</Number>",
        "<!-- c --> <Name>a<!-- c --></Name>\n<?pi?><Number> 1 </Number> ",
        "<Name><![CDATA[a]]></Name><Inner><o:Right/></Inner><Number>1</Number><Number>2</Number><Number>3</Number>",
        '<Name>a</Name><Inner xsi:type="Inner"><Left/></Inner><Number>1</Number>',
        '<Name xsi:type="Short">a</Name><Number>1</Number><Free xsi:type="xs:token"> x </Free>',
        '<Name>a</Name><Number>1</Number><Free xsi:schemaLocation="a b" xsi:noNamespaceSchemaLocation="c">x</Free>',
    ],
)
def test_accepted(inner: str) -> None:
    assert read(inner).name == "a"


REFUSED = [
    ("", "", "Outer", "lacks Name"),
    ("<Name>a</Name>", "", "Outer", "lacks Number"),
    ("<Number>1</Number>", "", "Outer/Number", "comes where Name is expected"),
    ("<Number>1</Number><Name>a</Name>", "", "Outer/Number", "comes where Name is expected"),
    ("<Name>a</Name><Number>1</Number><Inner><Left/></Inner>", "", "Outer/Inner",
     "is out of order or occurs too often"),
    ("<Name>a</Name><Name>a</Name><Number>1</Number>", "", "Outer/Name", "is out of order or occurs too often"),
    ("<Name>a</Name>" + "<Number>1</Number>" * 4, "", "Outer/Number", "occurs more than 3 times"),
    ("<Name>a</Name>x<Number>1</Number>", "", "Outer", "contains text"),
    ("x<Name>a</Name><Number>1</Number>", "", "Outer", "contains text"),
    ("<Name>abcd</Name><Number>1</Number>", "", "Outer/Name", "longer than 3 characters"),
    ("<Name>a<b/></Name><Number>1</Number>", "", "Outer/Name/b", "is not expected in Name"),
    ("<Name>a</Name><Number>0</Number>", "", "Outer/Number", "is less than 1"),
    ("<name>a</name><Number>1</Number>", "", "Outer/name", "is not expected in Outer"),
    ("<o:Name>a</o:Name><Number>1</Number>", "", "Outer/Name",
     "is not expected in Outer; the one that is has the namespace urn:test"),
    ("<Name>a</Name><Inner/><Number>1</Number>", "", "Outer/Inner", "lacks Left or Right"),
    ("<Name>a</Name><Inner><Left/><o:Right/></Inner><Number>1</Number>", "", "Outer/Inner/Right",
     "is out of order or occurs too often"),
    ("<Name>a</Name><Number>1</Number><Note>x</Note>", "", "Outer/Note", "lacks the attribute lang"),
    ('<Name>a</Name><Number>1</Number><Note lang="" x="">x</Note>', "", "Outer/Note", "has an unexpected attribute x"),
    ("<Name>a</Name><Number>1</Number>", 'wide="yes"', "Outer", "has an attribute wide that is not a boolean"),
    ("<Name>a</Name><Number>1</Number>", 'o:wide="true"', "Outer", "has an unexpected attribute wide"),
    ("<Name>a</Name><Number>1</Number>", 'xsi:nil="false"', "Outer", "has an unexpected attribute nil"),
    ("<Name>a</Name><Number>1</Number>", 'xsi:type="Inner"', "Outer", "has an xsi:type that does not fit"),
    ('<Name xsi:type="xs:string">a</Name><Number>1</Number>', "", "Outer/Name", "has an xsi:type that does not fit"),
    ('<Name>a</Name><Number>1</Number><Free xsi:type="xs:int">1</Free>', "", "Outer/Free",
     "has an xsi:type that does not fit"),
    ('<Name>a</Name><Number>1</Number><Free xsi:type="Short">long</Free>', "", "Outer/Free",
     "longer than 3 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("inner", "attributes", "path", "reason"), REFUSED)
def test_refused(inner: str, attributes: str, path: str, reason: str) -> None:
    with pytest.raises(BadMessage) as caught:
        read(inner, attributes)
    assert (caught.value.path, caught.value.reason) == (path, reason)


def test_extended_type_by_xsi_type() -> None:
    outer = read('<Name>a</Name><Inner xsi:type="MoreInner"><Left>l</Left><More>m</More></Inner><Number>1</Number>')
    assert outer.inner == MoreInner(left="l", more="m")


def test_another_root_is_refused() -> None:
    with pytest.raises(BadMessage):
        decode(Outer, etree.fromstring("<Outer/>"))


UNFIT: list[dict[str, Any]] = [
    {"name": "abcd"},
    {"name": None},
    {"name": 1},
    {"numbers": ()},
    {"numbers": (1, 2, 3, 4)},
    {"numbers": (0,)},
    {"inner": Inner()},
    {"inner": Inner(left="", right="")},
    {"inner": MoreInner(left="")},
    {"inner": "x"},
    {"notes": (Note(text="long", lang=""),)},
    {"notes": (Note(text="", lang="\x00"),)},
]


@pytest.mark.parametrize("change", UNFIT)
def test_unfit_objects_are_not_written(change: dict[str, Any]) -> None:
    fields: dict[str, Any] = {"name": "a", "numbers": (1,)} | change
    with pytest.raises(UnfitMessage):
        encode(Outer(**fields))


def test_a_class_without_root_is_not_written() -> None:
    with pytest.raises(TypeError):
        encode(Inner(left=""))


def test_repr_shows_no_values() -> None:
    assert "secret" not in repr(Outer(name="secret", numbers=(1,)))
