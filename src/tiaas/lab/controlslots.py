"""The control port's part for memory cards, for terminals that push cards out, and for the PoPP service.

POST /terminals/{ct_id}/slots/{n}/insert-kvk  {"fields": {NAME: text, …}?, "damage": "checksum"|"unreadable"?}
PUT  /terminals/{ct_id}/motor                 {"on": true|false}: EJECT ICC pushes the card out, nobody has to take it
POST /popp/scenarios                          {"session_id", "counter", "time_span", "steps": [{"command", "expected"}]}
                                              → {"signed_scenario"}, signed by the lab's PoPP service
"""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiaas.card.scenario import TYPE, VERSION, BadScenario, decode_scenario_untrusted
from tiaas.lab.errors import BadControlRequest
from tiaas.lab.kvk import KvkDamage, make_kvk
from tiaas.lab.lab import Lab
from tiaas.lab.popp import PoppSigner

Handler = Callable[[Request], Awaitable[Response]]
BodyReader = Callable[..., Awaitable[dict[str, Any]]]
"""Reads a JSON object with the named keys only."""


def slot_routes(lab: Lab, read: BodyReader) -> list[Route]:
    """The routes of this part."""
    return [
        Route("/terminals/{ct_id}/slots/{slot:int}/insert-kvk", _insert_kvk(lab, read), methods=["POST"]),
        Route("/terminals/{ct_id}/motor", _motor(lab, read), methods=["PUT"]),
        Route("/popp/scenarios", _sign(PoppSigner(lab.pki), read), methods=["POST"]),
    ]


def _insert_kvk(lab: Lab, read: BodyReader) -> Handler:
    async def handle(request: Request) -> Response:
        body = await read(request, "fields", "damage")
        fields, damage = body.get("fields") or {}, body.get("damage")
        if not isinstance(fields, dict) or not all(isinstance(text, str) for text in fields.values()):
            raise BadControlRequest("fields is no object of texts", 'send {"fields": {"ORT": "Köln"}}')
        if damage is not None and damage not in list(KvkDamage):
            raise BadControlRequest("unknown damage", f"one of {', '.join(KvkDamage)}")
        card = make_kvk(fields, None if damage is None else KvkDamage(damage))
        slot = request.path_params["slot"]
        lab.terminal(request.path_params["ct_id"]).insert_memory_card(slot, card)
        return JSONResponse({"slot": slot})

    return handle


def _motor(lab: Lab, read: BodyReader) -> Handler:
    async def handle(request: Request) -> Response:
        on = (await read(request, "on")).get("on")
        if not isinstance(on, bool):
            raise BadControlRequest("on is no boolean", 'send {"on": true} or {"on": false}')
        lab.terminal(request.path_params["ct_id"]).set_motor(on=on)
        return JSONResponse({"on": on})

    return handle


def _sign(signer: PoppSigner, read: BodyReader) -> Handler:
    async def handle(request: Request) -> Response:
        body = await read(request, "session_id", "counter", "time_span", "steps")
        steps = body.get("steps")
        if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
            raise BadControlRequest("steps is no list of objects", 'send "steps": [{"command": "00B0820000"}]')
        claims = {
            "message": {
                "type": TYPE,
                "version": VERSION,
                "clientSessionId": body.get("session_id"),
                "sequenceCounter": body.get("counter", 0),
                "timeSpan": body.get("time_span", 0),
                "steps": [
                    {"commandApdu": step.get("command"), "expectedStatusWords": step.get("expected", ["9000"])}
                    for step in steps
                ],
            }
        }
        try:
            scenario = decode_scenario_untrusted(claims)
        except BadScenario as bad:
            raise BadControlRequest(f"no scenario: {bad}", "see docs/reference/popp.md") from None
        return JSONResponse({"signed_scenario": signer.sign(scenario)})

    return handle
