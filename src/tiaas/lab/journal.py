"""What the lab's services were asked and what they answered: TEST-ONLY data about invented people.

One entry per request, in memory, the oldest go first. `subject` is what the request was about (ICCSN, serial number,
path): a test counts entries to learn how many round trips a Konnektor needed.
"""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass

ENTRIES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: `seconds` until the answer was complete, `outcome` in a few words, `fault` a fault's number."""

    number: int
    at: datetime
    service: str
    operation: str
    subject: str
    outcome: str
    seconds: float
    fault: int | None = None

    def to_document(self) -> dict[str, Any]:
        """The JSON object that `GET /journal` lists."""
        return {
            "number": self.number,
            "at": self.at.isoformat(timespec="milliseconds"),
            "service": self.service,
            "operation": self.operation,
            "subject": self.subject,
            "outcome": self.outcome,
            "seconds": round(self.seconds, 6),
            "fault": self.fault,
        }


class Journal:
    """The lab's journal."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=ENTRIES_MAX)
        self._last = 0

    def begin(self, service: str) -> Callable[..., Entry]:
        """Starts an entry; the result is called once with operation, subject, outcome and fault number to write it."""
        at, start = self._clock.now(), self._clock.monotonic()

        def write(operation: str, subject: str, outcome: str, fault: int | None = None) -> Entry:
            self._last += 1
            seconds = self._clock.monotonic() - start
            entry = Entry(self._last, at, service, operation, subject, outcome, seconds, fault)
            self._entries.append(entry)
            return entry

        return write

    def since(self, number: int = 0, service: str | None = None) -> Iterator[Entry]:
        """Entries with a number above `number`, oldest first; of one service if named."""
        return (entry for entry in tuple(self._entries) if entry.number > number and service in (None, entry.service))

    @property
    def last(self) -> int:
        """The number of the newest entry, 0 if there is none."""
        return self._last
