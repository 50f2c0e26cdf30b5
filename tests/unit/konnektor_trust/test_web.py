"""Answers of a web server that are none."""

import asyncio
from contextlib import suppress

import pytest

from tiaas.konnektor.network import Network
from tiaas.konnektor.web import NoAnswer, WebClient, WebRequest, split_http_url


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n",
        b"SSH-2.0-x\r\n",
    ],
    ids=["another protocol", "no HTTP"],
)
async def test_what_is_no_answer_ends_the_request_only(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        ended.set()

    ended = asyncio.Event()
    problems: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    origin, path = split_http_url(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    client = WebClient(Network())
    with pytest.raises(NoAnswer, match="no HTTP"):
        await client.fetch(WebRequest("GET", origin, path, origin.authority), 10, 1000)
    client.close()
    await ended.wait()
    server.close()
    assert problems == []
