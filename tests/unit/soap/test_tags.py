"""Where tags stand, in documents that expat gets in part."""

import contextlib
import gc
import weakref
from typing import Any
from xml.parsers import expat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.base.slices import SLICE
from tiaas.soap import tags
from tiaas.soap.tags import Reading, TagTooLong, start_tag

LONG = 1536 * 1024


class Parser:
    """Expat, and how much of a token it was given at most: that of which it tells nothing yet."""

    def __init__(self, encoding: str) -> None:
        self._parser = expat.ParserCreate(encoding)
        self.most = 0
        self.octets = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    def Parse(self, octets: bytes, is_final: bool) -> None:
        self.octets += octets
        self.most = max(self.most, len(self.octets) - max(self._parser.CurrentByteIndex, 0))
        self._parser.Parse(octets, is_final)


def places(document: bytes, encoding: str = "utf-8") -> tuple[list[tuple[str, int]], int]:
    """Where elements begin and end, and what expat was given at once."""
    parser, told = Parser(encoding), list[tuple[str, int]]()
    reading = Reading(parser, document)  # type: ignore[arg-type]
    parser._parser.StartElementHandler = lambda name, attributes: told.append((name, reading.at))
    parser._parser.EndElementHandler = lambda name: told.append((f"/{name}", reading.at))
    reading.read()
    return told, parser.most


def whole(document: bytes, encoding: str = "utf-8") -> list[tuple[str, int]]:
    """The same of expat alone."""
    parser, told = expat.ParserCreate(encoding), list[tuple[str, int]]()
    parser.StartElementHandler = lambda name, attributes: told.append((name, parser.CurrentByteIndex))
    parser.EndElementHandler = lambda name: told.append((f"/{name}", parser.CurrentByteIndex))
    parser.Parse(document, True)
    return told


@pytest.mark.parametrize("long", ["x", " ", "- ", "? ", "&amp;", "&#x20AC;", "ä", "€", "\U0001f600", "a='"])
@pytest.mark.parametrize(
    "inner",
    [
        "<!--%s-->",
        "<?p %s?>",
        '<b c="%s"/>',
        '<b d="e" c=\n"%s" f="g">h</b>',
        '<b c="%s" d="%s"/><!--%s--><b c="%s"/>',
        "%s",
        "<![CDATA[%s]]>",
    ],
)  # fmt: skip
def test_of_what_is_long_little_is_given_to_expat(inner: str, long: str) -> None:
    """It reads what is not whole from its beginning each time, and nobody else has his turn meanwhile."""
    content = long * (LONG // len(long.encode()))
    filled = inner.replace("%s", content.replace("&", "") if inner.startswith("<!") else content)
    for before in ("", "x" * (SLICE - 4)):
        document = f"<a>{before}{filled}<c/>ä<d>{filled}</d>z</a>".encode()
        told, most = places(document)
        assert told == whole(document)
        assert most <= 4 * SLICE


@pytest.mark.parametrize("off", range(-6, 7))
@pytest.mark.parametrize(("begin", "end"), [("<!--", "-->"), ("<?p ", "?>"), ("<b c='", "'/>"), ("<![CDATA[", "]]>")])
@pytest.mark.parametrize("slices", [1, 2, 3])
def test_wherever_between_two_slices_it_ends(begin: str, end: str, slices: int, off: int) -> None:
    """What ends at the end of a slice ends there, and not with the next of its kind."""
    for head in ("<a>", "<a" + " " * (SLICE - 6) + ">"):
        long = "x" * (slices * SLICE + len("<a>") - len(head + begin) + off)
        document = f"{head}{begin}{long}{end}{begin}y{end}<c/>{begin}z{end}</a>".encode()
        assert places(document)[0] == whole(document)


def test_also_around_the_document_element() -> None:
    long = b"x" * LONG
    document = b"<?xml version='1.0'?><!--%s--><?p %s?><a><b/></a>\n<!--%s-->\n" % (long, long, long)
    told, most = places(document)
    assert told == whole(document)
    assert most <= 4 * SLICE


@pytest.mark.parametrize(
    "octets",
    [
        b"<a b='" + b"x" * LONG,
        b"<a><!--" + b"x" * LONG,
        b"<a><?p " + b"x" * LONG,
        b"<a" + b"x" * LONG + b"/>",
        b"<a" + b" " * LONG + b"/>",
        b"<a></a" + b" " * LONG + b">",
        b"<a " + b" ".join(b"%s%d=''" % (b"x" * 50_000, number) for number in range(100)) + b"/>",
        b"<a b='&#" + b"0" * LONG + b"65;'/>",
    ],
    ids=["value", "comment", "instruction", "name", "blanks", "blanks at the end", "names", "reference"],
)
def test_what_cannot_be_left_out_is_bounded(octets: bytes) -> None:
    with pytest.raises(TagTooLong):
        places(octets)


_PIECES = st.sampled_from(
    [
        *("<a>", "</a>", "<b/>", "<c d='", ' e="', "'", '"', "=", ">", "/>", " "),
        *("x", "ä", "€€", "&amp;", "&#65;", ";"),
        *("<!--", "- ", "-->", "<?p ", "?", "?>", "<![CDATA[", "]]>", "x" * 20, "\r\n"),
    ]
)


@given(st.lists(_PIECES, max_size=40).map("".join), st.sampled_from([1, 2, 3, 7, 16]), st.sampled_from([1, 2, 5]))
def test_what_is_left_out_moves_nothing(inner: str, size: int, kept: int) -> None:
    """Whatever is well-formed is told of as if all had been given."""
    for encoding in ("utf-8", "iso-8859-1"):
        document = f"<r>{inner}</r>".encode(encoding, "xmlcharrefreplace")
        try:
            expected = whole(document, encoding)
        except expat.ExpatError:
            continue
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tags, "SLICE", size)
            patch.setattr(tags, "_KEPT", kept)
            assert places(document, encoding)[0] == expected


