"""How the practice's software hears of cards: one receiver of events, one subscription per workplace."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import field

from tiaas.base.dataclass import dataclass
from tiaas.client import CetpReceiver, Konnektor, ReceivedEvent, receive_events

HOST = "127.0.0.1"
INSERTED, REMOVED = "CARD/INSERTED", "CARD/REMOVED"
READING, UPDATING = "VSDM/PROGRESS/READVSD", "VSDM/PROGRESS/UPDATE"
CONNECTED, DISCONNECTED = "CT/CONNECTED", "CT/DISCONNECTED"


@dataclass(frozen=True, slots=True)
class Told:
    """A card as an event tells of it."""

    handle: str
    kind: str


@dataclass(slots=True)
class Box:
    """The events that one workplace was sent about its own terminal; `card` is what is in slot `slot` now."""

    ct_id: str
    slot: int
    subscription_id: str
    card: Told | None = None
    counted: Counter[str] = field(default_factory=Counter)
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until_card(self, *, is_there: bool, seconds: float) -> Told | None:
        """Returns the card once there is one (or None once there is none). Raises `TimeoutError`."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(lambda: (self.card is not None) is is_there)
            return self.card

    async def until_told(self, topic: str, more_than: int, seconds: float) -> None:
        """Returns when a topic was told more than so many times. Raises `TimeoutError`."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(lambda: self.counted[topic] > more_than)

    async def put(self, received: ReceivedEvent) -> None:
        """Takes an event that was sent to this workplace."""
        told = received.parameters
        if told.get("CtID") != self.ct_id:
            return
        async with self._news:
            topic = received.event.topic
            in_slot = told.get("SlotID") == str(self.slot)
            if in_slot or topic in (CONNECTED, DISCONNECTED):
                self.counted[topic] += 1
            if in_slot and topic == INSERTED:
                self.card = Told(told["CardHandle"], told.get("CardType", ""))
            if in_slot and topic == REMOVED:
                self.card = None
            self._news.notify_all()


class Mail:
    """The receiver with all boxes; `counted` are the events of all subscriptions by topic."""

    def __init__(self, receiver: CetpReceiver) -> None:
        self.counted: Counter[str] = Counter()
        self._receiver = receiver
        self._boxes: dict[str, Box] = {}

    @property
    def bad(self) -> int:
        """Connections that brought no event."""
        return self._receiver.bad

    async def subscribe(self, konnektor: Konnektor, ct_id: str, slot: int) -> Box:
        """Subscribes a workplace to everything. Raises `ClientError`."""
        held = await konnektor.subscribe(f"cetp://{HOST}:{self._receiver.port}")
        box = self._boxes[held.subscription_id] = Box(ct_id, slot, held.subscription_id)
        return box

    async def distribute(self) -> None:
        """Puts events into boxes until it is cancelled."""
        while True:
            received = await self._receiver.next()
            self.counted[received.event.topic] += 1
            box = self._boxes.get(received.event.subscription_id)
            if box is not None:
                await box.put(received)


@asynccontextmanager
async def open_mail() -> AsyncIterator[Mail]:
    """Receives events for as long as the context lasts. Raises `OSError`."""
    async with receive_events(HOST) as receiver:
        mail = Mail(receiver)
        distributing = asyncio.create_task(mail.distribute())
        try:
            yield mail
        finally:
            distributing.cancel()
            with suppress(asyncio.CancelledError):
                await distributing
