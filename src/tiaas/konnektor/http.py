"""HTTP/1.1 on one connection: uvicorn's httptools protocol with bounds, deadlines and the client's certificate.

uvicorn trusts its callers with time and size; a Konnektor must not. Added here: one deadline for receiving a whole
request (it also ends a connection that sends nothing), a bound on the request's head, on the requests that wait for
those before them (pipelining; what else comes is read when one is answered) and on the time a client takes to read an
answer, and `scope["extensions"]["tls"]` (ASGI TLS extension), which no server fills.
The body's size is the application's business (`webapp.py`): no more than two portions of it are buffered here.

This reads internals of uvicorn: its version is pinned, `tests/unit/konnektor_front/test_http.py` notices a change.
"""

import asyncio
import hashlib
import logging
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httptools
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from tiaas.konnektor.config import Limits

_log = logging.getLogger("tiaas.konnektor.http")

_ARRIVING_OCTETS = 16 * 1024
"""What is taken from a connection before all others have their turn: a record of TLS."""
_UNREAD_OCTETS = 16 * 1024
"""How much of a body waits for the application before the connection is read no further: of a large one it takes a
portion in its turn, and no more than that is decrypted for it meanwhile."""
_VERSION = b"HTTP/"
"""Stands in the first line of every request, so that no more of them come than there are of these."""
_SHORTEST_OCTETS = 16
"""No head of a request is shorter, so that no more of them end in octets than these have room for."""
_WASTE_OCTETS = 1024 * 1024
"""How much of bodies nobody asked for (404, 401) a connection may send before it is closed."""

_REASONS = {
    400: b"Bad Request",
    408: b"Request Timeout",
    431: b"Request Header Fields Too Large",
    503: b"Service Unavailable",
}


def uvicorn_config(app: Any, limits: Limits) -> Config:
    """What uvicorn's protocol needs to know; nothing of it opens a socket or configures logging."""
    config = Config(
        _ending(app),
        http=HttpToolsProtocol,
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=limits.keep_alive_seconds,
    )
    config.load()
    return config


def _ending(app: ASGIApp) -> ASGIApp:
    """`app`, which answers 503 if it is cancelled: the door closes, and the client has waited too long for that.

    To uvicorn a cancelled application is a defect with a traceback.
    """

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            # On a connection that has ended, as it has when a door closes, this goes nowhere; an answer that has begun
            # is left as it is.
            with suppress(RuntimeError):
                await send({"type": "http.response.start", "status": 503, "headers": [(b"connection", b"close")]})
                await send({"type": "http.response.body", "body": b""})

    return call


class _MeasuredFlow(FlowControl):
    """Knows how long the application left its buffer full; nothing resumes the reading while it is on `hold`."""

    def __init__(self, transport: asyncio.Transport, now: Callable[[], float]) -> None:
        super().__init__(transport)
        self._is_held = False
        self._now = now
        self._waited = 0.0
        self._since = 0.0

    def pause_reading(self) -> None:
        """See `FlowControl`."""
        if not self.read_paused:
            self._since = self._now()
        super().pause_reading()

    def resume_reading(self) -> None:
        """See `FlowControl`."""
        if self._is_held:
            return
        if self.read_paused:
            self._waited += self._now() - self._since
        super().resume_reading()

    def hold(self, is_on: bool) -> None:
        """Pauses the reading until it is told otherwise."""
        was_on, self._is_held = self._is_held, is_on
        if is_on:
            self.pause_reading()
        elif was_on:
            self.resume_reading()

    def take_kept_waiting(self) -> float:
        """The seconds since this was asked last."""
        now = self._now()
        if self.read_paused:
            self._waited, self._since = self._waited + now - self._since, now
        waited, self._waited = self._waited, 0.0
        return waited


class _Arriving(threading.local):
    """Where octets arrive: one buffer for all connections, because it is emptied as soon as it was filled."""

    def __init__(self) -> None:
        self.octets = memoryview(bytearray(_ARRIVING_OCTETS))


_ARRIVING = _Arriving()


