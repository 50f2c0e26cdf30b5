"""Room and turns for large messages: order, cancelled waiters, and that nothing of it is ever lost."""

import asyncio
from random import Random

import pytest

from tiaas.konnektor import largebodies
from tiaas.konnektor.config import MEBIBYTE
from tiaas.konnektor.largebodies import LargeBodies, Place, Turns


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked often for those who send nothing."""
    monkeypatch.setattr(largebodies, "_LOOK_SECONDS", 0.01)


async def test_who_came_first_is_served_first_and_what_is_too_large_gets_all() -> None:
    bodies, order = LargeBodies(10 * MEBIBYTE), list[str]()

    async def take(name: str, octets: int) -> None:
        with bodies.place(octets) as place:
            await place.keep(octets)
            order.append(name)
            await asyncio.sleep(0)

    with bodies.place(5 * MEBIBYTE) as first:
        await first.keep(1)
        tasks = [asyncio.create_task(take("huge", 99 * MEBIBYTE)), asyncio.create_task(take("fits", 2 * MEBIBYTE))]
        await asyncio.sleep(0.01)
        assert order == []
    await asyncio.gather(*tasks)
    assert order == ["huge", "fits"]


async def test_what_is_announced_has_no_room_before_something_comes() -> None:
    bodies = LargeBodies(10 * MEBIBYTE)
    with bodies.place(10 * MEBIBYTE), bodies.place(10 * MEBIBYTE) as second:
        async with asyncio.timeout(60):
            await second.keep(1)


async def test_who_sends_nothing_gives_up_what_is_empty_and_waits_when_he_goes_on(looks: None) -> None:
    bodies = LargeBodies(10 * MEBIBYTE)
    with bodies.place(9 * MEBIBYTE) as silent, bodies.place(1 * MEBIBYTE) as whole, bodies.place(7 * MEBIBYTE) as other:
        await silent.keep(2 * MEBIBYTE)
        silent.came = MEBIBYTE
        await whole.keep(1)
        whole.end()
        async with asyncio.timeout(60):
            await other.keep(7 * MEBIBYTE)
        assert [silent.room, whole.room, other.room] == [2 * MEBIBYTE, MEBIBYTE, 7 * MEBIBYTE]
        other.end()
        # One at a time need not wait, so that two who have filled a part do not wait for each other.
        async with asyncio.timeout(60):
            await silent.keep(9 * MEBIBYTE)
        assert silent.room == 9 * MEBIBYTE


async def test_who_sends_keeps_his_room() -> None:
    bodies = LargeBodies(10 * MEBIBYTE)
    with bodies.place(9 * MEBIBYTE) as sending, bodies.place(9 * MEBIBYTE) as other:
        await sending.keep(1)
        waiting = asyncio.create_task(other.keep(1))
        await asyncio.sleep(0)
        for _ in range(5):
            bodies._look_round()
            sending.came += MEBIBYTE // 2
        assert sending.room == 9 * MEBIBYTE
        bodies._look_round()
        assert sending.room == 9 * MEBIBYTE
        bodies._look_round()
        await waiting
        assert (sending.room, other.room) == (1, 9 * MEBIBYTE)


@pytest.mark.parametrize("seed", range(3))
async def test_nobody_waits_for_ever_and_only_one_is_beyond_the_room(looks: None, seed: int) -> None:
    """Clients that stop for a while, in the midst of it and before the first octet, and some that leave."""
    random, bodies = Random(seed), LargeBodies(10 * MEBIBYTE)
    places, served = set[Place](), list[int]()

    def check() -> None:
        used = sorted((place.room for place in places), reverse=True)
        assert sum(used) <= 10 * MEBIBYTE + max(used, default=0)

    async def send(size: int) -> None:
        pauses = random.choice([0, 0, 0, 1, 3])
        with bodies.place(size) as place:
            places.add(place)
            try:
                if random.random() < 0.3:
                    await asyncio.sleep(0.05)
                for at in range(0, size, MEBIBYTE // 2):
                    await place.keep(min(size, at + MEBIBYTE // 2))
                    check()
                    place.came = at + MEBIBYTE // 2
                    await asyncio.sleep(0.05 if pauses and random.random() < 0.3 else 0)
                place.end()
                served.append(size)
                await asyncio.sleep(random.random() / 100)
            finally:
                places.discard(place)

    tasks = [asyncio.create_task(send(random.randint(2, 10) * MEBIBYTE)) for _ in range(40)]
    for task in tasks:
        if random.random() < 0.2:
            await asyncio.sleep(0.005)
            task.cancel()
    async with asyncio.timeout(60):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert not [task for task in tasks if not task.cancelled() and task.exception() is not None]
    assert len(served) >= sum(not task.cancelled() for task in tasks) > 20
    async with asyncio.timeout(60):
        with bodies.place(10 * MEBIBYTE) as place:
            await place.keep(1)


async def test_one_cancelled_just_when_room_is_given_back_is_cancelled_and_nothing_else() -> None:
    bodies = LargeBodies(10 * MEBIBYTE)

    async def wait() -> None:
        with bodies.place(10 * MEBIBYTE) as place:
            await place.keep(1)

    with bodies.place(10 * MEBIBYTE) as first:
        await first.keep(1)
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(60):
        with bodies.place(10 * MEBIBYTE) as place:
            await place.keep(1)


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
    async with asyncio.timeout(60):
        await asyncio.gather(*tasks, return_exceptions=True)
        await turns.mine()
