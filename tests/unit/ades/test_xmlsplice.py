"""Where markup goes in the octets of a document."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tiaas.ades import xmlsplice
from tiaas.ades.xmlsplice import Place, end_of_root, locate
from tiaas.base.slices import SLICE

_LIKE_TAGS = st.lists(
    st.sampled_from(["</a", "</", ">", "<", "-", "?", "/", "a", "--", " ", "\n", "'", '"', "="]), max_size=6
)
_COMMENT = _LIKE_TAGS.map("".join).filter(lambda inner: "--" not in inner and not inner.endswith("-"))
_INSTRUCTION = _LIKE_TAGS.map("".join).filter(lambda inner: "?>" not in inner)
_OTHER = st.one_of(
    _COMMENT.map(lambda inner: f"<!--{inner}-->"),
    _INSTRUCTION.map(lambda inner: f"<?p {inner}?>"),
    st.sampled_from(["", " ", "\n"]),
)
_ROOT = st.sampled_from(
    [
        "<a></a>",
        "<a/>",
        "<a-- />",
        "<a--></a-->",
        "<a->x</a-\n>",
        "<a b='>'/>",
        "<a><a/></a >",
        "<a><![CDATA[</a>]]></a>",
    ]
)


@given(_ROOT, st.lists(_OTHER, max_size=3), st.sampled_from([1, 5, 16, SLICE]))
def test_the_end_of_the_document_element_is_not_in_what_stands_behind_it(
    root: str, others: list[str], size: int
) -> None:
    """The quick way tells the same as a parser."""
    document = (root + "".join(others)).encode()
    element = etree.fromstring(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xmlsplice, "SLICE", size)
        found = end_of_root(document, "utf-8", element)
    (span,) = locate(document, "utf-8", (element,))
    assert found == span.last()


@pytest.mark.parametrize("behind", [b"<?p </x?>", b"<?p </a?>\n", b"<!--</x-->", b"<?p </?>", b"<?p?><?p </a?>"])
def test_what_looks_like_an_end_tag_in_an_instruction_or_comment(behind: bytes) -> None:
    document = b"<a></a>" + behind
    assert end_of_root(document, "utf-8", etree.fromstring(document)) == Place(3, 3)


class Octets(bytes):
    """Octets that tell where they were searched from their end."""

    starts: list[int]

    def rfind(self, wanted: bytes, start: int = 0, end: int | None = None) -> int:  # type: ignore[override]
        self.starts.append(start)
        return super().rfind(wanted, start)


@pytest.mark.parametrize("behind", [b"", b"<!-- </" + b"x" * (2 * SLICE) + b"-->", b" " * (2 * SLICE)])
def test_no_more_than_a_slice_is_looked_at_in_one_go(behind: bytes) -> None:
    document = Octets(b"<a>" + b"x" * (2 * SLICE) + b"</a>" + behind)
    document.starts = []
    at = 3 + 2 * SLICE
    assert end_of_root(document, "utf-8", etree.fromstring(bytes(document))) == Place(at, at)
    assert document.starts == [len(document) - SLICE]
