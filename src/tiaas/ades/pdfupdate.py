"""Adds objects to a PDF document by an incremental update (ISO 32000-1:2008, 7.5.6), within PDF/A.

The document's own octets stay as they are. An update ends with the kind of cross-reference the document ends with:
a table and a trailer, or a cross-reference stream.
"""

from binascii import hexlify

from tiaas.ades.pdffile import PdfFile
from tiaas.ades.pdfvalues import BadPdf, Dictionary, Name, Reference, Value, written, written_entries

MAX_NUMBER = 8_388_607
"""Indirect objects that a PDF/A document may have (ISO 19005-1, 6.1.12; ISO 19005-2, 6.1.13)."""

_MAX_OFFSET = 10**10 - 1
_KEPT = (b"Root", b"Info")
_END_SIZE = len(b"\nendobj\n")


class Update:
    """Objects to be added or replaced; `encode` gives the octets to be put behind the document."""

    def __init__(self, document: PdfFile) -> None:
        self._document = document
        self._next = max(document.references.size, 1)
        self._objects: dict[Reference, bytes] = {}

    def new(self) -> Reference:
        """The number of a new object; raises `BadPdf` if there is none left."""
        if self._next > MAX_NUMBER:
            raise BadPdf("no object number left")
        self._next += 1
        return Reference(self._next - 1, 0)

    def put(self, reference: Reference, value: Value) -> None:
        """Sets the object to a value; raises `BadPdf` if it was set before (an object in two roles)."""
        self.put_encoded(reference, written(value))

    def put_encoded(self, reference: Reference, octets: bytes) -> None:
        """`put` with octets as they are to stand in the file."""
        if reference in self._objects:
            raise BadPdf("an object in two roles")
        self._objects[reference] = octets

    def encode(self, identifier: bytes) -> tuple[bytes, dict[Reference, int]]:
        """The update, and where in the document the objects' values will begin; `identifier` is the new second ID."""
        octets = self._document.octets
        parts = [b"" if octets.endswith((b"\n", b"\r")) else b"\n"]
        at = len(octets) + len(parts[0])
        offsets, values = {}, {}
        for reference, value in sorted(self._objects.items()):
            written_object = b"%d %d obj\n%b\nendobj\n" % (*reference, value)
            parts.append(written_object)
            offsets[reference] = at
            at += len(written_object)
            values[reference] = at - len(value) - _END_SIZE
        if at > _MAX_OFFSET:
            raise BadPdf("no room for an offset")
        streamed = self._document.references.streamed
        end = self._stream(offsets, at, identifier) if streamed else self._table(offsets, identifier)
        parts += [end, b"startxref\n%d\n%%%%EOF\n" % at]
        return b"".join(parts), values

    def _trailer(self, identifier: bytes, size: int) -> bytes:
        """The entries of a trailer, as they are to stand in a dictionary."""
        references = self._document.references
        trailer = references.trailer
        known = self._document.resolved(trailer.get(b"ID"))
        first = known[0] if isinstance(known, list) and known and isinstance(known[0], bytes) else identifier
        kept = b"".join([b"/%b %b " % (key, written(trailer[key])) for key in _KEPT if key in trailer])
        both = hexlify(first), hexlify(identifier)
        return b"/Size %d /Prev %d %b/ID [<%b> <%b>]" % (size, references.start, kept, *both)

    def _table(self, offsets: dict[Reference, int], identifier: bytes) -> bytes:
        lines = [b"xref\n"]
        for first, run in _runs(offsets):
            lines.append(b"%d %d\n" % (first, len(run)))
            lines += [b"%010d %05d n \n" % place for place in run]
        lines.append(b"trailer\n<< %b >>\n" % self._trailer(identifier, self._next))
        return b"".join(lines)

    def _stream(self, offsets: dict[Reference, int], at: int, identifier: bytes) -> bytes:
        own = self.new()
        offsets = {**offsets, own: at}
        runs = _runs(offsets)
        rows = b"".join(
            b"\x01" + offset.to_bytes(5) + generation.to_bytes(2) for _, run in runs for offset, generation in run
        )
        entries: Dictionary = {
            b"Type": Name(b"XRef"),
            b"W": [1, 5, 2],
            b"Index": [number for first, run in runs for number in (first, len(run))],
            b"Length": len(rows),
        }
        dictionary = written_entries(entries) + self._trailer(identifier, self._next)
        return b"%d %d obj\n<< %b >>\nstream\n%b\nendstream\nendobj\n" % (*own, dictionary, rows)


def _runs(offsets: dict[Reference, int]) -> list[tuple[int, list[tuple[int, int]]]]:
    """Offsets and generation numbers in runs of successive object numbers, each with its first; they come in order."""
    runs: list[tuple[int, list[tuple[int, int]]]] = []
    following = -1
    for (number, generation), offset in offsets.items():
        if number != following:
            runs.append((number, []))
        runs[-1][1].append((offset, generation))
        following = number + 1
    return runs
