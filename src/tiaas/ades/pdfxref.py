"""Cross-references of a PDF document: tables, streams and hybrids, newest first (ISO 32000-1:2008, 7.5.4 to 7.5.8).

A section is looked into, not loaded: an entry is found by its place, so a document with 100,000 objects costs as much
as one with ten.
"""

import re
from bisect import bisect_right
from typing import NamedTuple

from tiaas.ades.pdfscanner import Scanner
from tiaas.ades.pdfstreams import decoded
from tiaas.ades.pdfsyntax import BLANK, HEADER, INTEGER, SKIPPED
from tiaas.ades.pdfvalues import BadPdf, Budget, Dictionary
from tiaas.base.dataclass import dataclass

_MAX_SECTIONS = 256
_MAX_SUBSECTIONS = 100_000
_MAX_NUMBER = 8_388_607
"""Indirect objects in a document (PDF/A-1, 6.1.12)."""
_TAIL = 2048
_ENTRY_SIZE = 20
_SUBSECTION = re.compile(rb"[\x00\t\n\f\r ]{0,4096}+(\d{1,10}) (\d{1,10})[ \t]{0,4096}+(?:\r\n|\n|\r)")
_ENTRY = re.compile(rb"(\d{10}) (\d{5}) ([nf])(?: \r| \n|\r\n)")
_START = re.compile(rb"startxref" + BLANK + INTEGER + BLANK + rb"%%EOF")
_TABLE = re.compile(SKIPPED + rb"xref")
_TRAILER = re.compile(SKIPPED + rb"trailer")
_DATA = re.compile(SKIPPED + rb"stream(\r\n|\n)?+")
_DATA_END = re.compile(SKIPPED + rb"endstream")
_HEADER = re.compile(HEADER)


class InFile(NamedTuple):
    """An object that stands in the file: where, and its generation number."""

    offset: int
    generation: int


class InStream(NamedTuple):
    """An object in an object stream: the stream's number, and its place there."""

    stream: int
    position: int


Place = InFile | InStream | None
"""Where an object is; None: it is free."""


class _Runs:
    """Which objects a section names: runs of successive numbers, each a start, a count, and where its entries begin.

    `size` is one more than the highest number.
    """

    def __init__(self, runs: list[tuple[int, int, int]]) -> None:
        self.runs = sorted(runs)
        self._starts = [start for start, _, _ in self.runs]
        self.size = max([start + count for start, count, _ in runs], default=0)

    def holder(self, number: int) -> tuple[int, int] | None:
        """Where the entries of the object's run begin, and how many are before its own; None if it is in no run."""
        at = bisect_right(self._starts, number) - 1
        if at < 0:
            return None
        start, count, first = self.runs[at]
        return (first, number - start) if number < start + count else None


class _Table(_Runs):
    """A cross-reference table: subsections of entries of 20 octets each."""

    def __init__(self, octets: bytes, runs: list[tuple[int, int, int]]) -> None:
        super().__init__(runs)
        self._octets = octets

    def find(self, number: int) -> Place | bool:
        """The object's place, or False if the section does not name it."""
        held = self.holder(number)
        if held is None:
            return False
        first, before = held
        entry = _ENTRY.match(self._octets, first + before * _ENTRY_SIZE)
        if entry is None:
            raise BadPdf("a damaged entry in a cross-reference table")
        offset, generation, kind = entry.groups()
        return InFile(int(offset), int(generation)) if kind == b"n" else None


class _Stream(_Runs):
    """A cross-reference stream: rows of three numbers with fixed widths."""

    def __init__(self, rows: bytes, widths: tuple[int, int, int], runs: list[tuple[int, int, int]]) -> None:
        super().__init__(runs)
        self._rows = rows
        self._widths = widths

    def find(self, number: int) -> Place | bool:
        """The object's place, or False if the section does not name it."""
        held = self.holder(number)
        if held is None:
            return False
        kind_width, second_width, third_width = self._widths
        size = sum(self._widths)
        row = self._rows[sum(held) * size : (sum(held) + 1) * size]
        if len(row) < size:
            raise BadPdf("a cross-reference stream that is too short")
        kind = int.from_bytes(row[:kind_width]) if kind_width else 1
        second = int.from_bytes(row[kind_width : kind_width + second_width])
        third = int.from_bytes(row[size - third_width :]) if third_width else 0
        match kind:
            case 1:
                return InFile(second, third)
            case 2:
                return InStream(second, third)
            case _:
                return None


@dataclass(frozen=True, slots=True)
class CrossReferences:
    """All sections, the newest first. `trailer` is the newest trailer; `start` where the newest section stands.

    `streamed`: the newest section is a cross-reference stream, so an update has to end with one too.
    """

    trailer: Dictionary
    start: int
    streamed: bool
    size: int
    sections: tuple[_Table | _Stream, ...]

    def place(self, number: int) -> Place:
        """Where an object is, after all updates."""
        for section in self.sections:
            place = section.find(number)
            if not isinstance(place, bool):
                return place
        return None


