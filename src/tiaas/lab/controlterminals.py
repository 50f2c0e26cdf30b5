"""What a technician does to virtual terminals, at the control port.

GET    /terminals/{ct_id}/pairing      → {"blocks": [{"number", "keys"}], "free"}; keys are SHA-256 fingerprints
DELETE …/pairing?block=N&key=M         the terminal's menu: everything, one block, or one key of a block
POST   …/announce                      {"host", "port"}: sends the service description there (UDP)
PUT    …/contactless                   {"on": true|false}: Option_CL of a terminal with an antenna
POST   …/smkt                          a new gSMC-KT → {"iccsn"}
PUT    …/smkt                          {"days": -3650…3650}: its certificates end then
"""

import hashlib
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiaas.lab.errors import BadControlRequest
from tiaas.lab.lab import Lab
from tiaas.lab.workshop import Workshop
from tiaas.terminal.virtual.state import MAX_BLOCKS

Read = Callable[..., Awaitable[dict[str, Any]]]

DAYS_MAX = 3650
_PORTS = range(1, 65536)
_DIGITS_MAX = 3


def terminal_workshop_routes(lab: Lab, read: Read) -> list[Route]:
    """The routes; `read` gives the JSON object of a request's body."""
    workshop = Workshop(lab)
    base = "/terminals/{ct_id}"

    async def pairing(request: Request) -> Response:
        ct_id = request.path_params["ct_id"]
        if request.method == "DELETE":
            workshop.delete_pairing(ct_id, _number(request, "block"), _number(request, "key"))
        blocks = [
            {"number": number, "keys": [hashlib.sha256(key).hexdigest() for key in block.keys]}
            for number, block in enumerate(workshop.blocks(ct_id), 1)
        ]
        return JSONResponse({"blocks": blocks, "free": MAX_BLOCKS - len(blocks)})

    async def announce(request: Request) -> Response:
        body = await read(request, "host", "port")
        host, port = body.get("host"), body.get("port")
        if not _is_ipv4(host) or not isinstance(port, int) or port not in _PORTS:
            raise BadControlRequest("no address", 'send {"host": "127.0.0.1", "port": 4742}')
        workshop.announce(request.path_params["ct_id"], str(host), port)
        return JSONResponse({"host": host, "port": port})

    async def contactless(request: Request) -> Response:
        on = (await read(request, "on")).get("on")
        if not isinstance(on, bool):
            raise BadControlRequest("on is no boolean", 'send {"on": true} or {"on": false}')
        workshop.switch_contactless(request.path_params["ct_id"], on=on)
        return JSONResponse({"on": on})

    async def smkt(request: Request) -> Response:
        ct_id = request.path_params["ct_id"]
        if request.method == "POST":
            await read(request)
            return JSONResponse({"iccsn": await workshop.exchange_smkt(ct_id)})
        days = (await read(request, "days")).get("days")
        if not isinstance(days, int) or isinstance(days, bool) or abs(days) > DAYS_MAX:
            raise BadControlRequest("days is out of range", f"a whole number from -{DAYS_MAX} to {DAYS_MAX}")
        return JSONResponse({"iccsn": await workshop.set_validity(ct_id, days), "days": days})

    return [
        Route(f"{base}/pairing", pairing, methods=["GET", "DELETE"]),
        Route(f"{base}/announce", announce, methods=["POST"]),
        Route(f"{base}/contactless", contactless, methods=["PUT"]),
        Route(f"{base}/smkt", smkt, methods=["POST", "PUT"]),
    ]


def _number(request: Request, name: str) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
        raise BadControlRequest(f"{name} is no number", "blocks and keys are counted from 1")
    return int(text)


def _is_ipv4(host: object) -> bool:
    try:
        IPv4Address(str(host))
    except ValueError:
        return False
    return isinstance(host, str)
