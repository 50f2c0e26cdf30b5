"""The lab's gateways to TI and SIS, as a box sees them: addresses that take a connection, and nothing behind them."""

import asyncio
from functools import partial

from tiaas.lab.ports import Ports

GATEWAY_PORT = 8500
NAMES = ("ti", "sis")


class Gateways:
    """One listener per name; `ports` are in use after `start`. What unplugs them is the fault service `network`."""

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self._servers: list[asyncio.Server] = []

    async def start(self, ports: Ports, host: str) -> None:
        """Listens. Raises `LabError` (ports), `OSError`."""
        for at, name in enumerate(NAMES):
            self.ports[name], server = await ports.claim(
                f"gateway/{name}", host, partial(_listen, host), preferred=GATEWAY_PORT + at
            )
            self._servers.append(server)

    async def stop(self) -> None:
        """Listens no more."""
        for server in self._servers:
            server.close()
        self._servers.clear()


async def _listen(host: str, port: int) -> asyncio.Server:
    return await asyncio.start_server(_take, host, port)


async def _take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Holds the connection until the other end has enough; octets are not looked at."""
    try:
        while await reader.read(4096):
            pass
    except ConnectionError:
        pass
    finally:
        writer.close()
