"""What watchers of an instance are told, and what a slow one does not cost."""

import asyncio
from datetime import UTC, datetime

import pytest

from tiaas.base.clock import ManualClock
from tiaas.konnektor.eventfeed import CHANGED, KEPT, STREAMS_MAX, WAITING_MAX, EventFeed, SeenEvent, TooManyStreams
from tiaas.konnektor.events import Event, EventSeverity, Topic, parameters

CLOCK = ManualClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
INSERTED = Event(
    Topic.CARD_INSERTED,
    parameters(("KVNR", "X110400000"), ("CardHolderName", "Erika Muster"), ("ICCSN", "8" * 20), ("SlotID", 3)),
    severity=EventSeverity.WARNING,
    ct_id="CT-1",
)


@pytest.fixture
def feed() -> EventFeed:
    return EventFeed(CLOCK)


def test_an_event_is_told_without_what_is_personal(feed: EventFeed) -> None:
    feed.on_event(INSERTED)
    (seen,) = feed
    assert seen == SeenEvent(1, CLOCK.now(), "CARD/INSERTED", "Operation", "Warning", "CT-1", 3)


def test_what_is_for_the_konnektor_alone_is_left_out(feed: EventFeed) -> None:
    feed.on_event(Event(Topic.CT_SLOT_IN_USE, log=False, deliver=False))
    assert list(feed) == []


def test_the_last_ones_are_kept_newest_first(feed: EventFeed) -> None:
    for _ in range(KEPT + 5):
        feed.on_event(INSERTED)
    numbers = [event.number for event in feed]
    assert numbers == list(range(KEPT + 5, 5, -1))


async def test_a_stream_tells_events_and_many_changes_as_one(feed: EventFeed) -> None:
    stream = feed.open()
    feed.on_event(INSERTED)
    for _ in range(1000):
        feed.touch()
    feed.on_event(INSERTED)
    items = stream.items()
    told = [await anext(items) for _ in range(3)]
    assert [getattr(item, "number", None) for item in told] == [1, 2, None]
    assert told[2] is CHANGED
    feed.close()
    assert [item async for item in items] == []


async def test_a_watcher_that_does_not_read_is_dropped_and_the_others_are_not(feed: EventFeed) -> None:
    slow, quick = feed.open(), feed.open()
    items = quick.items()
    for _ in range(WAITING_MAX):
        feed.on_event(INSERTED)
    for _ in range(WAITING_MAX):
        await anext(items)
    feed.on_event(INSERTED)
    assert [item async for item in slow.items()] == []
    last = await anext(items)
    assert isinstance(last, SeenEvent)
    assert last.number == WAITING_MAX + 1


async def test_a_stream_wakes_who_waits(feed: EventFeed) -> None:
    items = feed.open().items()
    waiting = asyncio.ensure_future(anext(items))
    await asyncio.sleep(0)
    feed.on_event(INSERTED)
    assert isinstance(await waiting, SeenEvent)


def test_there_are_only_so_many_streams(feed: EventFeed) -> None:
    streams = [feed.open() for _ in range(STREAMS_MAX)]
    with pytest.raises(TooManyStreams):
        feed.open()
    feed.leave(streams[0])
    feed.open()
    with pytest.raises(TooManyStreams):
        feed.open()
    feed.close()
    feed.leave(streams[1])
    with pytest.raises(TooManyStreams):
        feed.open()


def finished(result: str, topic: Topic = Topic.PIN_VERIFY_FINISHED) -> Event:
    told = parameters(("CardHandle", "h"), ("PinRef", "PIN.SMC"), ("Result", result))
    return Event(topic, told, log=False)


def test_a_blocked_pin_stays_so_until_it_is_unblocked(feed: EventFeed) -> None:
    """4063 for the next entry is an ERROR of that event."""
    for result in ("BLOCKED", "ERROR"):
        feed.on_event(finished(result))
        assert feed.pin_result("h", "PIN.SMC") == "BLOCKED"
    feed.on_event(finished("REJECTED", Topic.PIN_UNBLOCK_FINISHED))
    assert feed.pin_result("h", "PIN.SMC") == "BLOCKED"
    for topic in (Topic.PIN_UNBLOCK_FINISHED, Topic.PIN_CHANGE_FINISHED):
        feed.on_event(finished("BLOCKED"))
        feed.on_event(finished("OK", topic))
        assert feed.pin_result("h", "PIN.SMC") is None
    feed.on_event(finished("ERROR"))
    assert feed.pin_result("h", "PIN.SMC") == "ERROR"


def test_the_last_result_of_a_pin_entry_is_known(feed: EventFeed) -> None:
    assert feed.pin_result("h", "PIN.SMC") is None
    feed.on_event(finished("REJECTED"))
    feed.on_event(finished("BLOCKED"))
    assert feed.pin_result("h", "PIN.SMC") == "BLOCKED"
    assert feed.pin_result("h", "PIN.CH") is None
