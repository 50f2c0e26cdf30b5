"""The front inside the Konnektor's own process."""

import ssl
from asyncio import BaseProtocol, BaseTransport
from collections.abc import Callable
from typing import Protocol


class Dialer(Protocol):
    """Opens connections on behalf of an instance (the instance's `Network` decides how)."""

    async def open(
        self, host: str, port: int, context: ssl.SSLContext, protocol_factory: Callable[[], BaseProtocol]
    ) -> BaseTransport:
        """Connects, does TLS (no host name check: a terminal's identity is its certificate). Raises `OSError`."""
        ...


class ClientTls(Protocol):
    """Gives the client context of an instance: key and certificate ID.SAK.AUT."""

    def context(self, instance: str, tls_profile: str) -> ssl.SSLContext:
        """A TLS 1.2 client context with the suites of `tls_profile` (`ecc`, `rsa`, `any`); cached by the provider."""
        ...
