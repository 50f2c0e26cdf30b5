"""Which failed logins are told one by one: a log holds so many entries, and nobody who may not enter pushes them out.

The first few of an address in a minute are told as they come; further ones are counted and told together, with the
next one that comes after. How many addresses are remembered is bounded.
"""

from collections import OrderedDict

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass

TOLD_ONE_BY_ONE = 5
"""As many as lock an account."""
TOGETHER_SECONDS = 60.0
_REMEMBERED = 256


@dataclass(slots=True)
class _Minute:
    since: float
    told: int = 0
    silent: int = 0


class LoginFailures:
    """Of one plane."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minutes: OrderedDict[tuple[str, bool], _Minute] = OrderedDict()

    def count(self, peer: str, *, locked: bool) -> int | None:
        """How many failures from an address are to be told now, this one included; None: this one is not told yet."""
        now, key = self._clock.monotonic(), (peer, locked)
        minute = self._minutes.pop(key, None) or _Minute(now)
        if now - minute.since >= TOGETHER_SECONDS:
            minute = _Minute(now, silent=minute.silent)
        self._minutes[key] = minute
        if len(self._minutes) > _REMEMBERED:
            self._minutes.popitem(last=False)
        if minute.told >= TOLD_ONE_BY_ONE:
            minute.silent += 1
            return None
        minute.told += 1
        count, minute.silent = minute.silent + 1, 0
        return count
