"""The portal's web application.

GET  /                          the only instance's page, or the list of all
GET  /instances/{name}          its page; ?lang=de|en chooses the language for good (cookie)
GET  /instances/{name}/parts    what of the page changes, for the script
GET  /instances/{name}/live     server-sent events of the instance, passed on
POST /instances/{name}/hand     in a lab: insert, eject, press a key, say who types PINs
GET  /static/{file}             style, script, icon
"""

import hashlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import field
from datetime import date
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, quote

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.portal.guard import Guard, is_own_form
from tiaas.portal.labhand import HandRefused, LabHand
from tiaas.portal.languages import COOKIE, choose
from tiaas.portal.lights import dark_way, way_of
from tiaas.portal.statusclient import StatusClient, UnknownInstance, Unreachable
from tiaas.portal.texts import Texts
from tiaas.portal.view import CORRECT, KEYS, Pages, Shown

_log = logging.getLogger("tiaas.portal")

_STATIC = {"portal.css": "text/css", "portal.js": "text/javascript", "icon.svg": "image/svg+xml"}
_FORM_OCTETS = 4096
_YEAR = 365 * 24 * 3600

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Portal:
    """What the portal works with.

    `hand` is None where there is no lab. `token` is in the lab's forms. `titles` are what practices are called, by
    instance; one that is missing is called like its instance.
    """

    status: StatusClient
    clock: Clock
    token: Secret
    hand: LabHand | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    pages: Pages = field(default_factory=Pages)

    async def aclose(self) -> None:
        """Ends the connections to instances and lab."""
        await self.status.aclose()
        if self.hand is not None:
            await self.hand.aclose()

    async def show(self, name: str, texts: Texts) -> Shown:
        """An instance as it is now. Raises `UnknownInstance`."""
        title = self.titles.get(name, name)
        try:
            status = await self.status.instance(name)
        except Unreachable:
            return Shown(name, title, dark_way(texts), None, None)
        room = None
        if self.hand is not None:
            try:
                room = await self.hand.room()
            except HandRefused:
                room = None
        return Shown(name, title, way_of(status, texts, self.today()), status, room)

    def today(self) -> date:
        """The date where the machine stands."""
        return self.clock.now().astimezone().date()

    @property
    def form_token(self) -> str | None:
        """The token for forms; None where there is nothing to change."""
        return self.token.reveal().decode("ascii") if self.hand is not None else None


def portal_app(portal: Portal) -> ASGIApp:
    """The application."""
    routes = [
        Route("/", _index(portal), methods=["GET"]),
        Route("/instances/{name}", _page(portal), methods=["GET"]),
        Route("/instances/{name}/parts", _parts(portal), methods=["GET"]),
        Route("/instances/{name}/live", _live(portal), methods=["GET"]),
        Route("/static/{file}", _static(), methods=["GET"]),
    ]
    if portal.hand is not None:
        routes.append(Route("/instances/{name}/hand", _hand(portal, portal.hand), methods=["POST"]))
    handlers: dict[Any, Any] = {HTTPException: _on_http_error(portal), UnknownInstance: _on_unknown(portal)}
    return Starlette(routes=routes, exception_handlers=handlers, middleware=[Middleware(Guard)])


def _texts(request: Request) -> Texts:
    return choose(
        request.query_params.get("lang"),
        request.cookies.get(COOKIE),
        request.headers.get("accept-language", ""),
    )


def _html(request: Request, texts: Texts, body: str, status: int = 200) -> Response:
    """A page; whoever asked for a language keeps it."""
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "no-cache", "Content-Language": texts.code}
    headers["Vary"] = "Accept-Language, Cookie"
    if status == 200 and request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    response = HTMLResponse(body, status, headers)
    if request.query_params.get("lang") == texts.code:
        response.set_cookie(COOKIE, texts.code, max_age=_YEAR, httponly=True, samesite="lax")
    return response


def _index(portal: Portal) -> Handler:
    async def handle(request: Request) -> Response:
        texts = _texts(request)
        try:
            listing = await portal.status.instances()
        except Unreachable:
            listing = None
        if listing is not None and len(listing.instances) == 1:
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(f"{_address(listing.instances[0].name)}{query}", 303)
        body = portal.pages.index(listing, portal.titles, texts, portal.today(), request.url.path)
        return _html(request, texts, body, 200 if listing is not None else 503)

    return handle


def _page(portal: Portal) -> Handler:
    async def handle(request: Request) -> Response:
        texts = _texts(request)
        shown = await portal.show(request.path_params["name"], texts)
        body = portal.pages.instance(
            shown,
            texts,
            portal.today(),
            portal.form_token,
            path=_address(shown.name),
            several=len(portal.titles) > 1,
        )
        return _html(request, texts, body, 200 if shown.status is not None else 503)

    return handle


