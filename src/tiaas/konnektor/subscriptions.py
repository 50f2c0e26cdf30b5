"""Who wants to hear of which events: the subscriptions of one instance (gemSpec_Kon V5.18 §4.1.6.5.4 ff.).

The list lives in memory and is empty after a boot. Whoever changes or reads one subscription by its id must be of the
Mandant and Clientsystem that made it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.sinkaddress import Sink
from tiaas.konnektor.xpath.compiler import XPath

LIFETIME = timedelta(hours=25)
SUBSCRIPTIONS_MAX = 2048
"""Of one instance. TIP1-A_4608 wants at least 999."""
CLIENT_SUBSCRIPTIONS_MAX = 1000
"""Of one Clientsystem, so that one that never stops subscribing leaves room for the others."""


@dataclass(frozen=True, slots=True)
class Filter:
    """An XPath as the client wrote it, with the prefixes it uses. `compiled` follows from these two."""

    text: str
    prefixes: tuple[tuple[str, str], ...]
    compiled: XPath = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a subscription asks for; two equal ones of one context are the same subscription.

    `topic` and `event_to` are kept as written, `topic_key` and `sink` are compared.
    """

    mandant_id: str
    workplace_id: str
    sink: Sink
    topic_key: str
    filter: Filter | None
    topic: str = field(compare=False)
    event_to: str = field(compare=False)

    @property
    def caller(self) -> tuple[str, str]:
        """Mandant and Clientsystem it belongs to."""
        return self.mandant_id, self.sink.client_system_id


@dataclass(frozen=True, slots=True)
class Subscription:
    """A wish with its id and end."""

    subscription_id: str
    wish: Wish
    ends: datetime


def topic_key(topic: str) -> str:
    """What topics are compared by: without blanks around, without slashes at the end, without case.

    The ILF writes `CARD/INSERTED/`; taken literally no topic begins like that.
    """
    return topic.strip().rstrip("/").upper()


class SubscriptionList:
    """All subscriptions that have not ended. `now` is passed in; whoever asks drops what has ended before."""

    def __init__(self) -> None:
        self._by_id: dict[str, Subscription] = {}
        self._by_wish: dict[Wish, str] = {}
        self._by_sink: dict[Sink, dict[str, Subscription]] = {}
        self._by_client: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Subscription]:
        return iter(tuple(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, subscription_id: str) -> bool:
        return subscription_id in self._by_id

    def expire(self, now: datetime) -> tuple[Subscription, ...]:
        """Drops what has ended."""
        ended = tuple(held for held in self._by_id.values() if held.ends <= now)
        for held in ended:
            self._drop(held)
        return ended

    def identical(self, wish: Wish) -> Subscription | None:
        """The subscription that asks for the same already."""
        known = self._by_wish.get(wish)
        return self._by_id[known] if known is not None else None

    def require_room(self, wish: Wish) -> None:
        """Raises 4060 if the instance or the Clientsystem has too many subscriptions for a new one."""
        if self._by_client[wish.sink.client_system_id] >= CLIENT_SUBSCRIPTIONS_MAX:
            raise KonnektorError(4060, f"more than {CLIENT_SUBSCRIPTIONS_MAX} subscriptions of the Clientsystem")
        if len(self._by_id) >= SUBSCRIPTIONS_MAX:
            raise KonnektorError(4060, f"more than {SUBSCRIPTIONS_MAX} subscriptions")

    def put(self, subscription: Subscription) -> None:
        """A new subscription, or the renewed one of its id. Raises 4060 if there are too many."""
        if subscription.subscription_id not in self._by_id:
            self.require_room(subscription.wish)
            self._by_client[subscription.wish.sink.client_system_id] += 1
        self._by_id[subscription.subscription_id] = subscription
        self._by_wish[subscription.wish] = subscription.subscription_id
        self._by_sink.setdefault(subscription.wish.sink, {})[subscription.subscription_id] = subscription

    def find(self, caller: tuple[str, str], subscription_id: str) -> Subscription:
        """One subscription of the caller. Raises 4102."""
        held = self._by_id.get(subscription_id)
        if held is None or held.wish.caller != caller:
            raise KonnektorError(4102)
        return held

    def sort_out(
        self, caller: tuple[str, str], subscription_ids: Sequence[str]
    ) -> tuple[list[Subscription], list[str]]:
        """The caller's subscriptions of these ids, in order, and the ids that are none."""
        held = {each: self._by_id.get(each) for each in dict.fromkeys(subscription_ids)}
        found = [entry for entry in held.values() if entry is not None and entry.wish.caller == caller]
        good = {entry.subscription_id for entry in found}
        return found, [each for each in held if each not in good]

    def of(self, caller: tuple[str, str], workplace_id: str | None) -> list[Subscription]:
        """The subscriptions of a Mandant and Clientsystem, of one workplace unless it is None."""
        return [
            held
            for held in self._by_id.values()
            if held.wish.caller == caller and workplace_id in (None, held.wish.workplace_id)
        ]

    def remove(self, subscriptions: Sequence[Subscription]) -> None:
        """Drops these, as far as they are there."""
        for held in subscriptions:
            self._drop(held)

    def at(self, sink: Sink) -> list[Subscription]:
        """All subscriptions of a receiver, of whatever Mandant."""
        return list(self._by_sink.get(sink, {}).values())

    def counts(self) -> Mapping[Sink, int]:
        """How many subscriptions each receiver has."""
        return {sink: len(held) for sink, held in self._by_sink.items()}

    def _drop(self, held: Subscription) -> None:
        if self._by_id.pop(held.subscription_id, None) is not None:
            self._by_wish.pop(held.wish, None)
            client = held.wish.sink.client_system_id
            self._by_client[client] -= 1
            if not self._by_client[client]:
                del self._by_client[client]
            there = self._by_sink[held.wish.sink]
            del there[held.subscription_id]
            if not there:
                del self._by_sink[held.wish.sink]


def renewed(subscription: Subscription, now: datetime) -> Subscription:
    """The same until `LIFETIME` from now."""
    return replace(subscription, ends=now + LIFETIME)
