"""PDF objects: written and read again, and as others write them."""

import re
import zlib
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import pdfmaker
from tests.pdfgeneral import exactly, general_outcome, outcome
from tiaas.ades import pdffile, pdfstreams, pdfsyntax, pdfvalues, pdfxref
from tiaas.ades.pdffile import PdfFile
from tiaas.ades.pdfscanner import Scanner
from tiaas.ades.pdfstreams import decoded
from tiaas.ades.pdftext import date, date_string, text, text_string
from tiaas.ades.pdfusual import usual_dictionary, usual_object
from tiaas.ades.pdfvalues import BadPdf, Budget, Dictionary, Name, Real, Reference, Value, _known_name, written
from tiaas.base.slices import SLICE, slices

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.binary(max_size=20)
    | st.binary(min_size=1, max_size=10).filter(lambda name: b"\x00" not in name).map(Name)
    | st.builds(Reference, st.integers(0, 9_999_999), st.integers(0, 65_535))
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.binary(min_size=1, max_size=6).filter(lambda key: b"\x00" not in key), inner, max_size=4)
    ),
    max_leaves=12,
)


def _read(octets: bytes) -> Value:
    return Scanner(octets, 0, Budget()).value()


@given(_VALUES)
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(value: Value) -> None:
    assert _read(written(value)) == value


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"  % a comment\n true", True),
        (b"[1 0 R 2 -3.5 +7 .5]", [Reference(1, 0), 2, Real(b"-3.5"), 7, Real(b".5")]),
        (b"[1 0 Rx]", None),
        (b"(a\\(b\\)(c)\\101\\\r\n\\n)", b"a(b)(c)A\n"),
        (b"(a\r\nb\rc)", b"a\nb\nc"),
        (b"<48 656C6C6F2>", b"Hello "),
        (b"/A#20B#2f", Name(b"A B/")),
        (b"<</A<</B[/C/D]>>/E(x)>>", {b"A": {b"B": [Name(b"C"), Name(b"D")]}, b"E": b"x"}),
    ],
)
def test_what_others_write(octets: bytes, value: Value) -> None:
    if value is None:
        with pytest.raises(BadPdf):
            _read(octets)
    else:
        assert _read(octets) == value


_TOKENS = (
    *(b"<<", b">>", b"[", b"]", b"/A", b"/B", b"/C#41", b"/", b"1", b"0", b"1 0 R", b"-3", b".5", b"1.", b"1" * 19),
    *(b"true", b"null", b"nullx", b"(a)", b"()", b"(a>>b)", b"(\\))", b"(\r)", b"<0a>", b"<0>", b"< 0a>", b"%c\n"),
    *(b" ", b"\n", b"\x00", b"\x0b", b"R"),
)


@given(st.lists(st.sampled_from(_TOKENS), max_size=14), st.sampled_from([b"", b" "]))
@settings(max_examples=400, deadline=None)
def test_usual_dictionaries_are_read_like_others(tokens: list[bytes], between: bytes) -> None:
    """Value, place, and what it costs."""
    octets = b"<<" + between.join([b"", *tokens]) + b">>"
    quick, general = outcome(octets), general_outcome(octets)
    assert quick == general
    if quick is not None and general is not None:
        assert exactly(quick[0]) == exactly(general[0])


@given(st.dictionaries(st.binary(min_size=1, max_size=6).filter(lambda key: b"\x00" not in key), _VALUES, max_size=6))
@settings(max_examples=60, deadline=None)
def test_usual_dictionaries_that_we_write(value: Dictionary) -> None:
    assert outcome(written(value)) == general_outcome(written(value))


@pytest.mark.parametrize(
    ("octets", "is_usual"),
    [
        (b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595.5 842] /Resources << /ProcSet [/PDF] >> >>", True),
        (b"\n<</Size 7/Root 1 0 R/ID[<0a0b><0C0D>]/Lang (de-DE)/Marked true>>", True),
        (b"<< /A 1 % comment\n >>", False),
        (b"<< /A (a\\)) >>", False),
        (b"<< /Contents <0a> >>", False),
        (b"<< /A << /B << /C 1 >> >> >>", False),
        (b"<< /A 1 /A 2 >>", False),
        (b"<< /A#41 1 >>", False),
        (b"<< /A 1 /B (" + b"a" * 3000 + b") >>", False),
    ],
)
def test_which_dictionaries_are_usual(octets: bytes, is_usual: bool) -> None:
    assert (usual_dictionary(octets, 0) is not None) == is_usual
    assert (usual_object(b"7 0 obj " + octets, 0, Reference(7, 0)) is not None) == is_usual
    assert usual_object(b"7 0 obj " + octets, 0, Reference(8, 0)) is None


