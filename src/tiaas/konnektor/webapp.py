"""The ASGI application of one instance: connector.sds, the service endpoints and nothing else.

Sources: gemSpec_Kon V5.18 §3.4.1 (authentication), §3.5 (service directory); SOAP 1.1 and WS-I Basic Profile 1.2 over
HTTP/1.1; what clients in the field send. A body is read up to the endpoint's limit; what is longer is refused without
being kept. The application never raises: what goes wrong inside an operation is a fault of the dispatcher's.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import field
from typing import Any, Protocol

from tiaas.base.dataclass import dataclass
from tiaas.base.heavy import LARGE, OWNER, read_beside
from tiaas.base.slices import SLICE
from tiaas.base.unlocked import make_ready, room
from tiaas.konnektor.config import MEBIBYTE, Variant
from tiaas.konnektor.gate import Gate
from tiaas.konnektor.largebodies import TURNS, LargeBodies, Place
from tiaas.konnektor.peer import Peer
from tiaas.soap.reply import SoapReply

_log = logging.getLogger("tiaas.konnektor.http")

SDS_PATH = "/connector.sds"
_IN_CHUNKS = 32 * MEBIBYTE
_AHEAD = 4 * MEBIBYTE
_FIRST_AHEAD = MEBIBYTE // 4
_SENT_OCTETS = 12 * 1024
"""What is encrypted and sent of a large answer at once: with 24 KiB the p99 of others was a third higher; a multiple
of 3."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]
Fields = Mapping[bytes, bytes]

_TEXT: Headers = ((b"content-type", b"text/plain; charset=utf-8"),)
_CLOSE: Headers = ((b"connection", b"close"),)


@dataclass(frozen=True, slots=True)
class Linger:
    """How long, and how much, a refused body is taken and thrown away."""

    seconds: float
    octets: int


_BRIEF = Linger(2.0, 4 * MEBIBYTE)
_PATIENT = Linger(30.0, 256 * MEBIBYTE)
"""For documents: most clients read the fault when they have sent all."""


class SoapHandler(Protocol):
    """A `Dispatcher`."""

    async def handle(
        self, body: bytes | bytearray, content_type: str | None, peer: object, accept: str | None = None
    ) -> SoapReply:
        """Serves one SOAP request."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What stands behind a path: a dispatcher, the name for a health check, the largest body in octets.

    `too_long` makes the fault for a longer one; without, it is refused in HTTP (413).
    """

    name: str
    handler: SoapHandler
    body_octets: int
    too_long: Callable[[], SoapReply] | None = None


class TooLong(Exception):
    """The body exceeds its limit."""


class Gone(Exception):
    """The client left before its request was complete."""


