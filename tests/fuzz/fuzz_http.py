"""Fuzz target: one HTTP connection, from its octets to the application, on a transport that goes nowhere.

The first octet of the input says in how many pieces the rest arrives.
"""

import asyncio
from collections.abc import Mapping, MutableMapping
from typing import Any

from uvicorn.server import ServerState

from tiaas.konnektor.basic import parse_basic_untrusted
from tiaas.konnektor.config import ClientAccess, Limits
from tiaas.konnektor.http import HttpConnection, uvicorn_config
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.webapp import Endpoint, WebApp
from tiaas.soap.reply import SoapReply

_LIMITS = Limits(head_octets=2048, body_octets=4096, pipelined=4)
_BODY_OCTETS = 4096
_PEER = Peer(None, frozenset(), None, "")


class _Nowhere(asyncio.Transport):
    """Keeps what was written; bounds are checked at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.is_paused = False
        self.is_closed = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name in ("peername", "sockname") else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self.is_closed:
            self.written += data

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def get_write_buffer_size(self) -> int:
        return 0


class _Gate:
    access = ClientAccess(tls_mandatory=False)

    def known_peer(self, fingerprint: str | None, address: str) -> Peer | None:
        return _PEER


class _Echo:
    async def handle(
        self, body: bytes | bytearray, content_type: str | None, peer: object, accept: str | None = None
    ) -> SoapReply:
        assert len(body) <= _BODY_OCTETS, "a body above the limit reached the service"
        return SoapReply(200, "text/xml", (bytes(body),))


def _app() -> WebApp:
    endpoints: Mapping[str, Endpoint] = {"/ws": Endpoint("Echo", _Echo(), _BODY_OCTETS)}
    return WebApp(_Gate(), endpoints, lambda host, local: b"<sds/>")  # type: ignore[arg-type]


def _request(pieces: int, start: str, *fields: str, body: bytes = b"") -> bytes:
    return bytes([pieces]) + "\r\n".join([start, *fields, "", ""]).encode() + body


_UPGRADE = ("Connection: upgrade", "Upgrade: h2c", "Content-Length: 3")
_ODD = ("Authorization: Basic OjpiOmI=", "Content-Encoding: gzip", "Connection: close")
_CHUNKED = ("Transfer-Encoding: chunked", "Expect: 100-continue")

SEEDS: list[bytes] = [
    _request(1, "GET /connector.sds HTTP/1.1", "Host: konnektor.konlan:443"),
    _request(3, "POST /ws HTTP/1.1", "Host: x", "Content-Length: 4", body=b"<a/>GET /ws HTTP/1.1\r\n\r\n"),
    _request(2, "POST /ws HTTP/1.1", *_CHUNKED, body=b"4\r\n<a/>\r\n0\r\nT: x\r\n\r\n"),
    _request(2, "POST /ws HTTP/1.1", "Content-Length: 99999", body=b"x" * 200),
    _request(1, "POST /ws HTTP/1.1", *_UPGRADE, body=b"abcPOST /ws HTTP/1.0\r\n\r\n"),
    _request(1, "POST /ws HTTP/1.1", *_UPGRADE, body=b"abc" + _request(1, "POST /ws HTTP/1.1", *_UPGRADE)[1:] + b"def"),
    _request(1, "PUT /%ff?a=b#c HTTP/1.1", *_ODD),
    _request(5, "OPTIONS * HTTP/1.1", body=b"CONNECT a:1 HTTP/1.1\r\n\r\n"),
    b"\x04" + b"GET /ws HTTP/1.1\r\n\r\n" * 9,
]


def target(data: bytes) -> None:
    """Whatever comes in: no exception leaves the protocol, every answer is HTTP, nothing large is kept."""
    asyncio.run(_feed(data))
    parse_basic_untrusted(f"Basic {data.decode('latin-1')}")


async def _feed(data: bytes) -> None:
    loop = asyncio.get_running_loop()
    failures: list[MutableMapping[str, Any]] = []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    state = ServerState()
    closed: list[HttpConnection] = []
    connection = HttpConnection(uvicorn_config(_app(), _LIMITS), state, _LIMITS, lambda opened: True, closed.append)
    transport = _Nowhere()
    connection.connection_made(transport)
    pieces = max(1, data[0]) if data else 1
    rest = data[1:]
    step = max(1, -(-len(rest) // pieces))
    for start in range(0, len(rest), step):
        connection.data_received(rest[start : start + step])
        await asyncio.sleep(0)
    await _quiet(connection, state, transport)
    connection.connection_lost(None)
    await asyncio.sleep(0)
    for task in tuple(state.tasks):
        task.cancel()
    await asyncio.gather(*state.tasks, return_exceptions=True)
    assert not failures, failures
    assert closed == [connection]
    assert not transport.written or transport.written.startswith(b"HTTP/1.1 ")


async def _quiet(connection: HttpConnection, state: ServerState, transport: _Nowhere) -> None:
    """Lets the application go on as far as it can; it may wait for octets that never come."""
    for _ in range(30):
        await asyncio.sleep(0)
        assert len(connection.pipeline) <= _LIMITS.pipelined
        if transport.is_closing() or not state.tasks:
            return
