"""The TLS listener of a plane: an address of its own, no client certificates, the owner's server certificate."""

import ssl
from collections.abc import Callable

from tiaas.konnektor.admin.app import AdminApp, Plane
from tiaas.konnektor.config import Address, Limits
from tiaas.konnektor.http import uvicorn_config
from tiaas.konnektor.ingress import Ingress, http_door
from tiaas.konnektor.issuing import KeyPair
from tiaas.konnektor.tls import server_context

LIMITS = Limits(connections=64, connections_per_address=32, keep_alive_seconds=30)


class AdminListener:
    """Serves a plane. `server` gives the certificate in force; a new one counts for the next connection.

    `address` is in use after `open`; port 0 is replaced by the port the system chose.
    """

    def __init__(self, name: str, address: Address, plane: Plane, server: Callable[[], KeyPair]) -> None:
        self.address = address
        self._server = server
        self._held: tuple[KeyPair, ssl.SSLContext] | None = None
        self._door = http_door(name, uvicorn_config(AdminApp(plane), LIMITS), LIMITS, self._context, lambda _: True)

    async def open(self, ingress: Ingress) -> None:
        """Lets administrators in. Raises `AddressTaken`."""
        self.address = await ingress.open(self.address, self._door)

    async def close(self, ingress: Ingress) -> None:
        """Takes no more connections; what is under way may finish."""
        ingress.close(self.address)
        await self._door.close()

    def _context(self) -> ssl.SSLContext:
        server = self._server()
        if self._held is None or self._held[0] is not server:
            self._held = server, server_context(server, None)
        return self._held[1]
