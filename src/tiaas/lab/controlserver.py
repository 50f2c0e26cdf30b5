"""Serves the control port: uvicorn inside the lab's event loop, loopback only."""

import asyncio
import contextlib
import socket
from collections.abc import Generator

from starlette.types import ASGIApp
from uvicorn import Config, Server

_POLL_SECONDS = 0.005
_GRACE_SECONDS = 2
_CONNECTIONS = 256


class _QuietServer(Server):
    """A uvicorn server that leaves signals to the process it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class ControlServer:
    """One HTTP server for `app`."""

    def __init__(self, app: ASGIApp) -> None:
        config = Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = _QuietServer(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> None:
        """Listens; returns when it serves. Raises `OSError`."""
        listener = socket.create_server((host, port))
        listener.setblocking(False)
        self._task = asyncio.create_task(self._server.serve([listener]), name="control port")
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
