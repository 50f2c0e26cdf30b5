"""All operations of the management interface of an instance. A module's rows are added here."""

import functools
import json

from tiaas.konnektor.admin import accounts
from tiaas.konnektor.admin.clientsystems import CLIENT_ROUTES
from tiaas.konnektor.admin.infomodel import model_routes
from tiaas.konnektor.admin.openapi import openapi_document
from tiaas.konnektor.admin.roles import INSTANCE_ROLES, SUPER_ONLY
from tiaas.konnektor.admin.routes import Call, Octets, Route, get
from tiaas.konnektor.admin.system import SYSTEM_ROUTES

VERSION = "1.0.0"
"""Of the interface; the first number goes up when a change breaks a client."""


async def _document(call: Call) -> Octets:
    return Octets(_encoded(), "application/json", "openapi.json")


INSTANCE_ROUTES: tuple[Route, ...] = (
    get("/openapi.json", frozenset(), "This document", _document, None),
    *accounts.account_routes(INSTANCE_ROLES, SUPER_ONLY),
    *model_routes(),
    *CLIENT_ROUTES,
    *SYSTEM_ROUTES,
)


@functools.cache
def _encoded() -> bytes:
    document = openapi_document(INSTANCE_ROUTES, "tiaas: management of a Konnektor instance", VERSION)
    return json.dumps(document, ensure_ascii=False, indent=1).encode()