@dataclass(frozen=True, slots=True)
class WebApp:
    """Serves an instance. `directory` makes the connector.sds for a `Host` header and a local address."""

    gate: Gate
    endpoints: Mapping[str, Endpoint]
    directory: Callable[[str | None, tuple[str, int]], bytes]
    may_list: Callable[[], bool] = lambda: True
    """Whether the service directory may be given out in the present operating state."""
    large: LargeBodies = field(default_factory=LargeBodies)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        try:
            await self._served(scope, receive, send)
        except Gone:
            return
        except Exception as error:  # noqa: BLE001 - the last border; a traceback may hold personal data
            _log.error("a request failed outside the dispatcher", extra={"kind": type(error).__name__})
            await _reply(send, 500, b"internal error\n", _TEXT + _CLOSE)

    def _served(self, scope: Message, receive: Receive, send: Send) -> Awaitable[None]:
        path, method = scope["path"], scope["method"]
        is_plain = scope["scheme"] == "http"
        if path == SDS_PATH:
            return self._serve_directory(scope, send, is_plain=is_plain)
        if is_plain and self.gate.access.tls_mandatory:
            return _reply(send, 403, b"TLS is mandatory\n", _TEXT + _CLOSE)
        endpoint = self.endpoints.get(path)
        if endpoint is None:
            return _reply(send, 404, b"no such service\n", _TEXT)
        if method in ("GET", "HEAD"):
            # Load balancers and clients ask whether a service is there; it says so to whoever may connect.
            return _reply(send, 200, f"{endpoint.name}\n".encode(), _TEXT)
        if method != "POST":
            return _reply(send, 405, b"POST a SOAP message\n", (*_TEXT, (b"allow", b"GET, HEAD, POST")))
        return self._serve_soap(endpoint, scope, receive, send)

    async def _serve_directory(self, scope: Message, send: Send, *, is_plain: bool) -> None:
        access = self.gate.access
        fields: Fields = dict(scope["headers"])
        if scope["method"] not in ("GET", "HEAD"):
            await _reply(send, 405, b"GET the service directory\n", (*_TEXT, (b"allow", b"GET, HEAD")))
        elif is_plain and access.tls_mandatory and not access.directory_open:
            await _reply(send, 403, b"TLS is mandatory\n", _TEXT + _CLOSE)
        elif not access.directory_open and await self._peer(scope, fields) is None:
            await self._deny(scope, send)
        elif not self.may_list():
            await _reply(send, 503, b"the Konnektor is in a critical operating state (4002)\n", _TEXT)
        else:
            server = scope["server"]
            document = self.directory(_text(fields, b"host"), (str(server[0]), int(server[1])))
            await _reply(send, 200, document, ((b"content-type", b"text/xml; charset=utf-8"),))

    async def _serve_soap(self, endpoint: Endpoint, scope: Message, receive: Receive, send: Send) -> None:
        fields: Fields = dict(scope["headers"])
        encoding = fields.get(b"content-encoding")
        if encoding is not None and encoding.lower() != b"identity":
            await refuse_body(send, receive, 415, b"send the message without Content-Encoding\n")
            return
        peer = await self._peer(scope, fields)
        if peer is None:
            await self._deny(scope, send)
            return
        OWNER.set(self.large)
        size = _announced(fields, endpoint.body_octets)
        try:
            # The body is the handler's alone, so that it can let go of it.
            if size < LARGE:
                body = read_body(fields, receive, endpoint.body_octets)
                await _send_soap(send, await _handled(endpoint, fields, peer, await body))
                return
            with self.large.place(size) as place:
                body = read_body(fields, receive, endpoint.body_octets, place)
                await _send_soap(send, await _handled(endpoint, fields, peer, await body))
        except TooLong:
            if endpoint.too_long is not None:
                fault = endpoint.too_long()
                head = ((b"content-type", fault.content_type.encode()), *_CLOSE)
                await refuse_body(send, receive, fault.status, fault.body, head, _PATIENT)
                return
            text = f"a message has {endpoint.body_octets} octets at most\n"
            await refuse_body(send, receive, 413, text.encode())

    async def _deny(self, scope: Message, send: Send) -> None:
        """401 where a password can help, 403 where only a certificate can."""
        with_password = self.gate.access.variant is Variant.PASSWORD
        reason = "user or password missing or wrong" if with_password else "no accepted client certificate"
        self.gate.refused(reason, (scope.get("client") or ("", 0))[0])
        if with_password:
            challenge = (b"www-authenticate", b'Basic realm="Konnektor", charset="UTF-8"')
            await _reply(send, 401, b"authentication is mandatory\n", (*_TEXT, challenge))
        else:
            await _reply(send, 403, b"a client certificate is mandatory\n", _TEXT + _CLOSE)

    async def _peer(self, scope: Message, fields: Fields) -> Peer | None:
        tls = scope.get("extensions", {}).get("tls", {})
        client = scope.get("client") or ("", 0)
        fingerprint = tls.get("client_cert_sha256")
        # Without a password to check there is nothing to wait for, and this runs for every request.
        if self.gate.access.variant is not Variant.PASSWORD:
            return self.gate.known_peer(fingerprint, client[0])
        return await self.gate.peer(_text(fields, b"authorization"), client[0])


def _text(fields: Fields, name: bytes) -> str | None:
    """A field's value; names reach us in lower case, of several fields with one name the last is taken."""
    value = fields.get(name)
    return None if value is None else value.decode("latin-1").strip()


