"""One operation of the management interface as a row of a table: method, path, roles, documents, handler.

    ROUTES = (
        get("/terminals", INSTANCE_ROLES, "All card terminals", _list, TerminalList),
        post("/terminals/{ct_id}/ping", ON_SITE, "Asks a terminal", _ping, request=Ping, changes=False),
    )

    async def _list(call: Call) -> TerminalList: ...

A handler gives the answer's document (None: 204) and raises `Problem`, or whatever error of the Konnektor's parts
`problem_of` knows. A change is written to the log by the caller of the handler (MGM/ADMINCHANGES: user, path, the
request's document without secrets), so that no handler can forget it; `call.note` replaces what is written.
"""

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from http import HTTPStatus
from typing import Any, TypeVar

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.problems import Problem

T = TypeVar("T")

BODY_OCTETS = 1024 * 1024


@enum.unique
class Method(enum.StrEnum):
    """HTTP methods in use."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    DELETE = "DELETE"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. `token_id` names the token that was shown; no role: nobody we know."""

    user: str
    role: Role | None
    token_id: str
    may_reset: bool = False
    """USER_RESET_PERMISSION."""


@dataclass(frozen=True, slots=True)
class Octets:
    """An answer that is no JSON: a file."""

    body: bytes
    media_type: str
    file_name: str


@dataclass(slots=True)
class Call:
    """One request on its way through a handler. `plane` is what it asks: an `InstancePlane` or a `BasePlane`."""

    plane: Any
    caller: Caller
    path: Mapping[str, str]
    document: object = None
    parameters: object = None
    if_match: str | None = None
    peer: str = ""
    tag: str | None = None
    """The ETag of the answer, set by a handler."""
    noted: tuple[str, object] | None = field(default=None, repr=False)

    def body(self, kind: type[T]) -> T:
        """The request's document; `kind` is the route's `request`."""
        if not isinstance(self.document, kind):
            raise TypeError(f"the route has no {kind.__name__}")
        return self.document

    def query(self, kind: type[T]) -> T:
        """The query parameters; `kind` is the route's `query`."""
        if not isinstance(self.parameters, kind):
            raise TypeError(f"the route has no {kind.__name__}")
        return self.parameters

    def note(self, reference: str, value: object) -> None:
        """Sets RefID and NewVal of MGM/ADMINCHANGES for this call."""
        self.noted = (reference, value)

    def require_match(self, current: str, *, needed: bool = True) -> None:
        """Optimistic concurrency (RFC 9110 §13.1.1): 412 if somebody changed it meanwhile, 428 if nothing is shown.

        To be called where nothing can come between it and the change.
        """
        if self.if_match is None:
            if needed:
                raise Problem(
                    HTTPStatus.PRECONDITION_REQUIRED,
                    "the field If-Match is missing",
                    "read it first and send the ETag of what you read as If-Match",
                )
            return
        if self.if_match not in ("*", current):
            raise Problem(
                HTTPStatus.PRECONDITION_FAILED,
                "somebody changed it since you read it",
                "read it again, make your change on what it is now and send the new ETag",
            )


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """A row. `{name}` in `path` is one segment. `roles` empty: nobody need show who he is (login, the document)."""

    method: Method
    path: str
    roles: frozenset[Role]
    summary: str
    handler: Handler
    request: type | None = None
    response: type | None = None
    query: type | None = None
    status: HTTPStatus = HTTPStatus.OK
    changes: bool = False
    body_octets: int = BODY_OCTETS
    media_type: str = "application/json"
    """Of the answer; another one than JSON goes with an `Octets` as answer."""

    @property
    def area(self) -> str:
        """The first segment of the path: what the operation is about."""
        return self.path.split("/", 2)[1]

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The path parameters if the segments of a path fit, else None."""
        own = self.path.strip("/").split("/")
        if len(own) != len(segments):
            return None
        out = {}
        for mine, given in zip(own, segments, strict=True):
            if mine.startswith("{"):
                out[mine[1:-1]] = given
            elif mine != given:
                return None
        return out


def get(
    path: str,
    roles: frozenset[Role],
    summary: str,
    handler: Handler,
    response: type | None,
    *,
    query: type | None = None,
    media_type: str = "application/json",
) -> Route:
    """A row that reads."""
    return Route(Method.GET, path, roles, summary, handler, None, response, query, media_type=media_type)


def _change(
    method: Method,
    path: str,
    roles: frozenset[Role],
    summary: str,
    handler: Handler,
    *,
    request: type | None = None,
    response: type | None = None,
    query: type | None = None,
    status: HTTPStatus | None = None,
    changes: bool = True,
    body_octets: int = BODY_OCTETS,
) -> Route:
    usual = HTTPStatus.NO_CONTENT if response is None else HTTPStatus.OK
    return Route(method, path, roles, summary, handler, request, response, query, status or usual, changes, body_octets)


def post(path: str, roles: frozenset[Role], summary: str, handler: Handler, **more: Any) -> Route:
    """A row that adds something or does something; `changes=False` if the configuration stays as it is."""
    return _change(Method.POST, path, roles, summary, handler, **more)


def put(path: str, roles: frozenset[Role], summary: str, handler: Handler, **more: Any) -> Route:
    """A row that replaces something as a whole."""
    return _change(Method.PUT, path, roles, summary, handler, **more)


def patch(path: str, roles: frozenset[Role], summary: str, handler: Handler, **more: Any) -> Route:
    """A row that changes the fields that are given."""
    return _change(Method.PATCH, path, roles, summary, handler, **more)


def delete(path: str, roles: frozenset[Role], summary: str, handler: Handler, **more: Any) -> Route:
    """A row that removes something."""
    return _change(Method.DELETE, path, roles, summary, handler, **more)
