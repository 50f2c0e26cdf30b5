"""Canonical forms of parts of documents: what they take from around them, by version; and what is left out."""

import pytest
from lxml import etree

from tiaas.xmlsec.canonical import XmlElement, canonical, canonical_document, inherited, remaining, without
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.markup import scope_inside, text
from tiaas.xmlsec.names import Transform

DOCUMENT = (
    '<?p i?><a xmlns="urn:d" xmlns:u="urn:u" xml:lang="de" xml:id="A" xml:base="http://h/x/y" xml:space="preserve">'
    '<b xml:base="../z/" xml:lang="en"><c xml:id="C">t</c>tail</b></a><?q r?><?s t?>'
)
_OPEN = '<c xmlns="urn:d" xmlns:u="urn:u" '


def part() -> XmlElement:
    return etree.fromstring(DOCUMENT)[0][0]


@pytest.mark.parametrize(
    ("method", "opened"),
    [
        (Transform.C14N, f'{_OPEN}xml:base="../z/" xml:id="C" xml:lang="en" xml:space="preserve">'),
        (Transform.C14N_11, f'{_OPEN}xml:base="http://h/z/" xml:id="C" xml:lang="en" xml:space="preserve">'),
        (Transform.EXCLUSIVE_C14N, '<c xmlns="urn:d" xml:id="C">'),
    ],
)
def test_a_part_by_version(method: Transform, opened: str) -> None:
    element = part()
    before = etree.tostring(element.getroottree())
    assert canonical(element, method).decode() == f"{opened}t</c>"
    assert etree.tostring(element.getroottree()) == before


def test_prefixes_of_exclusive_canonicalization() -> None:
    assert canonical(part(), Transform.EXCLUSIVE_C14N, ("u",)) == b'<c xmlns="urn:d" xmlns:u="urn:u" xml:id="C">t</c>'


def test_a_document_and_its_root() -> None:
    root = etree.fromstring("<?p i?><a><?k?></a><?q r?><?s t?>")
    assert canonical(root) == b"<a><?k?></a>"
    assert canonical_document(root) == b"<?p i?>\n<a><?k?></a>\n<?q r?>\n<?s t?>"


def test_what_is_left_out_leaves_its_tail_and_all_prefixes() -> None:
    """lxml gives other prefixes to what it moves; the original has to stay what it was."""
    root = etree.fromstring('<?p?><a xmlns:q="urn:q" xmlns:r="urn:q"><r:s>x</r:s>one<r:t><r:u/></r:t>two</a><?b?><?c?>')
    before = etree.tostring(root.getroottree())
    assert canonical_document(without(root[1]).root) == (
        b'<?p?>\n<a><r:s xmlns:r="urn:q">x</r:s>onetwo</a>\n<?b?>\n<?c?>'
    )
    assert canonical_document(without(root[0]).root).startswith(b"<?p?>\n<a>one<r:t")
    assert etree.tostring(root.getroottree()) == before


# Each with one element `d:s`; beside the plain ones what looks like it without being it, or has no canonical form.
REMAINDERS = (
    '<a xmlns:d="urn:d">one<d:s Id="1">x<d:st/></d:s>two<d:st/></a>',
    '<?p?><a xmlns="urn:a" xml:lang="de" xmlns:r="urn:r">\r\n<b><s xmlns="urn:d">&lt;s&gt;</s> &lt;/s&gt;</b></a><?q?>',
    '<a xmlns:d="urn:d" xmlns="urn:o"><b d:x="&lt;d:s &gt;"/><d:s/><b xmlns="">]]&gt;</b><![CDATA[</d:s>]]></a>',
    '<a xmlns:d="urn:d"><?p <d:s >?><d:s/>t</a>',
    '<a xmlns:d="urn:d"><?p </d:s>?><d:s/>t<?p </d:s>?></a>',
    '<a xmlns:d="urn:d"><d:s Id="1"><?p </d:s>?></d:s>t</a>',
    '<a xmlns:d="urn:d"><d:s/>t<b xmlns:d="urn:other"><d:s>u</d:s></b></a>',
    '<a xmlns:d="urn:d"><d:s Id="1"><b xmlns:d="urn:other"><d:s>u</d:s></b></d:s>t</a>',
    '<a xmlns:d="urn:d"><d:s Id="1"><b xmlns:r="relative"/></d:s>t</a>',
)


