"""The instance's only way out: whoever opens a connection on behalf of an instance asks its `Network`.

Practices share address ranges (everybody is 192.168.178.0/24), so the address alone does not say where to; a gateway
can give each instance a route of its own, bound to a source address. Names of hosts are resolved here, too.
"""

import asyncio
import socket
import ssl
from asyncio import BaseProtocol, BaseTransport, DatagramProtocol, DatagramTransport
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import cast

from tiaas.base.dataclass import dataclass

CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Network:
    """Opens TCP and TLS connections of one instance.

    `source` is the local IP address to bind to, None for the system's choice. `connect_seconds` bounds connecting and
    the TLS handshake together. `resolve` gives the addresses of a name, at least one, or raises `OSError`; None: the
    system resolves names.
    """

    source: str | None = None
    connect_seconds: float = CONNECT_SECONDS
    resolve: Callable[[str], Awaitable[list[str]]] | None = None

    async def open(
        self, host: str, port: int, context: ssl.SSLContext | None, protocol_factory: Callable[[], BaseProtocol]
    ) -> BaseTransport:
        """Connects, with TLS if `context` is given. No server name is sent: peers are known by certificate or address.

        Raises `OSError` (`TimeoutError` and `ssl.SSLError` are kinds of it).
        """
        loop = asyncio.get_running_loop()
        failure: OSError = OSError("no address")
        async with asyncio.timeout(self.connect_seconds):
            for address in await self._addresses(host):
                try:
                    transport, _ = await loop.create_connection(
                        protocol_factory,
                        address,
                        port,
                        ssl=context,
                        server_hostname="" if context is not None else None,
                        local_addr=(self.source, 0) if self.source is not None else None,
                    )
                except OSError as error:
                    failure = error
                else:
                    return transport
        raise failure

    async def datagrams(
        self, host: str, port: int, protocol_factory: Callable[[], DatagramProtocol]
    ) -> DatagramTransport:
        """A UDP socket to one peer. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        local = (self.source, 0) if self.source is not None else None
        peer = (await self._addresses(host))[0], port
        transport, _ = await loop.create_datagram_endpoint(protocol_factory, local_addr=local, remote_addr=peer)
        return transport

    async def datagram_port(
        self, received: Callable[[bytes, tuple[str, int]], None], port: int = 0, *, broadcast: bool = False
    ) -> DatagramTransport:
        """A UDP socket (IPv4) at `port`, 0 for the system's choice; `received` gets datagrams with their sender.

        Raises `OSError`, e.g. if the port is taken.
        """
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(received),
            local_addr=(self.source or "0.0.0.0", port),  # noqa: S104 (every interface, as an instance without source has)
            allow_broadcast=broadcast or None,
        )
        return transport

    async def connect(self, host: str, port: int) -> socket.socket:
        """A connected TCP socket that does not block, for a TLS that is not OpenSSL's. Raises `OSError`."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self.connect_seconds):
            addresses = await self._addresses(host)
            found = [await loop.getaddrinfo(address, port, type=socket.SOCK_STREAM) for address in addresses]
            failure: OSError = OSError("no address")
            for family, kind, protocol, _, address in (entry for entries in found for entry in entries):
                line = socket.socket(family, kind, protocol)
                line.setblocking(False)
                try:
                    if self.source is not None:
                        line.bind((self.source, 0))
                    await loop.sock_connect(line, address)
                except OSError as error:
                    line.close()
                    failure = error
                except BaseException:
                    line.close()
                    raise
                else:
                    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return line
            raise failure

    async def _addresses(self, host: str) -> list[str]:
        """What to connect to, one after the other. Raises `OSError`."""
        return [host] if self.resolve is None or _is_address(host) else await self.resolve(host)


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class _Datagrams(DatagramProtocol):
    """Hands datagrams on. What a send met (nobody listens there) is no matter of ours: no answer comes."""

    def __init__(self, received: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """See `Network.datagram_port`."""
        self._received(data, (cast(str, addr[0]), addr[1]))
