"""A PDF document as a graph of objects, read on demand (ISO 32000-1:2008, 7.5). Time and memory are bounded.

Nothing is repaired: a document whose cross-references do not fit is refused, because two readers would repair it in
two ways and see two documents where one was signed.
"""

from typing import NamedTuple

from tiaas.ades.pdfscanner import Scanner
from tiaas.ades.pdfstreams import MAX_DECODED, decoded
from tiaas.ades.pdfusual import usual_object
from tiaas.ades.pdfvalues import NO_SPANS, BadPdf, Budget, Dictionary, Reference, Spans, Value, written_entries
from tiaas.ades.pdfxref import CrossReferences, InFile, InStream, read_cross_references, stream_data, value_place

_MAX_OBJECTS = 20_000
_MAX_PAGE_NODES = 2_000
_KEPT_AS_WRITTEN = 16 * 1024
"""Octets up to which a dictionary that gets entries stays as it is written: comments in it can be as long as a file."""
_MAX_WRITTEN = 4 * 1024 * 1024
"""Octets of a dictionary that is written anew: a reference for every value that may be looked at, and more."""


class Found(NamedTuple):
    """One object: its value and, if it is a dictionary, where it stands, from `start` to `end` in `source`; in the file
    itself also where its hexadecimal strings stand."""

    value: Value
    spans: Spans | None = None
    source: bytes = b""
    start: int = 0
    end: int = 0


