"""Connections to receivers of events: plain or TLS, with our certificate, the receiver checked.

TLS if and only if ANCL_TLS_MANDATORY is on (CETP1 and CETP2 of gemSpec_Kon V5.18 §3.4.1). The certificate that we show
to a receiver that asks for one is the one our own server shows.
"""

import hashlib
import logging
import ssl
from asyncio import BaseProtocol, BaseTransport, Transport
from collections.abc import Callable
from typing import Protocol, cast

from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.konnektor.issuing import KeyPair
from tiaas.konnektor.sinkaddress import Sink
from tiaas.konnektor.sinkchecks import SinkCheck, SinkChecks, SinkTrust
from tiaas.konnektor.sinkroute import SinkRoute
from tiaas.konnektor.tls import memory_file

_log = logging.getLogger("tiaas.konnektor.cetp")


class SinkRefused(ConnectionError):
    """The receiver showed another certificate than those pinned."""


class SinkOpener(Protocol):
    """Opens a connection to a receiver."""

    async def open(self, sink: Sink, protocol_factory: Callable[[], BaseProtocol]) -> BaseTransport:
        """Connects; TLS stands and the receiver is checked when this returns. Raises `OSError` (`SinkRefused`)."""
        ...

    def forget(self, sink: Sink) -> None:
        """Nothing goes to a receiver any more."""
        ...

    def close(self) -> None:
        """Opens no more."""
        ...


class PlainSinks:
    """Without TLS."""

    def __init__(self, route: SinkRoute) -> None:
        self._route = route

    async def open(self, sink: Sink, protocol_factory: Callable[[], BaseProtocol]) -> BaseTransport:
        """See `SinkOpener`."""
        return await self._route.open(sink.address, None, protocol_factory)

    def forget(self, sink: Sink) -> None:
        """See `SinkOpener`."""

    def close(self) -> None:
        """See `SinkOpener`."""
        self._route.close()


class TlsSinks:
    """With TLS 1.2 or 1.3. `identity` gives the certificate and key in force."""

    def __init__(self, route: SinkRoute, identity: Callable[[], KeyPair], checks: SinkChecks) -> None:
        self._route = route
        self._identity = identity
        self._checks = checks
        self._contexts: dict[tuple[bytes, str], ssl.SSLContext] = {}
        self._unchecked: set[Sink] = set()

    async def open(self, sink: Sink, protocol_factory: Callable[[], BaseProtocol]) -> BaseTransport:
        """See `SinkOpener`."""
        check = self._checks.of(sink.client_system_id)
        context = self._context(check)
        transport = await self._route.open(sink.address, context, protocol_factory)
        if check.trust is SinkTrust.PINNED and _fingerprint(transport) not in check.fingerprints:
            # Closing would wait for the receiver's answer, and this one is not whom we want to talk to.
            cast(Transport, transport).abort()
            raise SinkRefused("the receiver's certificate is not one of those pinned")
        if check.trust is SinkTrust.ANY:
            self._tell_unchecked(sink)
        return transport

    def forget(self, sink: Sink) -> None:
        """See `SinkOpener`; whoever is not checked is told of again next time."""
        self._unchecked.discard(sink)

    def close(self) -> None:
        """See `SinkOpener`."""
        self._route.close()

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
