"""PDF documents made by hand, for tests and benches."""

import zlib
from collections.abc import Mapping

XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>'
    '<?xpacket end="w"?>'
)
HEADER = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"


def xmp(part: str = "1", conformance: str = "B", as_elements: bool = True) -> bytes:
    """The metadata of a PDF/A document."""
    elements = f"<pdfaid:part>{part}</pdfaid:part><pdfaid:conformance>{conformance}</pdfaid:conformance>"
    attributes = f'pdfaid:part="{part}" pdfaid:conformance="{conformance}"'
    text = (
        XMP.format(attributes="", elements=elements) if as_elements else XMP.format(attributes=attributes, elements="")
    )
    return text.encode()


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A stream object."""
    return b"<< %b /Length %d >>\nstream\n%b\nendstream" % (entries, len(data), data)


def objects(
    metadata: bytes | None = None, catalog: bytes = b"", page: bytes = b"", padding: int = 0
) -> dict[int, bytes]:
    """A document of one page: catalog 1, pages 2, page 3, content 4, metadata 5, data of `padding` octets 6."""
    return {
        1: b"<< /Type /Catalog /Pages 2 0 R /Metadata 5 0 R " + catalog + b" >>",
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << >> " + page + b" >>",
        4: stream(b"q Q"),
        5: stream(xmp() if metadata is None else metadata, b"/Type /Metadata /Subtype /XML"),
        6: stream(bytes(padding)),
    }


def classic(body: Mapping[int, bytes], trailer: bytes = b"") -> bytes:
    """The document with a cross-reference table."""
    document = bytearray(HEADER)
    offsets = {}
    for number, value in body.items():
        offsets[number] = len(document)
        document += b"%d 0 obj\n%b\nendobj\n" % (number, value)
    start = len(document)
    size = max(body) + 1
    document += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        document += b"%010d 00000 n \n" % offsets[number] if number in offsets else b"0000000000 00000 f \n"
    document += b"trailer\n<< /Size %d /Root 1 0 R /ID [<%b> <%b>] %b >>\n" % (size, b"ab" * 16, b"ab" * 16, trailer)
    document += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(document)


def streamed(body: Mapping[int, bytes], predicted: bool = True) -> bytes:
    """The document with a cross-reference stream, and what is no stream in an object stream (PDF 1.5)."""
    document = bytearray(HEADER.replace(b"1.4", b"1.5"))
    inside = [number for number, value in body.items() if b"stream\n" not in value]
    places: dict[int, tuple[int, int, int]] = {0: (0, 0, 65535)}
    holder, references = max(body) + 1, max(body) + 2
    head, values = b"", b""
    for index, number in enumerate(inside):
        head += b"%d %d " % (number, len(values))
        values += body[number] + b" "
        places[number] = (2, holder, index)
    packed = zlib.compress(head + values)
    entries = b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (len(inside), len(head))
    outside = {number: value for number, value in body.items() if number not in places}
    for number, value in {**outside, holder: stream(packed, entries)}.items():
        places[number] = (1, len(document), 0)
        document += b"%d 0 obj\n%b\nendobj\n" % (number, value)
    start = len(document)
    places[references] = (1, start, 0)
    rows = [bytes([places[at][0]]) + places[at][1].to_bytes(4) + places[at][2].to_bytes(2) for at in sorted(places)]
    entries = b"/Type /XRef /W [1 4 2] /Root 1 0 R /Size %d /ID [<%b> <%b>]" % (references + 1, b"ab" * 16, b"ab" * 16)
    if predicted:
        entries += b" /Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 7 >>"
        rows = [b"\x02" + bytes((a - b) % 256 for a, b in zip(row, above, strict=True))
                for row, above in zip(rows, [bytes(7), *rows], strict=False)]  # fmt: skip
    data = zlib.compress(b"".join(rows)) if predicted else b"".join(rows)
    document += b"%d 0 obj\n%b\nendobj\n" % (references, stream(data, entries))
    document += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(document)


def fields_in_a_comment(count: int, value: bytes) -> bytes:
    """A form with so many fields, objects from 10 on, whose headers stand in one comment: each has the value behind."""
    fields = b" ".join(b"%d 0 R" % number for number in range(10, 10 + count))
    objects = {
        1: b"1 0 obj<</Pages 2 0 R/AcroForm 3 0 R>>endobj\n",
        2: b"2 0 obj<</Kids[10 0 R]>>endobj\n",
        3: b"3 0 obj<</Fields[%b]>>endobj\n" % fields,
        **{number: b"%d 0 obj%%" % number for number in range(10, 10 + count)},
    }
    document = bytearray(HEADER)
    lines = {}
    for number, written in objects.items():
        lines[number] = b"%010d 00000 n \n" % len(document)
        document += written
    document += b"\n%b\n" % value
    start = len(document)
    own, others = (b"".join(line for number, line in lines.items() if (number < 10) is low) for low in (True, False))
    document += b"xref\n1 3\n%b10 %d\n%btrailer<</Root 1 0 R/Size %d>>\n" % (own, count, others, 10 + count)
    document += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(document)
