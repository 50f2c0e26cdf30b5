"""The control port's part for making cards.

POST /cards               a form (`lab/cardform.py`) as JSON: the card is made, stored, and lies in the drawer
POST /cards/import        a document of `GET /cards/{iccsn}/image`
GET  /cards/{iccsn}       what the card is and how: holder, versions, PIN states, what is locked or broken; no PIN
GET  /cards/{iccsn}/image the whole card with its keys and PINs: test data that everybody on this machine may read
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiaas.base.config import read_config
from tiaas.base.errors import InvalidInput
from tiaas.lab.cardform import CardForm
from tiaas.lab.cardview import card_details
from tiaas.lab.errors import BadControlRequest
from tiaas.lab.lab import Lab

Handler = Callable[[Request], Awaitable[Response]]
BodyReader = Callable[..., Awaitable[dict[str, Any]]]
"""Reads a JSON object with the named keys only."""

IMAGE_MAX = 512 * 1024
FORM_MAX = 32 * 1024
_FORM_KEYS = ("kind", "patient", "insurer", "professional", "institution", "state")
_IMAGE_KEYS = ("format", "version", "test_only", "holder", "kvnr", "image")


def card_routes(lab: Lab, read: BodyReader) -> list[Route]:
    """The routes of this part."""
    return [
        Route("/cards", _make(lab, read), methods=["POST"]),
        Route("/cards/import", _import(lab, read), methods=["POST"]),
        Route("/cards/{iccsn}", _show(lab), methods=["GET"]),
        Route("/cards/{iccsn}/image", _export(lab), methods=["GET"]),
    ]


def _make(lab: Lab, read: BodyReader) -> Handler:
    async def handle(request: Request) -> Response:
        document = await read(request, *_FORM_KEYS, most=FORM_MAX)
        try:
            made = lab.make_card(read_config(CardForm, document, "form"))
        except InvalidInput as error:
            raise BadControlRequest(str(error), "docs/reference/cards.md describes all keys") from error
        return JSONResponse(card_details(lab, made), 201)

    return handle


def _import(lab: Lab, read: BodyReader) -> Handler:
    async def handle(request: Request) -> Response:
        document = await read(request, *_IMAGE_KEYS, most=IMAGE_MAX)
        try:
            taken = lab.import_card(document)
        except InvalidInput as error:
            raise BadControlRequest(str(error), "send what GET /cards/{iccsn}/image answers") from error
        return JSONResponse(card_details(lab, taken), 201)

    return handle


def _show(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        return JSONResponse(card_details(lab, lab.cards.get(request.path_params["iccsn"])))

    return handle


def _export(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        exported = lab.maker.export(request.path_params["iccsn"])
        return JSONResponse(exported, headers={"Cache-Control": "no-store"})

    return handle
