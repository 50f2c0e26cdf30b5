"""Documents without their long texts: the same elements, the same canonical form, nothing of the texts in the tree."""

from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tiaas.soap.errors import BadEnvelope, TooLarge
from tiaas.soap.longtexts import LONG, thin
from tiaas.soap.markup import Limits, XmlElement, parse_document_untrusted, parse_thin_untrusted

LIMITS = Limits()
PIECES = st.sampled_from(
    [
        "Text ",
        "Größe",
        "\ufffd\U0001f600",
        "a -- b",
        "\n\t ",
        "\r\n",
        "&amp;",
        "&#13;",
        "]]",
        ">",
        '<b c=">d">',
        "</b>",
        "<b/>",
        "<!-- > c -->",
        "<?p > i ?>",
        "<![CDATA[ > & <d> ",
        "]]>",
        "tiaas-text-0-0.",
        "\x01",
        "\uffff",
    ]
)


def canonical(root: XmlElement) -> bytes:
    return etree.tostring(root.getroottree(), method="c14n", with_comments=False)


def whole_digest(document: bytes) -> bytes | None:
    with suppress(BadEnvelope):
        return sha256(canonical(parse_document_untrusted(document, LIMITS))).digest()
    return None


def thin_digest(document: bytes, long: int) -> bytes | None:
    with suppress(BadEnvelope):
        root, _, made = parse_thin_untrusted(document, LIMITS, long)
        return sha256(canonical(root)).digest() if made is None else made.digest(canonical(root))
    return None


@given(st.lists(PIECES, max_size=12), st.integers(1, 12), st.sampled_from(["utf-8", "iso-8859-15"]))
def test_a_document_without_its_texts_is_judged_and_hashed_like_the_whole(
    pieces: list[str], long: int, encoding: str
) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><a>{"".join(pieces)}</a>'
    document = text.encode(encoding, "xmlcharrefreplace")
    assert thin_digest(document, long) == whole_digest(document)


@pytest.mark.parametrize(
    "text", ["Zeile eines Befundes\n" * 2000, "Ä" * LONG, "<!-- -->" + "x" * LONG, "a<b>" + "QUJD" * LONG]
)
def test_the_tree_has_marks_for_long_texts(text: str) -> None:
    document = f"<a>{text}{'</b>' if '<b>' in text else ''}</a>".encode()
    root, _, made = parse_thin_untrusted(document, LIMITS)
    assert made is not None
    assert len(canonical(root)) < 500
    assert made.digest(canonical(root)) == sha256(canonical(parse_document_untrusted(document, LIMITS))).digest()


@pytest.mark.parametrize(
    "document",
    [
        b"<a>" + b" " * LONG + b"</a>",
        b"<a>" + b"x" * LONG + b"\xff</a>",
        b"<a>" + b"x" * LONG + b"\r\n</a>",
        b"<a>" + b"x" * LONG + b"&lt;</a>",
        b"<a>" + b"x" * (LONG - 1) + b"</a>",
        b"<a><![CDATA[<b>" + b"x" * LONG + b"]]></a>",
        b"<a><!-- ><" + b"b>-" * LONG + b"></a>",
        b"<a b='" + b"x" * LONG + b"'/>",
    ],
)
def test_what_is_short_or_changes_on_the_way_stays(document: bytes) -> None:
    assert thin(document, "utf-8") is None


def test_a_character_cut_by_a_slice_is_one() -> None:
    """Slices end in the middle of a character of three octets."""
    assert thin("<a>{}</a>".format("€" * 200_000).encode(), "utf-8") is not None


def test_a_text_that_looks_like_a_mark_is_text() -> None:
    """Its name is a hash of what is left: to know it is to have left something else."""
    first = thin(b"<a><b>" + b"x" * LONG + b"</b></a>", "utf-8")
    assert first is not None
    mark = first.octets[6:-8]
    document = b"<a><b>" + b"x" * LONG + b"</b>" + mark + b"</a>"
    root, _, made = parse_thin_untrusted(document, LIMITS)
    assert made is not None
    assert made.digest(canonical(root)) == sha256(document).digest()


def test_limits_are_those_of_the_whole_document() -> None:
    with pytest.raises(TooLarge):
        parse_thin_untrusted(b"<a>" + b"x" * LONG + b"</a>", Limits(octets=LONG))
