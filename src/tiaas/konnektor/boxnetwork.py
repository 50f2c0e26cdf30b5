"""The network of a box, profile einbox: its ways to TI and SIS, its own addresses (gemSpec_Kon V5.18 TAB_KON_503).

There is no IPsec here: what stands for a VPN-Konzentrator is a gateway that is called every few seconds. It is plugged
in while it takes the connection. An address of the box is there while a socket can be bound to it.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from tiaas.konnektor.config import Address, BoxAccess
from tiaas.konnektor.events import Event, EventHub, Topic
from tiaas.konnektor.network import Network
from tiaas.konnektor.opstate import Condition, OperatingState

GATEWAY_SECONDS = 2.0
ADDRESS_SECONDS = 1.0
"""How often gateways and addresses are looked at (TAB_KON_503: detected within 300 s, 1 s)."""
_ANSWER_SECONDS = 5.0
_BOOT_SECONDS = 2.0
_WAYS = (
    (Condition.NO_VPN_TI_CONNECTION, Topic.NETWORK_VPN_TI_UP, Topic.NETWORK_VPN_TI_DOWN),
    (Condition.NO_VPN_SIS_CONNECTION, Topic.NETWORK_VPN_SIS_UP, Topic.NETWORK_VPN_SIS_DOWN),
)


def is_ours(address: str) -> bool:
    """Whether the machine has the IP address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


class BoxNetwork:
    """Looks at gateways and addresses between `start` and `stop`. Offline (`online` False) no VPN is missed."""

    def __init__(
        self,
        access: BoxAccess,
        online: bool,
        network: Network,
        opstate: OperatingState,
        hub: EventHub,
        has_address: Callable[[str], bool] = is_ours,
    ) -> None:
        self._access = access
        self._gateways: tuple[Address | None, ...] = (access.vpn_ti, access.vpn_sis) if online else (None, None)
        self._up: list[bool | None] = [None, None]
        self._network = network
        self._opstate = opstate
        self._hub = hub
        self._has_address = has_address
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """The first look, if gateways answer soon, then regularly."""
        self.look_at_addresses()
        self._tasks = [
            asyncio.create_task(self._keep_addresses()),
            *(asyncio.create_task(self._keep_gateway(at)) for at, there in enumerate(self._gateways) if there),
        ]
        with suppress(TimeoutError):
            async with asyncio.timeout(_BOOT_SECONDS):
                await asyncio.gather(*(self.look_at_gateway(at) for at in range(len(_WAYS))))

    async def stop(self) -> None:
        """Looks no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def look_at_addresses(self) -> None:
        """EC_IP_Adresses_Not_Available: an address that was configured is not the machine's."""
        missing = any(not self._has_address(address) for address in self._access.addresses)
        self._opstate.set(Condition.IP_ADRESSES_NOT_AVAILABLE, missing)

    async def look_at_gateway(self, at: int) -> None:
        """EC_No_VPN_TI_Connection, EC_No_VPN_SIS_Connection, and the events of a way that comes or goes."""
        address = self._gateways[at]
        if address is None:
            return
        up = await self._answers(address)
        condition, came, went = _WAYS[at]
        if self._up[at] is not up:
            self._up[at] = up
            self._hub.publish(Event(came if up else went))
        self._opstate.set(condition, not up)

    async def _answers(self, address: Address) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                line = await self._network.open(address.host, address.port, None, asyncio.Protocol)
        except OSError:
            return False
        is_open = not line.is_closing()
        cast(asyncio.Transport, line).abort()
        return is_open

    async def _keep_addresses(self) -> None:
        while True:
            await asyncio.sleep(ADDRESS_SECONDS)
            self.look_at_addresses()

    async def _keep_gateway(self, at: int) -> None:
        while True:
            await asyncio.sleep(GATEWAY_SECONDS)
            await self.look_at_gateway(at)
