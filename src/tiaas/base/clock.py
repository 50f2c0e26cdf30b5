"""Time is passed in: whoever needs the time of day or a deadline takes a `Clock`."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic
from typing import Protocol


class Clock(Protocol):
    """Two views of time: the wall clock for dates, the monotonic one for deadlines and leases."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The machine's clocks. Each call of a service reads them a dozen times, so nothing of Python stands between."""

    def __init__(self) -> None:
        self.now: Callable[[], datetime] = partial(datetime.now, UTC)
        self.monotonic: Callable[[], float] = monotonic


class ManualClock:
    """A clock that moves only when told to; both views move together."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be an aware datetime")
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Moves both views forward by `seconds` (must not be negative)."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


class ShiftedClock:
    """Another clock's time, moved by a span; durations stay."""

    def __init__(self, clock: Clock, shift: timedelta) -> None:
        self._clock = clock
        self._shift = shift

    def now(self) -> datetime:
        """The moved time."""
        return self._clock.now() + self._shift

    def monotonic(self) -> float:
        """For durations."""
        return self._clock.monotonic()

    def move(self, span: timedelta) -> None:
        """Moves the time on by `span` (must not be negative): what is waited for by durations goes on as before."""
        if span < timedelta():
            raise ValueError("time does not go back")
        self._shift += span
