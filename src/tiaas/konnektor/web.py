"""HTTP/1.1 from an instance to services of the TI: OCSP forwarder, download points of lists.

Connections are the instance's own (`Network`), kept open between requests and bounded in number; an answer is bounded
in size and time. One request at a time on a connection. With TLS the server is judged before anything is sent, and
each request has a connection of its own, so that a judgement is never an old one.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field
from typing import cast
from urllib.parse import urlsplit

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.konnektor.config import BadInstanceConfig
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.network import Network
from tiaas.konnektor.servercheck import client_context
from tiaas.soap.httpanswer import AnswerReader, BadHttp, HttpAnswer, TooLarge, write_http_request

_CONNECTIONS = 8
_PORTS = {"http": 80, "https": 443}

ServerJudge = Callable[[bytes, str], Awaitable[object]]
"""Judges the certificate (DER) that a host showed. Raises `KonnektorError`."""


class NoAnswer(TiaasError):
    """There is no usable answer: no connection, no octet in time, no HTTP, too large; says which."""


class NotInTime(NoAnswer):
    """Nothing that was awaited of the server came in time: connection, answer."""


class NoTurn(NoAnswer):
    """All connections were in use all the time; the server was not asked."""


class NotConnected(NoAnswer):
    """No connection came about."""


class AnswerTooLarge(NoAnswer):
    """The answer is larger than what is taken."""


class ServerRefused(NoAnswer):
    """TLS failed, or the server is none that is trusted. `error` is the judge's, None if it came to no judgement."""

    def __init__(self, reason: str, error: KonnektorError | None = None) -> None:
        super().__init__(reason)
        self.error = error


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection goes."""

    host: str
    port: int
    scheme: str = "http"

    @property
    def authority(self) -> str:
        """As in the field Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class WebRequest:
    """A request to `origin`; `target` is what stands in the request line: a path, or a whole URL for a proxy."""

    method: str
    origin: Origin
    target: str
    host: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def encode(self) -> bytes:
        """The octets of the request."""
        return write_http_request(self.method, self.target, (("Host", self.host), *self.headers.items()), self.body)


def split_http_url(url: str) -> tuple[Origin, str]:
    """Origin and path (with query) of an `http` URL. Raises `BadInstanceConfig`."""
    return split_web_url(url, ("http",))


