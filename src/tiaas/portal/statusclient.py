"""A client of the instances' JSON interface; asks again with the ETag it was given."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar
from urllib.parse import quote

import httpx

from tiaas.base.errors import TiaasError
from tiaas.base.secret import Secret
from tiaas.base.wire import BadDocument, decode_document_untrusted
from tiaas.portal.status import Instance, Listing

T = TypeVar("T")

_SECONDS = 5.0
_SILENCE_SECONDS = 40.0
_REMEMBERED = 256
_STREAMS = 200
"""Live pages at once; one more waits as long as for any answer and is then told to come again."""
_REQUESTS = 20


class Unreachable(TiaasError):
    """The interface does not answer, or not as it should."""


class UnknownInstance(TiaasError):
    """There is no instance of that name."""


class StatusClient:
    """Asks the node at `base_url`, with `streams` event streams at most. Close it with `aclose`."""

    def __init__(
        self, base_url: str, token: Secret, transport: httpx.AsyncBaseTransport | None = None, streams: int = _STREAMS
    ) -> None:
        def client(connections: int) -> httpx.AsyncClient:
            return httpx.AsyncClient(
                base_url=base_url,
                headers={"Authorization": f"Bearer {token.reveal().decode('ascii')}"},
                timeout=_SECONDS,
                limits=httpx.Limits(max_connections=connections),
                # Plain HTTP only: reading the CAs of the world would take longer than the start of a lab may.
                verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
                trust_env=False,
                transport=transport,
            )

        # Streams last, so they must not take the requests' connections.
        self._http, self._streams = client(_REQUESTS), client(streams)
        self._known: dict[str, tuple[str, object]] = {}

    async def aclose(self) -> None:
        """Ends all connections."""
        await self._http.aclose()
        await self._streams.aclose()

    async def instances(self) -> Listing:
        """The instances that serve. Raises `Unreachable`."""
        return await self._get("/instances", Listing)

    async def instance(self, name: str) -> Instance:
        """One instance. Raises `UnknownInstance`, `Unreachable`."""
        return await self._get(f"/instances/{quote(name, safe='')}", Instance)

    @asynccontextmanager
    async def events(self, name: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The octets of the instance's event stream. Raises `UnknownInstance`, `Unreachable`."""
        path = f"/instances/{quote(name, safe='')}/events"
        try:
            timeout = httpx.Timeout(_SECONDS, read=_SILENCE_SECONDS)
            async with self._streams.stream("GET", path, timeout=timeout) as answer:
                if answer.status_code != httpx.codes.OK:
                    raise _refusal(answer)
                yield answer.aiter_raw()
        except httpx.HTTPError as error:
            raise Unreachable(type(error).__name__) from error

    async def _get(self, path: str, shape: type[T]) -> T:
        tag, known = self._known.get(path, ("", None))
        try:
            answer = await self._http.get(path, headers={"If-None-Match": tag} if tag else {})
            if answer.status_code == httpx.codes.NOT_MODIFIED and isinstance(known, shape):
                return known
            if answer.status_code != httpx.codes.OK:
                raise _refusal(answer)
            read = decode_document_untrusted(shape, answer.json())
        except (httpx.HTTPError, ValueError, BadDocument) as error:
            raise Unreachable(type(error).__name__) from error
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[path] = answer.headers.get("etag", ""), read
        return read


def _refusal(answer: httpx.Response) -> TiaasError:
    if answer.status_code == httpx.codes.NOT_FOUND:
        return UnknownInstance()
    return Unreachable(f"HTTP {answer.status_code}")