class PdfFile:
    """A document. All methods raise `BadPdf`, and nothing else, for what is damaged or costs too much; with a budget of
    its own what that raises."""

    def __init__(self, octets: bytes, budget: Budget | None = None) -> None:
        if not octets.startswith(b"%PDF-"):
            raise BadPdf("no PDF document")
        self.octets = octets
        self._budget = Budget() if budget is None else budget
        self._found: dict[int, Found] = {}
        self._streams: dict[int, tuple[list[tuple[int, int]], bytes]] = {}
        self.references: CrossReferences = read_cross_references(octets, self._budget)

    def charge(self, values: int, octets: int = 0) -> None:
        """Something is done with what was read that takes as long as to look at so much."""
        self._budget.usual(values, octets)

    @property
    def encrypted(self) -> bool:
        """Whether its strings and streams are encrypted."""
        return b"Encrypt" in self.references.trailer

    def found(self, reference: Reference) -> Found:
        """An object; a free one is null (7.3.10)."""
        known = self._found.get(reference.number)
        if known is None:
            if len(self._found) >= _MAX_OBJECTS:
                raise BadPdf("too many objects to look at")
            known = self._found[reference.number] = self._read(reference)
        return known

    def resolved(self, value: Value) -> Value:
        """The value itself, or what it refers to."""
        if not isinstance(value, Reference):
            return value
        target = self.found(value).value
        if isinstance(target, Reference):
            raise BadPdf("a reference to a reference")
        return target

    def dictionary(self, value: Value) -> Dictionary:
        """`resolved`, which has to be a dictionary."""
        target = self.resolved(value)
        if not isinstance(target, dict):
            raise BadPdf("no dictionary where one belongs")
        return target

    def extended(self, reference: Reference, entries: Dictionary) -> bytes:
        """The octets of a dictionary with these entries, new ones or instead of others; what it has else stays as it is
        written where that can be."""
        dictionary, found = self.dictionary(reference), self.found(reference)
        if found.end - found.start > _MAX_WRITTEN:
            raise BadPdf("a dictionary that is too large to get an entry")
        if found.end - found.start <= _KEPT_AS_WRITTEN and entries.keys().isdisjoint(dictionary):
            before = found.source[found.start : found.end - len(b">>")].lstrip()
        else:
            kept = {key: value for key, value in dictionary.items() if key not in entries}
            before = b"<< " + written_entries(kept)
        return b"%b %b>>" % (before, written_entries(entries))

    def array(self, value: Value) -> list[Value]:
        """`resolved`, which has to be an array; null is an empty one."""
        target = self.resolved(value)
        if target is None:
            return []
        if not isinstance(target, list):
            raise BadPdf("no array where one belongs")
        return target

    def catalog(self) -> tuple[Reference, Dictionary]:
        """The document catalog and the reference to it."""
        root = self.references.trailer.get(b"Root")
        if not isinstance(root, Reference):
            raise BadPdf("no document catalog")
        return root, self.dictionary(root)

    def first_page(self) -> tuple[Reference, Dictionary]:
        """The first page and the reference to it."""
        pending = [self.catalog()[1].get(b"Pages")]
        for _ in range(_MAX_PAGE_NODES):
            if not pending:
                break
            node = pending.pop()
            if not isinstance(node, Reference):
                raise BadPdf("no page tree")
            dictionary = self.dictionary(node)
            if b"Kids" not in dictionary:
                return node, dictionary
            # It may be its own kid.
            self._budget.value()
            pending += reversed(self.array(dictionary[b"Kids"])[: _MAX_PAGE_NODES - len(pending)])
        raise BadPdf("no page")

    def stream(self, reference: Reference, limit: int = MAX_DECODED) -> bytes:
        """The decoded data of a stream, at most `limit` octets."""
        found = self.found(reference)
        dictionary = found.value
        if found.source is not self.octets or not isinstance(dictionary, dict):
            raise BadPdf("no stream where one belongs")
        length = self.resolved(dictionary.get(b"Length"))
        if not isinstance(length, int):
            raise BadPdf("a stream without length")
        data = stream_data(self.octets, found.end, length, self._budget)
        return decoded(dictionary, data, self._budget, limit)

    def _read(self, reference: Reference) -> Found:
        place = self.references.place(reference.number)
        if isinstance(place, InStream):
            return self._from_stream(reference.number, place) if reference.generation == 0 else Found(None)
        if place is None or place.generation != reference.generation:
            return Found(None)
        usual = usual_object(self.octets, place.offset, reference)
        if usual is None:
            return self._value(Scanner(self.octets, value_place(self.octets, place.offset, *reference), self._budget))
        value, start, end, cost = usual
        self._budget.usual(cost, end - start)
        return Found(value, NO_SPANS, self.octets, start, end)

    def _value(self, scanner: Scanner) -> Found:
        """An object's value. Its octets are charged: objects may lie in the comments of others, and all be as long."""
        start = scanner.at
        value = scanner.value()
        self._budget.octets(scanner.at - start)
        if not isinstance(value, dict):
            return Found(value)
        spans = scanner.spans if scanner.octets is self.octets else None
        return Found(value, spans, scanner.octets, start, scanner.at)

    def _from_stream(self, number: int, place: InStream) -> Found:
        if place.stream not in self._streams:
            self._streams[place.stream] = self._object_stream(place.stream)
        objects, octets = self._streams[place.stream]
        if place.position >= len(objects) or objects[place.position][0] != number:
            raise BadPdf("another object than the cross-reference says")
        return self._value(Scanner(octets, objects[place.position][1], self._budget))

    def _object_stream(self, number: int) -> tuple[list[tuple[int, int]], bytes]:
        """Numbers and offsets of the objects in a stream, and its octets (7.5.7)."""
        place = self.references.place(number)
        if not isinstance(place, InFile):
            raise BadPdf("no object stream where one belongs")
        reference = Reference(number, place.generation)
        dictionary = self.dictionary(reference)
        count, first = dictionary.get(b"N"), dictionary.get(b"First")
        if dictionary.get(b"Type") != b"ObjStm" or not isinstance(count, int) or not isinstance(first, int):
            raise BadPdf("no object stream where one belongs")
        octets = self.stream(reference)
        if not 0 <= count <= len(octets) or not 0 <= first <= len(octets):
            raise BadPdf("a damaged object stream")
        scanner = Scanner(octets[:first], 0, self._budget)
        objects = [(scanner.integer(), scanner.integer()) for _ in range(count)]
        return [(number, first + offset) for number, offset in objects], octets
