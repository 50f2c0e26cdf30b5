"""The PKI services of the lab over HTTP, on two ports of the loopback address.

    GET  /ECC/ECC-RSA_TSL.xml, .sha2    the TSL and its hash, with and without TLS; the same below /backup
    GET  /BNA-TSL.xml, .sha2            the national list and its hash, with TLS only; the same below /backup
    GET  /crl/KOMP-CA1.crl              the CRL of the Komponenten-CA
    POST /ocsp, GET /ocsp/BASE64        the status service (RFC 6960, appendix A)

What has no TLS is the access provider's http-forwarder, too: whatever host a POST in absolute form names, it is
answered here. TLS or not is as in the TI (gemSpec_TSL V1.19.2, TIP1-A_4056-01, TIP1-A_6768-01).
"""

import asyncio
import base64
import binascii
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tiaas.base.dataclass import dataclass
from tiaas.lab.crls import CRL_PATH, RevocationLists
from tiaas.lab.faults import Fault, FaultBook, Service
from tiaas.lab.journal import Journal
from tiaas.lab.listcontent import BACKUP, OCSP_PATH, ListName
from tiaas.lab.listfaults import HASH_WRONG, defective, wrong_hash
from tiaas.lab.ocspresponder import StatusService
from tiaas.lab.server import connection
from tiaas.lab.trustlists import TrustLists, hash_file
from tiaas.lab.zdidentity import DEFECTS as TLS_DEFECTS
from tiaas.pki.ocsp import MAX_REQUEST, REQUEST_TYPE, RESPONSE_TYPE

LIST_TYPE = "application/vnd.etsi.tsl+xml"
"""TIP1-A_4064."""
CRL_TYPE = "application/pkix-crl"
_HASH_SUFFIX = ".sha2"
_KEPT = 16
_SERVICES = {ListName.TSL: Service.TSL, ListName.BNETZA: Service.BNETZA}

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class PkiService:
    """What the server answers from."""

    lists: TrustLists
    status: StatusService
    faults: FaultBook
    journal: Journal
    crls: RevocationLists
    kept: "DefectiveLists"


def pki_app(service: PkiService) -> Starlette:
    """The application without TLS."""
    routes = [
        *_list_routes(service, ListName.TSL),
        Route(CRL_PATH, _crl(service), methods=["GET"]),
        Route(OCSP_PATH + "/{request:path}", _ocsp_get(service), methods=["GET"]),
        Route("/{anywhere:path}", _ocsp_post(service), methods=["POST"]),
    ]
    return Starlette(routes=routes, exception_handlers={ClientDisconnect: _on_disconnect})


def tsl_app(service: PkiService) -> Starlette:
    """The TSL service's application with TLS."""
    routes = [route for name in ListName for route in _list_routes(service, name)]
    return Starlette(routes=routes, exception_handlers={ClientDisconnect: _on_disconnect})


def _list_routes(service: PkiService, name: ListName) -> list[Route]:
    return [
        route
        for path in (name.path, BACKUP + name.path)
        for route in (
            Route(path, _list(service, name), methods=["GET"]),
            Route(_hash_path(path), _hash(service, name), methods=["GET"]),
        )
    ]


class DefectiveLists:
    """Defective lists by the fault that wanted them: the hash file and the list must go together."""

    def __init__(self, lists: TrustLists) -> None:
        self._lists = lists
        self._documents: OrderedDict[int, bytes] = OrderedDict()

    def get(self, name: ListName, fault: Fault) -> bytes:
        """The list that `fault` wants."""
        document = self._documents.get(fault.number)
        if document is None:
            document = self._documents[fault.number] = defective(self._lists, name, str(fault.code))
            if len(self._documents) > _KEPT:
                self._documents.popitem(last=False)
        return document


