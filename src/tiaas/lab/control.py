"""The control port: an HTTP server through which a test or a person is the hand at the terminals.

    GET  /                                   overview (HTML for a browser, JSON otherwise)
    GET  /cards                              all cards and where they are
    PUT  /cards/{iccsn}                      {"too_old": true|false}: a card in the drawer becomes one of generation 1
    GET  /terminals/{ct_id}                  slots, display, keys, PIN policy, connection
    GET  /terminals/{ct_id}/display          {"display", "prompt", "entry", "idle_text"}
    POST /terminals/{ct_id}/slots/{n}/insert {"iccsn"}; without body the card last ejected from there
    POST /terminals/{ct_id}/slots/{n}/eject  → {"iccsn"}
    GET, PUT …/pin-policy                    {"mode": auto|manual, "new_pin"?, "repeat_pin"?}
    POST …/keys                              {"key": "0"…"9"|"ok"|"cancel"|"clear"|"correct"}
    POST …/plug                              {"state": "out"|"in"}
    /faults, /journal                        what goes wrong, what services were asked (`lab/controlfaults.py`)
    GET, POST /updates                       updates that wait for health cards (`lab/vsdm/books.py`)
    DELETE    /updates/{id}                  takes one back
    …/pairing, /announce, /contactless, /smkt what a technician does (`lab/controlterminals.py`)
    /certificates, /tsl                      the PKI (`lab/controlpki.py`)
    /ksr                                     firmware for Konnektors and terminals (`lab/controlksr.py`)
    …/insert-kvk, …/motor, /popp/scenarios   memory cards, card motor, PoPP signer (`lab/controlslots.py`)

Errors are JSON: {"error": what is wrong, "hint": what to do instead}.

Who may use it: everybody on this machine, without a token, so that a plain `curl` in a test works; it listens on a
loopback address only, whatever `--listen` says. A web page opened in a browser on this machine may not: requests that
name another host than a loopback one (DNS rebinding) or that come from a foreign page (Origin, Sec-Fetch-Site) are
refused. No answer contains a PIN but `GET /cards/{iccsn}/image`, a whole test card; others are in `ready.json`, which
only the owner reads.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tiaas.base.errors import InvalidInput
from tiaas.base.localweb import is_local_request
from tiaas.base.secret import Secret
from tiaas.lab.controlcards import card_routes
from tiaas.lab.controlclock import clock_routes
from tiaas.lab.controlfaults import fault_routes
from tiaas.lab.controlksr import ksr_routes
from tiaas.lab.controlpki import pki_routes
from tiaas.lab.controlslots import slot_routes
from tiaas.lab.controlterminals import terminal_workshop_routes
from tiaas.lab.controlview import card_document, overview_document, overview_html, policy_document, terminal_document
from tiaas.lab.errors import BadControlRequest, ControlError
from tiaas.lab.faults import BadFault
from tiaas.lab.lab import Lab
from tiaas.lab.practice import LabTerminal
from tiaas.lab.vsdm.requests import UPDATE_KEYS, add_update, cancel_update
from tiaas.terminal.virtual.terminal import PinMode, PinPolicy

BODY_MAX = 4096
_KEY_SHOWN = 64
BODY_SECONDS = 10.0
PIN_LENGTHS = range(4, 13)
"""A format 2 PIN block holds 4 to 12 digits (ISO 9564-1)."""

_MODES = (PinMode.AUTO.value, PinMode.MANUAL.value)
_KEYS = {**{str(digit): str(digit) for digit in range(10)}, "ok": "ok", "cancel": "cancel", "clear": "clear"}
# The yellow key: "Korrektur" on German terminals.
_KEYS["correct"] = "clear"

Handler = Callable[[Request], Awaitable[Response]]


def control_app(lab: Lab, more: Sequence[Route] = ()) -> Starlette:
    """The application for all terminals of `lab`; `more` are routes of those who know more than a lab."""
    routes = [
        Route("/", _overview(lab), methods=["GET"]),
        Route("/cards", _cards(lab), methods=["GET"]),
        Route("/cards/{iccsn}", _card(lab), methods=["PUT"]),
        *card_routes(lab, _read),
        Route("/terminals/{ct_id}", _terminal(lab), methods=["GET"]),
        Route("/terminals/{ct_id}/display", _display(lab), methods=["GET"]),
        Route("/terminals/{ct_id}/slots/{slot:int}/insert", _insert(lab), methods=["POST"]),
        Route("/terminals/{ct_id}/slots/{slot:int}/eject", _eject(lab), methods=["POST"]),
        Route("/terminals/{ct_id}/pin-policy", _get_policy(lab), methods=["GET"]),
        Route("/terminals/{ct_id}/pin-policy", _put_policy(lab), methods=["PUT"]),
        Route("/terminals/{ct_id}/keys", _keys(lab), methods=["POST"]),
        Route("/terminals/{ct_id}/plug", _plug(lab), methods=["POST"]),
        *fault_routes(lab, _read),
        Route("/updates", _updates(lab), methods=["GET", "POST"]),
        Route("/updates/{update_id}", _cancel(lab), methods=["DELETE"]),
        *terminal_workshop_routes(lab, _read),
        *pki_routes(lab, _read),
        *ksr_routes(lab, _read),
        *clock_routes(lab, _read),
        *slot_routes(lab, _read),
        *more,
    ]
    handlers: dict[Any, Any] = {
        ControlError: _on_control_error,
        BadFault: _on_bad_fault,
        InvalidInput: _on_invalid_input,
        HTTPException: _on_http_error,
        ClientDisconnect: _on_disconnect,
    }
    return Starlette(routes=routes, exception_handlers=handlers, middleware=[Middleware(OnlyLocal)])


class OnlyLocal:
    """Refuses requests for other hosts than this machine and requests from foreign web pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            if not is_local_request(headers):
                refusal = _error(403, "the control port answers this machine only", "use the URL from ready.json")
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _overview(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        if "text/html" in request.headers.get("accept", ""):
            return Response(overview_html(lab), media_type="text/html; charset=utf-8")
        return JSONResponse(overview_document(lab))

    return handle


def _cards(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        return JSONResponse({"cards": [card_document(lab, card) for card in lab.cards]})

    return handle


def _card(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        too_old = (await _read(request, "too_old")).get("too_old")
        if not isinstance(too_old, bool):
            raise BadControlRequest("too_old is no boolean", 'send {"too_old": true} or {"too_old": false}')
        iccsn = request.path_params["iccsn"]
        lab.make_too_old(iccsn, too_old=too_old)
        return JSONResponse({"iccsn": iccsn, "too_old": too_old})

    return handle


def _terminal(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        return JSONResponse(terminal_document(lab, _of(lab, request)))

    return handle


def _display(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        snapshot = _of(lab, request).virtual.snapshot()
        shown = {"display": snapshot.display, "prompt": snapshot.prompt, "entry": snapshot.entry}
        return JSONResponse({**shown, "idle_text": snapshot.idle_text})

    return handle


def _insert(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        body = await _read(request, "iccsn")
        iccsn = body.get("iccsn")
        if iccsn is not None and not isinstance(iccsn, str):
            raise BadControlRequest("iccsn is not a string", 'send {"iccsn": "80276…"}, 20 digits')
        slot = request.path_params["slot"]
        return JSONResponse({"iccsn": lab.insert(request.path_params["ct_id"], slot, iccsn)})

    return handle


def _eject(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        await _read(request, "iccsn")
        return JSONResponse({"iccsn": lab.eject(request.path_params["ct_id"], request.path_params["slot"])})

    return handle


def _get_policy(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        return JSONResponse(_policy_document(_of(lab, request)))

    return handle


def _put_policy(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        terminal = _of(lab, request)
        terminal.virtual.pin_policy = read_policy(await _read(request, "mode", "new_pin", "repeat_pin"))
        return JSONResponse(_policy_document(terminal))

    return handle


def read_policy(body: dict[str, Any]) -> PinPolicy:
    """The policy a PUT describes; what it leaves out is as at the start. Raises `BadControlRequest`."""
    mode = body.get("mode", PinMode.AUTO.value)
    if mode not in _MODES:
        raise BadControlRequest("unknown mode", f"one of {', '.join(_MODES)}; what goes wrong is a fault of keypad")
    return PinPolicy(PinMode(mode), _read_pin(body, "new_pin"), _read_pin(body, "repeat_pin"))


def _read_pin(body: dict[str, Any], key: str) -> Secret | None:
    pin = body.get(key)
    if pin is None:
        return None
    if not (isinstance(pin, str) and pin.isascii() and pin.isdigit() and len(pin) in PIN_LENGTHS):
        raise BadControlRequest(f"{key} is no PIN", "4 to 12 digits as a string")
    return Secret(pin.encode())


def _policy_document(terminal: LabTerminal) -> dict[str, Any]:
    return policy_document(terminal.virtual.pin_policy)


def _keys(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        terminal = _of(lab, request)
        key = _KEYS.get(str((await _read(request, "key")).get("key")))
        if key is None:
            raise BadControlRequest("unknown key", f"one of {', '.join(_KEYS)}")
        terminal.virtual.press(key)
        return JSONResponse(terminal_document(lab, terminal))

    return handle


def _plug(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        terminal = _of(lab, request)
        state = (await _read(request, "state")).get("state")
        if state not in ("in", "out"):
            raise BadControlRequest("unknown state", 'send {"state": "out"} or {"state": "in"}')
        plugged = terminal.virtual.snapshot().plugged
        if state == "out" and plugged:
            await terminal.virtual.pull_plug()
        elif state == "in" and not plugged:
            await terminal.virtual.plug_in()
        return JSONResponse({"state": state})

    return handle


def _updates(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        if request.method == "POST":
            made = add_update(lab.books, await _read(request, *UPDATE_KEYS), lab.clock.now().date())
            return JSONResponse(made.to_document(), 201)
        return JSONResponse({"test_data": True, "updates": [update.to_document() for update in lab.books]})

    return handle


def _cancel(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        repair = cancel_update(lab.books, request.path_params["update_id"])
        return JSONResponse({"repair": None if repair is None else repair.to_document()})

    return handle


def _of(lab: Lab, request: Request) -> LabTerminal:
    return lab.terminal(request.path_params["ct_id"])


async def _read(request: Request, *known: str, most: int = BODY_MAX) -> dict[str, Any]:
    """The JSON object in the body, empty if there is none; it has `known` keys only. Raises `ControlError`.

    At most `most` octets.
    """
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise ControlError(413, "the body is too long", f"at most {most} octets")
    except TimeoutError as error:
        raise ControlError(408, "the body did not come", f"send it within {BODY_SECONDS:g} seconds") from error
    if not body.strip():
        return {}
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadControlRequest("the body is no JSON", "send a JSON object") from error
    if not isinstance(document, dict):
        raise BadControlRequest("the body is no JSON object", "send a JSON object")
    unknown = [key for key in document if key not in known]
    if unknown:
        named = ascii(unknown[0][:_KEY_SHOWN])
        raise BadControlRequest(f"the body has an unknown key {named}", f"known here: {', '.join(known) or 'none'}")
    return document


def _error(status: int, error: str, hint: str) -> JSONResponse:
    return JSONResponse({"error": error, "hint": hint}, status)


async def _on_control_error(request: Request, error: ControlError) -> Response:
    return _error(error.status, error.error, error.hint)


async def _on_bad_fault(request: Request, error: BadFault) -> Response:
    return _error(400, str(error), "tiaas lab fault --help tells what there is")


async def _on_invalid_input(request: Request, error: InvalidInput) -> Response:
    return _error(409, str(error), "GET the terminal to see its state")


async def _on_http_error(request: Request, error: HTTPException) -> Response:
    return _error(error.status_code, error.detail, "GET / shows what there is")


async def _on_disconnect(request: Request, error: ClientDisconnect) -> Response:
    # Nobody reads this answer; without it the server would log a defect.
    return Response(status_code=499)