@pytest.mark.parametrize("document", REMAINDERS)
@pytest.mark.parametrize("method", [Transform.C14N, Transform.C14N_11, Transform.EXCLUSIVE_C14N])
def test_what_is_cut_out_leaves_what_a_copy_without_it_is(document: str, method: Transform) -> None:
    root = etree.fromstring(document)
    element = next(root.iter("{urn:d}s"))
    copy, parent = without(element), element.getparent()
    assert remaining(element, None, method) == canonical_document(copy.root, method)
    assert parent is not None
    assert remaining(element, parent, method) == canonical(copy.of(parent), method)


def test_nothing_remains_of_a_document_element() -> None:
    with pytest.raises(BadXmlSignature):
        remaining(etree.fromstring("<a/>"), None, Transform.C14N)


# Outer and inner value, and what C14N 1.1, 2.4, makes of them.
BASES = {
    ("http://h/x/y", "../z/"): "http://h/z/",
    ("http://h/a/", "b"): "http://h/a/b",
    ("http://h", "x"): "http://h/x",
    ("http://h/", "../../x"): "http://h/x",
    ("http://h/a", "b//c"): "http://h/b/c",
    ("http://h/a", "//g/b"): "http://g/b",
    ("http://h/a?q", ""): "http://h/a?q",
    ("http://h/a", "?x"): "http://h/a?x",
    ("urn:x", "http://o/p"): "http://o/p",
    ("a", "b"): "b",
    ("", "x"): "x",
    ("a/", "."): "a/",
    ("a", "/b/c/"): "/b/c/",
    ("a//b/", "c"): "a/b/c",
    ("a/b/", "../c"): "a/c",
    ("a/b", "c/./d/.."): "a/c/",
    ("..", "x"): "../x",
    ("../a", "x"): "../x",
    ("../a/", "../../x"): "../../x",
}
"""xmlsec1 makes the same of all of them (`tests/conformance/ades/test_xades_xmlsec1.py`)."""

_BASE = "{http://www.w3.org/XML/1998/namespace}base"


@pytest.mark.parametrize(("values", "joined"), BASES.items(), ids=str)
def test_bases_are_joined(values: tuple[str, str], joined: str) -> None:
    outer = etree.Element("r", {_BASE: values[0]})
    inner = etree.SubElement(outer, "r", {_BASE: values[1]})
    assert inherited(etree.SubElement(inner, "r").iterancestors(), {})[_BASE] == joined


def test_a_base_of_nothing_is_none() -> None:
    outer = etree.Element("r", {_BASE: "foo/bar"})
    inner = etree.SubElement(outer, "r", {_BASE: ".."})
    assert canonical(inner, Transform.C14N_11) == b"<r></r>"
    assert canonical(etree.SubElement(inner, "r"), Transform.C14N_11) == b"<r></r>"
    assert inner.get(_BASE) == ".."


def test_scope_of_what_is_going_to_be_written() -> None:
    scope = scope_inside(part())
    assert scope.namespaces == {None: "urn:d", "u": "urn:u"}
    assert scope.inherited() == ' xml:base="http://h/z/" xml:lang="en" xml:space="preserve"'
    assert scope.declarations({"ds": ' xmlns:ds="urn:s"'}) == ' xmlns="urn:d" xmlns:ds="urn:s" xmlns:u="urn:u"'


def test_characters_that_xml_does_not_allow_are_left_out() -> None:
    assert text("a\x00b\ufffe\ud800c<\r\n>&\U0001f600") == "abc&lt;&#xD;\n&gt;&amp;\U0001f600"


def test_endless_bases_are_refused() -> None:
    """Each of them is joined with all that are around it."""
    base = f'<x xml:base="{"a/" * 50}">'
    for depth, fits in ((20, True), (21, False)):
        root = etree.fromstring(f"{base * depth}<y/>{'</x>' * depth}")
        part = next(root.iter("y"))
        if fits:
            assert canonical(part, Transform.C14N_11).count(b"a/") == 50 * depth
            continue
        with pytest.raises(BadXmlSignature):
            canonical(part, Transform.C14N_11)
