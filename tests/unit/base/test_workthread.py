"""A thread that works for event loops."""

import asyncio
from collections.abc import Iterator
from threading import Event, get_ident

import pytest

from tiaas.base.workthread import WorkThread

SECONDS = 10


async def test_one_thread_does_one_thing_after_the_other() -> None:
    thread, done = WorkThread("t"), list[tuple[int, int]]()
    await asyncio.gather(*(thread.start(lambda number: done.append((number, get_ident())), n) for n in range(50)))
    assert [number for number, _ in done] == list(range(50))
    assert {ident for _, ident in done}.isdisjoint({get_ident()})
    assert len({ident for _, ident in done}) == 1


async def test_what_is_raised_is_raised_where_it_is_waited_for() -> None:
    thread = WorkThread("t")
    with pytest.raises(ZeroDivisionError):
        await thread.start(lambda: 1 // 0)
    assert await thread.start(int, "1") == 1


async def test_the_end_of_an_iterator_does_not_leave_who_waits_for_ever() -> None:
    empty: Iterator[int] = iter(())
    async with asyncio.timeout(SECONDS):
        with pytest.raises(RuntimeError, match="StopIteration"):
            await WorkThread("t").start(next, empty)


async def test_what_is_cancelled_before_it_begins_is_never_done() -> None:
    thread, begun, over, done = WorkThread("t"), Event(), Event(), list[str]()

    def hold() -> bool:
        begun.set()
        return over.wait(SECONDS)

    first = thread.start(hold)
    second = thread.start(done.append, "cancelled")
    assert begun.wait(SECONDS)
    second.cancel()
    over.set()
    assert await first
    await thread.start(done.append, "later")
    assert done == ["later"]


async def test_closing_lets_what_was_started_come_to_its_end() -> None:
    thread, done = WorkThread("t"), list[int]()
    started = [thread.start(done.append, number) for number in range(10)]
    thread.close()
    thread.close()
    await asyncio.gather(*started)
    assert done == list(range(10))
    with pytest.raises(RuntimeError):
        thread.start(int)


def test_it_serves_several_loops_one_after_the_other() -> None:
    thread = WorkThread("t")

    async def number(text: str) -> int:
        return await thread.start(int, text)

    assert [asyncio.run(number(text)) for text in ("1", "2")] == [1, 2]
