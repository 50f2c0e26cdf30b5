"""Large work beside the event loop: bounded, in turn over the instances, with the caller's context; its errors are the
caller's."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import pytest

from tiaas.base.heavy import LARGE, OWNER, beside, read_beside
from tiaas.base.workthread import processors

NAME: ContextVar[str] = ContextVar("NAME", default="")
THREADS = max(2, processors() - 1)


class Held:
    """Work that goes on until it is released; knows how much of it runs, and of whom."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.running: list[str] = []
        self._begun = threading.Semaphore(0)
        self._lock = threading.Lock()

    def work(self, name: str) -> None:
        with self._lock:
            self.running.append(name)
        self._begun.release()
        self.go_on.wait(30)
        with self._lock:
            self.running.remove(name)

    async def until(self, count: int) -> None:
        """Returns when so much of it runs."""
        for _ in range(count):
            assert await asyncio.to_thread(self._begun.acquire, timeout=10)


@pytest.fixture
def held() -> Iterator[Held]:
    made = Held()
    yield made
    made.go_on.set()


def of(owner: str, octets: int, work: Callable[[str], object]) -> asyncio.Task[object]:
    OWNER.set(owner)
    return asyncio.create_task(beside(octets, work, owner))


async def test_of_one_instance_so_many_at_once_as_leave_others_a_thread(held: Held) -> None:
    first = [of("a", LARGE, held.work) for _ in range(8)]
    await held.until(THREADS - 1)
    # Whoever else comes need not wait, nor does small work, nor the reading of requests.
    await asyncio.wait_for(of("b", LARGE, NAME.set), 10)
    await asyncio.wait_for(of("a", LARGE - 1, NAME.set), 10)
    OWNER.set("a")
    assert await asyncio.wait_for(read_beside(lambda: "read"), 10) == "read"
    assert held.running == ["a"] * (THREADS - 1)
    held.go_on.set()
    await asyncio.gather(*first)


async def test_instances_take_turns_and_all_threads_are_used(held: Held) -> None:
    last = Held()
    occupied = [of(f"x{number}", LARGE, held.work) for number in range(THREADS - 1)]
    occupied.append(of("last", LARGE, last.work))
    await held.until(THREADS - 1)
    await last.until(1)
    order: list[str] = []
    waiting = [of(owner, LARGE, order.append) for owner in ("a", "a", "a", "b", "b", "c")]
    await asyncio.sleep(0)
    assert order == []
    # One thread takes them all: of two, one could stop between what it takes and what it does.
    last.go_on.set()
    await asyncio.gather(*waiting)
    assert order == ["a", "b", "c", "a", "b", "a"]
    held.go_on.set()
    await asyncio.gather(*occupied)


async def test_what_is_cancelled_before_its_turn_is_not_done(held: Held) -> None:
    occupied = [of("a", LARGE, held.work) for _ in range(THREADS - 1)]
    await held.until(THREADS - 1)
    order: list[str] = []
    gone, stays = of("a", LARGE, order.append), of("a", LARGE, order.append)
    await asyncio.sleep(0)
    gone.cancel()
    held.go_on.set()
    await asyncio.gather(*occupied, stays)
    assert order == ["a"]


async def test_context_and_errors_are_the_callers() -> None:
    NAME.set("caller")
    for octets in (1, LARGE):
        assert await beside(octets, NAME.get) == "caller"
        with pytest.raises(ZeroDivisionError):
            await beside(octets, lambda: 1 // 0)
    assert await read_beside(NAME.get) == "caller"
