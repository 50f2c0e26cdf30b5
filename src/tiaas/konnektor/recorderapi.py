"""Recordings over HTTP: routes for the lab's control port (`docs/reference/recorder.md`).

    GET    /recordings                   the instances that can record, and whether they do
    POST   /recordings/{instance}        {"client_systems": […]} starts (without: everybody); 409 if one runs
    GET    /recordings/{instance}?since=N   the recording so far, entries above N; 404 if none runs
    DELETE /recordings/{instance}        stops; answers with the recording, which is then forgotten here

A recording is TEST DATA. Who mounts these routes sees to it that only this machine reaches them.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiaas.konnektor.instance import Instance
from tiaas.konnektor.recorder import AlreadyRecording, NotRecording, Recorder
from tiaas.pvs.recording import NOTICE, Recording, encode_recording

BODY_MAX = 16 * 1024
CLIENTS_MAX = 32
_NUMBER_MAX = 16

Handler = Callable[[Request], Awaitable[Response]]
Instances = Callable[[], Mapping[str, Instance]]


def recorder_routes(instances: Instances) -> list[Route]:
    """The routes; `instances` gives those that serve at the moment."""
    return [
        Route("/recordings", _list(instances), methods=["GET"]),
        Route("/recordings/{instance}", _one(instances), methods=["GET", "POST", "DELETE"]),
    ]


def _list(instances: Instances) -> Handler:
    async def handle(request: Request) -> Response:
        known = [(name, instance.recorder) for name, instance in sorted(instances().items())]
        shown = [{"instance": name, "recording": it.is_recording} for name, it in known if it is not None]
        return JSONResponse({"notice": NOTICE, "recordings": shown})

    return handle


def _one(instances: Instances) -> Handler:
    async def handle(request: Request) -> Response:
        recorder = _recorder(instances(), request)
        if recorder is None:
            return _error(404, "no such instance records here", "GET /recordings")
        try:
            if request.method == "POST":
                return await _start(recorder, request)
            if request.method == "DELETE":
                return _file(recorder.stop())
            return _file(recorder.so_far(_since(request)))
        except NotRecording as error:
            return _error(404, str(error), "POST here starts a recording")
        except AlreadyRecording as error:
            return _error(409, str(error), "DELETE here ends it and hands it out")

    return handle


async def _start(recorder: Recorder, request: Request) -> Response:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            return _error(413, "the body is too long", f"at most {BODY_MAX} octets")
    wanted = _client_systems(body)
    if isinstance(wanted, str):
        return _error(400, wanted, 'send nothing, or {"client_systems": ["pvs-1"]}')
    recorder.start(wanted)
    return JSONResponse({"recording": True}, 201)


def _client_systems(body: bytes) -> frozenset[str] | str | None:
    """The Clientsysteme wanted, None for all; a text says what is wrong."""
    if not body.strip():
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "the body is no JSON"
    if not isinstance(document, dict) or set(document) - {"client_systems"}:
        return "the body is no object with client_systems only"
    given: Any = document.get("client_systems")
    if given is None:
        return None
    if not isinstance(given, list) or not 1 <= len(given) <= CLIENTS_MAX:
        return f"client_systems is a list of 1 to {CLIENTS_MAX} names"
    if not all(isinstance(name, str) and 1 <= len(name) <= 64 for name in given):
        return "a client system has 1 to 64 characters"
    return frozenset(given)


def _recorder(instances: Mapping[str, Instance], request: Request) -> Recorder | None:
    instance = instances.get(request.path_params["instance"])
    return None if instance is None else instance.recorder


def _since(request: Request) -> int:
    text = request.query_params.get("since", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < _NUMBER_MAX else 0


def _file(recording: Recording) -> Response:
    return Response(encode_recording(recording), media_type="application/json", headers={"Cache-Control": "no-store"})


def _error(status: int, error: str, hint: str) -> JSONResponse:
    return JSONResponse({"error": error, "hint": hint}, status)
