"""Connections and filter time that receivers share."""

import asyncio
from contextlib import AsyncExitStack

from tiaas.konnektor.sinkshares import INSTANCE_CONNECTIONS, InstanceShares, NodeShares, Standing


async def rest() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Holders:
    """Tasks that hold a connection until they are let go."""

    def __init__(self) -> None:
        self.inside: list[InstanceShares] = []
        self.tasks: dict[asyncio.Task[None], asyncio.Event] = {}

    async def add(self, who: InstanceShares, count: int, standing: Standing = Standing.PROVEN) -> None:
        for _ in range(count):
            leave = asyncio.Event()
            self.tasks[asyncio.create_task(self._hold(who, standing, leave))] = leave
        await rest()

    async def _hold(self, who: InstanceShares, standing: Standing, leave: asyncio.Event) -> None:
        async with who.connection(standing):
            self.inside.append(who)
            await leave.wait()

    async def let_one_go(self, at: int = 0) -> None:
        list(self.tasks.values())[at].set()
        await rest()

    async def stop(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_each_standing_has_connections_of_its_own() -> None:
    node, holders = NodeShares(), Holders()
    one = node.instance()
    for standing in Standing:
        await holders.add(one, 100, standing)
    assert one.held == sum(INSTANCE_CONNECTIONS.values())
    await holders.stop()
    assert one.held == 0


async def test_a_free_connection_goes_to_the_instance_with_the_fewest() -> None:
    node, holders = NodeShares(4), Holders()
    greedy, modest = node.instance(), node.instance()
    await holders.add(greedy, 8)
    await holders.add(modest, 1)
    assert (greedy.held, modest.held) == (4, 0)
    await holders.let_one_go()
    assert (greedy.held, modest.held) == (3, 1)
    await holders.stop()


async def test_who_stops_waiting_loses_no_connection() -> None:
    node, holders = NodeShares(1), Holders()
    first, second = node.instance(), node.instance()
    await holders.add(first, 1)
    await holders.add(second, 1)
    given = list(holders.tasks)[1]
    next(iter(holders.tasks.values())).set()
    while not second.held:  # noqa: ASYNC110
        await asyncio.sleep(0)
    given.cancel()  # in the moment it is given, or right after
    await rest()
    assert (first.held, second.held) == (0, 0)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(first.connection(Standing.NEW))
        waiting = asyncio.create_task(second.connection(Standing.NEW).__aenter__())
        await rest()
        waiting.cancel()
        await rest()
    assert (first.held, second.held) == (0, 0)
    async with second.connection(Standing.NEW):
        assert second.held == 1


async def test_filters_are_judged_one_per_pass_and_instances_take_turns() -> None:
    node = NodeShares()
    greedy, modest = node.instance(), node.instance()
    passes, judged = 0, []

    async def count() -> None:
        nonlocal passes
        while True:
            passes += 1
            await asyncio.sleep(0)

    async def judge(who: InstanceShares) -> None:
        async with who.judging():
            judged.append((passes, who))

    counter = asyncio.create_task(count())
    tasks = [asyncio.create_task(judge(greedy)) for _ in range(50)]
    await asyncio.sleep(0)
    tasks.append(asyncio.create_task(judge(modest)))
    await asyncio.gather(*tasks)
    counter.cancel()
    assert len({at for at, _ in judged}) == len(judged) == 51
    assert [who for _, who in judged].index(modest) <= 2
