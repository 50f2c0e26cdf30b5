"""The way out of an instance of the lab: a `Network` whose connections fail when a fault of the lab says so.

The line that `match` is compared with is what is called and its address: `terminal CT-1 127.0.0.1:4742`,
`pki 127.0.0.1:8481`, `intermediaer …`, `ksr …`, `registration …`, `gateway ti …`, `gateway sis …`, `time …` for a
question to a time server; what is not the lab's is a receiver of events: `sink 192.168.1.7:8500`.
"""

import asyncio
import errno
import os
import socket
import ssl
from asyncio import BaseProtocol, BaseTransport, DatagramProtocol, DatagramTransport, Transport
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.network import Network
from tiaas.lab.faults import Service
from tiaas.lab.lab import Lab


@dataclass(frozen=True, kw_only=True)
class FaultyNetwork(Network):
    """See module."""

    lab: Lab

    async def open(
        self, host: str, port: int, context: ssl.SSLContext | None, protocol_factory: Callable[[], BaseProtocol]
    ) -> BaseTransport:
        """See `Network.open`."""
        is_dropped = await self._strike(self._callee(host, port), host, port)
        transport = await super().open(host, port, context, protocol_factory)
        if is_dropped:
            cast(Transport, transport).abort()
        return transport

    async def datagrams(
        self, host: str, port: int, protocol_factory: Callable[[], DatagramProtocol]
    ) -> DatagramTransport:
        """See `Network.datagrams`; one that is dropped was never there."""
        if await self._strike("time", host, port):
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        return await super().datagrams(host, port, protocol_factory)

    async def connect(self, host: str, port: int) -> socket.socket:
        """See `Network.connect`."""
        is_dropped = await self._strike(self._callee(host, port), host, port)
        line = await super().connect(host, port)
        if is_dropped:
            line.shutdown(socket.SHUT_RDWR)
        return line

    async def _strike(self, callee: str, host: str, port: int) -> bool:
        """What a fault does to a connection before it stands; True if it is to be dropped once it does."""
        faults = self.lab.faults
        fault = faults.take(Service.NETWORK, f"{callee} {host}:{port}") if faults else None
        if fault is None:
            return False
        await asyncio.sleep(fault.delay)
        if fault.code == "refused":
            raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
        if fault.code == "unreachable":
            await asyncio.sleep(self.connect_seconds)
            raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
        return fault.drop

    def _callee(self, host: str, port: int) -> str:
        address = f"{host}:{port}"
        for terminal in self.lab.terminals():
            if terminal.sicct == address:
                return f"terminal {terminal.ct_id}"
        for name, gateway in self.lab.gateways.ports.items():
            if gateway == port:
                return f"gateway {name}"
        services = self.lab.services
        if services is not None and port in (urlsplit(services.url).port, services.tls_port):
            return "pki"
        if urlsplit(self.lab.ksr.url).port == port:
            return "ksr"
        if urlsplit(self.lab.registration.url).port == port:
            return "registration"
        return "intermediaer" if urlsplit(self.lab.vsdm.url).port == port else "sink"