def _list(service: PkiService, name: ListName) -> Handler:
    async def handle(request: Request) -> Response:
        write = service.journal.begin(_SERVICES[name])
        path = request.url.path
        fault = service.faults.take(_SERVICES[name], path, _strikes_list)
        refusal = await _struck(fault, request)
        if refusal is not None:
            write("GET", path, _outcome(fault), _number(fault))
            return refusal
        if fault is not None and fault.code is not None:
            document, outcome = service.kept.get(name, fault), fault.code
        else:
            published = service.lists.current(name)
            document, outcome = published.document, f"number {published.content.sequence_number}"
        write("GET", path, outcome, _number(fault))
        return Response(document, media_type=LIST_TYPE)

    return handle


def _hash(service: PkiService, name: ListName) -> Handler:
    async def handle(request: Request) -> Response:
        write = service.journal.begin(_SERVICES[name])
        path = request.url.path
        fault = service.faults.take(_SERVICES[name], path, lambda fault: fault.code in (None, HASH_WRONG))
        refusal = await _struck(fault, request)
        if refusal is not None:
            write("GET", path, _outcome(fault), _number(fault))
            return refusal
        if fault is not None and fault.code is not None:
            content, outcome = wrong_hash(), HASH_WRONG
        else:
            # A list with a defect that is to come has its own hash, or nobody would fetch it.
            listed = path.removesuffix(_HASH_SUFFIX) + ".xml"
            coming = service.faults.expected(
                _SERVICES[name], listed, lambda fault: fault.code is not None and _strikes_list(fault)
            )
            document = service.lists.current(name).document if coming is None else service.kept.get(name, coming)
            content, outcome = hash_file(document), "hash"
        write("GET", path, outcome, _number(fault))
        return Response(content, media_type="text/plain")

    return handle


def _crl(service: PkiService) -> Handler:
    async def handle(request: Request) -> Response:
        write = service.journal.begin(Service.CRL)
        fault = service.faults.take(Service.CRL, CRL_PATH)
        refusal = await _struck(fault, request)
        code = None if fault is None else fault.code
        write("GET", CRL_PATH, code or "CRL" if refusal is None else _outcome(fault), _number(fault))
        return refusal or Response(service.crls.current(code), media_type=CRL_TYPE)

    return handle


def _ocsp_post(service: PkiService) -> Handler:
    async def handle(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != REQUEST_TYPE:
            return Response(status_code=415)
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_REQUEST:
                return Response(status_code=413)
        return await _status(service, request, body)

    return handle


def _ocsp_get(service: PkiService) -> Handler:
    async def handle(request: Request) -> Response:
        try:
            octets = base64.b64decode(request.path_params["request"], validate=True)
        except (binascii.Error, ValueError):
            octets = b""
        return await _status(service, request, octets)

    return handle


async def _status(service: PkiService, request: Request, octets: bytes) -> Response:
    write = service.journal.begin(Service.OCSP)
    question = service.status.question(octets)
    subject = "unreadable" if question is None else question.subject
    fault = service.faults.take(Service.OCSP, subject)
    refusal = await _struck(fault, request)
    if refusal is not None:
        write(request.method, subject, _outcome(fault), _number(fault))
        return refusal
    answer, outcome = service.status.answer(question, fault)
    write(request.method, subject, outcome, _number(fault))
    return Response(answer, media_type=RESPONSE_TYPE)


async def _struck(fault: Fault | None, request: Request) -> Response | None:
    """Waits, and gives the answer that replaces the service's; None: the service answers, right or wrong."""
    if fault is None:
        return None
    await asyncio.sleep(fault.delay)
    if fault.drop:
        connection(request.scope).abort()
        return Response(status_code=503)
    return None if fault.http is None else Response(status_code=fault.http)


def _outcome(fault: Fault | None) -> str:
    return f"HTTP {fault.http}" if fault is not None and fault.http is not None else "no answer"


def _number(fault: Fault | None) -> int | None:
    return None if fault is None else fault.number


def _strikes_list(fault: Fault) -> bool:
    return fault.code != HASH_WRONG and fault.code not in TLS_DEFECTS


def _hash_path(path: str) -> str:
    return path.removesuffix(".xml") + _HASH_SUFFIX


async def _on_disconnect(request: Request, error: Exception) -> Response:
    # Nobody reads this answer; without it the server would log a defect.
    return Response(status_code=499)
