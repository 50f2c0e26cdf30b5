"""Schemathesis against the OpenAPI documents of both planes: no 5xx, and every answer is what the document says."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CheckFunction
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as openapi_checks

from tests.integration.admin.desk import open_desk
from tests.integration.admin.test_base import open_hall
from tests.integration.admin.threads import in_thread
from tests.integration.konnektor_front.houses import ENTROPY
from tiaas.client.admin import AdminAccess
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.base import BASE_ROUTES
from tiaas.konnektor.admin.openapi import openapi_document
from tiaas.konnektor.admin.table import INSTANCE_ROUTES
from tiaas.konnektor.admin.users import make_token

EXAMPLES = 3
LEFT_OUT = frozenset({"/system/restart"})
"""It does what it says: the next case would meet a closed door."""

PLANES = {"instance": INSTANCE_ROUTES, "node": BASE_ROUTES}
OPERATIONS: list[Any] = [
    pytest.param(plane, operation, id=f"{plane}-{operation.label}")
    for plane, routes in PLANES.items()
    for each in schemathesis.openapi.from_dict(openapi_document(routes, plane)).get_all_operations()
    if isinstance(each, Ok) and (operation := each.ok()).path not in LEFT_OUT
]
CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def planes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, AdminAccess]]:
    """An instance and the base plane of a node, with whoever may do most there."""
    token = make_token(ENTROPY)
    with (
        in_thread(open_desk(tmp_path_factory.mktemp("desk"))) as desk,
        in_thread(open_hall(tmp_path_factory.mktemp("hall"), token)) as hall,
    ):
        yield {"instance": desk.value.access(Role.SUPER), "node": hall.value.access}


@pytest.mark.requirement("TIP1-A_5661")
@pytest.mark.parametrize(("plane", "operation"), OPERATIONS)
def test_answers_are_what_the_document_says(
    planes: dict[str, AdminAccess], tmp_path_factory: pytest.TempPathFactory, plane: str, operation: Any
) -> None:
    access = planes[plane]
    assert access.token is not None
    ca = tmp_path_factory.getbasetemp() / f"{plane}-ca.pem"
    ca.write_text(access.ca_pem)
    headers = {"Authorization": f"Bearer {access.token.reveal().decode()}"}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        response = case.call(base_url=access.url, headers=headers, verify=str(ca))
        case.validate_response(response, checks=CHECKS, headers=headers)

    ask()
