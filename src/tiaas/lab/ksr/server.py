"""The lab's KSR put together: packages and networks, TLS identity (C.ZD.TLS-S, oid_konfigdienst), server."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.lab.faults import FaultBook, Service
from tiaas.lab.hersteller import Hersteller
from tiaas.lab.journal import Journal
from tiaas.lab.ksr.configuration import CONFIG_PATH, ConfigurationFiles
from tiaas.lab.ksr.networks import Networks
from tiaas.lab.ksr.offers import read_package
from tiaas.lab.ksr.packages import Package, Packages
from tiaas.lab.ksr.service import KSR_PATH, KsrService
from tiaas.lab.pki import LabPki
from tiaas.lab.ports import Ports
from tiaas.lab.server import LabServer
from tiaas.lab.store import LabStore
from tiaas.lab.zdidentity import ZdIdentity
from tiaas.pki.oids import Role

KSR_PORT = 8483
_NAME = "ksr.tiaas.lab"


class Ksr:
    """`url` is the SOAP endpoint, once it serves; files are below it."""

    def __init__(
        self, store: LabStore, pki: LabPki, faults: FaultBook, journal: Journal, *, clock: Clock, entropy: Entropy
    ) -> None:
        self.url = ""
        self.config_url = ""
        """Where configuration files lie."""
        self.packages = Packages(store)
        self.networks = Networks(store, pki, clock, entropy)
        files = ConfigurationFiles(self.networks, faults, journal)
        self.hersteller = Hersteller.load(store, clock, entropy)
        self._clock = clock
        self._entropy = entropy
        self._service = KsrService(self.packages, files, faults, journal, clock, entropy)
        self._identity = partial(
            ZdIdentity, Service.KSR, Role.KONFIGDIENST, _NAME, pki, faults, journal, clock, entropy
        )
        self._server: LabServer | None = None

    def offer(self, body: Mapping[str, Any]) -> Package:
        """Takes in the package that a POST describes. Raises `BadControlRequest`, `KsrFull`, `OSError`."""
        package = read_package(body, self._clock.now().date(), self._entropy, self.hersteller)
        self.packages.put(package)
        return package

    async def start(self, ports: Ports, host: str) -> None:
        """Listens. Raises `LabError` (ports), `OSError`."""
        context = self._identity().context()

        async def serve(port: int) -> LabServer:
            server = LabServer(self._service.app(), "lab KSR", context)
            await server.start(host, port)
            return server

        port, self._server = await ports.claim("ksr", host, serve, preferred=KSR_PORT)
        self.url = f"https://{host}:{port}{KSR_PATH}"
        self.config_url = f"https://{host}:{port}{CONFIG_PATH}"

    async def stop(self) -> None:
        """Ends the server."""
        if self._server is not None:
            await self._server.stop()
            self._server = None
