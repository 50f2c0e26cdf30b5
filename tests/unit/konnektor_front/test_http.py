"""What `konnektor/http.py` reads of uvicorn is still there; a new version that changes it fails here first."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from tiaas.konnektor.config import Limits
from tiaas.konnektor.http import HttpConnection, uvicorn_config

PORTION = 16 * 1024


def test_the_pinned_version() -> None:
    assert uvicorn.__version__.startswith("0.54.")


def test_the_methods_we_extend_and_call() -> None:
    for name, method in vars(HttpConnection).items():
        if name.startswith(("on_", "connection_", "data_", "pause_", "resume_", "timeout_")):
            assert hasattr(HttpToolsProtocol, name), name
            base = inspect.signature(getattr(HttpToolsProtocol, name)).parameters
            assert list(inspect.signature(method).parameters) == list(base), name
    assert "_unset_keepalive_if_required" in vars(HttpToolsProtocol)


def test_the_fields_we_read() -> None:
    source = inspect.getsource(HttpToolsProtocol)
    for field in ("self.pipeline", "self.cycle", "self.scope", "self.headers", "self.parser", "self.logger"):
        assert f"{field}:" in source or f"{field} =" in source, field
    cycle = inspect.getsource(RequestResponseCycle)
    for field in ("response_started", "response_complete", "disconnected", "message_event", "keep_alive"):
        assert f"self.{field} = " in cycle, field


def test_httptools_still_ends_an_upgrade_without_its_body() -> None:
    """The reason for `_go_on_after_offer`; if this fails, that can go."""
    seen: list[bytes] = []

    class Sink:
        def on_body(self, body: bytes) -> None:
            seen.append(body)

    parser = httptools.HttpRequestParser(Sink())
    head = b"POST / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\n"
    with pytest.raises(httptools.HttpParserUpgrade) as offer:
        parser.feed_data(head + b"abc")
    assert offer.value.args[0] == len(head)
    assert not seen


class Line(asyncio.Transport):
    """A transport that goes nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.is_paused: list[bool] = []
        """What was said of it, in order."""
        self.written = b""

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        self.is_paused.append(True)

    def resume_reading(self) -> None:
        self.is_paused.append(False)

    def close(self) -> None:
        pass


async def test_a_large_body_comes_by_portions_and_the_end_of_its_client_is_noticed_all_the_same() -> None:
    turn, parts, done = asyncio.Semaphore(0), asyncio.Queue[int](), asyncio.Event()

    async def app(
        scope: object,
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        more = True
        while more:
            await turn.acquire()
            message = await receive()
            parts.put_nowait(len(message["body"]))
            more = message["more_body"]
        await turn.acquire()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        done.set()

    line, limits, closed = Line(), Limits(), list[HttpConnection]()
    connection = HttpConnection(uvicorn_config(app, limits), ServerState(), limits, lambda _: True, closed.append)
    connection.connection_made(line)
    connection.data_received(b"POST /ws HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (2 * PORTION))
    assert line.is_paused == []
    connection.data_received(bytes(PORTION))
    assert line.is_paused == [True]
    turn.release()
    assert await parts.get() == PORTION
    assert line.is_paused == [True, False]
    connection.data_received(bytes(PORTION))
    assert line.is_paused == [True, False, True, False]
    turn.release()
    assert await parts.get() == PORTION
    turn.release()
    await done.wait()
    connection.connection_lost(None)
    assert closed == [connection]


@pytest.mark.parametrize("portion", [7, 1000, PORTION])
async def test_of_pipelined_requests_few_wait_and_the_rest_is_not_read(portion: int) -> None:
    turn, answered, served = asyncio.Semaphore(0), asyncio.Semaphore(0), list[str]()

    async def app(
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        await turn.acquire()
        body = (await receive())["body"]
        served.append(f"{scope['path']} {body.decode()}")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        answered.release()

    line, limits, closed = Line(), Limits(pipelined=4), list[HttpConnection]()
    connection = HttpConnection(uvicorn_config(app, limits), ServerState(), limits, lambda _: True, closed.append)
    connection.connection_made(line)
    requests = [
        *(f"GET /{number} HTTP/1.1\r\nHost: x\r\n\r\n" for number in range(40)),
        *(f"POST /{number} HTTP/1.1\r\nContent-Length: 12\r\n\r\n HTTP/1.1\r\n\r" for number in range(40, 60)),
    ]
    sent, at = "".join(requests).encode(), 0
    while len(served) < len(requests):
        while at < len(sent) and not (line.is_paused and line.is_paused[-1]):
            connection.data_received(sent[at : at + portion])
            at += portion
            assert len(connection.pipeline) <= limits.pipelined
        turn.release()
        async with asyncio.timeout(60):
            await answered.acquire()
        assert len(connection.pipeline) <= limits.pipelined
    assert served == [f"/{number} " for number in range(40)] + [
        f"/{number}  HTTP/1.1\r\n\r" for number in range(40, 60)
    ]
    assert not line.is_paused[-1]
    assert line.written.count(b"200 OK") == len(requests)
    connection.connection_lost(None)
    assert closed == [connection]


class _Parser:
    """Counts what a parser is given."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self.given = list[int]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    def feed_data(self, octets: bytes) -> None:
        self.given.append(len(octets))
        self._parser.feed_data(octets)


async def _unanswered(*call: object) -> None:
    await asyncio.Event().wait()


@asynccontextmanager
async def open_to_nobody(line: Line) -> AsyncIterator[HttpConnection]:
    """A connection whose requests are never answered."""
    limits, state = Limits(), ServerState()
    connection = HttpConnection(uvicorn_config(_unanswered, limits), state, limits, lambda _: True, lambda _: None)
    connection.connection_made(line)
    yield connection
    connection.connection_lost(None)
    tasks = [*state.tasks]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("head", [b"Content-Length: 99999999", b"Transfer-Encoding: chunked"])
async def test_a_body_full_of_versions_is_taken_in_large_pieces(head: bytes) -> None:
    """Nobody else has his turn meanwhile, and who sends it has not been asked who he is."""
    body = (b"HTTP/" * PORTION)[:PORTION]
    async with open_to_nobody(Line()) as connection:
        connection.data_received(b"POST /ws HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n" % head)
        if b"chunked" in head:
            connection.data_received(b"%x\r\n" % PORTION)
        parser: Any = _Parser(connection.parser)
        connection.parser = parser
        connection.data_received(body)
        assert sum(parser.given) == PORTION
        assert len(parser.given) <= PORTION / (16 * connection.limits.pipelined)
        assert connection.cycle.body == body


@pytest.mark.parametrize("waiting", [0, 1, 5, 15, 16])
async def test_of_the_shortest_requests_no_more_wait_and_none_is_refused(waiting: int) -> None:
    line, shortest = Line(), b"GET / HTTP/1.1\r\n\r\n"
    async with open_to_nobody(line) as connection:
        connection.data_received(shortest * (1 + waiting))
        assert len(connection.pipeline) == waiting
        connection.data_received(shortest * (PORTION // len(shortest)))
        assert len(connection.pipeline) == connection.limits.pipelined
        assert not line.written
