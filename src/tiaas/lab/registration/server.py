"""The registration service put together: contracts, TLS identity (C.ZD.TLS-S, oid_vpnz_ti), server.

Clients show C.HCI.AUT of an SM-B of the lab (TLS with both sides known); one that is revoked is not let in.
"""

import ssl
from functools import partial

from cryptography.hazmat.primitives.serialization import Encoding
from starlette.types import ASGIApp, Receive, Scope, Send

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.lab.books import CertificateBook
from tiaas.lab.faults import FaultBook, Service
from tiaas.lab.journal import Journal
from tiaas.lab.pki import AuthorityKind, Family, LabPki
from tiaas.lab.ports import Ports
from tiaas.lab.registration.contracts import Contracts
from tiaas.lab.registration.service import REGISTRATION_PATH, RegistrationService
from tiaas.lab.server import LabServer, connection
from tiaas.lab.store import LabStore
from tiaas.lab.vsdm.intermediaer import is_smcb
from tiaas.lab.zdidentity import ZdIdentity
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.oids import Role

REGISTRATION_PORT = 8484
_NAME = "registration.tiaas.lab"


class RegistrationServer:
    """`url` is the SOAP endpoint, once it serves."""

    def __init__(
        self,
        store: LabStore,
        pki: LabPki,
        book: CertificateBook,
        faults: FaultBook,
        journal: Journal,
        *,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self.url = ""
        self.contracts = Contracts(store)
        self._pki = pki
        self._book = book
        self._journal = journal
        self._service = RegistrationService(self.contracts, book, faults, journal, clock, entropy)
        self._identity = partial(
            _MutualIdentity, Service.REGISTRATION, Role.VPNZ_TI, _NAME, pki, faults, journal, clock, entropy
        )
        self._server: LabServer | None = None

    async def start(self, ports: Ports, host: str) -> None:
        """Listens. Raises `LabError` (ports), `OSError`."""
        context = self._identity().context()

        async def serve(port: int) -> LabServer:
            server = LabServer(self._only_smbs(self._service.app()), "lab registration", context)
            await server.start(host, port)
            return server

        port, self._server = await ports.claim("registration", host, serve, preferred=REGISTRATION_PORT)
        self.url = f"https://{host}:{port}{REGISTRATION_PATH}"

    async def stop(self) -> None:
        """Ends the server."""
        if self._server is not None:
            await self._server.stop()
            self._server = None

    def _only_smbs(self, app: ASGIApp) -> ASGIApp:
        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            line = connection(scope)
            if not self._is_let_in(line.client_certificate):
                self._journal.begin(Service.REGISTRATION)("TLS", "", "client refused")
                line.abort()
                return
            await app(scope, receive, send)

        return serve

    def _is_let_in(self, der: bytes | None) -> bool:
        """TLS has checked issuer and time."""
        if der is None or not is_smcb(der):
            return False
        issued = self._book.find(decode_certificate_untrusted(der).serial_number)
        return issued is not None and issued.revoked is None


class _MutualIdentity(ZdIdentity):
    """Asks clients for a certificate of the lab's SMC-B CA, each of them a trust anchor by itself."""

    def _with(self, certificate: bytes) -> ssl.SSLContext:
        context = super()._with(certificate)
        families = (Family.ECC,) if self._pki.ecc_only else (Family.ECC, Family.RSA)
        for family in families:
            issuer = self._pki.authority(AuthorityKind.SMCB, family).certificate
            context.load_verify_locations(cadata=issuer.public_bytes(Encoding.DER))
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context
