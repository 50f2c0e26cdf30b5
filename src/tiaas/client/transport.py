"""HTTP towards a Konnektor: one connection pool, bounded answers, errors in words that tell what to do."""

import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import httpx

from tiaas.base.dataclass import dataclass
from tiaas.client.errors import BadAnswer, KonnektorUnreachable
from tiaas.client.kon import BasicCredentials, Kon
from tiaas.client.tls import build_context

_MAX_ANSWER = 64 * 1024 * 1024
_MAYBE_CERTIFICATE = ", perhaps the client certificate is refused"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, for an ordinary answer, for one that waits for a person at the terminal."""

    connect: float = 10
    answer: float = 60
    person: float = 180


class Transport:
    """Sends requests as one client system."""

    def __init__(self, kon: Kon, timeouts: Timeouts) -> None:
        """Raises `BadKon`."""
        self.timeouts = timeouts
        auth = None
        if isinstance(kon.credentials, BasicCredentials):
            auth = httpx.BasicAuth(kon.credentials.username, kon.credentials.password.reveal())
        # A Konnektor stands in the practice's own net: no proxy out of the environment.
        self._http = httpx.AsyncClient(verify=build_context(kon), auth=auth, trust_env=False, follow_redirects=False)
        # httpcore takes the name to verify from the name it would send.
        self._extensions = {"sni_hostname": kon.expected_host} if kon.expected_host else {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def get(self, url: str) -> tuple[int, bytes]:
        """Status and body of a GET. Raises `KonnektorUnreachable`, `BadAnswer` (too large)."""
        return await self._send("GET", url, {}, None, self.timeouts.answer)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, wait: float) -> tuple[int, bytes]:
        """Status and body of a POST, waiting up to `wait` seconds. Raises as `get`."""
        return await self._send("POST", url, headers, body, wait)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, wait: float
    ) -> tuple[int, bytes]:
        timeout = httpx.Timeout(wait, connect=self.timeouts.connect)
        try:
            async with self._http.stream(
                method, url, headers=dict(headers), content=body, timeout=timeout, extensions=self._extensions
            ) as response:
                return response.status_code, await bounded(response, url)
        except httpx.ConnectTimeout as error:
            raise KonnektorUnreachable(url, f"no connection within {self.timeouts.connect:g} s") from error
        except httpx.TimeoutException as error:
            raise KonnektorUnreachable(url, f"no answer within {wait:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise KonnektorUnreachable(url, reason_of(error)) from error


async def bounded(response: httpx.Response, url: str) -> bytes:
    """The body. Raises `BadAnswer` if it is too large."""
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > _MAX_ANSWER:
            raise BadAnswer(url, response.status_code, f"more than {_MAX_ANSWER} octets")
        parts.append(part)
    return b"".join(parts)


def reason_of(error: BaseException) -> str:
    """What a transport error means, out of the chain of causes."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not trusted ({cause.verify_message}); "
                "trustStore and expectedHost of the .kon file decide about that"
            )
        if isinstance(cause, ssl.SSLError):
            return _tls_reason((cause.reason or str(cause)).lower().replace("_", " "))
        cause = cause.__cause__ or cause.__context__
    return str(error) or f"the connection was closed{_MAYBE_CERTIFICATE}"


def _tls_reason(reason: str) -> str:
    # An alert, or a connection closed instead of one, is how a server says that it does not want us.
    refused = "alert" in reason or "eof" in reason
    return f"TLS failed ({reason}){_MAYBE_CERTIFICATE if refused else ''}"
