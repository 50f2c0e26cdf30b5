"""A client for the management interface of an instance or of a node: `async with connect_admin(access) as admin`."""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote

import httpx

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.client.errors import BadAnswer, ClientError, KonnektorUnreachable
from tiaas.client.transport import bounded, reason_of
from tiaas.interfaces.management.documents import BadDocument, decode_untrusted, encode

T = TypeVar("T")

_CONNECT_SECONDS, _ANSWER_SECONDS = 10.0, 180.0


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """Where and as whom: URL, the CA to trust (PEM), and the token."""

    url: str
    ca_pem: str
    token: Secret | None = None
    host: str | None = None
    """The name to expect in the certificate, if it is not the one of the URL."""


class AdminRefused(ClientError):
    """The interface answered with a problem: what is wrong and what to do. `code` is gematik's number, or None."""

    def __init__(self, status: int, detail: str, remedy: str, code: int | None = None) -> None:
        super().__init__(f"{detail} ({remedy})" if remedy else detail)
        self.status = status
        self.detail = detail
        self.remedy = remedy
        self.code = code


@dataclass(frozen=True, slots=True)
class _Problem:
    detail: str
    remedy: str
    type: str = ""
    title: str = ""
    status: int = 0
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Tagged:
    """The body of an answer and its ETag."""

    body: bytes
    tag: str | None


def path_of(template: str, *values: str) -> str:
    """A path with values in it, like `path_of("/terminals/{}", ct_id)`."""
    return template.format(*(quote(value, safe="") for value in values))


class Admin:
    """One connection to a management interface."""

    def __init__(self, access: AdminAccess, http: httpx.AsyncClient) -> None:
        self._access = access
        self._http = http
        self.token = access.token

    async def read(self, path: str, kind: type[T], query: Mapping[str, str] | None = None) -> T:
        """A document. Raises `AdminRefused`, `KonnektorUnreachable`, `BadAnswer`."""
        return (await self.read_tagged(path, kind, query))[0]

    async def read_tagged(
        self, path: str, kind: type[T], query: Mapping[str, str] | None = None
    ) -> tuple[T, str | None]:
        """A document and its ETag, for `if_match` of the change that follows. Raises as `read`."""
        answer = await self.exchange("GET", path, query=query)
        return self._decode(path, kind, answer.body), answer.tag

    async def change(
        self, method: str, path: str, document: object = None, kind: type[T] | None = None, if_match: str | None = None
    ) -> T:
        """Sends a document and reads the answer's; without `kind` the answer is not read. Raises as `read`."""
        answer = await self.exchange(method, path, document, if_match=if_match)
        return self._decode(path, kind, answer.body) if kind is not None else None  # type: ignore[return-value]

    async def exchange(
        self,
        method: str,
        path: str,
        document: object = None,
        *,
        query: Mapping[str, str] | None = None,
        if_match: str | None = None,
    ) -> Tagged:
        """One request. Raises as `read`."""
        headers = {} if self.token is None else {"Authorization": f"Bearer {self.token.reveal().decode()}"}
        if if_match is not None:
            headers["If-Match"] = if_match
        if document is not None:
            headers["Content-Type"] = "application/json"
        url = self._access.url + path
        extensions = {"sni_hostname": self._access.host} if self._access.host else {}
        try:
            async with self._http.stream(
                method,
                url,
                headers=headers,
                params=dict(query or {}),
                content=None if document is None else encode(document),
                extensions=extensions,
            ) as response:
                body = await bounded(response, url)
        except httpx.TimeoutException as error:
            raise KonnektorUnreachable(url, "no answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise KonnektorUnreachable(url, reason_of(error)) from error
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            raise _refusal(url, response.status_code, body)
        return Tagged(body, response.headers.get("etag"))

    def _decode(self, path: str, kind: type[T], body: bytes) -> T:
        try:
            return decode_untrusted(kind, body)
        except BadDocument as error:
            raise BadAnswer(self._access.url + path, 200, str(error)) from None


def _refusal(url: str, status: int, body: bytes) -> ClientError:
    try:
        problem = decode_untrusted(_Problem, body)
    except BadDocument:
        return BadAnswer(url, status, "and no problem in words")
    return AdminRefused(status, problem.detail, problem.remedy, problem.code)


@asynccontextmanager
async def connect_admin(access: AdminAccess) -> AsyncIterator[Admin]:
    """A client that trusts `access.ca_pem` and nothing else. Raises `ClientError` for a CA that cannot be read."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_verify_locations(cadata=access.ca_pem)
    except ssl.SSLError:
        raise ClientError("the CA file holds no certificate in PEM") from None
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    timeout = httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS)
    async with httpx.AsyncClient(verify=context, trust_env=False, follow_redirects=False, timeout=timeout) as http:
        yield Admin(access, http)
