"""A protocol service on a medium, with a clock that moves by hand."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.integration.konnektor_core.memorystore import MemoryStore
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor.events import Event, EventHub
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.protocol import Medium, MemoryMedium, ProtocolService

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@dataclass
class Logs:
    """The parts; `service` is the current one, `again` makes the next boot's."""

    medium: Medium = field(default_factory=MemoryMedium)
    store: MemoryStore = field(default_factory=MemoryStore)
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))

    def __post_init__(self) -> None:
        self.again()

    def again(self) -> ProtocolService:
        """A new service on the same medium and store."""
        self.events: list[Event] = []
        self.hub = EventHub()
        self.hub.subscribe(self.events.append)
        self.opstate = OperatingState(self.hub, self.clock)
        entropy = SeededEntropy(b"logs")
        self.service = ProtocolService(self.medium, self.store, self.hub, self.opstate, self.clock, entropy)
        return self.service

    def topics(self) -> list[str]:
        """Of the events so far."""
        return [str(event.topic) for event in self.events]
