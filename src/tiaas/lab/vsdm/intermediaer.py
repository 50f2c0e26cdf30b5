"""The Intermediär VSDM: an HTTP gateway from Konnektors to insurers' services (gemSpec_SST_VSDM V2.5.0, 2.3 to 2.9).

    POST /IK/UFS|VSD|CMS/2.0      finds the service by the path alone and passes everything on, `Via` set both ways

A client shows C.HCI.AUT of an SMC-B of the lab. An answer without `Via` comes from the Intermediär itself: a fault 1006
for a service it does not know, 1011 for one it does not reach; 404, 502 and 504 of HTTP.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tiaas.interfaces.cm_common_v2_0 import ServiceType
from tiaas.lab.faults import Fault, FaultBook, Service
from tiaas.lab.journal import Journal
from tiaas.lab.server import connection
from tiaas.lab.vsdm.errors import FaultWriter, ServiceError
from tiaas.lab.vsdm.onway import DAMAGED, MISROUTED, misrouted, without_first_element
from tiaas.lab.vsdm.server import BODY_MAX, INTERFACE_VERSION, LIMITS, unpacked
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.oids import CertificateType, Role
from tiaas.pki.subject import holder_of
from tiaas.soap.envelope import write_fault
from tiaas.soap.reply import CONTENT_TYPE

VIA = "1.1 intermediaer.tiaas.lab"
FORWARD_SECONDS = 90.0
WRONG_SERVICE, NOT_AVAILABLE = 1006, 1011

# Tab_SST_VSDM_65 but for oid_adv_ktr, of which the lab has no holder.
ROLES = frozenset(
    role.oid
    for role in (
        Role.PRAXIS_ARZT,
        Role.ZAHNARZTPRAXIS,
        Role.PRAXIS_PSYCHOTHERAPEUT,
        Role.KRANKENHAUS,
        Role.OEFFENTLICHE_APOTHEKE,
        Role.KRANKENHAUSAPOTHEKE,
        Role.BUNDESWEHRAPOTHEKE,
        Role.MOBILE_EINRICHTUNG_RETTUNGSDIENST,
        Role.KOSTENTRAEGER,
    )
)
# RFC 9110 §7.6.1, and what describes this hop's connection.
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "host", "via"}
)
_OF_BODY = frozenset({"content-length", "content-encoding"})


class Intermediaer:
    """The ASGI application. `services` are the base URLs by type, `providers` tells all insurers' IKs."""

    def __init__(
        self,
        services: Mapping[ServiceType, str],
        providers: Callable[[], Iterable[str]],
        writer: FaultWriter,
        faults: FaultBook,
        journal: Journal,
    ) -> None:
        self._services = services
        self._providers = providers
        self._writer = writer
        self._faults = faults
        self._journal = journal
        # The services end idle connections after five seconds.
        limits = httpx.Limits(max_connections=None, keepalive_expiry=2.0)
        # Plain HTTP only: reading the CAs of the world would take longer than the start of a lab may.
        self._http = httpx.AsyncClient(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False, limits=limits)

    async def close(self) -> None:
        """Ends its connections to the services."""
        await self._http.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        write = self._journal.begin(Service.INTERMEDIAER.value)
        request = Request(scope, receive)
        path = request.url.path
        if not is_smcb(connection(scope).client_certificate):
            write(request.method, path, "client refused")
            connection(scope).abort()
            return
        fault = self._faults.take(Service.INTERMEDIAER, f"{request.method} {path}")
        number = None if fault is None else fault.number
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.drop:
                write(request.method, path, "no answer", number)
                connection(scope).abort()
                return
        response, outcome = await self._answer(request, path, fault)
        write(request.method, path, outcome, number)
        await response(scope, receive, send)

    async def _answer(self, request: Request, path: str, fault: Fault | None) -> tuple[Response, str]:
        if fault is not None and fault.http is not None:
            return Response(status_code=fault.http), f"HTTP {fault.http}"
        if fault is not None and fault.code is not None and fault.code.isdecimal():
            return self._fault(int(fault.code), "demanded by a fault of the lab")
        parts = path.strip("/").split("/")
        if request.method != "POST" or len(parts) != 3 or parts[2] != INTERFACE_VERSION:
            return Response(status_code=404), "HTTP 404"
        provider, kind, _ = parts
        if provider not in self._providers():
            return self._fault(WRONG_SERVICE, "Provider: unknown")
        if kind not in self._services:
            return self._fault(WRONG_SERVICE, f"Type: {' or '.join(self._services)} expected")
        mishap = None if fault is None else fault.code
        if mishap == MISROUTED:
            path = misrouted(path, self._providers())
        return await self._forward(request, f"{self._services[ServiceType(kind)]}{path}", damaged=mishap == DAMAGED)

    async def _forward(self, request: Request, url: str, *, damaged: bool) -> tuple[Response, str]:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY_MAX:
                return Response(status_code=413), "HTTP 413"
        headers = _passed_on(request.headers.items(), request.headers.get("via"))
        if damaged:
            plain = unpacked(body, request.headers.get("content-encoding", "")) or b""
            body = without_first_element(plain, LIMITS)
            headers = [(name, value) for name, value in headers if name not in _OF_BODY]
        # Made without the client, which would add headers of its own.
        timeout = {"timeout": httpx.Timeout(FORWARD_SECONDS).as_dict()}
        forwarded = httpx.Request("POST", url, headers=headers, content=body, extensions=timeout)
        try:
            answer = await self._http.send(forwarded, stream=True)
            try:
                content = b"".join([part async for part in answer.aiter_raw()])
            finally:
                await answer.aclose()
        except httpx.ConnectError:
            return self._fault(NOT_AVAILABLE, "the service does not answer; a later try may do")
        except httpx.TimeoutException:
            return Response(status_code=504), "HTTP 504"
        except httpx.HTTPError:
            return Response(status_code=502), "HTTP 502"
        response = Response(content, answer.status_code)
        for name, value in _passed_on(answer.headers.items(), answer.headers.get("via")):
            response.headers[name] = value
        return response, f"passed on {answer.status_code}"

    def _fault(self, code: int, detail: str) -> tuple[Response, str]:
        fault = self._writer.fault(ServiceError(code, detail))
        return Response(write_fault(fault), 500, {"content-type": CONTENT_TYPE}), f"fault {code}"


def is_smcb(certificate: bytes | None) -> bool:
    """True for a certificate C.HCI.AUT with one of the roles that may ask. TLS has checked its issuer and time."""
    if certificate is None:
        return False
    try:
        found = decode_certificate_untrusted(certificate)
    except BadCertificate:
        return False
    return CertificateType.HCI_AUT.oid in found.policies and bool(ROLES & set(holder_of(found).profession_oids))


def _passed_on(headers: Iterable[tuple[str, str]], via: str | None) -> list[tuple[str, str]]:
    kept = [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]
    return [*kept, ("via", VIA if via is None else f"{via}, {VIA}")]