@pytest.mark.parametrize("end", ["/>", ">", " >", "\n/>"])
@pytest.mark.parametrize("inner", ["", " b='>'", " b = '/>' c=\"'\"", ' b="%s"', " b='%s' c='/'", "%s"])
def test_a_start_tag_of_any_length(inner: str, end: str) -> None:
    octets = f"<a{inner.replace('%s', ' ' * (2 * SLICE))}{end}".encode()
    tag = start_tag(b"xx" + octets + b"<b/>", 2)
    assert tag is not None
    assert (tag.name, tag.end, tag.is_empty) == (b"a", 2 + len(octets), end.endswith("/>"))


@pytest.mark.parametrize("blank", ["", " ", "\n", "\t\r\n"])
@pytest.mark.parametrize(
    "behind",
    ['b="c"></a>', "b='c'></a>", ' b = "c"/></a>', 'x="<![CDATA[">]]></a>', '="<!--">--></a>', 'b="<?p ">?></a>'],
)
def test_what_stands_behind_a_tag_is_no_attribute_of_it(behind: str, blank: str) -> None:
    tag = start_tag(f"<a{blank}>{behind}".encode(), 0)
    assert tag is not None
    assert (tag.end, tag.is_empty) == (len(f"<a{blank}>"), False)


def _joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map("".join)


_BLANKS = st.sampled_from(["", "", " ", "\n", "\t ", "\r\n"])
_BLANK = st.sampled_from([" ", "\n", "\t ", "\r\n"])
_LIKE_TAGS = ['"', "'", "=", ">", "/>", " ", "\n", "x", "ä", 'b="', "c='", ' b="c"', "d='e'>", 'f="g"/>']
_TEXT = st.lists(st.sampled_from([*_LIKE_TAGS, "&gt;"]), max_size=8).map("".join)
_HIDDEN = st.lists(st.sampled_from([*_LIKE_TAGS, "<", "&", "</a>", "<b "]), max_size=8).map("".join)
_OTHER = st.builds(str.__mod__, st.sampled_from(["<![CDATA[%s]]>", "<!--%s-->", "<?p %s?>"]), _HIDDEN)
_VALUE = st.one_of(
    _TEXT.map(lambda value: f'"{value.replace(chr(34), "")}"'),
    _TEXT.map(lambda value: f"'{value.replace(chr(39), '')}'"),
)
_NAMES = st.lists(st.sampled_from(["a", "b", "c:d", "e-", "f.", "ä"]), unique=True, max_size=3)


