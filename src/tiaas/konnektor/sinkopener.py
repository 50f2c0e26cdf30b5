"""Connections to receivers of events: plain or TLS, with our certificate, the receiver checked.

TLS if and only if ANCL_TLS_MANDATORY is on (CETP1 and CETP2 of gemSpec_Kon V5.18 §3.4.1). The certificate that we show
to a receiver that asks for one is the one our own server shows.
"""

import hashlib
import logging
import ssl
from asyncio import BaseProtocol, BaseTransport
from collections.abc import Callable
from typing import Protocol

from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.konnektor.issuing import KeyPair
from tiaas.konnektor.network import Network
from tiaas.konnektor.sinkaddress import Sink
from tiaas.konnektor.sinkchecks import SinkCheck, SinkChecks, SinkTrust
from tiaas.konnektor.tls import memory_file

_log = logging.getLogger("tiaas.konnektor.cetp")


class SinkRefused(ConnectionError):
    """The receiver showed another certificate than those pinned."""


class SinkOpener(Protocol):
    """Opens a connection to a receiver."""

    async def open(self, sink: Sink, protocol_factory: Callable[[], BaseProtocol]) -> BaseTransport:
        """Connects; TLS stands and the receiver is checked when this returns. Raises `OSError` (`SinkRefused`)."""
        ...


class PlainSinks:
    """Without TLS."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def open(self, sink: Sink, protocol_factory: Callable[[], BaseProtocol]) -> BaseTransport:
        """See `SinkOpener`."""
        return await self._network.open(sink.address.host, sink.address.port, None, protocol_factory)


class TlsSinks:
    """With TLS 1.2 or 1.3. `identity` gives the certificate and key in force."""

    def __init__(self, network: Network, identity: Callable[[], KeyPair], checks: SinkChecks) -> None:
        self._network = network
        self._identity = identity
        self._checks = checks
        self._contexts: dict[tuple[bytes, str], ssl.SSLContext] = {}
        self._unchecked: set[Sink] = set()

    async def open(self, sink: Sink, protocol_factory: Callable[[], BaseProtocol]) -> BaseTransport:
        """See `SinkOpener`."""
        check = self._checks.of(sink.client_system_id)
        context = self._context(check)
        transport = await self._network.open(sink.address.host, sink.address.port, context, protocol_factory)
        if check.trust is SinkTrust.PINNED and _fingerprint(transport) not in check.fingerprints:
            transport.close()
            raise SinkRefused("the receiver's certificate is not one of those pinned")
        if check.trust is SinkTrust.ANY:
            self._tell_unchecked(sink)
        return transport

    def _context(self, check: SinkCheck) -> ssl.SSLContext:
        """One context per identity and CA list: making one costs more than a delivery."""
        pair = self._identity()
        der = pair.certificate.public_bytes(Encoding.DER)
        key = (der, check.ca_pem if check.trust is SinkTrust.CA else "")
        if key not in self._contexts:
            if any(held != der for held, _ in self._contexts):
                self._contexts.clear()
            self._contexts[key] = client_context(pair, key[1])
        return self._contexts[key]

    def _tell_unchecked(self, sink: Sink) -> None:
        if sink not in self._unchecked:
            self._unchecked.add(sink)
            fields = {"client_system": sink.client_system_id, "peer": str(sink.address)}
            _log.warning("receiver of events is not checked (any)", extra=fields)


def client_context(pair: KeyPair, ca_pem: str = "") -> ssl.SSLContext:
    """A client context that shows `pair` on request; it verifies the chain only if CA certificates are given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if ca_pem:
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.load_verify_locations(cadata=ca_pem)
    with memory_file(pair.certificate.public_bytes(Encoding.PEM) + pair.key_pem().reveal()) as path:
        context.load_cert_chain(path)
    return context


def _fingerprint(transport: BaseTransport) -> str:
    tls = transport.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    return hashlib.sha256(certificate or b"").hexdigest()
