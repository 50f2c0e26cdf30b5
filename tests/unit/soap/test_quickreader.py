"""What is read quickly is what the decoder reads, and what is not usual is left to it."""

from collections.abc import Callable

import pytest
from lxml import etree

from tests.unit.soap.test_mapping import Note, Outer
from tiaas.interfaces.dss_core_v1_0 import DSS
from tiaas.interfaces.signature_service_v7_5 import SIG75, AuthenticateInputs, SignatureScheme
from tiaas.soap.decoder import read_exactly
from tiaas.soap.errors import BadMessage
from tiaas.soap.mapping import decode
from tiaas.soap.plan import plan_of
from tiaas.soap.quickreader import Unusual, quick_read

NAMES = (
    'xmlns="urn:test" xmlns:o="urn:other" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
)
NUMBER = "<Number>1</Number>"


def outer(inner: str, attributes: str = "") -> etree._Element:
    return etree.fromstring(f"<Outer {NAMES} {attributes}>{inner}</Outer>")


USUAL = {
    "least": outer(f"<Name>abc</Name>{NUMBER}"),
    "empty text": outer(f"<Name/>{NUMBER}<Free/>"),
    "with white space": outer(f" <Name>abc</Name>\n<Number> 2\n</Number>\t{NUMBER}\r\n "),
    "all": outer(
        f"<Name>abc</Name><Inner><o:Right>x</o:Right></Inner>{NUMBER * 3}"
        "<Note lang='de'>abc</Note><Note lang='en'/><Free> x </Free>",
        'wide=" true "',
    ),
    "CDATA": outer(f"<Name><![CDATA[a<b]]></Name>{NUMBER}"),
}
LEFT = {
    "a comment": outer(f"<!-- x --><Name>abc</Name>{NUMBER}"),
    "a comment in a value": outer(f"<Name>a<!-- x -->bc</Name>{NUMBER}"),
    "an xsi attribute": outer(f"<Name>abc</Name>{NUMBER}", 'xsi:schemaLocation="a b"'),
    "a type": outer(f"<Name>abc</Name>{NUMBER}<Free xsi:type='xs:token'>x</Free>"),
    "a derived type": outer(
        f"<Name>abc</Name><Inner xsi:type='MoreInner'><Left>x</Left><More>x</More></Inner>{NUMBER}"
    ),
}
WRONG = {
    "text": outer(f"x<Name>abc</Name>{NUMBER}"),
    "text behind": outer(f"<Name>abc</Name>x{NUMBER}"),
    "out of order": outer(f"{NUMBER}<Name>abc</Name>"),
    "missing": outer("<Name>abc</Name>"),
    "too often": outer(f"<Name>abc</Name>{NUMBER * 4}"),
    "twice": outer(f"<Name>abc</Name><Name>abc</Name>{NUMBER}"),
    "both branches": outer(f"<Name>abc</Name><Inner><Left>x</Left><o:Right>x</o:Right></Inner>{NUMBER}"),
    "no branch": outer(f"<Name>abc</Name><Inner/>{NUMBER}"),
    "broken off": outer(f"<Name>abc</Name>{NUMBER}<Free>x</Free>{NUMBER}"),
    "unknown": outer(f"<Name>abc</Name>{NUMBER}<o:Free>x</o:Free>"),
    "an element in a value": outer(f"<Name>a<Name/></Name>{NUMBER}"),
    "an attribute": outer(f"<Name lang='de'>abc</Name>{NUMBER}"),
    "an attribute missing": outer(f"<Name>abc</Name>{NUMBER}<Note>x</Note>"),
    "a value": outer("<Name>abc</Name><Number>0</Number>"),
    "a value too long": outer(f"<Name>abcd</Name>{NUMBER}"),
    "an attribute's value": outer(f"<Name>abc</Name>{NUMBER}", 'wide="yes"'),
}


@pytest.mark.parametrize("element", USUAL.values(), ids=USUAL)
def test_the_usual_is_read_as_the_decoder_reads_it(element: etree._Element) -> None:
    plan = plan_of(Outer)
    assert quick_read(plan, element) == read_exactly(plan, element)


@pytest.mark.parametrize("element", [*LEFT.values(), *WRONG.values()], ids=[*LEFT, *WRONG])
def test_all_else_is_left_to_the_decoder(element: etree._Element) -> None:
    with pytest.raises(Unusual):
        quick_read(plan_of(Outer), element)


@pytest.mark.parametrize("element", LEFT.values(), ids=LEFT)
def test_what_was_left_is_read_all_the_same(element: etree._Element) -> None:
    assert decode(Outer, element).name == "abc"


@pytest.mark.parametrize("element", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused(element: etree._Element) -> None:
    with pytest.raises(BadMessage):
        decode(Outer, element)


def test_a_class_of_text_alone() -> None:
    element = etree.fromstring(f'<Note {NAMES} lang="de">abc</Note>')
    assert quick_read(plan_of(Note), element) == Note(text="abc", lang="de")
    for change in (lambda: etree.SubElement(element, "x"), lambda: element.set("more", "x")):
        _left_after(change, element)


def test_elements_that_may_come_in_any_order() -> None:
    one, other = "<SignatureType>urn:x</SignatureType>", "<SIG:SignatureSchemes>RSASSA-PSS</SIG:SignatureSchemes>"
    names = f'xmlns="{DSS.uri}" xmlns:SIG="{SIG75.uri}"'
    plan = plan_of(AuthenticateInputs)
    told = AuthenticateInputs(signature_type="urn:x", signature_schemes=SignatureScheme.PSS)
    for inner in (one + other, one, other, ""):
        element = etree.fromstring(f"<OptionalInputs {names}>{inner}</OptionalInputs>")
        assert quick_read(plan, element) == read_exactly(plan, element)
    usual, turned, twice = (
        etree.fromstring(f"<OptionalInputs {names}>{inner}</OptionalInputs>")
        for inner in (one + other, other + one, one + one)
    )
    assert quick_read(plan, usual) == read_exactly(plan, turned) == told
    for element in (turned, twice):
        with pytest.raises(Unusual):
            quick_read(plan, element)
    with pytest.raises(BadMessage):
        read_exactly(plan, twice)


def _left_after(change: Callable[[], object], element: etree._Element) -> None:
    change()
    with pytest.raises(Unusual):
        quick_read(plan_of(Note), element)
