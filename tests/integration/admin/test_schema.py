"""Schemathesis against the OpenAPI document of an instance: no 5xx, and every answer is what the document says."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CheckFunction
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as openapi_checks

from tests.integration.admin.desk import Desk, open_desk
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.openapi import openapi_document
from tiaas.konnektor.admin.table import INSTANCE_ROUTES

EXAMPLES = 3
LEFT_OUT = frozenset({"/system/restart"})
"""It does what it says: the next case would meet a closed door."""

SCHEMA = schemathesis.openapi.from_dict(openapi_document(INSTANCE_ROUTES, "instance"))
OPERATIONS: list[Any] = [each.ok() for each in SCHEMA.get_all_operations() if isinstance(each, Ok)]
CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """An instance in a loop of its own: schemathesis speaks HTTP without one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    opened = open_desk(tmp_path_factory.mktemp("desk"))
    try:
        yield asyncio.run_coroutine_threadsafe(opened.__aenter__(), loop).result(60)
    finally:
        asyncio.run_coroutine_threadsafe(opened.__aexit__(None, None, None), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.mark.requirement("TIP1-A_5661")
@pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if o.path not in LEFT_OUT], ids=lambda operation: operation.label
)
def test_answers_are_what_the_document_says(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory, operation: Any
) -> None:
    access = desk.access(Role.SUPER)
    assert access.token is not None
    ca = tmp_path_factory.getbasetemp() / "ca.pem"
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
