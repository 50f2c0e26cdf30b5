"""The control port's part for the PKI: what is issued and revoked, new trust lists, a new trust anchor.

GET  /certificates?what=SERIAL|ICCSN what the lab's CAs issued (one certificate, or those of one card)
POST /certificates/revoke            {"what": serial number (hexadecimal, else decimal), or ICCSN: all of that card}
GET  /tsl                            the lists in force: number, Id, times; the announced trust anchor
POST /tsl/renew                      new lists, with new numbers
POST /tsl/change-anchor              {"after": seconds} a new TSL that announces the next trust anchor
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiaas.lab.errors import BadControlRequest, NoPkiServices
from tiaas.lab.lab import Lab
from tiaas.lab.listcontent import ListName
from tiaas.lab.trustlists import TrustLists

Handler = Callable[[Request], Awaitable[Response]]
BodyReader = Callable[..., Awaitable[dict[str, Any]]]
"""Reads a JSON object with the named keys only."""

AFTER_MAX = 366 * 86400
"""Seconds."""


def pki_routes(lab: Lab, read: BodyReader) -> list[Route]:
    """The routes of this part."""
    return [
        Route("/certificates", _certificates(lab), methods=["GET"]),
        Route("/certificates/revoke", _revoke(lab, read), methods=["POST"]),
        Route("/tsl", _tsl(lab), methods=["GET"]),
        Route("/tsl/renew", _renew(lab, read), methods=["POST"]),
        Route("/tsl/change-anchor", _change_anchor(lab, read), methods=["POST"]),
    ]


def _certificates(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        what = request.query_params.get("what")
        found = lab.book if what is None else lab.book.named(what)
        return JSONResponse({"certificates": [issued.to_document() for issued in found]})

    return handle


def _revoke(lab: Lab, read: BodyReader) -> Handler:
    async def handle(request: Request) -> Response:
        what = (await read(request, "what")).get("what")
        if not isinstance(what, str) or not what:
            raise BadControlRequest("nothing to revoke is named", 'send {"what": "SERIAL or ICCSN"}')
        return JSONResponse({"revoked": [issued.to_document() for issued in lab.book.revoke(what)]})

    return handle


def _tsl(lab: Lab) -> Handler:
    async def handle(request: Request) -> Response:
        return JSONResponse(_document(_lists(lab)))

    return handle


def _renew(lab: Lab, read: BodyReader) -> Handler:
    async def handle(request: Request) -> Response:
        await read(request)
        lists = _lists(lab)
        for name in ListName:
            lists.renew(name)
        return JSONResponse(_document(lists))

    return handle


def _change_anchor(lab: Lab, read: BodyReader) -> Handler:
    async def handle(request: Request) -> Response:
        after = (await read(request, "after")).get("after", 0)
        if isinstance(after, bool) or not isinstance(after, int | float) or not 0 <= after <= AFTER_MAX:
            raise BadControlRequest("after is no time", f"0 to {AFTER_MAX} seconds from now")
        lists = _lists(lab)
        lists.change_anchor(timedelta(seconds=after))
        return JSONResponse(_document(lists))

    return handle


def _lists(lab: Lab) -> TrustLists:
    if lab.services is None:
        raise NoPkiServices
    return lab.services.lists


def _document(lists: TrustLists) -> dict[str, Any]:
    announced = lists.announced_from
    return {
        **{name.key: _list_document(lists, name) for name in ListName},
        "next_anchor_from": None if announced is None else announced.isoformat(),
    }


def _list_document(lists: TrustLists, name: ListName) -> dict[str, Any]:
    content = lists.current(name).content
    return {
        "url": lists.content.url(name),
        "number": content.sequence_number,
        "id": content.id,
        "issued": content.issued.isoformat(),
        "next_update": None if content.next_update is None else content.next_update.isoformat(),
        "services": len(content.services),
    }
