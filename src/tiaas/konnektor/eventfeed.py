"""The events of one instance for whoever watches it: the last ones, and streams of the next ones.

Parameters are left out but for the slot: they may hold personal data. A stream is told of calls, too, but only that
there were some: a thousand calls a second are one notice. A stream that nobody reads in time is ended.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from datetime import datetime
from itertools import starmap
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.konnektor.events import Event, Topic
from tiaas.konnektor.pinstates import PinOutcome

KEPT = 60
STREAMS_MAX = 32
WAITING_MAX = 64
"""Events a stream may be behind."""
_PIN_RESULTS_MAX = 256
_UNBLOCKED = frozenset({Topic.PIN_UNBLOCK_FINISHED, Topic.PIN_CHANGE_FINISHED})
"""With the result OK they say that a PIN is not blocked."""


class TooManyStreams(TiaasError):
    """As many streams as there may be are open."""


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """What is told of an event; `slot` is None where it is not about a slot."""

    number: int
    at: datetime
    topic: str
    kind: str
    severity: str
    ct_id: str | None
    slot: int | None


class Changed:
    """Something besides events has changed: calls were served."""


CHANGED = Changed()


class EventStream:
    """One watcher: `items` gives events and `CHANGED` until the feed closes or the watcher is too slow."""

    def __init__(self) -> None:
        self._waiting: deque[SeenEvent] = deque()
        self._touched = False
        self._ended = False
        self._wake = asyncio.Event()

    def put(self, event: SeenEvent) -> None:
        """One more event; ends the stream if too many wait already."""
        if len(self._waiting) >= WAITING_MAX:
            self.end()
            return
        self._waiting.append(event)
        self._wake.set()

    def touch(self) -> None:
        """See `CHANGED`."""
        if not self._touched:
            self._touched = True
            self._wake.set()

    def end(self) -> None:
        """Nothing more comes; what waits is dropped."""
        self._ended = True
        self._waiting.clear()
        self._wake.set()

    async def items(self) -> AsyncGenerator[SeenEvent | Changed]:
        """What comes, as it comes."""
        while not self._ended:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                yield self._waiting.popleft()
            if self._touched:
                self._touched = False
                yield CHANGED


class EventFeed:
    """A ring of the last events, the last results of PIN entries, and the open streams."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._events: deque[tuple[Any, ...]] = deque(maxlen=KEPT)
        """`SeenEvent`s to be: most are never looked at."""
        self._pin_results: dict[tuple[str, str], str] = {}
        self._streams: set[EventStream] = set()
        self._last = 0
        self._closed = False

    def on_event(self, event: Event) -> None:
        """A sink of the `EventHub`. Events that are for the Konnektor itself are left out."""
        if not event.log and not event.deliver:
            return
        told = dict(event.parameters)
        if event.topic == Topic.PIN_VERIFY_FINISHED:
            self._keep_pin_result(told)
        elif event.topic in _UNBLOCKED and told.get("Result") == PinOutcome.OK.value:
            self._pin_results.pop(_pin_of(told), None)
        slot = told.get("SlotID", "")
        self._last += 1
        seen = (
            self._last,
            self._clock.now(),
            event.topic,
            event.kind,
            event.severity,
            event.ct_id,
            int(slot) if slot.isdecimal() else None,
        )
        self._events.append(seen)
        for stream in tuple(self._streams):
            stream.put(SeenEvent(*seen))

    def touch(self) -> None:
        """Tells all streams that something else has changed."""
        for stream in self._streams:
            stream.touch()

    def pin_result(self, card_handle: str, pin: str) -> str | None:
        """How the last entry of a PIN ended (OK, ERROR, REJECTED, BLOCKED); None without one, or since it is unblocked.

        Of a PIN that is blocked an entry that ends with an error (4063) says nothing else.
        """
        return self._pin_results.get((card_handle, pin))

    def open(self) -> EventStream:
        """A new stream; `leave` it in the end. Raises `TooManyStreams`."""
        if self._closed or len(self._streams) >= STREAMS_MAX:
            raise TooManyStreams
        stream = EventStream()
        self._streams.add(stream)
        return stream

    def leave(self, stream: EventStream) -> None:
        """The watcher has gone."""
        self._streams.discard(stream)

    def close(self) -> None:
        """Ends all streams; there will be no new ones."""
        self._closed = True
        for stream in self._streams:
            stream.end()

    def __iter__(self) -> Iterator[SeenEvent]:
        """The last events, newest first."""
        return starmap(SeenEvent, reversed(self._events))

    def _keep_pin_result(self, told: dict[str, str]) -> None:
        key, result = _pin_of(told), told.get("Result", "")
        before = self._pin_results.pop(key, None)
        is_blocked = before == PinOutcome.BLOCKED.value and result == PinOutcome.ERROR.value
        self._pin_results[key] = PinOutcome.BLOCKED.value if is_blocked else result
        while len(self._pin_results) > _PIN_RESULTS_MAX:
            del self._pin_results[next(iter(self._pin_results))]


def _pin_of(told: dict[str, str]) -> tuple[str, str]:
    return told.get("CardHandle", ""), told.get("PinRef", "")