@st.composite
def _tag(draw: st.DrawFn) -> str:
    """What stands in a tag: a name, attributes and blanks."""
    attributes = [draw(_joined(_BLANK, st.just(name), _BLANKS, st.just("="), _BLANKS, _VALUE)) for name in draw(_NAMES)]
    return draw(st.sampled_from(["a", "b:c", "ä"])) + "".join(attributes) + draw(_BLANKS)


@st.composite
def _element(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    tag = draw(_tag())
    return f"<{tag}>{draw(inner)}</{tag.split()[0]}{draw(_BLANKS)}>"


_CONTENT = st.recursive(
    st.one_of(_TEXT, _OTHER, _tag().map(lambda tag: f"<{tag}/>")),
    lambda inner: st.one_of(_element(inner), _joined(inner, inner)),
    max_leaves=6,
)


def _start_tags(document: bytes) -> dict[int, bytes]:
    """All start tags as expat sees them, by where they begin."""
    parser, starts, tokens = expat.ParserCreate("utf-8"), list[int](), dict[int, str]()
    parser.StartElementHandler = lambda name, attributes: starts.append(parser.CurrentByteIndex)
    parser.Parse(document, True)
    parser = expat.ParserCreate("utf-8")
    parser.DefaultHandler = lambda token: tokens.setdefault(parser.CurrentByteIndex, token)
    parser.Parse(document, True)
    return {start: tokens[start].encode() for start in starts}


@given(_element(_CONTENT))
def test_start_tags_are_those_of_expat(text: str) -> None:
    """Whether read at once or, with slices that are too small for it, value by value."""
    document = text.encode()
    for start, octets in _start_tags(document).items():
        name = octets[1:].rstrip(b"/>").split()[0]
        for size in (SLICE, len(name) + 2):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(tags, "SLICE", size)
                tag = start_tag(document, start)
            assert tag is not None
            assert (tag.name, tag.end, tag.is_empty) == (name, start + len(octets), octets.endswith(b"/>"))


@pytest.mark.parametrize("octets", [b"<a", b"<a b='", b"<a b='" + b"x" * (2 * SLICE), b"<a b='c'" + b" " * (2 * SLICE)])
def test_what_has_no_end_is_no_start_tag(octets: bytes) -> None:
    assert start_tag(octets, 0) is None


@pytest.mark.parametrize(
    "octets", [b"<a>text</a>", b"<a>", b"<a b='" + b"x" * (2 * LONG)], ids=["whole", "open", "long"]
)
def test_a_document_is_let_go_of_at_once(octets: bytes) -> None:
    """What holds itself stays until the collector of garbage comes, and 25 MB with it."""

    class Kept:
        """Held by what the parser calls, as a document is."""

    def read() -> weakref.ref[Kept]:
        kept, parser = Kept(), expat.ParserCreate()
        reading = Reading(parser, octets)

        def tell(*told: object) -> None:
            assert kept is not None
            assert reading.at >= 0

        parser.StartElementHandler = parser.EndElementHandler = parser.CharacterDataHandler = tell
        parser.StartDoctypeDeclHandler = parser.StartNamespaceDeclHandler = parser.EndNamespaceDeclHandler = tell
        with contextlib.suppress(expat.ExpatError):
            reading.read()
        return weakref.ref(kept)

    gc.disable()
    try:
        assert read()() is None
    finally:
        gc.enable()
