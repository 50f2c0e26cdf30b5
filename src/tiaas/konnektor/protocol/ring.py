"""One log as a ring of segments: appends, lets the oldest go, checks the chain of seals at boot. Blocking.

Each segment begins with a line `{"segment":FIRST,"after":"SEAL"}` with the seal of the last line before it, so the
chain can be followed from whatever segment is the oldest still there.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.protocol.entry import SEAL_OCTETS, BadLine, Entry, check_line, read_line_untrusted, seal_line
from tiaas.konnektor.protocol.medium import Medium, MediumError

SEGMENT_ENTRIES = 2_000
_START = bytes(SEAL_OCTETS)


@dataclass(slots=True)
class _Segment:
    first: int
    entries: int
    octets: int
    newest: datetime | None


class Ring:
    """A log of that name on a medium. `open` comes first."""

    def __init__(self, medium: Medium, name: str, key: bytes, segment_entries: int = SEGMENT_ENTRIES) -> None:
        self._medium = medium
        self._name = name
        self._key = key
        self._segment_entries = segment_entries
        self._segments: list[_Segment] = []
        self._seal = _START
        self._next = 1

    def __len__(self) -> int:
        return sum(segment.entries for segment in self._segments)

    @property
    def written(self) -> int:
        """The number of the last entry."""
        return self._next - 1

    def open(self) -> bool:
        """Reads what is there; says whether all of it carries the right seals. Raises `MediumError`.

        Half a line at the end, as a crash leaves it, is cut off and no fault. After a line with a wrong seal the log
        goes on in a new segment; what is there stays.
        """
        self._segments, self._seal, self._next = [], _START, 1
        sound = True
        firsts = self._medium.segments(self._name)
        for first in firsts:
            sound = self._read_segment(first, is_last=first == firsts[-1]) and sound
        if not sound and self._segments:
            self._segments[-1].entries = max(self._segments[-1].entries, self._segment_entries)
        return sound

    def _read_segment(self, first: int, *, is_last: bool) -> bool:
        octets = self._medium.read(self._name, first)
        whole = octets.rfind(b"\n") + 1
        if whole < len(octets) and is_last:
            self._medium.cut(self._name, first, whole)
        header, *lines = octets[:whole].split(b"\n")[:-1] or [b""]
        seal = _after_untrusted(header, first)
        is_next = first == self._next and seal == self._seal if self._segments else seal is not None
        sound = bool(is_next) and whole > 0 and (whole == len(octets) or is_last)
        seal = seal or _START
        for line in lines:
            try:
                seal = check_line(line, seal, self._key)
            except BadLine:
                sound = False
        self._segments.append(_Segment(first, len(lines), whole, _newest(lines)))
        self._seal, self._next = seal, first + len(lines)
        return sound

    def append(self, drafts: Sequence[Entry], *, durable: bool) -> None:
        """Numbers the entries and writes them. Raises `MediumError`; `written` tells how many of them are kept."""
        for start in range(0, len(drafts), self._segment_entries):
            self._append(drafts[start : start + self._segment_entries], durable=durable)

    def _append(self, drafts: Sequence[Entry], *, durable: bool) -> None:
        segment = self._segments[-1] if self._segments else None
        fresh = segment is None or segment.entries >= self._segment_entries
        if segment is None or fresh:
            segment = _Segment(self._next, 0, 0, None)
        parts = [_header(segment.first, self._seal)] if fresh else []
        seal = self._seal
        for at, draft in enumerate(drafts):
            line, seal = seal_line(draft, self._next + at, seal, self._key)
            parts.append(line)
        octets = b"".join(parts)
        try:
            self._medium.append(self._name, segment.first, octets, durable=durable)
        except MediumError:
            self._undo(segment)
            raise
        if fresh:
            self._segments.append(segment)
        segment.entries += len(drafts)
        segment.octets += len(octets)
        segment.newest = drafts[-1].at
        self._next += len(drafts)
        self._seal = seal

    def _undo(self, segment: _Segment) -> None:
        """A disk that became full may hold half a line now; if it cannot be cut off, the seals will tell."""
        try:
            if segment.first in self._medium.segments(self._name):
                self._medium.cut(self._name, segment.first, segment.octets)
        except MediumError:
            return

    def trim(self, size: int, days: int, now: datetime) -> bool:
        """Lets the oldest segments go while `size` entries remain; says whether one was younger than `days`."""
        overflow = False
        while len(self._segments) > 1 and len(self) - self._segments[0].entries >= size:
            oldest = self._segments[0]
            self._medium.drop(self._name, oldest.first)
            del self._segments[0]
            overflow |= oldest.newest is not None and now - oldest.newest < timedelta(days=days)
        return overflow

    def expire(self, days: int, now: datetime) -> None:
        """Lets segments go that hold nothing younger than `days` (allowed for all but the security log)."""
        while len(self._segments) > 1:
            newest = self._segments[0].newest
            if newest is None or now - newest < timedelta(days=days):
                return
            self._medium.drop(self._name, self._segments[0].first)
            del self._segments[0]

    def clear(self) -> None:
        """Lets all entries go; numbers go on."""
        while self._segments:
            self._medium.drop(self._name, self._segments[0].first)
            del self._segments[0]

    def newest_first(self) -> Iterator[Entry]:
        """See `stored_entries`."""
        return stored_entries(self._medium, self._name)


def stored_entries(medium: Medium, log: str) -> Iterator[Entry]:
    """All entries of a log, newest first; lines that cannot be read are left out. Raises `MediumError`.

    For whoever only reads: seals are not looked at.
    """
    for first in reversed(medium.segments(log)):
        for line in reversed(medium.read(log, first).split(b"\n")[1:-1]):
            try:
                yield read_line_untrusted(line)
            except BadLine:
                continue


def _header(first: int, seal: bytes) -> bytes:
    return json.dumps({"segment": first, "after": seal.hex()}, separators=(",", ":")).encode() + b"\n"


def _after_untrusted(line: bytes, first: int) -> bytes | None:
    """The seal in a segment's first line; None if it is no such line."""
    try:
        told = json.loads(line)
        seal = bytes.fromhex(told["after"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return seal if told.get("segment") == first and len(seal) == SEAL_OCTETS else None


def _newest(lines: Sequence[bytes]) -> datetime | None:
    for line in reversed(lines):
        try:
            return read_line_untrusted(line).at
        except BadLine:
            continue
    return None
