"""The portal's client of the status interface: streams and requests do not get in each other's way."""

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest

from tiaas.base.secret import Secret
from tiaas.portal import statusclient
from tiaas.portal.statusclient import StatusClient, Unreachable


class Node:
    """A node that has no instances, but an endless stream of events."""

    def __init__(self) -> None:
        self.connections: set[asyncio.Task[None]] = set()

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.add(asyncio.create_task(answer(reader, writer)))


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            if b"/events " in head:
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                )
            else:
                body = b'{"version": 1, "instances": []}'
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_full_streams_leave_the_requests_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statusclient, "_SECONDS", 2.0)
    node = Node()
    server = await asyncio.start_server(node.connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = StatusClient(f"http://127.0.0.1:{port}", Secret(b"token"), streams=2)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(client.events("praxis"))
        with pytest.raises(Unreachable, match="PoolTimeout"):
            await stack.enter_async_context(client.events("praxis"))
        assert (await client.instances()).instances == ()
    await client.aclose()
    server.close()
    await asyncio.gather(*node.connections)