def read_cross_references(octets: bytes, budget: Budget) -> CrossReferences:
    """Follows the sections from the end of the document; raises `BadPdf`."""
    start = _start(octets, budget)
    sections: list[_Table | _Stream] = []
    newest = _section(octets, start, budget)
    pending: list[tuple[int, bool]] = [(start, True)]
    seen = set[int]()
    runs = size = 0
    while pending:
        offset, follows = pending.pop()
        if offset in seen:
            continue
        seen.add(offset)
        section, trailer = newest if offset == start else _section(octets, offset, budget)
        sections.append(section)
        runs += len(section.runs)
        if len(sections) > _MAX_SECTIONS or runs > _MAX_SUBSECTIONS:
            raise BadPdf("too many cross-reference sections")
        size = max(size, _whole(trailer, b"Size", 0), section.size)
        if follows and b"Prev" in trailer:
            pending.append((_whole(trailer, b"Prev"), True))
        if follows and b"XRefStm" in trailer:
            # What a hybrid hides from old readers: after the table, before the previous section (7.5.8.4).
            pending.append((_whole(trailer, b"XRefStm"), False))
    streamed = isinstance(newest[0], _Stream)
    return CrossReferences(newest[1], start, streamed, min(size, _MAX_NUMBER), tuple(sections))


def value_place(octets: bytes, offset: int, number: int | None = None, generation: int = 0) -> int:
    """Where the value of the object that begins at `offset` begins; it has to be the one with that number, if any."""
    header = _HEADER.match(octets, offset)
    if header is None:
        raise BadPdf("no object where one belongs")
    if number is not None and (int(header[1]) != number or int(header[2]) != generation):
        raise BadPdf("another object than the cross-reference says")
    return header.end()


def _start(octets: bytes, budget: Budget) -> int:
    at = octets.rfind(b"startxref", max(0, len(octets) - _TAIL))
    if at < 0:
        raise BadPdf("no startxref")
    start = _START.match(octets, at)
    if start is not None:
        return int(start[1])
    # Comments between them, or something else behind it.
    return Scanner(octets, at + len(b"startxref"), budget).integer()


def _section(octets: bytes, offset: int, budget: Budget) -> tuple[_Table | _Stream, Dictionary]:
    if not 0 < offset < len(octets):
        raise BadPdf("a cross-reference outside the document")
    table = _TABLE.match(octets, offset)
    if table is None:
        return _stream(octets, offset, budget)
    return _table(octets, table, budget)


def _table(octets: bytes, opening: re.Match[bytes], budget: Budget) -> tuple[_Table, Dictionary]:
    runs = []
    at = opening.end()
    looked_at = at - opening.start()
    while (match := _SUBSECTION.match(octets, at)) is not None:
        start, count = int(match[1]), int(match[2])
        runs.append((start, count, match.end()))
        looked_at += match.end() - at
        at = match.end() + count * _ENTRY_SIZE
        if at > len(octets) or len(runs) > _MAX_SUBSECTIONS:
            raise BadPdf("a cross-reference table without end")
    trailer = _TRAILER.match(octets, at)
    if trailer is None:
        raise BadPdf("no trailer behind a cross-reference table")
    scanner = Scanner(octets, trailer.end(), budget)
    dictionary = _dictionary(scanner)
    # Sections may lie in what is skipped between the parts of others.
    budget.octets(looked_at + scanner.at - at)
    return _Table(octets, runs), dictionary


def _stream(octets: bytes, offset: int, budget: Budget) -> tuple[_Stream, Dictionary]:
    scanner = Scanner(octets, value_place(octets, offset), budget)
    dictionary = _dictionary(scanner)
    budget.octets(scanner.at - offset)
    if dictionary.get(b"Type") != b"XRef":
        raise BadPdf("no cross-reference stream where one belongs")
    data = stream_data(octets, scanner.at, _whole(dictionary, b"Length"), budget)
    rows = decoded(dictionary, data, budget)
    widths = _numbers(dictionary.get(b"W"))
    if len(widths) != 3 or not all(0 <= width <= 8 for width in widths) or not sum(widths):
        raise BadPdf("a cross-reference stream without widths")
    index = _numbers(dictionary.get(b"Index", [0, _whole(dictionary, b"Size")]))
    runs, first = [], 0
    for start, count in zip(index[::2], index[1::2], strict=False):
        runs.append((start, count, first))
        first += count
    return _Stream(rows, (widths[0], widths[1], widths[2]), runs), dictionary


def stream_data(octets: bytes, at: int, length: int, budget: Budget) -> memoryview:
    """The data of the stream whose dictionary ends at `at`.

    They are charged, with what stands around them: streams may overlap, and thousands end in the same place.
    """
    opening = _DATA.match(octets, at)
    if opening is None:
        raise BadPdf("no stream where one belongs")
    if opening[1] is None:
        raise BadPdf("no line end before a stream's data")
    start = opening.end()
    end = start + length
    closing = _DATA_END.match(octets, end) if length >= 0 and end <= len(octets) else None
    if closing is None:
        raise BadPdf("a stream with a wrong length")
    budget.octets(closing.end() - at)
    return memoryview(octets)[start:end]


def _dictionary(scanner: Scanner) -> Dictionary:
    value = scanner.value()
    if not isinstance(value, dict):
        raise BadPdf("no dictionary where one belongs")
    return value


def _whole(dictionary: Dictionary, key: bytes, default: int | None = None) -> int:
    value = dictionary.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadPdf("no number where one belongs")
    return value


def _numbers(value: object) -> list[int]:
    if not isinstance(value, list) or not all(isinstance(item, int) and item >= 0 for item in value):
        raise BadPdf("no numbers where some belong")
    return value
