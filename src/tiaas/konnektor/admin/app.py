"""The ASGI application of a plane: finds the row, checks who asks, reads the document, calls, answers, writes the log.

In this order: path (404) and method (405), token (401), role (403), query (400), media type (415), size (413),
document (400), the handler. A refusal never repeats what was sent.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Protocol
from urllib.parse import parse_qsl, unquote_to_bytes

from tiaas.base.heavy import beside
from tiaas.base.secret import Secret
from tiaas.interfaces.management.documents import (
    BadDocument,
    decode_untrusted,
    encode,
    loggable,
    read_query_untrusted,
    read_text_untrusted,
)
from tiaas.interfaces.management.fields import Text
from tiaas.konnektor.admin.openapi import SEGMENT_MAX
from tiaas.konnektor.admin.problems import MEDIA_TYPE, Problem, no_such_path, problem_of
from tiaas.konnektor.admin.routes import Call, Caller, Octets, Route
from tiaas.konnektor.admin.users import Administrators
from tiaas.konnektor.errors import where_of
from tiaas.konnektor.webapp import Fields, Gone, Headers, Message, Receive, Send, TooLong, read_body, refuse_body

_log = logging.getLogger("tiaas.konnektor.admin")

_PERSONAL = frozenset({"iccsn"})
"""Path parameters that are personal data (TIP1-A_4710): the log has their name instead."""
_QUERY_FIELDS = 32
_AT_ONCE_OCTETS = 64 * 1024


class Plane(Protocol):
    """What an application serves."""

    @property
    def users(self) -> Administrators:
        """Who may ask."""
        ...

    @property
    def routes(self) -> Sequence[Route]:
        """The table."""
        ...

    async def record(self, user: str, reference: str, value: str) -> None:
        """Writes a change to the log (TIP1-A_5005)."""
        ...


class AdminApp:
    """Serves a plane. It never raises; what goes wrong inside is a problem without the error's text."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        try:
            await self._answer(scope, receive, send)
        except Gone:
            return
        except Exception as error:  # noqa: BLE001 - the last border; a traceback may hold secrets
            problem = problem_of(error)
            if problem.status is HTTPStatus.INTERNAL_SERVER_ERROR:
                _log.error("an operation failed", extra={"kind": type(error).__name__, "where": where_of(error)})
            await _send(send, problem.status, problem.encode(), MEDIA_TYPE, problem.headers)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        fields: Fields = dict(scope["headers"])
        route, path = self._find(scope)
        call = Call(self._plane, self._caller(route, fields), path, peer=(scope.get("client") or ("",))[0])
        call.if_match = _text(fields, b"if-match")
        call.parameters = _query(route, scope)
        try:
            call.document = await _document(route, fields, receive)
        except TooLong:
            problem = Problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the document is longer than {route.body_octets} octets",
                "send a shorter one",
            )
            headers: Headers = ((b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close"))
            await refuse_body(send, receive, int(problem.status), problem.encode(), headers)
            return
        answer = await route.handler(call)
        if route.changes:
            await self._record(route, call)
        headers_out = {} if call.tag is None else {"etag": call.tag}
        if isinstance(answer, Octets):
            headers_out["content-disposition"] = f'attachment; filename="{answer.file_name}"'
            await _send(send, route.status, answer.body, answer.media_type, headers_out)
        elif answer is None:
            await _send(send, route.status, b"", None, headers_out)
        else:
            body = await beside(0, encode, answer)
            await _send(send, route.status, body, "application/json", headers_out)

    def _find(self, scope: Message) -> tuple[Route, dict[str, str]]:
        raw = scope.get("raw_path") or scope["path"].encode()
        try:
            parts = [unquote_to_bytes(part).decode("utf-8") for part in raw.split(b"?")[0].split(b"/")[1:]]
            segments = tuple(read_text_untrusted(Text(1, SEGMENT_MAX), part) for part in parts)
        except (UnicodeDecodeError, BadDocument):
            raise no_such_path() from None
        fitting = [(route, found) for route in self._plane.routes if (found := route.match(segments)) is not None]
        # A fixed segment goes before a parameter that would take it.
        fitting.sort(key=lambda pair: len(pair[1]))
        for route, found in fitting:
            if route.method.value == scope["method"]:
                return route, found
        if not fitting:
            raise no_such_path()
        allowed = ", ".join(sorted({route.method.value for route, _ in fitting}))
        raise Problem(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "the path does not have this method",
            f"use {allowed}",
            headers={"allow": allowed},
        )

    def _caller(self, route: Route, fields: Fields) -> Caller:
        shown = _text(fields, b"authorization") or ""
        scheme, _, token = shown.partition(" ")
        caller = None
        if scheme.lower() == "bearer" and token:
            caller = self._plane.users.caller(Secret(token.strip().encode("latin-1")))
        if not route.roles:
            return caller or _NOBODY
        if caller is None:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "no valid token is shown",
                "log in, then send the field Authorization: Bearer TOKEN",
                headers={"www-authenticate": "Bearer"},
            )
        if caller.role not in route.roles:
            roles = ", ".join(sorted(role.value for role in route.roles))
            raise Problem(HTTPStatus.FORBIDDEN, f"a {caller.role} may not do this", f"ask one of: {roles}")
        return caller

    async def _record(self, route: Route, call: Call) -> None:
        if call.noted is not None:
            reference, value = call.noted
        else:
            shown = {name: f"{{{name}}}" if name in _PERSONAL else text for name, text in call.path.items()}
            reference, value = f"{route.method} {route.path.format(**shown)}", loggable(call.document)
        text = "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        await self._plane.record(call.caller.user, reference, text)


_NOBODY = Caller("", None, "")


def _query(route: Route, scope: Message) -> object:
    try:
        pairs = parse_qsl(
            scope.get("query_string", b"").decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(scope.get("query_string")),
            errors="strict",
            max_num_fields=_QUERY_FIELDS,
        )
    except ValueError:
        raise BadDocument("the query", "it cannot be read") from None
    if route.query is None:
        if pairs:
            raise BadDocument("the query", "there are no parameters here")
        return None
    return read_query_untrusted(route.query, pairs)


async def _document(route: Route, fields: Fields, receive: Receive) -> object:
    body = bytes(await read_body(fields, receive, route.body_octets))
    if route.request is None:
        if body:
            raise BadDocument("", "there is none here; send no body")
        return None
    media_type = (_text(fields, b"content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body is no JSON", "send it with Content-Type: application/json"
        )
    if len(body) > _AT_ONCE_OCTETS:
        # A long document takes seconds, and the loop serves other instances, too.
        return await beside(len(body), decode_untrusted, route.request, body)
    return decode_untrusted(route.request, body)


async def _send(send: Send, status: HTTPStatus, body: bytes, media_type: str | None, more: Mapping[str, str]) -> None:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff", **more}
    if media_type is not None:
        headers["content-type"] = media_type
    if status is not HTTPStatus.NO_CONTENT:
        headers["content-length"] = str(len(body))
    pairs = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": int(status), "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def _text(fields: Fields, name: bytes) -> str | None:
    value = fields.get(name)
    return None if value is None else value.decode("latin-1").strip()
