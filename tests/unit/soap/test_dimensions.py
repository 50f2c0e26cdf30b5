"""How large an XML document may be in each dimension (gemSpec_Kon V5.18 A_19052-01, TAB_KON_775)."""

import re
from contextlib import suppress
from time import process_time
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tiaas.base.slices import SLICE
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.xmldocuments import DOCUMENT_LIMITS, parse_document
from tiaas.soap import tags
from tiaas.soap.dimensions import NAMESPACE_MAX, check_dimensions
from tiaas.soap.errors import TooLarge
from tiaas.soap.markup import ATTRIBUTES_MAX, Limits, parse_document_untrusted, parse_untrusted

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
    assert process_time() - begun < 15


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
    assert process_time() - begun < 6


_PIECES = st.sampled_from(
    [
        *(b"<a>", b"</a>", b"<b/>", b'<c d="', b" e='", b"'", b'"', b"=", b">", b"/>", b"<", b" ", b"x"),
        *(b"<!--", b"--", b"-->", b"<?p ", b"?>", b"<![CDATA[", b"]]>"),
    ]
)


@given(
    st.lists(_PIECES, max_size=30).map(b"".join),
    st.integers(0, 4),
    st.integers(0, 4),
    st.sampled_from([1, 2, 5, SLICE]),
)
def test_exactly_what_a_parser_would_build(inner: bytes, elements: int, attributes: int, at_once: int) -> None:
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
    most = max((len(element.attrib) for element in root.iter(etree.Element)), default=0)
    for of_one, is_more in ((None, False), (most, False), (most - 1, most > 0)):
        with patch("tiaas.soap.tags.SLICE", at_once):
            try:
                check_dimensions(octets, elements, attributes, of_one)
            except TooLarge:
                assert is_refused or is_more
            else:
                assert not is_refused
                assert not is_more


class _Pattern:
    """An expression that tells how many octets each search goes over."""

    def __init__(self, pattern: re.Pattern[bytes], spans: list[int]) -> None:
        self._pattern, self._spans = pattern, spans

    def search(self, octets: bytes, start: int, end: int) -> re.Match[bytes] | None:
        self._spans.append(min(end, len(octets)) - start)
        return self._pattern.search(octets, start, end)

    def match(self, octets: bytes, start: int, end: int) -> re.Match[bytes] | None:
        self._spans.append(min(end, len(octets)) - start)
        return self._pattern.match(octets, start, end)


@pytest.mark.parametrize("inner", [b"<b%s/>", b"<b%s='c'/>", b"<b c%s='d'/>", b"<b c=%s'd'/>", b"<b c='d'%s/>"])
@pytest.mark.parametrize("long", [b" ", b"x"])
def test_no_search_goes_over_more_than_a_slice(monkeypatch: pytest.MonkeyPatch, inner: bytes, long: bytes) -> None:
    """An expression keeps the interpreter's lock until it is done."""
    spans = list[int]()
    for name in ("_TO_VALUE", "_IN_TAG", "_NO_BLANK"):
        monkeypatch.setattr(tags, name, _Pattern(getattr(tags, name), spans))
    octets = b"<a>" + b"= " * 100 + inner % (long * (3 * SLICE)) + b"<e f='g'/>" * 2 + b"</a>"
    check_dimensions(octets, 4, 3)
    assert max(spans) <= SLICE
    assert len(spans) < 30


def test_messages_may_have_two_attributes_for_each_element() -> None:
    limits = Limits(nodes=10)
    assert parse_document_untrusted(b"<a" + b"".join(b" a%d=''" % n for n in range(20)) + b"/>", limits).tag == "a"
    with pytest.raises(TooLarge, match="more than 20 attributes"):
        parse_document_untrusted(b"<a" + b"".join(b" a%d=''" % n for n in range(21)) + b"/>", limits)


LONG_NAME = b"u" * (NAMESPACE_MAX + 1)


@pytest.mark.parametrize(
    "declaration",
    [
        b'xmlns="%s"',
        b"xmlns:a='%s'",
        b'b="c"\txmlns:a\r\n=\n"%s"',
        b'b=">" xmlns = \'%s\' c=""',
        b'b="%b" xmlns:a="%%s"' % (b"x" * 2 * SLICE),
        b'b%b="" xmlns:a="%%s"' % (b"x" * 2 * SLICE),
        b"%b xmlns:a%b = '%%s'" % (b" " * 2 * SLICE, b"a" * 2 * SLICE),
    ],
    ids=["default", "prefix", "blanks", "no blanks", "behind a long value", "behind a long name", "a long name"],
)
def test_no_parser_sees_a_long_name_of_a_namespace(declaration: bytes) -> None:
    """It would write it into the name of each attribute: 0.4 MB became gigabytes."""
    before = b"<a>" + b"<b c=''>d</b>" * 100
    for name in (LONG_NAME, b"&#117;" * 86, b"/" * SLICE):
        for end in (b"/>", b"><b/></d>"):
            octets = before + b"<d " + declaration % name + end + b"</a>"
            etree.fromstring(octets, etree.XMLParser(huge_tree=True))
            with pytest.raises(TooLarge, match="a namespace whose name is longer than 512 octets"):
                check_dimensions(octets, 10_000, 10_000)
    check_dimensions(before + b"<d " + declaration % LONG_NAME[1:] + b"/></a>", 10_000, 10_000)


