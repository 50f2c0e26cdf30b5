"""SOAP over HTTP as an insurer's service speaks it: `POST /IK/TYPE/2.0`, gzip both ways, faults on demand.

A handler tells what a request is about as soon as it has read it (`Exchange.about`); there a fault of the lab strikes.
Every request gets an entry in the lab's journal.
"""

import asyncio
import gzip
import zlib
from collections.abc import Iterable
from dataclasses import field

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tiaas.base.dataclass import dataclass
from tiaas.lab.faults import Fault, FaultBook, Service
from tiaas.lab.journal import Journal
from tiaas.lab.server import connection
from tiaas.lab.vsdm.errors import FaultWriter, ServiceError
from tiaas.soap.dispatch import AccessDeclaration, Dispatcher, Operation
from tiaas.soap.envelope import Limits, SoapFault

INTERFACE_VERSION = "2.0"
BODY_MAX = 1024 * 1024
LIMITS = Limits(octets=BODY_MAX, nodes=10_000, depth=16)


@dataclass(frozen=True, slots=True)
class FromIntermediaer(AccessDeclaration):
    """Whoever reaches the service: it listens on loopback, behind the Intermediär that checks the clients."""


@dataclass(slots=True)
class Exchange:
    """One request: where it was sent to (`provider`, `type` of the path), what it is about, what struck it.

    `code` is that of the fault in the answer, `notes` are for the journal.
    """

    provider: str
    type: str
    service: Service
    faults: FaultBook
    operation: str = "?"
    subject: str = ""
    fault: Fault | None = None
    code: int | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def cause(self) -> str | None:
        """What a fault has put out of order behind the service, for this request: a word of `faults.CODES`."""
        code = None if self.fault is None else self.fault.code
        return None if code is None or code.isdecimal() else code

    async def about(self, operation: str, subject: str) -> None:
        """Says what the request is about; a fault for it strikes here: raises `ServiceError`, or waits first.

        A fault that is a `cause` is left to whoever meets it.
        """
        self.operation, self.subject = operation, subject
        self.fault = fault = self.faults.take(self.service, f"{operation} {subject}")
        if fault is None:
            return
        await asyncio.sleep(fault.delay)
        if fault.code is not None and self.cause is None:
            raise ServiceError(int(fault.code), "demanded by a fault of the lab")
        if fault.http is not None or fault.drop:
            raise ServiceError(500)

    @property
    def outcome(self) -> str:
        """For the journal."""
        if self.fault is not None and self.fault.drop:
            return "no answer"
        if self.fault is not None and self.fault.http is not None:
            return f"HTTP {self.fault.http}"
        return ", ".join([*self.notes, *([f"fault {self.code}"] if self.code is not None else [])]) or "ok"


class FdServer:
    """The ASGI application of one service."""

    def __init__(
        self,
        service: Service,
        operations: Iterable[Operation],
        writer: FaultWriter,
        faults: FaultBook,
        journal: Journal,
    ) -> None:
        self._service = service
        self._operations = tuple(operations)
        self._writer = writer
        self._faults = faults
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        write = self._journal.begin(self._service.value)
        parts = request.url.path.strip("/").split("/")
        if request.method != "POST" or len(parts) != 3 or parts[2] != INTERFACE_VERSION:
            write("?", request.url.path, "HTTP 404")
            await Response(status_code=404)(scope, receive, send)
            return
        exchange = Exchange(parts[0], parts[1], self._service, self._faults)
        response = await self._answer(request, exchange)
        write(exchange.operation, exchange.subject, exchange.outcome, exchange.fault and exchange.fault.number)
        if exchange.fault is not None and exchange.fault.drop:
            connection(scope).abort()
            return
        await response(scope, receive, send)

    async def _answer(self, request: Request, exchange: Exchange) -> Response:
        body = await read_body(request)
        if body is None:
            exchange.notes.append("HTTP 400")
            return Response(status_code=400)

        def fault_of(error: BaseException) -> SoapFault:
            exchange.code = self._writer.code_of(error)
            return self._writer.fault(error)

        # A dispatcher of its own, so that the fault of one request is never written into another's journal entry.
        dispatcher = Dispatcher(self._operations, fault_of, LIMITS)
        reply = await dispatcher.handle(body, request.headers.get("content-type"), exchange)
        if exchange.fault is not None and exchange.fault.http is not None:
            return Response(status_code=exchange.fault.http)
        return _packed(Response(reply.body, reply.status, {"content-type": reply.content_type}), request)


async def read_body(request: Request) -> bytes | None:
    """The request's body, unpacked if it is gzip; None if it is too long or cannot be unpacked."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_MAX:
            return None
    return unpacked(body, request.headers.get("content-encoding", ""))


def unpacked(body: bytes, encoding: str) -> bytes | None:
    """The body behind a Content-Encoding; None for gzip that is broken or becomes too long."""
    if encoding.lower() != "gzip":
        return body
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(body, BODY_MAX)
    except zlib.error:
        return None
    return plain if stream.eof else None


def _packed(response: Response, request: Request) -> Response:
    """The response in gzip if the client takes that (VSDM-A_2256)."""
    offered = {part.partition(";")[0].strip().lower() for part in request.headers.get("accept-encoding", "").split(",")}
    if "gzip" not in offered:
        return response
    headers = {"content-type": response.headers["content-type"], "content-encoding": "gzip"}
    return Response(gzip.compress(bytes(response.body), mtime=0), response.status_code, headers)
