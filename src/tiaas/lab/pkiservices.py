"""The PKI services of a lab put together: trust lists, status service, their server."""

import asyncio
from dataclasses import dataclass

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.lab.books import CertificateBook
from tiaas.lab.crls import CRL_PATH, RevocationLists
from tiaas.lab.faults import FaultBook
from tiaas.lab.journal import Journal
from tiaas.lab.listcontent import OCSP_PATH, ListName
from tiaas.lab.ocspresponder import StatusService
from tiaas.lab.pki import LabPki
from tiaas.lab.pkiserver import PkiService, pki_app
from tiaas.lab.server import LabServer
from tiaas.lab.signers import Signers
from tiaas.lab.store import LabStore
from tiaas.lab.trustlists import TrustLists

PKI_PORT = 8481
"""What a new lab prefers."""


@dataclass(frozen=True, slots=True)
class PkiParts:
    """What the services work on."""

    store: LabStore
    pki: LabPki
    signers: Signers
    book: CertificateBook
    faults: FaultBook
    journal: Journal


class PkiServices:
    """Serves under `url`, its origin."""

    def __init__(self, parts: PkiParts, url: str, *, clock: Clock, entropy: Entropy) -> None:
        self.url = url
        self.ocsp_url = url + OCSP_PATH
        self.crl_url = url + CRL_PATH
        self.lists = TrustLists(parts.store, parts.pki, parts.signers, url, clock=clock, entropy=entropy)
        self._parts = parts
        status = StatusService(parts.signers, parts.book, clock)
        self._server = LabServer(
            pki_app(PkiService(self.lists, status, parts.faults, parts.journal, RevocationLists(parts.pki, clock))),
            "lab PKI services",
        )

    @property
    def tsl_url(self) -> str:
        """Where the TSL is."""
        return self.lists.content.url(ListName.TSL)

    @property
    def bnetza_url(self) -> str:
        """Where the national list is."""
        return self.lists.content.url(ListName.BNETZA)

    async def start(self, host: str, port: int) -> None:
        """Listens. Certificates that the CAs issue from now on name the status service. Raises `OSError`."""
        await self._server.start(host, port)
        self._parts.pki.ocsp_url = self.ocsp_url
        # Signers with RSA keys take half a second when they are made; later the lists are a matter of milliseconds.
        await asyncio.to_thread(lambda: [self.lists.current(name) for name in ListName])

    async def stop(self) -> None:
        """Ends the server."""
        await self._server.stop()
