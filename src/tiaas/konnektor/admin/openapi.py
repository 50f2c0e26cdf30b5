"""The OpenAPI 3.1 document of a plane, made from its table of routes."""

import functools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from tiaas.interfaces.management.documents import members
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.routes import Call, Method, Octets, Route, get
from tiaas.konnektor.admin.schemas import Schemas

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What is wrong and what to do (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong"},
        "remedy": {"type": "string", "description": "what to do"},
        "code": {"type": "integer", "description": "gematik's error code, where there is one"},
    },
    "required": ["type", "title", "status", "detail", "remedy"],
}
SEGMENT_MAX = 256
"""Characters of a path parameter."""
VERSION = "1.0.0"
"""Of the interface; the first number goes up when a change breaks a client."""


def openapi_route(title: str, table: Callable[[], Sequence[Route]]) -> Route:
    """The row that answers with the document of the table it stands in; it is made once, when somebody asks."""

    @functools.cache
    def encoded() -> bytes:
        return json.dumps(openapi_document(table(), title), ensure_ascii=False, indent=1).encode()

    async def document(call: Call) -> Octets:
        return Octets(encoded(), "application/json", "openapi.json")

    return get("/openapi.json", frozenset(), "This document", document, None)


def openapi_document(routes: Sequence[Route], title: str) -> dict[str, Any]:
    """The document; `paths` in the order of the table. Roles are those of this plane (A_23258)."""
    schemas = Schemas({Role: frozenset[Role]().union(*(route.roles for route in routes))})
    schemas.components["Problem"] = PROBLEM
    paths: dict[str, Any] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.value.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    out: dict[str, Any] = {
        "operationId": operation_id(route),
        "tags": [route.area],
        "summary": route.summary,
        "x-roles": sorted(role.value for role in route.roles),
        "security": [{"token": []}] if route.roles else [],
        "parameters": [*_path_parameters(route), *_query_parameters(route, schemas), *_match_parameter(route)],
        "responses": _responses(route, schemas),
    }
    if route.request is not None:
        content = {"application/json": {"schema": schemas.reference(route.request)}}
        out["requestBody"] = {"required": True, "content": content}
    return out


def operation_id(route: Route) -> str:
    """Like `get_terminals_by_ct_id`."""
    words = re.sub(r"\{(\w+)\}", r"by_\1", route.path.strip("/"))
    return f"{route.method.value.lower()}_{re.sub(r'[^0-9A-Za-z]+', '_', words)}"


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "maxLength": SEGMENT_MAX}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]


def _query_parameters(route: Route, schemas: Schemas) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    out = []
    for member in members(route.query):
        schema = schemas.of(member.kind, member.bound)
        if "anyOf" in schema:
            # A parameter is left out, it is never null.
            schema = schema["anyOf"][0]
        out.append(
            {
                "name": member.name,
                "in": "query",
                "required": member.required,
                "schema": schema,
                "description": member.told,
            }
        )
    return out


def _match_parameter(route: Route) -> list[dict[str, Any]]:
    if route.method is Method.GET or not route.roles:
        return []
    told = "the ETag of what was read; needed where a whole is replaced"
    schema = {"type": "string", "maxLength": SEGMENT_MAX}
    return [{"name": "If-Match", "in": "header", "required": False, "schema": schema, "description": told}]


def _responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    good: dict[str, Any] = {"description": route.status.phrase}
    if route.response is not None:
        good["content"] = {"application/json": {"schema": schemas.reference(route.response)}}
    elif route.media_type != "application/json":
        good["content"] = {route.media_type: {"schema": {}}}
    elif route.method is Method.GET:
        good["content"] = {"application/json": {"schema": {"type": "object"}}}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {str(int(route.status)): good, "default": {"description": "a problem", "content": problem}}
