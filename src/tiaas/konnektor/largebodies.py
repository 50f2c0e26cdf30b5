"""How large messages come and go beside small ones, which never wait for them.

`LargeBodies`: how many octets of large requests an instance takes at once; who comes when it is full waits before it
may send. A document of 25 MB is in memory twice while it is signed. HTTP's flow control makes clients wait, nothing is
lost. First come, first served, so that a large stack gets its turn.

`Turns`: of all large messages on their way, requests and answers of all instances, one moves on by one slice in each
turn of the event loop, and then whatever else is ready has its turn.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tiaas.konnektor.config import MEBIBYTE


class LargeBodies:
    """`room` octets for all large requests together; one that is larger than that gets all of it."""

    def __init__(self, room: int = 384 * MEBIBYTE) -> None:
        self._room = room
        self._free = room
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def place(self, octets: int) -> AsyncIterator[None]:
        """Room for a large request of that size, as soon as there is some."""
        taken = min(octets, self._room)
        if self._waiting or taken > self._free:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append((taken, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give_back(taken)
                else:
                    # Who gave room back meanwhile has passed it by.
                    with suppress(ValueError):
                        self._waiting.remove((taken, turn))
                    self._admit()
                raise
        else:
            self._free -= taken
        try:
            yield
        finally:
            self._give_back(taken)

    def _give_back(self, octets: int) -> None:
        self._free += octets
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            octets, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= octets
                turn.set_result(None)


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
