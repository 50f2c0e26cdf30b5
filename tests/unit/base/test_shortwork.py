"""Short work in threads: results, failures, cancellation, order, another event loop."""

import asyncio
import os
import threading

import pytest

from tiaas.base.heavy import OWNER
from tiaas.base.shortwork import in_turn


async def test_results_come_to_who_asked() -> None:
    assert await asyncio.gather(*(in_turn(divmod, number, 7) for number in range(500))) == [
        divmod(number, 7) for number in range(500)
    ]


async def test_it_is_done_in_a_thread() -> None:
    assert await in_turn(threading.get_ident) != threading.get_ident()


async def test_what_it_raises_comes_to_who_asked_and_ends_no_thread() -> None:
    for _ in range(20):
        with pytest.raises(ZeroDivisionError):
            await in_turn(divmod, 1, 0)
    assert await in_turn(divmod, 7, 2) == (3, 1)


async def test_what_is_cancelled_before_its_turn_is_not_done(held: "Held") -> None:
    done: list[int] = []
    running = held.occupy()
    waiting = [in_turn(done.append, number) for number in range(3)]
    waiting[1].cancel()
    held.release.set()
    await asyncio.gather(*running, waiting[0], waiting[2])
    assert sorted(done) == [0, 2]


async def test_instances_take_turns(held: "Held") -> None:
    order: list[str] = []
    running, waiting = held.occupy(), list["asyncio.Future[None]"]()
    for owner, count in (("a", 3), ("b", 2), ("c", 1)):
        OWNER.set(owner)
        waiting += [in_turn(order.append, f"{owner}{number}") for number in range(count)]
    held.release.set()
    await asyncio.gather(*running, *waiting)
    assert order == ["a0", "b0", "c0", "a1", "b1", "a2"]


async def test_what_is_cancelled_while_it_runs_disturbs_nobody(held: "Held") -> None:
    running = held.occupy()
    later = in_turn(divmod, 7, 2)
    for future in running:
        future.cancel()
    held.release.set()
    assert await later == (3, 1)


def test_each_event_loop_has_its_own() -> None:
    async def ask() -> tuple[int, int]:
        return await in_turn(divmod, 7, 2)

    assert [asyncio.run(ask()) for _ in range(3)] == [(3, 1)] * 3


class Held:
    """Work that occupies all threads until it is released."""

    def __init__(self) -> None:
        self.release = threading.Event()

    def occupy(self) -> list["asyncio.Future[bool]"]:
        return [in_turn(self.release.wait, 10.0) for _ in range(2 * (os.cpu_count() or 1))]


@pytest.fixture
def held() -> Held:
    return Held()
