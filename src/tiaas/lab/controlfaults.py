"""The part of the control port about faults (`lab/faults.py`) and the journal.

GET    /faults                  {"faults": in force, oldest first; "fired": what they and used up ones struck}
POST   /faults                  a fault; 201 with its number
DELETE /faults                  ends all; ?service=NAME those of one service, ?number=N one
GET    /journal?since=N&service=NAME   what the lab's services were asked
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiaas.lab.errors import BadControlRequest
from tiaas.lab.faults import FAULT_KEYS, Fault, Service
from tiaas.lab.lab import Lab

Handler = Callable[[Request], Awaitable[Response]]
BodyReader = Callable[..., Awaitable[dict[str, Any]]]
_NUMBER_MAX = 16


def fault_routes(lab: Lab, read: BodyReader) -> list[Route]:
    """The routes of this part."""
    return [
        Route("/faults", _faults(lab, read), methods=["GET", "POST", "DELETE"]),
        Route("/journal", _journal(lab), methods=["GET"]),
    ]


def _faults(lab: Lab, read: BodyReader) -> Handler:
    async def handle(request: Request) -> Response:
        if request.method == "POST":
            fault = Fault.from_document(await read(request, *FAULT_KEYS))
            return JSONResponse(lab.faults.add(fault).to_document(), 201)
        if request.method == "DELETE":
            return JSONResponse({"cleared": lab.faults.clear(_chosen(request))})
        book = lab.faults
        in_force = [fault.to_document() for fault in book]
        return JSONResponse(
            {"test_data": True, "faults": in_force, "fired": [fired.to_document() for fired in book.fired]}
        )

    return handle


def _chosen(request: Request) -> Callable[[Fault], bool]:
    service, number = _service(request), _number(request, "number")
    return lambda fault: service in (None, fault.service) and number in (0, fault.number)


def _journal(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        since = _number(request, "since")
        entries = [entry.to_document() for entry in lab.journal.since(since, _service(request))]
        return JSONResponse({"test_data": True, "last": lab.journal.last, "entries": entries})

    return handle


def _number(request: Request, name: str) -> int:
    """A number in the query, 0 if it is not there."""
    text = request.query_params.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) < _NUMBER_MAX):
        raise BadControlRequest(f"{name} is no number", "a number that the control port told, or nothing")
    return int(text)


def _service(request: Request) -> Service | None:
    name = request.query_params.get("service")
    if name is not None and name not in list(Service):
        raise BadControlRequest("unknown service", f"one of {', '.join(Service)}")
    return None if name is None else Service(name)
