"""Answers of a web server that are none."""

import asyncio
from contextlib import suppress

import pytest

from tiaas.konnektor.network import Network
from tiaas.konnektor.web import AnswerTooLarge, NoAnswer, WebClient, WebRequest, split_http_url


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n", NoAnswer, "no HTTP"),
        (b"SSH-2.0-x\r\n", NoAnswer, "no HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", AnswerTooLarge, "body is too large"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + bytes(1001), AnswerTooLarge, "body is too"),
    ],
    ids=["another protocol", "no HTTP", "too large as announced", "too large as it came"],
)
async def test_what_is_no_answer_ends_the_request_only(answer: bytes, error: type[NoAnswer], reason: str) -> None:
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
    with pytest.raises(error, match=reason):
        await client.fetch(WebRequest("GET", origin, path, origin.authority), 10, 1000)
    client.close()
    await ended.wait()
    server.close()
    assert problems == []
