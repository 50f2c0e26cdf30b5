"""Filtering, searching and sorting entries (gemSpec_Kon V5.18 TIP1-A_4716). Pure functions."""

from collections.abc import Iterable
from datetime import datetime

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.protocol.entry import Entry, Level

LIMIT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; what is not set does not matter.

    `since` (inclusive) and `until` (exclusive) are aware; `after` is the number of the last entry already seen;
    `search` is looked for in all texts, whatever the case; `event_id` finds the entry of a fault's LogReference.
    """

    since: datetime | None = None
    until: datetime | None = None
    after: int = 0
    level: Level | None = None
    """This severity or a worse one."""
    topic: str = ""
    """What the topic begins with."""
    code: int | None = None
    event_id: str = ""
    search: str = ""
    limit: int = 200
    oldest_first: bool = False

    def matches(self, entry: Entry) -> bool:
        """Whether an entry is one of those looked for."""
        return (
            entry.number > self.after
            and (self.since is None or entry.at >= self.since)
            and (self.until is None or entry.at < self.until)
            and (self.level is None or entry.level.rank >= self.level.rank)
            and entry.topic.lower().startswith(self.topic.lower())
            and (self.code is None or entry.code == self.code)
            and (not self.event_id or self.event_id in (entry.event_id, entry.message_id))
            and (not self.search or self.search.lower() in _text(entry))
        )


def select(newest_first: Iterable[Entry], query: Query) -> list[Entry]:
    """The newest entries that match, `query.limit` at most, in the order asked for."""
    limit = max(0, min(query.limit, LIMIT_MAX))
    found: list[Entry] = []
    for entry in newest_first:
        if len(found) >= limit or entry.number <= query.after:
            break
        if query.matches(entry):
            found.append(entry)
    return found[::-1] if query.oldest_first else found


def _text(entry: Entry) -> str:
    values = (
        entry.topic,
        entry.text,
        entry.operation,
        entry.fm,
        entry.event_id,
        entry.message_id,
        str(entry.code or ""),
    )
    return "\n".join((*values, *(f"{key}={value}" for key, value in entry.parameters))).lower()
