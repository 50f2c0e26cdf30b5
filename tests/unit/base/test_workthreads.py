"""Threads that work for event loops."""

import asyncio
from collections.abc import Iterator
from threading import Barrier, Event, get_ident

import pytest

from tiaas.base.workthreads import WorkThreads

SECONDS = 10


async def test_one_thread_does_one_thing_after_the_other() -> None:
    threads, done = WorkThreads("t"), list[tuple[int, int]]()
    await asyncio.gather(*(threads.start(lambda number: done.append((number, get_ident())), n) for n in range(50)))
    assert [number for number, _ in done] == list(range(50))
    assert {ident for _, ident in done}.isdisjoint({get_ident()})
    assert len({ident for _, ident in done}) == 1


async def test_several_work_at_once_when_many_things_wait() -> None:
    threads, all_there = WorkThreads("t", 3), Barrier(3, timeout=SECONDS)
    held = [threads.start(all_there.wait) for _ in range(3)]
    waiting = [threads.start(get_ident) for _ in range(6)]
    assert sorted(await asyncio.gather(*held)) == [0, 1, 2]
    await asyncio.gather(*waiting)


async def test_one_does_all_as_long_as_few_things_wait() -> None:
    threads = WorkThreads("t", 3)
    assert len({await threads.start(get_ident) for _ in range(50)}) == 1


async def test_what_is_raised_is_raised_where_it_is_waited_for() -> None:
    threads = WorkThreads("t")
    with pytest.raises(ZeroDivisionError):
        await threads.start(lambda: 1 // 0)
    assert await threads.start(int, "1") == 1


async def test_the_end_of_an_iterator_does_not_leave_who_waits_for_ever() -> None:
    empty: Iterator[int] = iter(())
    async with asyncio.timeout(SECONDS):
        with pytest.raises(RuntimeError, match="StopIteration"):
            await WorkThreads("t").start(next, empty)


async def test_what_is_cancelled_before_it_begins_is_never_done() -> None:
    threads, begun, over, done = WorkThreads("t"), Event(), Event(), list[str]()

    def hold() -> bool:
        begun.set()
        return over.wait(SECONDS)

    first = threads.start(hold)
    second = threads.start(done.append, "cancelled")
    assert begun.wait(SECONDS)
    second.cancel()
    over.set()
    assert await first
    await threads.start(done.append, "later")
    assert done == ["later"]


async def test_closing_lets_what_was_started_come_to_its_end() -> None:
    threads, done = WorkThreads("t", 2), list[int]()
    started = [threads.start(done.append, number) for number in range(10)]
    threads.close()
    threads.close()
    await asyncio.gather(*started)
    assert sorted(done) == list(range(10))
    with pytest.raises(RuntimeError):
        threads.start(int)


def test_threads_serve_several_loops_one_after_the_other() -> None:
    threads = WorkThreads("t")

    async def number(text: str) -> int:
        return await threads.start(int, text)

    assert [asyncio.run(number(text)) for text in ("1", "2")] == [1, 2]
