"""The lab's VZD put together: entries of the lab's people, slapd, and the door with TLS in front of it."""

import ssl
from collections.abc import Callable, Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key

from tiaas.lab.faults import FaultBook
from tiaas.lab.journal import Journal
from tiaas.lab.pki import LabPki
from tiaas.lab.ports import Ports
from tiaas.lab.vzd.entries import DirectoryEntry, ldif
from tiaas.lab.vzd.server import VzdServer
from tiaas.lab.vzd.slapd import NoSlapd, Slapd
from tiaas.pki.oids import CertificateType, Role
from tiaas.pki.tlsfiles import load_identity

HOST = "127.0.0.1"
NAME = "vzd.tiaas.lab"
PORT = 8495
_SUITES = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"


class VzdService:
    """`url` is where the directory serves, once it does; `missing` says why it does not."""

    def __init__(
        self,
        folder: Path,
        pki: LabPki,
        entries: Callable[[], Iterable[DirectoryEntry]],
        faults: FaultBook,
        journal: Journal,
    ) -> None:
        self.url = ""
        self.missing = ""
        self._folder = folder
        self._pki = pki
        self._entries = entries
        self._faults = faults
        self._journal = journal
        self._slapd: Slapd | None = None
        self._server: VzdServer | None = None

    async def start(self, ports: Ports) -> None:
        """Starts the directory; without a `slapd` there is none. Raises `LabError` (ports), `OSError`."""
        try:
            slapd = self._slapd = await Slapd.start(self._folder, ldif(self._entries()))
        except NoSlapd as error:
            self.missing = str(error)
            return
        context = self._tls()

        async def start(port: int) -> VzdServer:
            server = VzdServer(slapd.socket, self._faults, self._journal)
            await server.start(HOST, port, context)
            return server

        port, self._server = await ports.claim("vzd", HOST, start, preferred=PORT)
        self.url = f"ldaps://{HOST}:{port}"

    async def stop(self) -> None:
        """Stops what was started."""
        if self._server is not None:
            await self._server.stop()
            self._server = None
        if self._slapd is not None:
            await self._slapd.stop()
            self._slapd = None
        self.url = ""

    def _tls(self) -> ssl.SSLContext:
        """TLS 1.2 only: OpenSSL below 3.2 has no brainpool groups for TLS 1.3. Clients show no certificate."""
        certificate, key = self._pki.component(CertificateType.ZD_TLS_S, Role.VZD_TI, (NAME, "localhost", HOST))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_SUITES)
        private = load_der_private_key(key, None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise TypeError("the key of a component is an EC key")
        load_identity(context, private, x509.load_der_x509_certificate(certificate))
        return context
