"""The OpenAPI documents of both planes."""

from collections.abc import Sequence

import pytest

from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.base import BASE_ROUTES
from tiaas.konnektor.admin.openapi import openapi_document
from tiaas.konnektor.admin.roles import BASIS_ONLY, INSTANCE_ROLES
from tiaas.konnektor.admin.routes import Route
from tiaas.konnektor.admin.table import INSTANCE_ROUTES


@pytest.mark.parametrize(("routes", "roles"), [(INSTANCE_ROUTES, INSTANCE_ROLES), (BASE_ROUTES, BASIS_ONLY)])
def test_a_plane_names_only_its_own_roles(routes: Sequence[Route], roles: frozenset[Role]) -> None:
    schemas = openapi_document(routes, "plane")["components"]["schemas"]
    for name in ("NewAdministrator", "Administrator", "SessionState"):
        assert set(schemas[name]["properties"]["role"]["enum"]) == {role.value for role in roles}