def split_web_url(url: str, schemes: Sequence[str] = tuple(_PORTS)) -> tuple[Origin, str]:
    """The same for a URL of one of the schemes. Raises `BadInstanceConfig`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadInstanceConfig(f"{url!r} is no URL") from None
    usable = parts.scheme in schemes and parts.hostname and parts.username is None
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise BadInstanceConfig(f"{url!r} is no {' or '.join(schemes)} URL with a host")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Origin(cast(str, parts.hostname), port or _PORTS[parts.scheme], parts.scheme), path


class WebClient:
    """The instance's connections. `connections` bounds how many requests are under way at once; others wait."""

    def __init__(self, network: Network, connections: int = _CONNECTIONS) -> None:
        self._network = network
        self._slots = asyncio.Semaphore(connections)
        self._idle: dict[Origin, list[_Connection]] = {}

    async def fetch(self, request: WebRequest, wait: float, most: int, judge: ServerJudge | None = None) -> HttpAnswer:
        """Sends a request and waits up to `wait` seconds, in the queue and in all, for at most `most` octets of body.

        `judge` is needed for an origin with TLS. Raises only `NoAnswer`, of it `NotInTime` and `NoTurn` after the wait
        and `ServerRefused` where TLS or the judge is the reason. A kept connection that turns out to be closed is
        replaced once.
        """
        has_turn = False
        try:
            async with asyncio.timeout(wait), self._slots:
                has_turn = True
                if request.origin.scheme == "https":
                    return await self._fetch_tls(request, most, judge)
                return await self._fetch(request, most)
        except TimeoutError:
            if not has_turn:
                raise NoTurn(f"no connection was free within {wait:g} s") from None
            raise NotInTime(f"no answer within {wait:g} s") from None
        except OSError as error:
            raise NotConnected(f"no connection ({type(error).__name__})") from None

    async def _fetch(self, request: WebRequest, most: int) -> HttpAnswer:
        kept = self._kept(request.origin)
        if kept is not None:
            try:
                return await self._exchange(kept, request, most)
            except _Closed:
                pass
        transport = await self._network.open(request.origin.host, request.origin.port, None, _Connection)
        fresh = cast(_Connection, cast(asyncio.Transport, transport).get_protocol())
        try:
            return await self._exchange(fresh, request, most)
        except _Closed:
            raise NoAnswer("the connection was closed before an answer") from None

    async def _fetch_tls(self, request: WebRequest, most: int, judge: ServerJudge | None) -> HttpAnswer:
        if judge is None:
            raise NoAnswer("nobody judges TLS servers here")
        origin = request.origin
        try:
            transport = await self._network.open(origin.host, origin.port, client_context(), _Connection)
        except (ssl.SSLError, ConnectionResetError, ConnectionAbortedError) as error:
            # The last two come after TCP stood: a server may end a handshake without a word.
            raise ServerRefused(f"TLS failed ({getattr(error, 'reason', None) or type(error).__name__})") from None
        connection = cast(_Connection, cast(asyncio.Transport, transport).get_protocol())
        try:
            await judge(transport.get_extra_info("ssl_object").getpeercert(binary_form=True) or b"", origin.host)
            return await connection.exchange(request.encode(), most)
        except KonnektorError as error:
            raise ServerRefused(error.detail, error) from error
        except _Closed:
            raise NoAnswer("the connection was closed before an answer") from None
        finally:
            connection.abort()

    async def _exchange(self, connection: "_Connection", request: WebRequest, most: int) -> HttpAnswer:
        try:
            answer = await connection.exchange(request.encode(), most)
        except BaseException:
            connection.abort()
            raise
        if connection.reusable:
            self._idle.setdefault(request.origin, []).append(connection)
        else:
            connection.abort()
        return answer

    def _kept(self, origin: Origin) -> "_Connection | None":
        idle = self._idle.get(origin, [])
        while idle:
            connection = idle.pop()
            if connection.reusable:
                return connection
        return None

    def close(self) -> None:
        """Closes what is kept open."""
        for connections in self._idle.values():
            for connection in connections:
                connection.abort()
        self._idle.clear()


class _Closed(Exception):
    """The peer closed the connection before it sent anything of an answer."""


class _Connection(asyncio.Protocol):
    """One connection; `exchange` is awaited to its end before it is called again."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[HttpAnswer] | None = None
        self._closed = False
        self._keep_alive = False
        self._reader = AnswerReader(0)

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        return self._keep_alive and not self._closed

    async def exchange(self, octets: bytes, most: int) -> HttpAnswer:
        """Sends a request and waits for its answer. Raises `NoAnswer`, `_Closed`."""
        if self._transport is None or self._closed:
            raise _Closed
        self._keep_alive = False
        self._reader = AnswerReader(most)
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(octets)
        return await self._answered

    def abort(self) -> None:
        """Ends the connection at once."""
        self._closed = True
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, error: Exception) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)
        self.abort()

    # ---- called by the event loop ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._answered is None or self._answered.done():
            # Nobody asked: such a connection must not serve the next request.
            self.abort()
            return
        try:
            answer = self._reader.feed_untrusted(data)
        except TooLarge as error:
            self._fail(AnswerTooLarge(str(error)))
            return
        except BadHttp as error:
            self._fail(NoAnswer(str(error)))
            return
        if answer is not None:
            self._keep_alive = answer.keep_alive
            self._answered.set_result(answer)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed = True
        if self._answered is None or self._answered.done():
            return
        self._fail(NoAnswer("the connection ended within the answer") if self._reader.begun else _Closed())
