"""I_KSRS_Download::get_Ext_Net_Config: configuration files by HTTP (gemSpec_KSR).

GET /konfig/Bestandsnetze.xml, GET /konfig/Bestandsnetze.xml.p7s
"""

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from tiaas.lab.faults import Fault, FaultBook, Service
from tiaas.lab.journal import Journal
from tiaas.lab.ksr.networks import DOCUMENT_DAMAGES, FILE, SIGNATURE_DAMAGES, SIGNATURE_FILE, Networks
from tiaas.lab.ksr.striking import number, outcome, struck

CONFIG_PATH = "/konfig"


class ConfigurationFiles:
    """Gives out the file and its signature."""

    def __init__(self, networks: Networks, faults: FaultBook, journal: Journal) -> None:
        self._networks = networks
        self._faults = faults
        self._journal = journal

    async def handle(self, request: Request) -> Response:
        """Answers a GET of `/konfig/{name}`."""
        write = self._journal.begin(Service.KSR)
        name = request.path_params["name"]
        made, damages = self._file(name)
        fault = self._faults.take(
            Service.KSR, f"GET konfig/{name}", lambda fault: fault.code is None or fault.code in damages
        )
        if fault is not None:
            await asyncio.sleep(fault.delay)
        answer = struck(fault, request) or self._answer(made, fault)
        told = f"{len(answer.body)} octets" if answer.status_code == 200 else f"HTTP {answer.status_code}"
        write("GET", f"konfig/{name}", outcome(fault) or told, number(fault))
        return answer

    def _file(self, name: str) -> tuple[Callable[[str | None], bytes] | None, frozenset[str]]:
        if name == FILE:
            return self._networks.file, DOCUMENT_DAMAGES
        return (self._networks.signature, SIGNATURE_DAMAGES) if name == SIGNATURE_FILE else (None, frozenset())

    def _answer(self, made: Callable[[str | None], bytes] | None, fault: Fault | None) -> Response:
        damage = None if fault is None else fault.code
        if made is None or damage == "networks-unsigned":
            return Response(status_code=404)
        return Response(made(damage), media_type="application/octet-stream")
