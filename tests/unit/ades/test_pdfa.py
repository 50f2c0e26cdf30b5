"""Which documents say that they are PDF/A."""

import zlib

import pytest

from tests import pdfmaker
from tiaas.ades.pdfa import NotPdfa, PdfaLevel, pdfa_level_untrusted


def _document(part: str, conformance: str, as_elements: bool = True) -> bytes:
    return pdfmaker.classic(pdfmaker.objects(pdfmaker.xmp(part, conformance, as_elements)))


@pytest.mark.parametrize("level", PdfaLevel)
@pytest.mark.parametrize("as_elements", [True, False])
@pytest.mark.requirement("TIP1-A_4527-04")
def test_the_levels_of_parts_1_and_2(level: PdfaLevel, as_elements: bool) -> None:
    assert pdfa_level_untrusted(_document(level[0], level[1].upper(), as_elements)) is level


@pytest.mark.parametrize(("part", "conformance"), [("3", "B"), ("3", "A"), ("3", "U")])
@pytest.mark.requirement("A_18780")
def test_part_3_is_refused(part: str, conformance: str) -> None:
    with pytest.raises(NotPdfa, match="another part"):
        pdfa_level_untrusted(_document(part, conformance))


@pytest.mark.parametrize(("part", "conformance"), [("1", "U"), ("4", "E"), ("", ""), ("one", "B"), ("1", "")])
def test_other_levels_are_refused(part: str, conformance: str) -> None:
    with pytest.raises(NotPdfa):
        pdfa_level_untrusted(_document(part, conformance))


def test_two_identifications_that_differ_are_none() -> None:
    both = pdfmaker.xmp("1", "B").replace(b'rdf:about=""', b'rdf:about="" pdfaid:part="2"')
    with pytest.raises(NotPdfa, match="no PDF/A identification"):
        pdfa_level_untrusted(pdfmaker.classic(pdfmaker.objects(both)))


def test_part_2_with_object_streams_and_compressed_metadata() -> None:
    body = pdfmaker.objects()
    body[5] = pdfmaker.stream(zlib.compress(pdfmaker.xmp("2", "U")), b"/Type /Metadata /Filter [/FlateDecode]")
    for predicted in (True, False):
        assert pdfa_level_untrusted(pdfmaker.streamed(body, predicted)) is PdfaLevel.A2U


def test_the_newest_metadata_count() -> None:
    document = _document("1", "B")
    newer = pdfmaker.stream(pdfmaker.xmp("3", "B"), b"/Type /Metadata")
    start = document.rindex(b"xref\n0 ")
    update = b"5 0 obj\n%b\nendobj\n" % newer
    table = b"xref\n5 1\n%010d 00000 n \ntrailer\n<< /Size 7 /Root 1 0 R /Prev %d >>\n" % (len(document), start)
    changed = document + update + table + b"startxref\n%d\n%%%%EOF\n" % (len(document) + len(update))
    with pytest.raises(NotPdfa, match="another part"):
        pdfa_level_untrusted(changed)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"hello",
        b"%PDF-1.4\n",
        pdfmaker.classic(pdfmaker.objects())[:-200],
        pdfmaker.classic(pdfmaker.objects(b"<not><well-formed>")),
        pdfmaker.classic(pdfmaker.objects(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')),
        pdfmaker.classic(pdfmaker.objects(), b"/Encrypt 4 0 R"),
        pdfmaker.classic(pdfmaker.objects()).replace(b"/Metadata 5 0 R", b"/Metadato 5 0 R"),
        pdfmaker.classic(pdfmaker.objects()).replace(b"5 0 obj", b"9 0 obj"),
    ],
)
def test_what_is_no_pdfa(document: bytes) -> None:
    with pytest.raises(NotPdfa):
        pdfa_level_untrusted(document)


def test_metadata_that_unpack_to_too_much_are_refused() -> None:
    body = pdfmaker.objects()
    body[5] = pdfmaker.stream(zlib.compress(bytes(5 * 1024 * 1024)), b"/Filter /FlateDecode")
    with pytest.raises(NotPdfa, match="too much"):
        pdfa_level_untrusted(pdfmaker.classic(body))