@pytest.mark.parametrize(
    "octets", [b"", b"<</A>>", b"<<A 1>>", b"(a", b"<4", b"[1", b"1" * 30, b"[" * 40, b"what", b">>"]
)
def test_what_is_no_value(octets: bytes) -> None:
    with pytest.raises(BadPdf):
        _read(octets)


@given(st.text(max_size=40).filter(lambda value: not any(0xD800 <= ord(char) < 0xE000 for char in value)))
@settings(max_examples=60, deadline=None)
def test_texts(value: str) -> None:
    assert text(text_string(value)) == value


@pytest.mark.parametrize(
    ("octets", "iso"),
    [
        (b"D:20261126080102Z", "2026-11-26T08:01:02+00:00"),
        (b"D:20261126080102+01'00'", "2026-11-26T07:01:02+00:00"),
        (b"D:20261126080102-0130", "2026-11-26T09:31:02+00:00"),
        (b"D:2026", "2026-01-01T00:00:00+00:00"),
        (b"D:20261340", None),
        (b"D:20261126080102+99'00'", None),
        (b"yesterday", None),
    ],
)
def test_dates(octets: bytes, iso: str | None) -> None:
    found = date(octets)
    assert (None if found is None else found.isoformat()) == iso
    if found is not None:
        assert date(date_string(found)) == found


@pytest.mark.parametrize(
    ("kind", "row"), [(0, [5, 6, 7]), (1, [5, 1, 1]), (2, [4, 4, 4]), (3, [5, 3, 3]), (4, [4, 1, 1])]
)
def test_png_predictors(kind: int, row: list[int]) -> None:
    """The same second row, 5 6 7 below 1 2 3, in every way that PNG has."""
    parameters: Dictionary = {b"Predictor": 15, b"Columns": 3}
    dictionary: Dictionary = {b"Filter": Name(b"FlateDecode"), b"DecodeParms": parameters}
    data = zlib.compress(bytes([0, 1, 2, 3, kind, *row]))
    assert decoded(dictionary, data, Budget()) == bytes([1, 2, 3, 5, 6, 7])
    # What is slow is charged for the time it takes, not only for its octets.
    with pytest.raises(BadPdf, match="too many octets"):
        decoded(dictionary, data, Budget(octets=60))


def test_a_hybrid_document() -> None:
    """What the table does not name stands in the stream that its trailer names (ISO 32000-1, 7.5.8.4)."""
    hidden = pdfmaker.stream(b"7 0 << /Hidden true >>", b"/Type /ObjStm /N 1 /First 4")
    rows = b"\x02" + (6).to_bytes(4) + (0).to_bytes(2)
    body = pdfmaker.objects() | {6: hidden, 8: pdfmaker.stream(rows, b"/Type /XRef /W [1 4 2] /Index [7 1] /Size 9")}
    at = pdfmaker.classic(body).index(b"8 0 obj")
    document = pdfmaker.classic(body, b"/XRefStm %d" % at)
    table = document.rindex(b"xref\n0 9")
    gap = document.index(b"0000000000 00000 f \n", table)
    document = document[:gap].replace(b"xref\n0 9", b"xref\n0 7") + b"8 1\n" + document[gap + 20 :]
    assert PdfFile(document).resolved(Reference(7, 0)) == {b"Hidden": True}
    assert PdfFile(pdfmaker.classic(body)).resolved(Reference(7, 0)) is None


def test_long_names_are_written_and_not_remembered() -> None:
    before = _known_name.cache_info().currsize
    assert written(Name(b"a" * 128)) == b"/" + b"a" * 128
    assert _known_name.cache_info().currsize == before


