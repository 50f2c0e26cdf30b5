"""HTTP servers of the lab: uvicorn inside the lab's event loop, plain or with TLS and client certificates.

A request's scope has what a simulated service needs beyond ASGI: `connection(scope)`.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Generator
from typing import Any, cast

from starlette.types import ASGIApp, Scope
from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tiaas.base.dataclass import dataclass

_POLL_SECONDS = 0.005
_GRACE_SECONDS = 2
_CONNECTIONS = 256
_EXTENSION = "tiaas.lab"


@dataclass(frozen=True, slots=True)
class LabConnection:
    """The connection of a request: `abort` ends it without an answer, `client_certificate` is DER or None."""

    abort: Callable[[], None]
    client_certificate: bytes | None


def connection(scope: Scope) -> LabConnection:
    """The connection a request came on. Raises `KeyError` under another server than `LabServer`."""
    return cast(LabConnection, scope["extensions"][_EXTENSION])


class _Protocol(HttpToolsProtocol):
    """Adds `LabConnection` to each scope."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        session: ssl.SSLObject | None = self.transport.get_extra_info("ssl_object")
        certificate = session.getpeercert(binary_form=True) if session is not None else None
        scope = cast(dict[str, Any], self.scope)
        scope["extensions"] = {_EXTENSION: LabConnection(self.transport.abort, certificate)}

    def shutdown(self) -> None:
        cycle = cast(RequestResponseCycle | None, self.cycle)
        if cycle is None or cycle.response_complete:
            # A TLS client that is gone, or does not read, never answers a close.
            self.transport.abort()
        else:
            super().shutdown()


class _QuietServer(Server):
    """A uvicorn server that leaves signals to the process it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class LabServer:
    """One HTTP server for `app`; with `tls` it speaks HTTPS."""

    def __init__(self, app: ASGIApp, name: str, tls: ssl.SSLContext | None = None) -> None:
        config = Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        # uvicorn makes contexts from files only; ours is put where its own would be.
        config.load()
        config.ssl = tls
        self._name = name
        self._server = _QuietServer(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> None:
        """Listens; returns when it serves. Raises `OSError`."""
        listener = socket.create_server((host, port))
        listener.setblocking(False)
        self._task = asyncio.create_task(self._server.serve([listener]), name=self._name)
        while not self._server.started:
            if self._task.done():
                await self._task
            await asyncio.sleep(_POLL_SECONDS)

    async def stop(self) -> None:
        """Stops listening and ends what is under way within two seconds."""
        if self._task is not None:
            self._server.should_exit = True
            await self._task
            self._task = None
