"""Service discovery and announcements of card terminals over UDP (gemSpec_Kon V5.18: TIP1-A_4538-02, 4540, 6477).

What a datagram tells is unproven; it says where a terminal may be dialled, TLS and pairing say who it is. Its address
is where the datagram came from: behind a VPN with address translation a terminal knows only its address in the LAN.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.network import Network
from tiaas.konnektor.terminalsettings import Target
from tiaas.terminal.sicct.discovery import (
    DiscoveryRequest,
    ServiceDescription,
    decode_discovery_untrusted,
)
from tiaas.terminal.sicct.errors import BadSicct

_log = logging.getLogger("tiaas.konnektor.terminals")

BROADCAST = "255.255.255.255"
FOUND_MAX = 1024
"""Descriptions taken of one discovery: anybody can send datagrams."""


@dataclass(frozen=True, slots=True)
class FoundTerminal:
    """A terminal that described itself. `host` is where its datagram came from, `port` that of its SICCT.

    `udp_port` is where it was asked, None for the usual port and for announcements.
    """

    host: str
    port: int
    mac: bytes
    name: str
    tls: int | None = None
    udp_port: int | None = None

    @staticmethod
    def of(description: ServiceDescription, host: str) -> "FoundTerminal":
        """From a description and its sender."""
        return FoundTerminal(host, description.port, description.mac, description.name, description.tls)


class Discovery:
    """Asks and listens by the instance's `Network`."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._listening: asyncio.DatagramTransport | None = None

    async def ask(
        self, targets: Sequence[Target], port: int, wait: float, *, broadcast: bool = False
    ) -> tuple[FoundTerminal, ...]:
        """Asks each target at its port or `port`, and everybody in the LAN if `broadcast`; waits `wait` seconds.

        Ends at once when all of them have answered and nobody else was asked. A target that cannot be reached is left
        out. Raises `OSError` if no datagram can be sent at all.
        """
        found: dict[tuple[str, bytes], FoundTerminal] = {}
        complete = asyncio.Event()
        special = {target.port for target in targets} - {None, port}
        wanted = 0  # how many were asked, once that is known

        def received(datagram: bytes, sender: tuple[str, int]) -> None:
            terminal = _described(datagram, sender[0])
            if terminal is not None and len(found) < FOUND_MAX:
                own_port = sender[1] if sender[1] in special else None
                found[terminal.host, terminal.mac] = replace(terminal, udp_port=own_port)
                if not broadcast and len(found) >= wanted > 0:
                    complete.set()

        transport = await self._network.datagram_port(received, broadcast=broadcast)
        try:
            reply_port = int(transport.get_extra_info("sockname")[1])
            places = [(target.host, target.port or port) for target in targets]
            if broadcast:
                places.append((BROADCAST, port))
            wanted = await self._send(transport, places, reply_port)
            if wanted and (broadcast or len(found) < wanted):
                async with asyncio.timeout(wait):
                    await complete.wait()
        except TimeoutError:
            pass  # who has answered by now is there
        finally:
            transport.close()
        return tuple(found.values())

    async def _send(
        self, transport: asyncio.DatagramTransport, places: Sequence[tuple[str, int]], reply_port: int
    ) -> int:
        """Sends the requests; how many went out."""
        sent = 0
        for host, port in places:
            try:
                address = await _ipv4(host)
                own = self._network.source or _own_address(address)
                transport.sendto(DiscoveryRequest(IPv4Address(own), reply_port).encode(), (address, port))
            except (OSError, ValueError) as error:
                _log.info("discovery not sent", extra={"kind": type(error).__name__})
                continue
            sent += 1
        return sent

    async def listen(self, port: int, heard: Callable[[FoundTerminal], None]) -> int:
        """Tells `heard` of every announcement from now on; the port in use. Raises `OSError` if it is taken."""

        def received(datagram: bytes, sender: tuple[str, int]) -> None:
            terminal = _described(datagram, sender[0])
            if terminal is not None:
                heard(terminal)

        self.close()
        self._listening = await self._network.datagram_port(received, port)
        return int(self._listening.get_extra_info("sockname")[1])

    def close(self) -> None:
        """Listens no more."""
        if self._listening is not None:
            self._listening.close()
            self._listening = None


def _described(datagram: bytes, host: str) -> FoundTerminal | None:
    try:
        packet = decode_discovery_untrusted(datagram)
    except BadSicct as bad:
        _log.info("datagram is no description", extra={"fault": bad.what})
        return None
    # Our own requests come back where a broadcast reaches the sender, too.
    return FoundTerminal.of(packet, host) if isinstance(packet, ServiceDescription) else None


async def _ipv4(host: str) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, 0, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    return str(found[0][4][0])


def _own_address(towards: str) -> str:
    """The local address from which datagrams to that address go; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        if towards == BROADCAST:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        probe.connect((towards, 9))
        return str(probe.getsockname()[0])