def _parts(portal: Portal) -> Handler:
    async def handle(request: Request) -> Response:
        texts = _texts(request)
        shown = await portal.show(request.path_params["name"], texts)
        body = portal.pages.parts(shown, texts, portal.today(), portal.form_token, path=_address(shown.name))
        return _html(request, texts, body)

    return handle


def _live(portal: Portal) -> Handler:
    async def handle(request: Request) -> Response:
        async with AsyncExitStack() as stack:
            try:
                octets = await stack.enter_async_context(portal.status.events(request.path_params["name"]))
            except Unreachable:
                return Response(status_code=503)
            return _Passed(octets, stack.pop_all())

    return handle


class _Passed(StreamingResponse):
    """Passes a stream on; the connection it comes from ends with it, however it ends."""

    def __init__(self, octets: AsyncIterator[bytes], held: AsyncExitStack) -> None:
        self._held = held
        super().__init__(octets, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._held:
                await super().__call__(scope, receive, send)
        except* (httpx.HTTPError, Unreachable):
            _log.info("live stream ended", extra={"reason": "the instance hung up"})


def _hand(portal: Portal, hand: LabHand) -> Handler:
    async def handle(request: Request) -> Response:
        texts = _texts(request)
        form = await _form(request)
        if not is_own_form(request.headers, form.get("csrf", ""), portal.token):
            raise HTTPException(403, texts.refused)
        shown = await portal.show(request.path_params["name"], texts)
        ct_id = form.get("ct", "")
        known = shown.status is not None and any(terminal.ct_id == ct_id for terminal in shown.status.terminals)
        wants_json = "application/json" in request.headers.get("accept", "")
        try:
            if not known:
                raise HandRefused(ct_id)
            await _act(hand, ct_id, form, texts)
        except HandRefused as refusal:
            text = texts.hand_refused.format(refusal)
            if wants_json:
                return JSONResponse({"error": text}, 409)
            body = portal.pages.message(text, texts, portal.today(), _address(shown.name))
            return _html(request, texts, body, 409)
        if wants_json:
            return Response(status_code=204)
        return RedirectResponse(f"{_address(shown.name)}#{quote(ct_id)}", 303)

    return handle


async def _act(hand: LabHand, ct_id: str, form: Mapping[str, str], texts: Texts) -> None:
    """What the form asks for. Raises `HandRefused`."""
    wanted, slot = form.get("do"), form.get("slot", "")
    if wanted == "insert" and slot.isdecimal():
        await hand.insert(ct_id, int(slot), form.get("iccsn", ""))
    elif wanted == "eject" and slot.isdecimal():
        await hand.eject(ct_id, int(slot))
    elif wanted == "key" and form.get("key") in (*KEYS, CORRECT):
        await hand.press(ct_id, form["key"])
    elif wanted == "policy" and form.get("mode") in ("auto", "manual"):
        await hand.who_types(ct_id, form["mode"])
    else:
        raise HandRefused(texts.hand_unknown)


async def _form(request: Request) -> dict[str, str]:
    """The fields of a URL-encoded form. Raises `HTTPException`."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _FORM_OCTETS:
            raise HTTPException(413)
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=16))
    except ValueError:
        raise HTTPException(400) from None


def _static() -> Handler:
    folder = files("tiaas.portal").joinpath("static")
    contents = {name: folder.joinpath(name).read_bytes() for name in _STATIC}

    async def handle(request: Request) -> Response:
        name = request.path_params["file"]
        if name not in contents:
            raise HTTPException(404)
        tag = f'"{hashlib.sha256(contents[name]).hexdigest()[:32]}"'
        headers = {"ETag": tag, "Cache-Control": "no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(contents[name], headers=headers, media_type=_STATIC[name])

    return handle


def _on_unknown(portal: Portal) -> Callable[[Request, UnknownInstance], Awaitable[Response]]:
    async def handle(request: Request, error: UnknownInstance) -> Response:
        texts = _texts(request)
        body = portal.pages.message(texts.not_found, texts, portal.today(), "/")
        return _html(request, texts, body, 404)

    return handle


def _on_http_error(portal: Portal) -> Callable[[Request, HTTPException], Awaitable[Response]]:
    async def handle(request: Request, error: HTTPException) -> Response:
        texts = _texts(request)
        text = texts.refused if error.status_code == 403 else texts.not_found
        body = portal.pages.message(text, texts, portal.today(), "/")
        return _html(request, texts, body, error.status_code)

    return handle


def _address(name: str) -> str:
    return f"/instances/{quote(name, safe='')}"
