"""Room and turns for large messages: order, cancelled waiters, and that nothing of it is ever lost."""

import asyncio
from random import Random

import pytest

from tiaas.konnektor.config import MEBIBYTE
from tiaas.konnektor.largebodies import LargeBodies, Turns


async def test_who_came_first_is_served_first_and_what_is_too_large_gets_all() -> None:
    bodies, order = LargeBodies(10 * MEBIBYTE), list[str]()

    async def take(name: str, octets: int) -> None:
        async with bodies.place(octets):
            order.append(name)
            await asyncio.sleep(0)

    async with bodies.place(5 * MEBIBYTE):
        tasks = [asyncio.create_task(take("huge", 99 * MEBIBYTE)), asyncio.create_task(take("fits", 2 * MEBIBYTE))]
        await asyncio.sleep(0.01)
        assert order == []
    await asyncio.gather(*tasks)
    assert order == ["huge", "fits"]


@pytest.mark.parametrize("seed", range(5))
async def test_cancelled_waiters_leave_their_room(seed: int) -> None:
    random, bodies = Random(seed), LargeBodies(10 * MEBIBYTE)
    inside = 0

    async def take(octets: int) -> None:
        nonlocal inside
        async with bodies.place(octets):
            inside += octets
            assert inside <= 10 * MEBIBYTE
            try:
                await asyncio.sleep(random.random() / 100)
            finally:
                inside -= octets

    tasks = [asyncio.create_task(take(random.randint(1, 10) * MEBIBYTE)) for _ in range(60)]
    for task in tasks:
        if random.random() < 0.4:
            await asyncio.sleep(0)
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(1), bodies.place(10 * MEBIBYTE):
        pass


async def test_one_cancelled_just_when_room_is_given_back_is_cancelled_and_nothing_else() -> None:
    bodies = LargeBodies(10 * MEBIBYTE)

    async def wait() -> None:
        async with bodies.place(10 * MEBIBYTE):
            pass

    async with bodies.place(10 * MEBIBYTE):
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(1), bodies.place(10 * MEBIBYTE):
        pass


async def test_one_moves_on_in_a_turn_of_the_loop_and_nobody_is_passed_by() -> None:
    turns, moved, seen = Turns(), list[str](), list[int]()

    async def move(name: str) -> None:
        for _ in range(3):
            await turns.mine()
            moved.append(name)

    tasks = [asyncio.create_task(move(name)) for name in "abcd"]
    tasks[1].cancel()
    while not all(task.done() for task in tasks):
        before = len(moved)
        await asyncio.sleep(0)
        seen.append(len(moved) - before)
    assert moved == list("acd") * 3
    assert max(seen) == 1


async def test_turns_go_on_when_one_who_waits_is_cancelled() -> None:
    turns = Turns()
    tasks = [asyncio.create_task(turns.mine()) for _ in range(3)]
    await asyncio.sleep(0)
    for task in tasks[:2]:
        task.cancel()
    async with asyncio.timeout(1):
        await asyncio.gather(*tasks, return_exceptions=True)
        await turns.mine()
