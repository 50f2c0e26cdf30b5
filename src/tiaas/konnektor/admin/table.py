"""All operations of the management interface of an instance. A module's rows are added here."""

from dataclasses import replace
from typing import Any

from tiaas.konnektor.admin import accounts, terminals
from tiaas.konnektor.admin.boxroutes import BOX_ROUTES
from tiaas.konnektor.admin.centralsystems import CENTRAL_SYSTEM_ROUTES
from tiaas.konnektor.admin.certificates import CERTIFICATE_ROUTES
from tiaas.konnektor.admin.clientsystems import CLIENT_ROUTES
from tiaas.konnektor.admin.fachmodulpackages import FACHMODUL_ROUTES
from tiaas.konnektor.admin.importedcas import IMPORTED_CA_ROUTES
from tiaas.konnektor.admin.infomodel import model_routes
from tiaas.konnektor.admin.logs import LOG_ROUTES
from tiaas.konnektor.admin.misuse import MISUSE_ROUTES
from tiaas.konnektor.admin.moving import MOVING_ROUTES
from tiaas.konnektor.admin.networks import NETWORK_ROUTES
from tiaas.konnektor.admin.openapi import openapi_route
from tiaas.konnektor.admin.operatingdata import OPERATING_DATA_ROUTES
from tiaas.konnektor.admin.parameterroutes import PARAMETER_ROUTES
from tiaas.konnektor.admin.registration import REGISTRATION_ROUTES
from tiaas.konnektor.admin.roles import INSTANCE_ROLES, SUPER_ONLY
from tiaas.konnektor.admin.routes import Call, Route
from tiaas.konnektor.admin.system import SYSTEM_ROUTES
from tiaas.konnektor.admin.updates import UPDATE_ROUTES
from tiaas.konnektor.admin.virtualsmbs import VIRTUAL_SMB_ROUTES
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.permissions import Row, allows


def _permitted(route: Route) -> Route:
    """The row with TAB_KON_504 in front of its handler: 4002 where a critical state forbids management."""
    row = Row.ALWAYS if route.area in ALWAYS_AREAS else Row.MANAGEMENT

    async def handle(call: Call) -> Any:
        if not allows(row, call.plane.instance.context.opstate.holding):
            raise KonnektorError(4002)
        return await route.handler(call)

    return replace(route, handler=handle)


ALWAYS_AREAS = frozenset({"openapi.json", "session", "logs", "system", "updates"})
"""What stays possible in every critical state: log view, the state, restart, factory reset, a box's packet filter,
updates, the way there."""

_ROWS: tuple[Route, ...] = (
    openapi_route("tiaas: management of a Konnektor instance", lambda: INSTANCE_ROUTES),
    *accounts.account_routes(INSTANCE_ROLES, SUPER_ONLY),
    *model_routes(),
    *CLIENT_ROUTES,
    *SYSTEM_ROUTES,
    *PARAMETER_ROUTES,
    *CENTRAL_SYSTEM_ROUTES,
    *BOX_ROUTES,
    *OPERATING_DATA_ROUTES,
    *LOG_ROUTES,
    *MOVING_ROUTES,
    *CERTIFICATE_ROUTES,
    *IMPORTED_CA_ROUTES,
    *MISUSE_ROUTES,
    *terminals.terminal_routes(),
    *UPDATE_ROUTES,
    *FACHMODUL_ROUTES,
    *NETWORK_ROUTES,
    *REGISTRATION_ROUTES,
    *VIRTUAL_SMB_ROUTES,
)

INSTANCE_ROUTES: tuple[Route, ...] = tuple(_permitted(route) for route in _ROWS)