@pytest.mark.parametrize(
    "inner",
    [
        b'<b c="%s"/>',
        b'<b c="xmlns=" d="%s"/>',
        b'<b xml:lang="%s"/>',
        b'<c:xmlns xmlns:c="c" d="%s"/>',
        b'<b c:xmlns="%s" xmlns:c="c"/>',
        b'<xmlns a="%s"/>',
        b"<!-- < xmlns='%s' <a xmlns='%s'> -->",
        b"<?a <b xmlns='%s'/> ?>",
        b"<![CDATA[ <b xmlns='%s'/>]]>",
        b"<b>xmlns='%s'</b>",
    ],
)
def test_what_is_no_declaration_may_be_long(inner: bytes) -> None:
    check_dimensions(b"<a>" + inner.replace(b"%s", LONG_NAME * 2) + b"</a>", 100, 100)


_DECLARING = st.sampled_from(
    [
        *(b"<a", b"<b:c", b"</a>", b"</b:c>", b"/>", b">", b" d='", b' xmlns:b="', b" xmlns='", b"\nxmlns:e = '"),
        *(b"<!--", b"-->", b"<?p ", b"?>", b"<![CDATA[", b"]]>", b"'", b'"', b"<", b" xmlns", b"="),
        *(b"u" * (NAMESPACE_MAX - 1), b"v", b"&#119;"),
    ]
)


@given(st.lists(_DECLARING, max_size=30).map(b"".join), st.sampled_from([1, 5, SLICE]))
def test_exactly_the_names_that_a_parser_would_build(inner: bytes, at_once: int) -> None:
    octets = b"<a xmlns:b='b'>" + inner + b"</a>"
    try:
        root = etree.fromstring(octets)
    except etree.XMLSyntaxError:
        return
    # A reference stands for one character.
    raw = etree.fromstring(octets.replace(b"&#", b"##"))
    names = [declared[1] for _, declared in etree.iterwalk(raw, events=("start-ns",)) if declared is not None]
    assert len(names) == sum(1 for _ in etree.iterwalk(root, events=("start-ns",)))
    with patch("tiaas.soap.tags.SLICE", at_once), patch("tiaas.soap.dimensions.SLICE", at_once):
        if max(map(len, names)) > NAMESPACE_MAX:
            with pytest.raises(TooLarge):
                check_dimensions(octets, 100, 100)
        else:
            check_dimensions(octets, 100, 100)


def test_usual_tags_are_not_walked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """With long texts, values, many declarations; with end tags, instructions, comments and sections before a text."""
    monkeypatch.setattr("tiaas.soap.dimensions._Walk", None)
    text = b"x" * 5_000
    declared = b"<a %s >" % b" ".join(b"xmlns:a%d = 'urn:a%d'" % (number, number) for number in range(100))
    octets = declared + text.join([b"<b c='", b"'>", b"</b>", b"<!-- -->", b"<?p?>", b"<![CDATA[ ]]>", b"</a>"])
    check_dimensions(octets, 10_000, 10_000)
    check_dimensions(memoryview(octets), 10_000, 10_000)


@pytest.mark.code(4280)
def test_a_document_with_a_long_name_is_refused() -> None:
    octets = b'<a xmlns:b="' + LONG_NAME + b'"><b:c/></a>'
    with pytest.raises(KonnektorError) as caught:
        parse_document(octets)
    assert (caught.value.code, caught.value.detail) == (4280, "a namespace whose name is longer than 512 octets")
    with pytest.raises(TooLarge):
        parse_untrusted(octets, Limits())
    assert parse_document(octets.replace(LONG_NAME, LONG_NAME[1:])).octets


@pytest.mark.code(4280)
def test_names_that_canonical_xml_would_write_again_and_again_are_bounded() -> None:
    """It declares a namespace wherever it is used, if those around do not."""
    declared = b" ".join(b'xmlns:n%d="%s%d"' % (number, LONG_NAME[3:], number) for number in range(10))
    used = b"<n0:b " + b" ".join(b'n%d:c=""' % number for number in range(10)) + b"/>"

    def document_of(number: int) -> bytes:
        return b"<a " + declared + b">" + used * number + b"</a>"

    assert parse_document(document_of(10_000)).octets
    with pytest.raises(KonnektorError) as caught:
        parse_document(document_of(14_000))
    assert (caught.value.code, caught.value.detail) == (4280, "too many uses of namespaces with long names")
    assert parse_document(document_of(29_000).replace(LONG_NAME[3:], b"u" * 120)).octets
