"""Threads that owners share in turn, looked at with as many as the tests need."""

import asyncio
import gc
import os
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tiaas.base import timerslack
from tiaas.base.fairthreads import FairThreads
from tiaas.base.timerslack import wait_exactly


async def test_one_thread_goes_round_the_owners() -> None:
    threads, go_on, order = FairThreads("test", 1), threading.Event(), list[str]()
    holds = threads.start("x", go_on.wait, 10.0)
    waiting = [threads.start(name[0], order.append, name) for name in ("a1", "a2", "a3", "b1", "b2", "c1")]
    go_on.set()
    await asyncio.gather(holds, *waiting)
    assert order == ["a1", "b1", "c1", "a2", "b2", "a3"]


async def test_one_who_has_nothing_under_way_goes_first() -> None:
    threads, order = FairThreads("test", 3), list[str]()
    go_on = {name: threading.Event() for name in "abc"}
    holds = [threads.start(name, event.wait, 10.0) for name, event in go_on.items()]
    waiting = [threads.start("a", order.append, "a"), threads.start("b", order.append, "b")]
    go_on["b"].set()
    await asyncio.gather(holds[1], *waiting)
    assert order == ["b", "a"]
    for event in go_on.values():
        event.set()
    await asyncio.gather(*holds)


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_all_is_done_and_one_thread_is_left_for_others(count: int) -> None:
    threads, lock, random = FairThreads("test", count), threading.Lock(), Random(count)
    under_way, most, done = Counter[str](), Counter[str](), Counter[str]()

    def work(owner: str, seconds: float) -> None:
        with lock:
            under_way[owner] += 1
            most[owner] = max(most[owner], under_way[owner])
        time.sleep(seconds)
        with lock:
            under_way[owner] -= 1
            done[owner] += 1

    wanted, begun = Counter[str](), list[asyncio.Future[None]]()
    for _ in range(300):
        owner = random.choice("aaab")
        begun.append(threads.start(owner, work, owner, random.choice((0, 0, 0.0001))))
        if random.random() < 0.1:
            begun.pop(random.randrange(len(begun))).cancel()
            await asyncio.sleep(0)
        wanted[owner] += 1
    results = await asyncio.gather(*begun)
    assert len(results) == len(begun) <= done.total() <= wanted.total()
    assert max(most.values()) <= max(1, count - 1)
    # No turn is nobody's, and none is missing.
    assert await asyncio.gather(*(threads.start(owner, divmod, 7, 2) for owner in "abc")) == [(3, 1)] * 3


async def test_a_thread_keeps_nothing_of_what_it_has_done() -> None:
    class Document:
        pass

    def look(document: Document) -> None:
        assert isinstance(document, Document)

    threads, document = FairThreads("test", 1), Document()
    gone = weakref.ref(document)
    await threads.start("a", look, document)
    del document
    # Whatever comes next finds the thread done with the first.
    async with asyncio.timeout(60):
        while gone() is not None:
            gc.collect()
            await asyncio.sleep(0.001)


def test_each_event_loop_has_its_own() -> None:
    threads = FairThreads("test", 2)

    async def ask() -> tuple[int, int]:
        return await threads.start("a", divmod, 7, 2)

    assert [asyncio.run(ask()) for _ in range(3)] == [(3, 1)] * 3


async def test_nice_threads_leave_the_processors_to_others() -> None:
    def own() -> tuple[int, int]:
        return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    policy, niceness = own()
    assert await FairThreads("test", 1).start("a", own) == (policy, niceness)
    assert await FairThreads("test", 1, niceness=3).start("a", own) == (os.SCHED_BATCH, min(niceness + 3, 19))
    assert own() == (policy, niceness)


def slack() -> int:
    return int(Path(f"/proc/{threading.get_native_id()}/timerslack_ns").read_text())


@pytest.fixture
def usual_slack() -> Iterator[int]:
    """What the system gives the first thread of a process; an instance that was served in this one has changed it."""
    before = slack()
    timerslack._set(50_000)
    yield slack()
    timerslack._set(before)


async def test_nice_threads_wait_patiently_for_the_interpreter(usual_slack: int) -> None:
    def exactly() -> int:
        wait_exactly()
        return slack()

    assert await FairThreads("test", 1).start("a", slack) == usual_slack
    assert await FairThreads("test", 1, niceness=3).start("a", slack) > 10 * usual_slack
    assert await FairThreads("test", 1).start("a", exactly) < usual_slack
    assert slack() == usual_slack
