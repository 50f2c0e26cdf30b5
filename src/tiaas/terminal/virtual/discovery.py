"""The virtual terminal's UDP port: answers discovery requests, sends announcements (SICCT V1.3.0, 6.2.3; TIP1-A_3151).

A request that came to this terminal alone is answered like a broadcast one.
"""

import asyncio
import logging
from collections.abc import Callable
from ipaddress import IPv4Address
from typing import cast

from tiaas.terminal.sicct.discovery import DiscoveryRequest, ServiceDescription, decode_discovery_untrusted
from tiaas.terminal.sicct.errors import BadSicct

_log = logging.getLogger("tiaas.terminal.virtual")


class Responder(asyncio.DatagramProtocol):
    """`describe` gives the terminal's description; None: it takes no SICCT connections now, and does not answer."""

    def __init__(self, describe: Callable[[], ServiceDescription | None]) -> None:
        self._describe = describe
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The port is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        """Answers to the address and port that the request names, not to where it came from (6.2.3.1)."""
        try:
            request = decode_discovery_untrusted(data)
        except BadSicct as bad:
            _log.info("datagram is no request", extra={"fault": bad.what})
            return
        if isinstance(request, DiscoveryRequest):
            self.announce(str(request.address), request.port)

    def announce(self, host: str, port: int) -> None:
        """Sends the description there (Dienstbeschreibungspaket)."""
        description = self._describe()
        if description is not None and self._transport is not None:
            self._transport.sendto(description.encode(), (host, port))

    def close(self) -> None:
        """Closes the port."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None


async def open_responder(host: str, port: int, describe: Callable[[], ServiceDescription | None]) -> Responder:
    """Listens for requests. Raises `OSError`, e.g. if the port is taken."""
    IPv4Address(host)  # the packets know IPv4 only
    loop = asyncio.get_running_loop()
    _, responder = await loop.create_datagram_endpoint(
        lambda: Responder(describe), local_addr=(host, port), allow_broadcast=True
    )
    return responder
