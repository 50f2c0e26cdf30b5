"""Values that are written as they stand, without asking their type, against what the type says of them."""

import enum
import re
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.soap.errors import UnfitMessage
from tiaas.soap.mapping import Attribute, Element, Namespace, Text, encode, message
from tiaas.soap.simple import ANY_TYPE, NORMALIZED_STRING, STRING, TOKEN, Enumeration, Normalized, String
from tiaas.soap.simpletype import LexicalError, SimpleType, require_characters

NS = Namespace("urn:tiaas:plain", "P")


class Colour(enum.StrEnum):
    """Some need to be escaped."""

    RED = "red"
    BOTH = "black & white"


COLOUR = Enumeration(members=Colour)
BOUNDED, NORMALIZED = String(min_length=2, max_length=4), Normalized(max_length=3)
PATTERNED = String(pattern=re.compile("[a-z&]+"))


@message(NS)
class Inner:
    """Text with an attribute."""

    text: Annotated[str, Text(BOUNDED)] = "ab"
    attribute: Annotated[str | None, Attribute("Attribute", STRING)] = None
    bounded: Annotated[str | None, Attribute("Bounded", BOUNDED)] = None


@message(NS, root="Outer")
class Outer:
    """One element of each kind."""

    string: Annotated[str | None, Element(NS, "String", STRING)] = None
    bounded: Annotated[str | None, Element(NS, "Bounded", BOUNDED)] = None
    normal: Annotated[str | None, Element(NS, "Normal", NORMALIZED_STRING)] = None
    short: Annotated[str | None, Element(NS, "Short", NORMALIZED)] = None
    token: Annotated[str | None, Element(NS, "Token", TOKEN)] = None
    patterned: Annotated[str | None, Element(NS, "Patterned", PATTERNED)] = None
    anything: Annotated[str | None, Element(NS, "Anything", ANY_TYPE)] = None
    colour: Annotated[str | None, Element(NS, "Colour", COLOUR)] = None
    inner: Annotated[Inner | None, Element(NS, "Inner")] = None


ELEMENTS = {
    "string": STRING,
    "bounded": BOUNDED,
    "normal": NORMALIZED_STRING,
    "short": NORMALIZED,
    "token": TOKEN,
    "patterned": PATTERNED,
    "anything": ANY_TYPE,
    "colour": COLOUR,
}
_TEXTS = st.text(max_size=6) | st.text(st.sampled_from("ab &<>\"'\t\n\r\x00ü€\ufffe"), max_size=6)


def written(**given: Any) -> str | None:
    """What stands in the document element; None if it cannot be written."""
    try:
        return re.sub(r"^<P:Outer[^>]*>|</P:Outer>$", "", encode(Outer(**given)))
    except UnfitMessage:
        return None


def expected(simple: SimpleType, value: Any, more: dict[str, str]) -> str | None:
    """What the type says, escaped."""
    try:
        text = simple.encode(value)
    except LexicalError:
        return None
    return "".join({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;", **more}.get(char, char) for char in text)


@pytest.mark.parametrize("field", ELEMENTS)
@given(text=_TEXTS)
def test_an_element_holds_what_its_type_says(field: str, text: str) -> None:
    content, name = expected(ELEMENTS[field], text, {}), f"P:{field.capitalize()}"
    assert written(**{field: text}) == (None if content is None else f"<{name}>{content}</{name}>")


@given(text=_TEXTS)
def test_a_text_holds_what_its_type_says(text: str) -> None:
    content = expected(BOUNDED, text, {})
    assert written(inner=Inner(text=text)) == (None if content is None else f"<P:Inner>{content}</P:Inner>")


@given(text=_TEXTS)
def test_an_attribute_holds_what_its_type_says(text: str) -> None:
    for field, simple in (("attribute", STRING), ("bounded", BOUNDED)):
        content = expected(simple, text, {"\n": "&#10;", "\t": "&#9;", '"': "&quot;"})
        inner = None if content is None else f'<P:Inner {field.capitalize()}="{content}">ab</P:Inner>'
        assert written(inner=Inner(**{field: text})) == inner


@pytest.mark.parametrize("colour", Colour)
def test_members_of_an_enumeration_are_written_like_their_values(colour: Colour) -> None:
    assert written(colour=colour) == written(colour=colour.value)


@pytest.mark.parametrize("field", ELEMENTS)
@pytest.mark.parametrize("wrong", [7, b"ab", ("ab",), ["ab"]])
def test_a_value_of_another_kind_is_refused(field: str, wrong: Any) -> None:
    assert written(**{field: wrong}) is None


def test_xml_allows_all_that_is_printable() -> None:
    for number in range(0x110000):
        if chr(number).isprintable():
            require_characters(chr(number))
