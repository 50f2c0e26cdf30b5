"""The control port's part for the KSR: which firmware lies there, and Bestandsnetze.xml.

GET    /ksr                 {"url", "packages"}
POST   /ksr                 {"for": konnektor|terminal|fachmodul, "version", "priority", "deadline", …}
DELETE /ksr                 withdraws all packages
GET    /ksr/{update_id}     the file of one
DELETE /ksr/{update_id}     withdraws one
GET    /ksr/networks        {"version", "networks"}: Bestandsnetze.xml
PUT    /ksr/networks        the same, to replace it
DELETE /ksr/networks        the networks of a new lab again
GET    /registrations       {"url", "contracts", "registrations", "data"}: the VPN-Zugangsdienst

A POST needs `version` only; `priority` is Normal or Kritisch. What else it may say (`PACKAGE_KEYS`): the product if it
is another one than the lab's, `group`, `group_versions` and `content`; `fails` makes a program for a Konnektor that
ends when it is to serve, `octets` the file of a package for a Fachmodul as long as that, with zeros.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiaas.lab.ksr.networks import NETWORKS_OCTETS
from tiaas.lab.ksr.offers import BODY_OCTETS, PACKAGE_KEYS
from tiaas.lab.lab import Lab

Handler = Callable[[Request], Awaitable[Response]]
BodyReader = Callable[..., Awaitable[dict[str, Any]]]


def ksr_routes(lab: Lab, read: BodyReader) -> list[Route]:
    """The routes of this part."""
    return [
        Route("/ksr", _packages(lab, read), methods=["GET", "POST", "DELETE"]),
        Route("/ksr/networks", _networks(lab, read), methods=["GET", "PUT", "DELETE"]),
        Route("/registrations", _registrations(lab), methods=["GET"]),
        Route("/ksr/{update_id}", _one(lab), methods=["GET", "DELETE"]),
    ]


def _packages(lab: Lab, read: BodyReader) -> Handler:
    async def handle(request: Request) -> Response:
        packages = lab.ksr.packages
        if request.method == "POST":
            body = await read(request, *PACKAGE_KEYS, most=BODY_OCTETS)
            package = await asyncio.to_thread(lab.ksr.offer, body)
            return JSONResponse(package.to_shown(), 201)
        if request.method == "DELETE":
            return JSONResponse({"withdrawn": packages.clear()})
        return JSONResponse({"url": lab.ksr.url, "packages": [package.to_shown() for package in packages]})

    return handle


def _one(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        update_id = request.path_params["update_id"]
        if request.method == "GET":
            return Response(lab.ksr.packages.find(update_id).file(), media_type="application/octet-stream")
        lab.ksr.packages.withdraw(update_id)
        return JSONResponse({"withdrawn": 1})

    return handle


def _networks(lab: Lab, read: BodyReader) -> Handler:
    async def handle(request: Request) -> Response:
        networks = lab.ksr.networks
        if request.method == "PUT":
            networks.put(await read(request, "version", "networks", most=NETWORKS_OCTETS))
        if request.method == "DELETE":
            networks.restore()
        return JSONResponse(dict(networks.shown))

    return handle


def _registrations(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        return JSONResponse({"url": lab.registration.url, **lab.registration.contracts.to_shown()})

    return handle