async def read_body(fields: Fields, receive: Receive, limit: int, place: Place | None = None) -> bytes | bytearray:
    """The whole body; of a large one no more is read than there is room at its place. Raises `TooLong`, before reading
    anything if the length is announced, and `Gone`."""
    announced = fields.get(b"content-length")
    size = int(announced) if announced is not None and announced.isdigit() else 0
    if size > limit:
        raise TooLong
    if size >= LARGE:
        return await _large_body(size, receive, place)
    whole: bytearray | None = None
    while True:
        part, is_last = _part(await receive())
        if len(part) + (0 if whole is None else len(whole)) > limit:
            raise TooLong
        if whole is None and is_last:
            return part
        # Grown in place: parts and their sum side by side would be twice the memory.
        whole = bytearray() if whole is None else whole
        whole += part
        if place is not None:
            place.came = len(whole)
            await place.keep(len(whole))
        if is_last:
            if place is not None:
                place.end()
            return whole
        if len(whole) >= LARGE:
            await TURNS.mine()


async def _large_body(size: int, receive: Receive, place: Place | None) -> bytearray:
    """A body of the size that was announced. Its memory is made in a thread, a little before it is needed: who
    announces much and sends nothing takes none, and who sends little takes little. Raises `Gone`."""
    part, is_last = _part(await receive())
    if place is not None:
        await place.keep(0)
    whole, at, ready = room(size), 0, 0
    with memoryview(whole) as view:
        while True:
            end = at + len(part)
            if end > ready:
                ready = min(end + (_AHEAD if at else _FIRST_AHEAD), size)
                if place is not None:
                    await place.keep(ready)
                await read_beside(make_ready, view[at:ready])
            # The parser gives no more than was announced.
            view[at:end] = part
            at = end
            if place is not None:
                place.came = at
            if is_last:
                break
            await TURNS.mine()
            part, is_last = _part(await receive())
    if place is not None:
        place.end()
    if at < size:
        raise Gone
    return whole


def _part(message: Message) -> tuple[bytes, bool]:
    """The next part, and whether it is the last. Raises `Gone`."""
    if message["type"] != "http.request":
        raise Gone
    return message.get("body", b""), not message.get("more_body", False)


def _announced(fields: Fields, limit: int) -> int:
    """How large a body will be: what it says, at most what is taken; one in chunks (Axis) does not say."""
    length = fields.get(b"content-length", b"")
    if length.isdigit():
        return min(int(length), limit)
    return min(limit, _IN_CHUNKS) if b"transfer-encoding" in fields else 0


def _handled(endpoint: Endpoint, fields: Fields, peer: Peer, body: bytes | bytearray) -> Awaitable[SoapReply]:
    accept = _text(fields, b"accept") if b"accept" in fields else None
    return endpoint.handler.handle(body, _text(fields, b"content-type"), peer, accept)


async def _send_soap(send: Send, reply: SoapReply) -> None:
    first = reply.pieces[0]
    whole = first if len(reply.pieces) == 1 and type(first) is bytes else None
    size = reply.size if whole is None else len(whole)
    head = [(b"content-type", reply.content_type.encode()), (b"content-length", b"%d" % size)]
    await send({"type": "http.response.start", "status": reply.status, "headers": head})
    if whole is not None:
        await send({"type": "http.response.body", "body": whole})
        return
    is_large = size >= LARGE
    for part in reply.slices(_SENT_OCTETS if is_large else SLICE):
        if is_large:
            await TURNS.mine()
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _reply(send: Send, status: int, body: bytes, headers: Headers) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def refuse_body(
    send: Send,
    receive: Receive,
    status: int,
    text: bytes,
    headers: Headers = (*_TEXT, *_CLOSE),
    linger: Linger = _BRIEF,
) -> None:
    """Answers while the body is still coming, then throws away a bounded rest of it.

    Closing at once would make the client's TCP drop the answer when its next octets meet a closed socket.
    """
    length = (b"content-length", str(len(text)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": text, "more_body": True})
    thrown = 0
    try:
        async with asyncio.timeout(linger.seconds):
            while thrown < linger.octets:
                message = await receive()
                if thrown >= LARGE:
                    await TURNS.mine()
                thrown += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    break
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})
