"""All VSDM services of a lab, started and stopped together: four HTTP servers, one of them with TLS.

Konnektor ── TLS 1.2, client C.HCI.AUT, server C.FD.TLS-S (oid_int_vsdm) ── Intermediär ── HTTP ── UFS · VSDD · CMS
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable, Mapping

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_der_private_key
from starlette.types import ASGIApp

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.interfaces.cm_common_v2_0 import ServiceType
from tiaas.lab.faults import FaultBook, Service
from tiaas.lab.journal import Journal
from tiaas.lab.pki import AuthorityKind, Family, LabPki
from tiaas.lab.ports import Ports
from tiaas.lab.seed import Seed
from tiaas.lab.server import LabServer
from tiaas.lab.vsdm.books import Books
from tiaas.lab.vsdm.ccs import CardCommunicationService
from tiaas.lab.vsdm.errors import FaultWriter
from tiaas.lab.vsdm.intermediaer import Intermediaer
from tiaas.lab.vsdm.receipts import Receipts
from tiaas.lab.vsdm.secrets import VsdmSecrets
from tiaas.lab.vsdm.server import FdServer
from tiaas.lab.vsdm.ufs import UpdateFlagService
from tiaas.pki.oids import CertificateType, Role
from tiaas.pki.tlsfiles import load_identity
from tiaas.soap.dispatch import Operation

HOST = "127.0.0.1"
NAME = "intermediaer.tiaas.lab"
PORT = 8490
_OPERATOR = "TIAAS-LAB"
_SUITES = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"

_COMPONENTS: Mapping[ServiceType, tuple[Service, str, int]] = {
    ServiceType.UFS: (Service.UFS, "UFS", 11148),
    ServiceType.VSD: (Service.VSDD, "CCS", 12148),
    ServiceType.CMS: (Service.CMS, "CCS", 12148),
}
"""Name in the lab, ComponentType (VSDM-A_2328, _2329) and code for a payload that violates the schema."""


class VsdmServices:
    """`url` is where the Intermediär serves, once it does."""

    def __init__(
        self,
        secrets: VsdmSecrets,
        books: Books,
        pki: LabPki,
        seed: Callable[[], Seed],
        *,
        faults: FaultBook,
        journal: Journal,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self.url = ""
        self._secrets = secrets
        self._books = books
        self._pki = pki
        self._seed = seed
        self._faults = faults
        self._journal = journal
        self._clock = clock
        self._entropy = entropy
        self._servers: list[LabServer] = []
        self._gateway: Intermediaer | None = None

    async def start(self, ports: Ports) -> None:
        """Starts all four. Raises `LabError` (ports), `OSError`."""
        urls: dict[ServiceType, str] = {}
        for at, (kind, operations) in enumerate(self._operations().items(), 1):
            service, component, schema_code = _COMPONENTS[kind]
            app = FdServer(service, operations, self._writer(component, schema_code), self._faults, self._journal)
            urls[kind] = f"http://{HOST}:{await self._serve(app, service.value, ports, PORT + at)}"
        self._gateway = Intermediaer(
            urls, self._providers, self._writer("Intermediaer", 500), self._faults, self._journal
        )
        port = await self._serve(self._gateway, Service.INTERMEDIAER.value, ports, PORT, self._tls())
        self.url = f"https://{HOST}:{port}"

    async def stop(self) -> None:
        """Stops what was started."""
        await asyncio.gather(*(server.stop() for server in self._servers))
        self._servers.clear()
        if self._gateway is not None:
            await self._gateway.close()
            self._gateway = None

    def _operations(self) -> dict[ServiceType, tuple[Operation, ...]]:
        receipts = Receipts(
            self._books, self._secrets.operator_key, self._secrets.receipt_version, self._clock, self._entropy
        )
        keys = self._secrets.card_keys
        found = {ServiceType.UFS: UpdateFlagService(self._books, receipts).operations()}
        for kind in (ServiceType.VSD, ServiceType.CMS):
            service = CardCommunicationService(kind, self._books, receipts, keys, self._clock, self._entropy)
            found[kind] = service.operations()
        return found

    def _writer(self, component: str, schema_code: int) -> FaultWriter:
        return FaultWriter(component, _OPERATOR, schema_code, self._clock, self._entropy)

    def _providers(self) -> Iterable[str]:
        return {insurer.ik for insurer in self._seed().insurers}

    async def _serve(
        self, app: ASGIApp, name: str, ports: Ports, preferred: int, tls: ssl.SSLContext | None = None
    ) -> int:
        async def start(port: int) -> LabServer:
            server = LabServer(app, name, tls)
            await server.start(HOST, port)
            return server

        port, server = await ports.claim(f"vsdm/{name}", HOST, start, preferred=preferred)
        self._servers.append(server)
        return port

    def _tls(self) -> ssl.SSLContext:
        """Client certificates must come from the lab's SMC-B CA, each of them a trust anchor by itself.

        TLS 1.2 only: OpenSSL below 3.2 has no brainpool groups for TLS 1.3.
        """
        certificate, key = self._pki.component(CertificateType.FD_TLS_S, Role.INT_VSDM, (NAME, "localhost", HOST))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_SUITES)
        private = load_der_private_key(key, None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise TypeError("the key of a component is an EC key")
        load_identity(context, private, x509.load_der_x509_certificate(certificate))
        families = (Family.ECC,) if self._pki.ecc_only else (Family.ECC, Family.RSA)
        for family in families:
            issuer = self._pki.authority(AuthorityKind.SMCB, family).certificate
            context.load_verify_locations(cadata=issuer.public_bytes(Encoding.DER))
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
        return context