@pytest.mark.parametrize("size", range(5))
def test_long_strings_of_digits_are_read_in_slices(size: int) -> None:
    """Also where they stand counts: it is what a signature leaves out."""
    octets = b"<< /A <" + b"0a\n1B" * (SLICE + size) + b"2" * (size % 2) + b"> /B <41> >>"
    scanner = Scanner(octets, 0, Budget())
    digits = b"0a1B" * (SLICE + size) + b"2" * (size % 2)
    assert scanner.value() == {b"A": bytes.fromhex((digits + b"0" * (size % 2)).decode()), b"B": b"A"}
    assert octets[slice(*scanner.spans[b"A"])] == octets[6 : octets.index(b">", 6) + 1]
    assert octets[slice(*scanner.spans[b"B"])] == b"<41>"


@pytest.mark.parametrize("octets", [b"<%s0g>", b"<%s0\x0b0>", b"<%s00", b"<%s00<00>", b"<0g>", b"<0\x0b0>", b"<00"])
def test_what_is_no_string_of_digits(octets: bytes) -> None:
    with pytest.raises(BadPdf):
        _read(octets.replace(b"%s", b"00" * SLICE))


@given(st.lists(st.sampled_from([b"a", b"\\", b"(", b")", b"\r", b"\n", b"\xff"]), max_size=20).map(b"".join))
def test_long_strings_are_written_like_short_ones(value: bytes) -> None:
    short = written(value)
    assert short == b"(" + re.sub(rb"[()\\\r\n]", lambda found: _ESCAPES[found[0]], value) + b")"
    with patch.object(pdfvalues, "SLICE", 1):
        assert written(value) == short


_ESCAPES = {b"(": b"\\(", b")": b"\\)", b"\\": b"\\\\", b"\r": b"\\r", b"\n": b"\\n"}


def test_a_literal_string_of_any_length() -> None:
    octets = b"(a" + b"b(c)\n" * SLICE + b")"
    assert Scanner(octets, 0, Budget(values=10 * SLICE)).value() == octets[1:-1]
    assert _read(b"(" + b"d" * 5 * SLICE + b")") == b"d" * 5 * SLICE


_SKIPPED = re.compile(rb"(?:[\x00\t\n\f\r ]++|%[^\r\n]*+)*+")


@given(st.lists(st.sampled_from([b" ", b"\n", b"\r", b"%", b"c", b"\x00", b"1"]), max_size=40).map(b"".join))
def test_what_is_skipped(octets: bytes) -> None:
    """As many blanks and comments as there are, if it is not absurd."""
    found = re.compile(pdfsyntax.SKIPPED).match(octets)
    expected = _SKIPPED.match(octets)
    assert found is not None
    assert expected is not None
    assert found.end() == expected.end()


@pytest.mark.parametrize("octets", [b"%s1", b"[1%s0 R]", b"1%s0 R", b"1 0%sR", b"[1 0%sR]", b"<< /A%strue >>"])
@pytest.mark.parametrize("long", [b" ", b"\n", b"\r\n"])
def test_what_is_absurdly_long_is_no_space(octets: bytes, long: bytes) -> None:
    """And a number is none that might be a reference to others."""
    with pytest.raises(BadPdf):
        _read(octets.replace(b"%s", long * 300_000))


@pytest.mark.parametrize("octets", [b"%%%s\n1", b"/%s 1", b"<< /%strue >>", b"<< /A /%s >>", b"<< /%s true >>"])
def test_what_is_absurdly_long_is_no_token(octets: bytes) -> None:
    """Nor is half of it one."""
    with pytest.raises(BadPdf):
        _read(b"%\n" * 5000 + b"1")
    with pytest.raises(BadPdf):
        _read(octets.replace(b"%s", b"a" * 40_000))


@given(st.binary(max_size=60), st.integers(0, 100), st.integers(1, 9), st.booleans())
def test_data_are_inflated_in_slices_as_in_one_go(data: bytes, cut: int, size: int, repeated: bool) -> None:
    packed = zlib.compress(data * 30 if repeated else data) + b"behind"
    packed = packed[: len(packed) - cut]
    expected = zlib.decompressobj().decompress(packed)
    dictionary: Dictionary = {b"Filter": Name(b"FlateDecode")}
    with (
        patch.object(pdfstreams, "SLICE", size),
        patch.object(pdfstreams, "slices", lambda octets: slices(octets, size)),
    ):
        assert decoded(dictionary, packed, Budget()) == expected
        if expected:
            with pytest.raises(BadPdf, match="too much"):
                decoded(dictionary, packed, Budget(), len(expected) - 1)
        assert decoded(dictionary, packed, Budget(), len(expected)) == expected


