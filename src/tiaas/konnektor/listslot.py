"""One of an instance's two trust lists: its place, what is held of it, and when it is renewed."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.heldlist import Attempt, BadTrustRow, HeldList
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.tslimport import ListMark

_log = logging.getLogger("tiaas.konnektor.trustlists")

T = TypeVar("T")

_RETRY = timedelta(hours=1)
_FIRST_RETRY = timedelta(seconds=10)


@dataclass(slots=True)
class ListSlot:
    """A list; `key` is that of its row, `failed` the state of an instance that cannot renew it.

    The codes are those of a failed import, by hand and by the clock.
    """

    key: str
    topic: str
    address: str
    manual_code: int
    periodic_code: int
    failed: Condition
    interval: timedelta
    held: HeldList | None = None
    mark: ListMark | None = None
    """Of the newest list that was ever in use, whether it can still be read or not."""
    attempt: Attempt | None = None

    @property
    def attempt_key(self) -> str:
        """The key of the row of its last attempt."""
        return f"{self.key}-attempt"

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be renewed now; never without an address."""
        # A due time further away than the interval is of another clock or another configuration.
        attempt = self.attempt
        return bool(self.address) and (attempt is None or not now < attempt.due <= now + self.interval)

    def due(self, now: datetime, chance: float, *, succeeded: bool) -> datetime:
        """When it is renewed after an attempt at `now`; `chance` is a random number from 0 to 1."""
        if not succeeded:
            again = _RETRY * (1 + chance) / 2 if self.held is not None else _FIRST_RETRY
            return now + min(again, self.interval)
        first = self.attempt is None or not self.attempt.succeeded
        return now + (self.interval * chance if first else self.interval)


def readable(
    read: Callable[[dict[str, Any] | None], T | None], rows: Mapping[str, dict[str, Any]], key: str
) -> T | None:
    """What `read` makes of the row `key`; one that cannot be read is logged and counts as absent."""
    try:
        return read(rows.get(key))
    except BadTrustRow as error:
        _log.error("stored trust row not readable", extra={"reason": f"{key}: {error}"})
        return None
