"""I_KSRS_Download over HTTP (gemSpec_KSR; Konfigurationsdienst.wsdl 1.1.0), behind TLS.

    POST /ksr               list_Updates (SOAP): the packages for the device that asks, older ones too
    GET  /ksr/{Filename}    get_Updates: a file of a package
    GET  /konfig/{name}     get_Ext_Net_Config: see `configuration`

What the specification of the KSR says of paths and fault codes we have not: divergences.md.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import field, replace

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.interfaces.konfigurationsdienst_v1_1 import (
    LIST_UPDATES_ACTION,
    ListUpdatesRequest,
    ListUpdatesResponse,
    UpdateInformation,
)
from tiaas.lab.faults import Fault, FaultBook, Service
from tiaas.lab.journal import Journal
from tiaas.lab.ksr.configuration import CONFIG_PATH, ConfigurationFiles
from tiaas.lab.ksr.packages import Packages
from tiaas.lab.ksr.striking import number, struck
from tiaas.lab.ksr.striking import outcome as outcome_of
from tiaas.lab.vsdm.errors import FaultWriter, ServiceError
from tiaas.lab.vsdm.server import read_body
from tiaas.soap.dispatch import AccessDeclaration, Dispatcher, operation
from tiaas.soap.envelope import SoapFault

KSR_PATH = "/ksr"
_OF_FILES = ("file-short", "file-long", "file-changed")
_BLOCK, _BLOCKS_TOO_MUCH = bytes(1024 * 1024), 32
_OPERATOR, _INTERNAL = "TIAAS-LAB", 500


@dataclass(frozen=True, slots=True)
class _Everybody(AccessDeclaration):
    """Clients show no certificate: whatever lies here, every device may have."""


@dataclass(slots=True)
class _Exchange:
    """One request: what it is about, what struck it."""

    subject: str = "?"
    fault: Fault | None = None
    told: int = field(default=0)


class KsrService:
    """Answers from `packages` and `files`."""

    def __init__(
        self,
        packages: Packages,
        files: ConfigurationFiles,
        faults: FaultBook,
        journal: Journal,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._packages = packages
        self._files = files
        self._faults = faults
        self._journal = journal
        writer = FaultWriter("KSR", _OPERATOR, _INTERNAL, clock, entropy)

        def fault_of(error: BaseException) -> SoapFault:
            return writer.fault(error)

        self._dispatcher = Dispatcher(
            (
                operation(
                    ListUpdatesRequest,
                    ListUpdatesResponse,
                    self._list_updates,
                    access=_Everybody(),
                    soap_action=LIST_UPDATES_ACTION,
                ),
            ),
            fault_of,
        )

    def app(self) -> Starlette:
        """The application."""
        routes = [
            Route(KSR_PATH, self._soap, methods=["POST"]),
            Route(KSR_PATH + "/{path:path}", self._file, methods=["GET"]),
            Route(CONFIG_PATH + "/{name}", self._files.handle, methods=["GET"]),
        ]
        return Starlette(routes=routes, exception_handlers={ClientDisconnect: _on_disconnect})

    async def _list_updates(self, request: ListUpdatesRequest, exchange: _Exchange) -> ListUpdatesResponse:
        device = (request.vendor_id, request.product_code, request.hardware_version)
        exchange.subject = " ".join((*device, request.firmware_version))
        exchange.fault = fault = self._faults.take(Service.KSR, f"list_Updates {exchange.subject}", _strikes_list)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.code == "fault":
                raise ServiceError(_INTERNAL, "demanded by a fault of the lab")
        found = tuple(package.information() for package in self._packages.for_product(*device))
        if fault is not None and fault.code == "information-changed":
            found = tuple(map(_changed, found))
        exchange.told = len(found)
        return ListUpdatesResponse(updates=found)

    async def _soap(self, request: Request) -> Response:
        write = self._journal.begin(Service.KSR)
        exchange = _Exchange()
        body = await read_body(request)
        if body is None:
            write("list_Updates", "?", "HTTP 400")
            return Response(status_code=400)
        reply = await self._dispatcher.handle(body, request.headers.get("content-type"), exchange)
        fault = exchange.fault
        outcome = f"{exchange.told} updates" if reply.status == 200 else f"fault {_INTERNAL}"
        write("list_Updates", exchange.subject, outcome_of(fault) or outcome, number(fault))
        refusal = struck(fault, request)
        if refusal is not None:
            return refusal
        answer = reply.body
        if fault is not None and fault.code == "malformed":
            answer = answer.replace(b"listUpdatesResponse", b"listUpdatesAnswer")
        return Response(answer, reply.status, {"content-type": reply.content_type})

    async def _file(self, request: Request) -> Response:
        write = self._journal.begin(Service.KSR)
        path = request.path_params["path"]
        fault = self._faults.take(Service.KSR, f"GET {path}", _strikes_file)
        if fault is not None:
            await asyncio.sleep(fault.delay)
        refusal = struck(fault, request)
        package = self._packages.at(path)
        if refusal is None and package is None:
            refusal = Response(status_code=404)
        content = b"" if package is None else package.file()
        if fault is not None and fault.code == "file-short":
            content = content[:-1]
        if fault is not None and fault.code == "file-changed":
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        told = f"{len(content)} octets" if refusal is None else f"HTTP {refusal.status_code}"
        write("GET", path, outcome_of(fault) or told, number(fault))
        if refusal is None and fault is not None and fault.code == "file-long":
            return StreamingResponse(_too_much(content), media_type="application/octet-stream")
        return refusal or Response(content, media_type="application/octet-stream")


async def _too_much(content: bytes) -> AsyncIterator[bytes]:
    """A file, and more than anybody was told of; how much, nobody says."""
    yield content
    for _ in range(_BLOCKS_TOO_MUCH):
        yield _BLOCK


def _strikes_list(fault: Fault) -> bool:
    return fault.code in (None, "fault", "malformed", "information-changed")


def _strikes_file(fault: Fault) -> bool:
    return fault.code is None or fault.code in _OF_FILES


def _changed(update: UpdateInformation) -> UpdateInformation:
    """Somebody has put another address into the notes."""
    firmware = replace(update.firmware, release_notes="https://elsewhere.example/")
    return replace(update, firmware=firmware)


async def _on_disconnect(request: Request, error: Exception) -> Response:
    # Nobody reads this answer; without it the server would log a defect.
    return Response(status_code=499)
