"""The JSON interface of a node's instances, for a portal or a monitor (`docs/reference/status-interface.md`).

    GET /instances                   the instances that serve
    GET /instances/{name}            everything of one, with an ETag
    GET /instances/{name}/events     server-sent events: `event` and `changed`

It reads and never changes anything. Who asks shows a bearer token; the composition root lets it listen on a loopback
address only. Every instance has a bounded number of streams; who does not read is dropped.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from hmac import compare_digest
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tiaas.base.secret import Secret
from tiaas.konnektor.eventfeed import Changed, EventFeed, EventStream, SeenEvent, TooManyStreams
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.statusview import VERSION, event_document, instance_document, summary_document

_log = logging.getLogger("tiaas.konnektor.status")

TOKEN_OCTETS = 32
HEARTBEAT_SECONDS = 15.0
"""A comment after so much silence, so that a watcher that is gone is noticed."""
SEND_SECONDS = 10.0
"""A watcher that takes longer to take a message is dropped."""

Handler = Callable[[Request], Awaitable[Response]]


def status_app(instances: Callable[[], Mapping[str, Instance]], token: Secret) -> ASGIApp:
    """The application; `instances` gives those that serve at the moment."""
    routes = [
        Route("/instances", _list(instances), methods=["GET"]),
        Route("/instances/{name}", _one(instances), methods=["GET"]),
        Route("/instances/{name}/events", _events(instances), methods=["GET"]),
    ]
    handlers: dict[Any, Any] = {HTTPException: _on_http_error}
    return Starlette(routes=routes, exception_handlers=handlers, middleware=[Middleware(_Bearer, token=token)])


class _Bearer:
    """Refuses requests without the token (RFC 6750)."""

    def __init__(self, app: ASGIApp, token: Secret) -> None:
        self._app = app
        self._wanted = b"Bearer " + token.reveal()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            shown = dict(scope["headers"]).get(b"authorization", b"")
            if not compare_digest(shown, self._wanted):
                refusal = JSONResponse({"error": "no valid token"}, 401, {"WWW-Authenticate": "Bearer"})
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _list(instances: Callable[[], Mapping[str, Instance]]) -> Handler:
    async def handle(request: Request) -> Response:
        shown = [summary_document(instance) for _, instance in sorted(instances().items())]
        return _tagged(request, {"version": VERSION, "instances": shown})

    return handle


def _one(instances: Callable[[], Mapping[str, Instance]]) -> Handler:
    async def handle(request: Request) -> Response:
        return _tagged(request, instance_document(_of(instances(), request)))

    return handle


def _events(instances: Callable[[], Mapping[str, Instance]]) -> Handler:
    async def handle(request: Request) -> Response:
        feed = _of(instances(), request).feed
        try:
            stream = feed.open()
        except TooManyStreams:
            return JSONResponse({"error": "too many streams are open"}, 503, {"Retry-After": "5"})
        return _Stream(feed, stream)

    return handle


class _Stream(StreamingResponse):
    """The response that lasts; however it ends, the feed is told."""

    def __init__(self, feed: EventFeed, stream: EventStream) -> None:
        self._feed = feed
        self._stream = stream
        super().__init__(_frames(stream), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def bounded(message: Message) -> None:
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)

        try:
            await super().__call__(scope, receive, bounded)
        except* TimeoutError:
            _log.info("status stream dropped", extra={"reason": "it is not read"})
        finally:
            self._feed.leave(self._stream)


async def _frames(stream: EventStream) -> AsyncIterator[bytes]:
    """The stream as `text/event-stream` (HTML Living Standard §9.2)."""
    yield b"retry: 2000\n\n"
    async with aclosing(stream.items()) as items:
        following = asyncio.ensure_future(anext(items, None))
        try:
            while True:
                done, _ = await asyncio.wait({following}, timeout=HEARTBEAT_SECONDS)
                if not done:
                    yield b": still here\n\n"
                    continue
                item = following.result()
                if item is None:
                    return
                yield _frame(item)
                following = asyncio.ensure_future(anext(items, None))
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def _frame(item: SeenEvent | Changed) -> bytes:
    if isinstance(item, Changed):
        return b"event: changed\ndata: {}\n\n"
    document = json.dumps(event_document(item), ensure_ascii=False)
    return f"event: event\nid: {item.number}\ndata: {document}\n\n".encode()


def _of(instances: Mapping[str, Instance], request: Request) -> Instance:
    instance = instances.get(request.path_params["name"])
    if instance is None:
        raise HTTPException(404, "no such instance serves here")
    return instance


def _tagged(request: Request, document: dict[str, Any]) -> Response:
    """The document, or 304 if the caller has it already."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


async def _on_http_error(request: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)
