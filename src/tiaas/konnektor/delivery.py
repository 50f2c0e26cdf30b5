"""Events of one instance on their way to Clientsysteme (gemSpec_Kon V5.18 §4.1.6, TUC_KON_256).

Subscriptions live in memory, the addresses they named survive in the store until the longest of them would have
ended: after a boot every one of them is told BOOTUP/BOOTUP_COMPLETE, with an empty SubscriptionID, so that its
Clientsystem subscribes again. Rows: `event-sink`/CLIENT|HOST:PORT.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy, random_uuid
from tiaas.interfaces.cetp import encode_cetp
from tiaas.konnektor.audience import Allowance, audience, message_of, passes_filter
from tiaas.konnektor.cards import CardList
from tiaas.konnektor.cetp import CetpSender, CetpSettings, Overheard, SinkView
from tiaas.konnektor.events import Event, EventHub, Topic
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.sinkaddress import Sink, SinkAddress
from tiaas.konnektor.sinkopener import SinkOpener
from tiaas.konnektor.sinkshares import InstanceShares
from tiaas.konnektor.store import Change, Delete, InstanceStore, Put, StoreError
from tiaas.konnektor.subscriptions import LIFETIME, SUBSCRIPTIONS_MAX, Subscription, SubscriptionList, Wish, renewed
from tiaas.konnektor.xpath.values import XPathFailed

_log = logging.getLogger("tiaas.konnektor.delivery")

_KIND = "event-sink"


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """A receiver with the number of subscriptions that go to it."""

    counters: SinkView
    subscriptions: int


class EventDelivery:
    """Subscriptions of one instance and the delivery of events to them, where the operating state allows it."""

    def __init__(
        self,
        model: LiveInfoModel,
        cards: CardList,
        hub: EventHub,
        store: InstanceStore,
        clock: Clock,
        entropy: Entropy,
        opener: SinkOpener,
        settings: CetpSettings | None = None,
        shares: InstanceShares | None = None,
        may_send: Callable[[], bool] = lambda: True,
    ) -> None:
        self._may_send = may_send
        self._model = model
        self._cards = cards
        self._hub = hub
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._list = SubscriptionList()
        self._addresses: dict[Sink, datetime] = {}
        self._changing = asyncio.Lock()
        self._sender = CetpSender(
            opener,
            clock,
            settings,
            shares=shares,
            unreachable=self._unsubscribe_unreachable,
            wanted=lambda sink: bool(self._at(sink)),
        )
        hub.subscribe(self._on_event)

    def overhear(self, overheard: Overheard) -> None:
        """Tells of each event that is sent, or cannot be."""
        self._sender.overheard = overheard

    # ---- life ------------------------------------------------------------------------------------------------------

    async def booted(self) -> None:
        """Raises BOOTUP/BOOTUP_COMPLETE and sends it once to every address known from before; those whose time is
        over are forgotten afterwards. Raises `StoreError`."""
        rows = await self._store.list(_KIND)
        async with self._changing:
            await self._store.apply(())  # who does not own the instance any more tells nobody that it is up
            stored = dict(_read(row) for row in rows.values())
            event = Event(Topic.BOOTUP_COMPLETE)
            self._hub.publish(event)
            for sink in stored if self._may_send() else ():
                self._sender.post(sink, lambda: encode_cetp(message_of(event, "")), lasting=True)
            now = self._clock.now()
            over = [sink for sink, until in stored.items() if until <= now and sink not in self._addresses]
            await self._store.apply([Delete(_KIND, _key(sink)) for sink in over])
            self._addresses = {sink: until for sink, until in stored.items() if sink not in over} | self._addresses

    async def stop(self) -> None:
        """Ends all deliveries."""
        await self._sender.stop()

    def __iter__(self) -> Iterator[DeliveryView]:
        """Every receiver that has subscriptions or is being served, with what became of its events."""
        counts = self._list.counts()
        return iter([DeliveryView(view, counts.get(view.sink, 0)) for view in self._sender])

    # ---- subscriptions -----------------------------------------------------------------------------------------------

    @property
    def subscriptions(self) -> SubscriptionList:
        """Those that have not ended."""
        self._expire()
        return self._list

    async def subscribe(self, wish: Wish) -> Subscription:
        """A new subscription, or the renewed one that asks for the same. Raises 4060, `StoreError`."""
        async with self._changing:
            self._expire()
            now = self._clock.now()
            known = self._list.identical(wish)
            if known is None:
                self._list.require_room(wish)
            held = renewed(known, now) if known else Subscription(random_uuid(self._entropy), wish, now + LIFETIME)
            await self._keep([held])
            self._list.put(held)
            self._sender.welcome(wish.sink)
            return held

    async def renew(self, subscriptions: Sequence[Subscription]) -> list[Subscription]:
        """The same with new ends; what was removed meanwhile is left out. Raises `StoreError`."""
        async with self._changing:
            now = self._clock.now()
            held = [renewed(each, now) for each in subscriptions if each.subscription_id in self._list]
            await self._keep(held)
            for each in held:
                self._list.put(each)
            return held

    async def unsubscribe(self, subscriptions: Sequence[Subscription]) -> None:
        """Removes these, and the addresses nothing goes to any more. Raises `StoreError`."""
        async with self._changing:
            gone = [held for held in subscriptions if held.subscription_id in self._list]
            self._list.remove(gone)
            idle = {held.wish.sink for held in subscriptions} - self._list.counts().keys()
            try:
                await self._store.apply([Delete(_KIND, _key(sink)) for sink in idle])
            except StoreError:
                for held in gone:
                    self._list.put(held)
                raise
            for sink in idle:
                self._sender.release(sink)
                self._addresses.pop(sink, None)

    def _at(self, sink: Sink) -> list[Subscription]:
        return self._list.at(sink)

    def _expire(self) -> None:
        for held in self._list.expire(self._clock.now()):
            self._sender.release(held.wish.sink)

    async def _keep(self, held: Sequence[Subscription]) -> None:
        """Writes the addresses with their longest ends."""
        longest: dict[Sink, datetime] = {}
        for each in held:
            longest[each.wish.sink] = max(each.ends, longest.get(each.wish.sink, each.ends))
        changes: list[Change] = [Put(_KIND, _key(sink), _row(sink, until)) for sink, until in longest.items()]
        surplus = self._surplus(longest)
        await self._store.apply([*changes, *(Delete(_KIND, _key(sink)) for sink in surplus)])
        self._addresses |= longest
        for sink in surplus:
            del self._addresses[sink]

    def _surplus(self, more: dict[Sink, datetime]) -> list[Sink]:
        """The addresses to forget so that a client cannot fill the store with ever new ones: the oldest unused."""
        count = len(self._addresses.keys() | more.keys()) - 2 * SUBSCRIPTIONS_MAX
        if count <= 0:
            return []
        used = self._list.counts().keys() | more.keys()
        idle = sorted((until, str(sink), sink) for sink, until in self._addresses.items() if sink not in used)
        return [sink for _, _, sink in idle[:count]]

    def _unsubscribe_unreachable(self, sink: Sink) -> None:
        """Auto-unsubscribe; the address stays in the store, so that the next boot is told to it."""
        gone = self._at(sink)
        self._list.remove(gone)
        fields = {"client_system": sink.client_system_id, "peer": str(sink.address), "count": len(gone)}
        _log.warning("receiver cannot be reached, subscriptions removed", extra=fields)

    # ---- delivery ----------------------------------------------------------------------------------------------------

    def _on_event(self, event: Event) -> None:
        if not self._list or not event.deliver or event.topic is Topic.BOOTUP_COMPLETE or not self._may_send():
            return
        self._expire()
        allowances: defaultdict[str, Allowance] = defaultdict(Allowance)
        for subscription in audience(event, self._list, self._model.current, self._cards.fact_of):
            self._post(event, subscription, allowances[subscription.wish.sink.client_system_id])

    def _post(self, event: Event, subscription: Subscription, allowance: Allowance) -> None:
        def frame() -> bytes | None:
            if subscription.subscription_id not in self._list:
                return None
            return encode_cetp(message_of(event, subscription.subscription_id))

        def passes() -> bool:
            try:
                return subscription.subscription_id in self._list and passes_filter(event, subscription, allowance)
            except XPathFailed:
                fields = {"code": 4095, "topic": str(event.topic), "mandant": subscription.wish.mandant_id}
                _log.warning("filter of a subscription failed", extra=fields)
                return False

        self._sender.post(subscription.wish.sink, frame, passes if subscription.wish.filter is not None else None)


def _key(sink: Sink) -> str:
    return f"{sink.client_system_id}|{sink.address}"


def _row(sink: Sink, until: datetime) -> dict[str, Any]:
    return {
        "client_system": sink.client_system_id,
        "host": sink.address.host,
        "port": sink.address.port,
        "until": until.isoformat(),
    }


def _read(row: dict[str, Any]) -> tuple[Sink, datetime]:
    try:
        address = SinkAddress(str(row["host"]), int(row["port"]))
        return Sink(str(row["client_system"]), address), datetime.fromisoformat(row["until"])
    except (KeyError, TypeError, ValueError):
        raise StoreError("a stored address of events is damaged") from None
