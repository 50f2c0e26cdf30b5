"""The part of the control port about the lab's time.

GET  /clock            {"now"}: the time of the lab and its Konnektors, ISO 8601
POST /clock            {"days": 0.001…3650}: so much later it is now; time does not go back
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiaas.base.clock import ShiftedClock
from tiaas.lab.errors import BadControlRequest
from tiaas.lab.lab import Lab

DAYS_MAX = 3650
_Reader = Callable[..., Awaitable[dict[str, Any]]]


def clock_routes(lab: Lab, read: _Reader) -> list[Route]:
    """The routes; `read` gives the JSON object of a request's body."""

    async def clock(request: Request) -> Response:
        if request.method == "POST":
            days = (await read(request, "days")).get("days")
            if isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days <= DAYS_MAX:
                raise BadControlRequest("days is no span of time", f"a number above 0, up to {DAYS_MAX}")
            if not isinstance(lab.clock, ShiftedClock):
                raise BadControlRequest("this lab's clock cannot be moved", "use a lab that tiaas up started")
            lab.clock.move(timedelta(days=days))
        return JSONResponse({"now": lab.clock.now().isoformat(timespec="seconds")})

    return [Route("/clock", clock, methods=["GET", "POST"])]
