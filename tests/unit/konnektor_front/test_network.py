"""An instance's way out."""

import asyncio
import socket
from contextlib import ExitStack

import pytest

from tiaas.konnektor.network import Network


async def test_connects_from_the_source_address() -> None:
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[0])
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for source in (None, "127.0.0.77"):
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        class Client(asyncio.Protocol):
            def connection_lost(self, exc: Exception | None, done: asyncio.Future[None] = closed) -> None:
                done.set_result(None)

        transport = await Network(source).open("127.0.0.1", port, None, Client)
        await closed
        transport.close()
    assert seen == ["127.0.0.1", "127.0.0.77"]
    server.close()
    await server.wait_closed()


async def test_connecting_is_bounded_and_an_oserror() -> None:
    """A full backlog never answers; the call ends all the same."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        for _ in range(4):
            blocker = sockets.enter_context(socket.socket())
            blocker.setblocking(False)
            blocker.connect_ex(("127.0.0.1", port))
        with pytest.raises(TimeoutError):
            await Network(connect_seconds=0.2).open("127.0.0.1", port, None, asyncio.Protocol)
    assert issubclass(TimeoutError, OSError)
