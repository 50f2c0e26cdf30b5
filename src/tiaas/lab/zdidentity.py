"""TLS identities of the lab's central services: C.ZD.TLS-S with the role of the service (gemSpec_TSL V1.19.2,
TIP1-A_4056-01; gemSpec_PKI V2.14.1, Tab_PKI_247), and identities with one defect each, for the codes `server-…` of the
service's faults.

Which one a client meets is decided when its handshake begins.
"""

import ssl
from collections.abc import Callable, Mapping
from datetime import timedelta

from cryptography import x509

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.lab.faults import FaultBook, Service
from tiaas.lab.journal import Journal
from tiaas.lab.keys import new_ec_key
from tiaas.lab.pki import ORGANIZATION, LabPki
from tiaas.pki.admission import build_admission
from tiaas.pki.issue import EndEntity, Validity
from tiaas.pki.names import component_name
from tiaas.pki.oids import CertificateType, Role
from tiaas.pki.tlsfiles import load_identity

LINE = "TLS"
"""What a fault's `match` is compared with when a client connects."""
_SUITES = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
_OVER = timedelta(days=1)
_LIVED = timedelta(days=5 * 365)
_LOCAL = ("localhost", "127.0.0.1")


class ZdIdentity:
    """Contexts of the server of one service. Belongs to one lab; used in its event loop."""

    def __init__(
        self,
        service: Service,
        role: Role,
        name: str,
        pki: LabPki,
        faults: FaultBook,
        journal: Journal,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._service = service
        self._role = role
        self._names = (name, *_LOCAL)
        self._pki = pki
        self._faults = faults
        self._journal = journal
        self._clock = clock
        self._entropy = entropy
        self._key = new_ec_key(entropy)

    def context(self) -> ssl.SSLContext:
        """The server's context; a fault in force replaces it, connection by connection."""
        context = self._with(self._issued(self._pki))

        def begin(connection: ssl.SSLObject, name: str | None, served: ssl.SSLContext) -> None:
            fault = self._faults.take(self._service, LINE, lambda fault: fault.code in DEFECTS)
            if fault is None:
                return
            self._journal.begin(self._service)("TLS", LINE, str(fault.code), fault.number)
            connection.context = self._with(DEFECTS[str(fault.code)](self))

        context.sni_callback = begin
        return context

    def _with(self, certificate: bytes) -> ssl.SSLContext:
        """TLS 1.2 only: OpenSSL below 3.2 has no brainpool groups for TLS 1.3. Clients show no certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_SUITES)
        context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
        load_identity(context, self._key, x509.load_der_x509_certificate(certificate))
        return context

    def _issued(self, pki: LabPki, role: Role | None = None, validity: Validity | None = None) -> bytes:
        name = component_name(self._names[0], ORGANIZATION)
        admission = build_admission(role or self._role)
        holder = EndEntity(name, self._key.public_key(), admission, self._pki.ocsp_url, self._names)
        return pki.issue(CertificateType.ZD_TLS_S, holder, validity=validity)

    def other_role(self) -> bytes:
        """The certificate of a directory."""
        return self._issued(self._pki, Role.VZD_TI)

    def expired(self) -> bytes:
        """A certificate whose time is over since yesterday."""
        end = self._clock.now() - _OVER
        return self._issued(self._pki, validity=Validity(end - _LIVED, end))

    def foreign(self) -> bytes:
        """A certificate of a PKI that nobody knows."""
        return self._issued(LabPki.create(self._entropy, self._clock))


DEFECTS: Mapping[str, Callable[[ZdIdentity], bytes]] = {
    "server-role": ZdIdentity.other_role,
    "server-expired": ZdIdentity.expired,
    "server-foreign": ZdIdentity.foreign,
}
"""Codes that a connection meets, not a request."""