def _overlapping(count: int, run: int, blank: bytes = b" ") -> bytes:
    """A document with object streams whose data all end in one run of blanks before one `endstream`."""
    packed = [zlib.compress(b"%05d 0  <</T(x)>>" % (10_000 + number)) for number in range(count)]
    head = b"%d 0 obj <</Type/ObjStm/N 1/First 8/Length %09d/Filter/FlateDecode>>stream\n"
    sizes = [len(head % (10 + number, 0)) + len(data) + 1 for number, data in enumerate(packed)]
    document, offsets = bytearray(b"%PDF-1.5\n"), {}
    behind = len(document) + sum(sizes)
    for number, data in enumerate(packed):
        offsets[10 + number] = len(document)
        start = len(document) + len(head % (10 + number, 0))
        document += head % (10 + number, behind + number - start) + data + b"\n"
    document += blank * (run // len(blank)) + b"\nendstream endobj\n"
    for number, value in (
        (1, b"<</Type/Catalog/Pages 2 0 R/AcroForm 3 0 R>>"),
        (2, b"<</Type/Pages/Kids[]/Count 0>>"),
        (3, b"<</Fields 4 0 R>>"),
        (4, b"[" + b" ".join(b"%d 0 R" % (10_000 + number) for number in range(count)) + b"]"),
    ):
        offsets[number] = len(document)
        document += b"%d 0 obj %b endobj\n" % (number, value)
    rows = [b"\x01" + offset.to_bytes(4) + bytes(4) for _, offset in sorted(offsets.items())]
    rows += [b"\x02" + (10 + number).to_bytes(4) + bytes(4) for number in range(count)]
    index = b"1 4 10 %d 10000 %d" % (count, count)
    start = len(document)
    data = b"".join(rows)
    document += b"9 0 obj <</Type/XRef/W[1 4 4]/Size 20000/Index[%b]/Root 1 0 R/Length %d>>" % (index, len(data))
    document += b"stream\n%b\nendstream endobj\nstartxref\n%d\n%%%%EOF\n" % (data, start)
    return bytes(document)


def test_streams_that_overlap_are_charged() -> None:
    """Each is as long as the rest of the document, and nothing comes of it."""
    few = PdfFile(_overlapping(50, 4000))
    assert few.dictionary(Reference(10_049, 0)) == {b"T": b"x"}
    document = _overlapping(50, 20_000)
    with patch.object(pdffile, "Budget", lambda: Budget(octets=20 * 20_000)):
        many = PdfFile(document)
        with pytest.raises(BadPdf, match="too many octets"):
            for number in range(50):
                many.found(Reference(10_000 + number, 0))


@pytest.mark.parametrize("blank", [b" ", b"%\n", b"\r\n"])
def test_a_stream_ends_near_its_end(blank: bytes) -> None:
    with pytest.raises(BadPdf, match="wrong length"):
        PdfFile(_overlapping(1, 1_000_000, blank)).found(Reference(10_000, 0))


@pytest.mark.parametrize("entries", [b"", b"1 1\n0000000000 65535 f \n" + b" " * 2000])
def test_sections_in_the_trailers_of_others_are_charged(entries: bytes) -> None:
    """Each names the one that it lies in, and all of them end with the same string."""
    document = b"%PDF-1.4\n"
    places: list[int] = []
    for number in range(20):
        previous = b"/Prev %d" % places[-1] if number else b""
        places.append(len(document))
        document += b"xref %b trailer <<%b /A (" % (entries, previous)
    document += b"x" * 50_000 + b")>>" * 20 + b"\nstartxref %d %%%%EOF\n" % places[-1]
    assert len(pdfxref.read_cross_references(document, Budget()).sections) == 20
    with pytest.raises(BadPdf, match="too many octets"):
        pdfxref.read_cross_references(document, Budget(octets=500_000))


def test_what_is_longer_than_a_string_may_be_is_no_text() -> None:
    """To decode it takes a hundred times as long as to read it."""
    assert text(b"\xe4" * 32_767) == "ä" * 32_767
    assert text(b"\xe4" * 32_768) is None
    assert date(b"D:2026" + b" " * 32_768) is None
