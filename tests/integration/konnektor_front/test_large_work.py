"""Large work of two instances of a process: what one of them has under way holds nobody else up."""

import asyncio
import threading

from tests.integration.konnektor_front.houses import GET_CARDS, PATH, Build, no_cards
from tests.integration.konnektor_front.http1 import exchange, post
from tiaas.base.heavy import LARGE, beside
from tiaas.base.workthread import processors
from tiaas.interfaces.event_service_v7_2 import GetCards, GetCardsResponse

MANY = processors() + 2
SPACES = b" " * LARGE


async def test_a_neighbour_s_large_work_and_large_requests_do_not_wait(build: Build) -> None:
    one, other = await build("a"), await build("b", host="127.0.0.2")
    over, begun = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def documents() -> None:
        loop.call_soon_threadsafe(begun.set)
        over.wait(20)

    async def slow(request: GetCards) -> GetCardsResponse:
        await beside(LARGE, documents)
        return no_cards()

    async def quick(request: GetCards) -> GetCardsResponse:
        await beside(LARGE, lambda: None)
        return no_cards()

    one.answer, other.answer = slow, quick
    reader, writer = await other.connect()
    connections = [await one.connect() for _ in range(MANY)]
    try:
        asked = [asyncio.create_task(exchange(*connection, post(PATH, GET_CARDS))) for connection in connections]
        async with asyncio.timeout(60):
            await begun.wait()
            assert (await exchange(reader, writer, post(PATH, GET_CARDS + SPACES))).status == 200
        assert not any(task.done() for task in asked)
        over.set()
        assert [answer.status for answer in await asyncio.gather(*asked)] == [200] * MANY
    finally:
        over.set()
        for _, each in [*connections, (reader, writer)]:
            each.close()