class Portioned(asyncio.BufferedProtocol):
    """Gives `connection` what arrives in portions; a protocol without a buffer of its own gets 16 times as much."""

    def __init__(self, connection: asyncio.Protocol) -> None:
        self.connection = connection
        self.connection_made = connection.connection_made  # type: ignore[method-assign]
        self.connection_lost = connection.connection_lost  # type: ignore[method-assign]
        self.pause_writing = connection.pause_writing  # type: ignore[method-assign]
        self.resume_writing = connection.resume_writing  # type: ignore[method-assign]
        self.eof_received = connection.eof_received  # type: ignore[method-assign]

    def get_buffer(self, sizehint: int) -> memoryview:
        """See `asyncio.BufferedProtocol`."""
        return _ARRIVING.octets

    def buffer_updated(self, nbytes: int) -> None:
        """See `asyncio.BufferedProtocol`."""
        self.connection.data_received(bytes(_ARRIVING.octets[:nbytes]))


class HttpConnection(HttpToolsProtocol):
    """One connection of a client.

    `on_open` is called when TLS stands and may refuse the connection by returning False; `on_closed` is called exactly
    once for a connection that was opened.
    """

    def __init__(
        self,
        config: Config,
        state: ServerState,
        limits: Limits,
        on_open: Callable[["HttpConnection"], bool],
        on_closed: Callable[["HttpConnection"], None],
    ) -> None:
        super().__init__(config, state, {}, asyncio.get_running_loop())
        self.logger = _log
        self.access_log = False
        self.limits = limits
        self.certificate_fingerprint: str | None = None
        self._tls: dict[object, object] | None = None
        self._on_open = on_open
        self._on_closed = on_closed
        self._measured: _MeasuredFlow | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None
        self._in_message = False
        self._in_head = False
        self._head_octets = 0
        self._wasted = 0
        self._is_replaying = False
        self._held = b""

    # ---- asyncio -------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = self._measured = _MeasuredFlow(transport, self.loop.time)
        session = transport.get_extra_info("ssl_object")
        if session is not None:
            self._read_tls(session)
        self._arm_deadline()
        if not self._on_open(self):
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_deadline()
        self._cancel_write_deadline()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        self._on_closed(self)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._is_idle() and self._deadline is None:
            self._arm_deadline()
        self._unset_keepalive_if_required()
        if self._held or len(self.pipeline) + data.count(_VERSION) >= self.limits.pipelined:
            self._take_bounded(data)
        else:
            self._take(data)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._write_deadline is None:
            self._write_deadline = self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._cancel_write_deadline()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        # A client that has not read its answer by now would keep the connection for ever.
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    # ---- parser --------------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._is_replaying:
            return
        super().on_message_begin()
        self._in_message = self._in_head = True
        self._head_octets = 0
        if self._deadline is None:
            self._arm_deadline()
        if self._tls is not None:
            self.scope["extensions"] = {"tls": self._tls}

    def on_url(self, url: bytes) -> None:
        if self._is_replaying:
            return
        self._head_octets += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        # Called for trailers of a chunked body too; they are dropped like unknown header fields.
        if self._in_head:
            self._head_octets += len(name) + len(value)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._is_replaying:
            self._is_replaying = False
            return
        self._in_head = False
        if self.transport.is_closing():
            return
        if self._head_octets > self.limits.head_octets:
            self.refuse(431)
        elif len(self.pipeline) >= self.limits.pipelined:
            self.refuse(503)
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._is_idle():
            self._wasted += len(body)
            if self._wasted > _WASTE_OCTETS:
                self.transport.close()
        else:
            super().on_body(body)
            if len(self.cycle.body) >= _UNREAD_OCTETS:
                self.flow.pause_reading()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._held:
            self._take_bounded(b"")

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade() and self._framing() is not None:
            return
        self._in_message = False
        self._cancel_deadline()
        if not self.transport.is_closing():
            super().on_message_complete()
            # While the call is served nobody takes from the connection, whose end has to be noticed all the same.
            self.flow.resume_reading()

    # ---- ours ----------------------------------------------------------------------------------------------------

    def is_quiet(self) -> bool:
        """Whether no call is under way and no answer is going out, so that its end costs nobody anything."""
        if self.transport.is_closing():
            return True
        return self._is_idle() and not self.transport.get_write_buffer_size()

    def refuse(self, status: int) -> None:
        """Answers with an empty response, if no other answer is under way, and closes the connection.

        Nothing happens when it is closed: twice would be too often for TLS, which then cannot be aborted any more.
        """
        if self.transport.is_closing():
            return
        cycle = self._current()
        if cycle is None or cycle.response_complete or not (cycle.response_started or self.pipeline):
            head = b"HTTP/1.1 %d %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(head % (status, _REASONS[status]))
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()

    def _current(self) -> RequestResponseCycle | None:
        """The newest request; uvicorn's annotation leaves out that there is none at first."""
        return self.cycle

    def _is_idle(self) -> bool:
        cycle = self._current()
        return cycle is None or cycle.response_complete

    def _take(self, data: bytes) -> None:
        head_was_open = self._in_head
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self.refuse(400)
        else:
            self._check_head(len(data), head_was_open)

    def _take_bounded(self, data: bytes) -> None:
        """Takes octets that may be many requests, as far as these have room. The rest is held, and nothing more is read
        from the connection, until one is answered."""
        held, self._held, at = self._held + data, b"", 0
        while at < len(held) and not self.transport.is_closing():
            room = self.limits.pipelined - len(self.pipeline)
            if room <= 0:
                self._held = held[at:]
                break
            # The head of one request ends in it at most, or it has room for no more heads than may come; a body may be
            # full of what looks like versions.
            version = held.find(_VERSION, at)
            end = max(version + len(_VERSION) if version >= 0 else len(held), at + room * _SHORTEST_OCTETS)
            self._take(held[at:end])
            at = end
        if self._measured is not None:
            self._measured.hold(bool(self._held))

    def _feed(self, data: bytes) -> None:
        """Parses, also past requests that offer to change the protocol (h2c, as Java's client does over plain HTTP).

        We do not take the offer, but httptools ends such a request without its body. A second parser that has seen a
        head with the same framing reads it.
        """
        while not self.transport.is_closing():
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                data = data[offer.args[0] :]
                framing = self._framing()
                if framing is not None:
                    self.parser = httptools.HttpRequestParser(self)
                    self._is_replaying = True
                    self.parser.feed_data(b"POST / HTTP/1.1\r\n%s: %s\r\n\r\n" % framing)
            else:
                return

    def _framing(self) -> tuple[bytes, bytes] | None:
        """The field that says how long the newest request's body is, None if it has none."""
        for name, value in self.headers:
            if name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0")):
                return name, value
        return None

    def _check_head(self, size: int, was_open: bool) -> None:
        """Counts octets of a head that ends in none of them; without this a field could grow for ever."""
        if self._in_head and was_open:
            self._head_octets += size
            if self._head_octets > self.limits.head_octets:
                self.refuse(431)

    def _read_tls(self, session: ssl.SSLObject) -> None:
        certificate = session.getpeercert(binary_form=True)
        cipher = session.cipher()
        self._tls = {
            "server_cert": None,
            "client_cert_chain": [] if certificate is None else [ssl.DER_cert_to_PEM_cert(certificate)],
            "client_cert_name": None,
            "client_cert_error": None,
            "tls_version": 0x0304 if session.version() == "TLSv1.3" else 0x0303,
            "cipher_suite": cipher[0] if cipher else None,
        }
        if certificate is not None:
            self.certificate_fingerprint = hashlib.sha256(certificate).hexdigest()
            self._tls["client_cert_sha256"] = self.certificate_fingerprint

    def _arm_deadline(self) -> None:
        if self._measured is not None:
            self._measured.take_kept_waiting()
        self._deadline = self.loop.call_later(self.limits.request_seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        ours = self._kept_waiting()
        if self._in_message and ours > 0:
            self._deadline = self.loop.call_later(ours, self._too_slow)
        elif self._in_message:
            _log.info("a request did not arrive in time")
            self.refuse(408)
        else:
            self.transport.close()

    def _kept_waiting(self) -> float:
        """For how many seconds of its deadline a request was not read, because others had to be done before."""
        cycle = self._current()
        if self._measured is None or cycle is None or cycle.response_started:
            return 0.0
        return self._measured.take_kept_waiting()

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cancel_write_deadline(self) -> None:
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None
