"""How large messages come and go beside small ones, which never wait for them.

`LargeBodies`: how many octets of large requests an instance takes at once; who comes when it is full waits before it
may send on. A document of 25 MB is in memory twice while it is signed. HTTP's flow control makes clients wait, nothing
is lost. First come, first served, so that a large stack gets its turn. Who announces a large request has no room before
its first octets come; and who then sends nothing, while others wait, gives up what it has not filled. If it goes on
later, it waits like the others; so that those who have filled a part each do not wait for one another, one of them at a
time need not wait, and for that one there is more room than for all.

`Turns`: of all large messages on their way, requests and answers of all instances, one moves on by one slice in each
turn of the event loop, and then whatever else is ready has its turn.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tiaas.konnektor.config import MEBIBYTE

_LOOK_SECONDS = 1.0
"""How often it is looked for those who send nothing, while others wait."""
_LEAST_OCTETS = 64 * 1024
"""Who sends less between two looks sends nothing: four portions of a connection, each of which may have to wait for a
turn."""


class LargeBodies:
    """`room` octets for all large requests together; one that is larger than that gets all of it."""

    def __init__(self, room: int = 384 * MEBIBYTE) -> None:
        self._room = room
        self._free = room
        self._waiting: deque[Place] = deque()
        self._filling: set[Place] = set()
        self._beyond: Place | None = None
        """The one for which there is more room than for all."""
        self._look: asyncio.TimerHandle | None = None

    @contextmanager
    def place(self, octets: int) -> "Iterator[Place]":
        """A place for a large request of that size, without room yet."""
        place = Place(self, min(octets, self._room))
        try:
            yield place
        finally:
            self._filling.discard(place)
            with suppress(ValueError):
                self._waiting.remove(place)
            if self._beyond is place:
                self._beyond = None
            self._free += place.room
            self._admit()

    async def take(self, place: "Place") -> None:
        """All the room that a place lacks, as soon as there is some."""
        place.turn = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._admit()
        self._look_later()
        await place.turn

    def filled(self, place: "Place") -> None:
        """Nothing more comes: it keeps the room that it has."""
        self._filling.discard(place)

    def _admit(self) -> None:
        waiting = self._waiting
        while waiting and waiting[0].lacking <= self._free:
            self._grant(waiting.popleft())
        if waiting and self._beyond is None:
            begun = next((place for place in waiting if place.room), None)
            if begun is not None:
                waiting.remove(begun)
                self._beyond = begun
                self._grant(begun)

    def _grant(self, place: "Place") -> None:
        self._free -= place.lacking
        place.room = place.octets
        place.seen = None
        self._filling.add(place)
        if place.turn is not None and not place.turn.done():
            place.turn.set_result(None)

    def _look_later(self) -> None:
        if self._waiting and self._look is None:
            self._look = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look_round)

    def _look_round(self) -> None:
        """Takes from those who send nothing what they have not filled."""
        self._look = None
        if not self._waiting:
            return
        for place in tuple(self._filling):
            if place.is_silent() and place is not self._beyond:
                self._filling.discard(place)
                self._free += place.room - place.kept
                place.room = place.kept
        self._admit()
        self._look_later()


class Place:
    """The room of one large request. `came` is how many of its octets have come, and told by who reads them."""

    __slots__ = ("_bodies", "came", "kept", "octets", "room", "seen", "turn")

    def __init__(self, bodies: LargeBodies, octets: int) -> None:
        self._bodies = bodies
        self.octets = octets
        self.room = 0
        self.came = 0
        self.kept = 0
        self.seen: int | None = None
        self.turn: asyncio.Future[None] | None = None

    @property
    def lacking(self) -> int:
        """How much room it has not."""
        return self.octets - self.room

    async def keep(self, octets: int) -> None:
        """Returns when there is room for its first so many octets; these it keeps even if it sends nothing more."""
        if self.room < self.octets:
            await self._bodies.take(self)
        self.kept = min(octets, self.octets)

    def end(self) -> None:
        """Nothing more comes."""
        self._bodies.filled(self)

    def is_silent(self) -> bool:
        """Whether next to nothing has come since this was asked last."""
        seen, self.seen = self.seen, self.came
        return seen is not None and self.came - seen < _LEAST_OCTETS


class Turns:
    """Turns of the event loop for those who move a slice of something large; first come, first served."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._goes_round = False

    async def mine(self) -> None:
        """Returns when it is the caller's turn: never more than one in a turn of the loop."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        if not self._goes_round:
            self._goes_round = True
            loop.call_soon(self._next, loop)
        await turn

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                break
        self._goes_round = bool(self._waiting)
        if self._goes_round:
            loop.call_soon(self._next, loop)


TURNS = Turns()
"""Of this process, because it has one event loop, whose time all instances share."""
