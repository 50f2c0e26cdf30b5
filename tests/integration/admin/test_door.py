"""What the application refuses before any handler is asked; every row of the table against every role."""

import ssl
from pathlib import Path

import httpx
import pytest

from tests.integration.admin.desk import Desk
from tests.integration.admin.test_base import open_hall
from tests.integration.konnektor_front.houses import ENTROPY
from tiaas.base.secret import Secret
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.base import BASE_ROUTES
from tiaas.konnektor.admin.routes import Route
from tiaas.konnektor.admin.table import INSTANCE_ROUTES
from tiaas.konnektor.admin.users import make_token

pytestmark = pytest.mark.asyncio(loop_scope="module")


def _http(desk: Desk, role: Role | None) -> httpx.AsyncClient:
    access = desk.access(role)
    headers = {"Authorization": f"Bearer {access.token.reveal().decode()}"} if access.token else {}
    context = ssl.create_default_context(cadata=access.ca_pem)
    return httpx.AsyncClient(base_url=access.url, verify=context, headers=headers, trust_env=False)


@pytest.mark.requirement("TIP1-A_4810")
async def test_every_row_lets_in_its_roles_and_nobody_else(desk: Desk) -> None:
    """A row that a role may not use answers 403 whatever is sent; without a token it is 401."""
    for role in (None, Role.LOKAL, Role.REMOTE, Role.SUPER):
        async with _http(desk, role) as http:
            for route in INSTANCE_ROUTES:
                if not route.roles or (role is not None and role in route.roles and route.request is None):
                    continue  # whom the row lets in is tested with what it does
                status = (await http.request(route.method.value, _path(route), content=_body(route))).status_code
                if role is None:
                    assert status == 401, route
                elif role not in route.roles:
                    assert status == 403, route
                else:
                    assert status == 415, route


@pytest.mark.requirement("A_23258")
async def test_every_row_of_the_base_plane_lets_in_its_administrators_and_nobody_else(tmp_path: Path) -> None:
    """401 without a token of this plane; the Basis-Administrator gets past the door of every row."""
    token = make_token(ENTROPY)
    async with open_hall(tmp_path, token) as hall:
        access = hall.access
        context = ssl.create_default_context(cadata=access.ca_pem)
        async with httpx.AsyncClient(base_url=access.url, verify=context, trust_env=False) as http:
            for headers in ({}, {"Authorization": f"Bearer {make_token(ENTROPY).reveal().decode()}"}, _bearer(token)):
                is_known = headers == _bearer(token)
                for route in BASE_ROUTES:
                    if not route.roles or (is_known and route.request is None):
                        continue
                    answer = await http.request(route.method.value, _path(route), content=_body(route), headers=headers)
                    assert answer.status_code == (415 if is_known else 401), route


def _bearer(token: Secret) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.reveal().decode()}"}


def _path(route: Route) -> str:
    return route.path.replace("{", "").replace("}", "")


def _body(route: Route) -> bytes:
    return b"" if route.request is None else b"{}"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("GET", "/nothing", b"", 404, "no such path"),
        ("PUT", "/session", b"", 405, "method"),
        ("GET", "/session?more=1", b"", 400, "no parameters"),
        ("DELETE", "/session", b"{}", 400, "send no body"),
        ("POST", "/session", b"{", 400, "no JSON"),
        ("POST", "/session", b'{"user":"a","user":"b"}', 400, "twice"),
        ("POST", "/session", b'{"user":"a","pass":"b"}', 400, "no such field"),
        ("POST", "/session", b'{"user":"a"}', 400, "missing"),
        ("POST", "/session", b'{"user":1,"password":"b"}', 400, "a text is wanted"),
        ("POST", "/session", b'{"user":"\\ud800","password":"b"}', 400, "half a character"),
        ("POST", "/session", b"[" * 100_000, 400, "no JSON"),
        ("POST", "/session", b" " * 2_000_000, 413, "longer"),
    ],
)
async def test_what_cannot_be_read_is_refused_in_words(
    desk: Desk, method: str, path: str, body: bytes, status: int, words: str
) -> None:
    async with _http(desk, Role.SUPER) as http:
        headers = {"Content-Type": "application/json"} if body else {}
        answer = await http.request(method, path, content=body, headers=headers)
        problem = answer.json()
        assert (answer.status_code, problem["status"]) == (status, status)
        assert words in problem["detail"]
        assert problem["remedy"]
        assert answer.headers["content-type"] == "application/problem+json"


async def test_the_openapi_document_is_served_to_everybody_and_names_every_row(desk: Desk) -> None:
    async with _http(desk, None) as http:
        document = (await http.get("/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    rows = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    assert rows == {(route.path, route.method.value) for route in INSTANCE_ROUTES}
    assert document["components"]["schemas"]["Login"]["additionalProperties"] is False
