"""How large an XML document may be in each dimension (gemSpec_Kon V5.18 A_19052-01, TAB_KON_775)."""

import re
from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.xmldocuments import DOCUMENT_LIMITS, parse_document
from tiaas.soap.dimensions import check_dimensions
from tiaas.soap.errors import TooLarge
from tiaas.soap.markup import ATTRIBUTES_MAX, Limits, parse_document_untrusted

DECLARED = b'<?xml version="1.0" encoding="UTF-8"?>\n'
ELEMENTS = DOCUMENT_LIMITS.nodes


def document(elements: int, inner: bytes) -> bytes:
    return DECLARED + b"<a>" + inner * (elements - 1) + b"</a>"


def with_attributes(number: int) -> bytes:
    return b"<b " + b" ".join(b'a%d=">="' % place for place in range(number)) + b"/>"


@pytest.mark.requirement("A_19052-01")
@pytest.mark.parametrize(
    "octets",
    [
        document(ELEMENTS, b"<b>x</b>"),
        document(ELEMENTS, b"<!-- < --><b>x</b>"),
        document(ELEMENTS, with_attributes(20)),
        document(20_001, b'<b c="1" d="2" e="3"/>'),
        document(3_100, with_attributes(20)),
        b"\xef\xbb\xbf" + document(ELEMENTS, b"<b>x</b>"),
        b"<a>" * 30 + b"</a>" * 30,
        b"<a>" + b"= " * 1_000_000 + b"</a>",
        b"<a><b c='" + b"=>" * 1_000_000 + b"'/>'</a>",
        b"<a><![CDATA[" + b"<b c=''>" * 1_000_000 + b"]]></a>",
        b"<a><!--" + b"<b c=''>" * 1_000_000 + b"--></a>",
        b"<a><?b " + b"<b c=''>" * 1_000_000 + b"?></a>",
        document(2, b"<b>" + b"x" * (DOCUMENT_LIMITS.octets - 53) + b"</b>"),
    ],
    ids=[
        "elements",
        "comments",
        "attributes",
        "three attributes",
        "many attributes",
        "byte order mark",
        "levels",
        "= in text",
        "= in an attribute",
        "CDATA",
        "comment",
        "instruction",
        "long text",
    ],
)
@pytest.mark.parametrize("thin", [True, False])
def test_what_has_to_be_taken(octets: bytes, thin: bool) -> None:
    assert len(octets) <= DOCUMENT_LIMITS.octets
    assert parse_document(octets, thin=thin).octets is octets


@pytest.mark.code(4280)
@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (document(ELEMENTS + 1, b"<b>x</b>"), "more than 30000 elements"),
        (document(ELEMENTS + 1, b"<b/>"), "more than 30000 elements"),
        (document(3_000_000, b"<b><![CDATA[<]]></b>")[: DOCUMENT_LIMITS.octets], "more than 30000 elements"),
        (document(ELEMENTS, with_attributes(20)[:-2] + b' b=""/>'), "more than 600000 attributes"),
        (document(2, with_attributes(ATTRIBUTES_MAX + 1)), "more than 10000 attributes of one element"),
        (document(2, with_attributes(1_000_000)), "more than 600000 attributes"),
        (b"<a>" * 31 + b"</a>" * 31, "nested deeper than 30 elements"),
        (b"<a>" + b"<?b?>" * 5_000_000 + b"</a>", "more than 60000 instructions, comments and CDATA sections"),
        (b"<a>" + b"<!---->" * 3_000_000 + b"</a>", "more than 60000 instructions, comments and CDATA sections"),
    ],
    ids=["elements", "empty", "very many", "attributes", "of one", "very many of one", "levels", "PIs", "comments"],
)
def test_what_is_more_is_refused_with_the_dimension(octets: bytes, reason: str) -> None:
    begun = process_time()
    with pytest.raises(KonnektorError) as caught:
        parse_document(octets)
    assert (caught.value.code, caught.value.detail) == (4280, reason)
    assert process_time() - begun < 3


@pytest.mark.parametrize(
    "octets",
    [
        b"<a>" + b"</a>" * 6_000_000,
        b"<a>" + b"<" * 20_000_000,
        b"<a " + b"=" * 20_000_000,
        b"<a " + b'b="<" ' * 4_000_000,
        b"<a " + b'b="' * 4_000_000,
        b"<a>" + b"<![CDATA[" * 2_000_000,
        b"<a>" + b"<!" * 10_000_000,
        b"<a>" + b"<b" * 10_000_000,
    ],
)
def test_what_is_not_well_formed_is_not_followed_to_its_end(octets: bytes) -> None:
    begun = process_time()
    with suppress(TooLarge):
        check_dimensions(octets, ELEMENTS, 20 * ELEMENTS)
    assert process_time() - begun < 1


_PIECES = st.sampled_from(
    [
        *(b"<a>", b"</a>", b"<b/>", b'<c d="', b" e='", b"'", b'"', b"=", b">", b"/>", b"<", b" ", b"x"),
        *(b"<!--", b"--", b"-->", b"<?p ", b"?>", b"<![CDATA[", b"]]>"),
    ]
)


@given(st.lists(_PIECES, max_size=30).map(b"".join), st.integers(0, 4), st.integers(0, 4))
def test_exactly_what_a_parser_would_build(inner: bytes, elements: int, attributes: int) -> None:
    """Whatever is well-formed is refused exactly if it has more; two attributes of one name are not well-formed."""
    octets = b"<a>" + inner + b"</a>"
    try:
        root = etree.fromstring(octets)
    except etree.XMLSyntaxError:
        return
    made = len(root.xpath("//*")), len(root.xpath("//@*"))
    is_refused = made[0] > elements or made[1] > attributes
    if len(re.findall(rb"<[!?]", octets)) > 2 * elements:
        return
    try:
        check_dimensions(octets, elements, attributes)
    except TooLarge:
        assert is_refused
    else:
        assert not is_refused


def test_messages_may_have_two_attributes_for_each_element() -> None:
    limits = Limits(nodes=10)
    assert parse_document_untrusted(b"<a" + b"".join(b" a%d=''" % n for n in range(20)) + b"/>", limits).tag == "a"
    with pytest.raises(TooLarge, match="more than 20 attributes"):
        parse_document_untrusted(b"<a" + b"".join(b" a%d=''" % n for n in range(21)) + b"/>", limits)
