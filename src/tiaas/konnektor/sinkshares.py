"""What receivers of events share: connections, and the time in which filters are judged.

A receiver that hangs holds its connection until a time-out. So within an instance those that answered, those not tried
yet, those that failed or were slow and those that only hear of the boot have connections of their own; between the
instances of a node a connection goes to the one that holds the fewest. Filters are judged one at a time, each in a pass
of the event loop of its own, and the instances take turns.
"""

import asyncio
import enum
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

NODE_CONNECTIONS = 256


@enum.unique
class Standing(enum.Enum):
    """What is known of a receiver."""

    PROVEN = "the last event arrived soon"
    NEW = "subscribed and not tried yet"
    SUSPECT = "the last event failed or took long"
    STORED = "known from before the boot, nobody subscribed since"


INSTANCE_CONNECTIONS: Mapping[Standing, int] = MappingProxyType(
    {Standing.PROVEN: 32, Standing.NEW: 16, Standing.SUSPECT: 8, Standing.STORED: 8}
)
"""Connections of one instance at a time."""


class NodeShares:
    """What all instances of a node share."""

    def __init__(self, connections: int = NODE_CONNECTIONS) -> None:
        self._free = connections
        self._lines: dict[InstanceShares, deque[asyncio.Future[None]]] = {}
        self.judging = asyncio.Lock()

    def instance(self) -> "InstanceShares":
        """The part of one more instance."""
        return InstanceShares(self)

    async def take(self, who: "InstanceShares") -> None:
        """Waits for a connection; every one that was taken must be given back."""
        if self._free:
            self._free -= 1
            who.held += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(who, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():  # it was given in the very moment
                self.give_back(who)
            raise

    def give_back(self, who: "InstanceShares") -> None:
        """Hands a connection on: to the instance with the fewest, there to who waits longest."""
        who.held -= 1
        for other in sorted(self._lines, key=lambda each: each.held):
            line = self._lines[other]
            while line:
                place = line.popleft()
                if not place.cancelled():
                    other.held += 1
                    place.set_result(None)
                    return
            del self._lines[other]
        self._free += 1


class InstanceShares:
    """The part of one instance. `held` counts the connections it has."""

    def __init__(self, node: NodeShares) -> None:
        self.held = 0
        self._node = node
        self._judging = asyncio.Lock()
        self._connections = {standing: asyncio.Semaphore(most) for standing, most in INSTANCE_CONNECTIONS.items()}

    @asynccontextmanager
    async def connection(self, standing: Standing) -> AsyncIterator[None]:
        """Waits until a receiver of that standing may be connected to."""
        async with self._connections[standing]:
            await self._node.take(self)
            try:
                yield
            finally:
                self._node.give_back(self)

    @asynccontextmanager
    async def judging(self) -> AsyncIterator[None]:
        """Waits until one filter may be judged; everything else of the process has its turn afterwards."""
        async with self._judging, self._node.judging:
            yield
            await asyncio.sleep(0)
