"""What a fault of the book does to an answer of the KSR, and what the journal says of it."""

from starlette.requests import Request
from starlette.responses import Response

from tiaas.lab.faults import Fault
from tiaas.lab.server import connection


def struck(fault: Fault | None, request: Request) -> Response | None:
    """The answer that replaces the service's; None: the service answers, right or wrong."""
    if fault is None:
        return None
    if fault.drop:
        connection(request.scope).abort()
        return Response(status_code=503)
    return None if fault.http is None else Response(status_code=fault.http)


def outcome(fault: Fault | None) -> str:
    """For the journal; empty if the service itself has answered, right or wrong."""
    if fault is None or fault.code == "fault":
        return ""
    if fault.drop:
        return "no answer"
    return fault.code or (f"HTTP {fault.http}" if fault.http is not None else "")


def number(fault: Fault | None) -> int | None:
    """The fault's number, for the journal."""
    return None if fault is None else fault.number
