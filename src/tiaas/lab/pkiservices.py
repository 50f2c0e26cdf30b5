"""The PKI services of a lab put together: trust lists, status service, their server."""

import asyncio
from typing import cast
from urllib.parse import urlsplit

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.heavy import beside
from tiaas.lab.books import CertificateBook
from tiaas.lab.crls import CRL_PATH, RevocationLists
from tiaas.lab.faults import FaultBook, Service
from tiaas.lab.journal import Journal
from tiaas.lab.listcontent import OCSP_PATH, ListName
from tiaas.lab.ocspresponder import StatusService
from tiaas.lab.pki import LabPki
from tiaas.lab.pkiserver import DefectiveLists, PkiService, pki_app, tsl_app
from tiaas.lab.server import LabServer
from tiaas.lab.signers import Signers
from tiaas.lab.store import LabStore
from tiaas.lab.trustlists import TrustLists
from tiaas.lab.zdidentity import ZdIdentity
from tiaas.pki.oids import Role

PKI_PORT, TSL_PORT = 8481, 8482
"""What a new lab prefers: for everything without TLS, for the TSL service with TLS."""
_TSL_NAME = "tsl.tiaas.lab"


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
    """Serves under `url`, its origin; `secure_url` is that of the TSL service with TLS.

    Certificates that the CAs issue from now on name the status service.
    """

    def __init__(self, parts: PkiParts, url: str, secure_url: str, *, clock: Clock, entropy: Entropy) -> None:
        self.url = url
        self.secure_url = secure_url
        self.ocsp_url = url + OCSP_PATH
        self.crl_url = url + CRL_PATH
        self.lists = TrustLists(parts.store, parts.pki, parts.signers, url, secure_url, clock=clock, entropy=entropy)
        status = StatusService(parts.signers, parts.book, clock)
        crls, kept = RevocationLists(parts.pki, clock), DefectiveLists(self.lists)
        service = PkiService(self.lists, status, parts.faults, parts.journal, crls, kept)
        parts.pki.ocsp_url = self.ocsp_url
        identity = ZdIdentity(
            Service.TSL, Role.TSL_TI, _TSL_NAME, parts.pki, parts.faults, parts.journal, clock, entropy
        )
        self._servers = (
            (LabServer(pki_app(service), "lab PKI services"), url),
            (LabServer(tsl_app(service), "lab TSL service", identity.context()), secure_url),
        )

    @property
    def tsl_url(self) -> str:
        """Where the TSL is."""
        return self.lists.content.url(ListName.TSL)

    @property
    def bnetza_url(self) -> str:
        """Where the national list is."""
        return self.lists.content.url(ListName.BNETZA)

    @property
    def tls_port(self) -> int:
        """Where the TSL service speaks TLS."""
        return cast(int, urlsplit(self.secure_url).port)

    async def start(self, host: str) -> None:
        """Listens. Raises `OSError`."""
        try:
            for server, url in self._servers:
                await server.start(host, cast(int, urlsplit(url).port))
        except BaseException:
            await self.stop()
            raise
        # Signers with RSA keys take half a second when they are made; later the lists are a matter of milliseconds.
        await beside(0, lambda: [self.lists.current(name) for name in ListName])

    async def stop(self) -> None:
        """Ends the servers."""
        await asyncio.gather(*(server.stop() for server, _ in self._servers))
