"""ip(8), which sets up network devices, addresses and routes in the network namespace of this process.

A device that is there is taken as it is; where none of the name is, a pair of virtual Ethernet devices is made, whose
other end stands for the cable. Our routes carry a protocol number of their own, so that they can be told from others
and replaced as a whole (TUC_KON_304).
"""

import json
import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Interface
from typing import Any

from tiaas.base.errors import TiaasError
from tiaas.interfaces.management.boxnetwork import RouteState
from tiaas.konnektor.boxaddresses import Route
from tiaas.konnektor.systemprogram import PLACES, ProgramError, SystemProgram

FAR = "-far"
"""What the name of a pair's other end ends with."""
_PROTOCOL = "190"
"""rtnetlink(7): the origin of a route; one that no routing daemon uses (iproute2's rt_protos)."""
_COMPLAINT = re.compile(r"(?:Error: |RTNETLINK answers: )(?P<what>[^\"\n]{1,200})")


class IpError(TiaasError):
    """ip is not there, may not do what it was asked, or the kernel refuses; the message says which."""


class IpRoute:
    """Runs ip in the network namespace of this process. `places` is a search path."""

    def __init__(self, places: str = PLACES) -> None:
        self._program = SystemProgram("ip", "iproute2", places)

    async def make(self, device: str) -> bool:
        """Sees to it that there is such a device; whether it was made now. Raises `IpError`."""
        if is_there(device):
            return False
        far = f"{device}{FAR}"
        try:
            await self._batch(f"link add {device} type veth peer name {far}", f"link set dev {far} up")
        except IpError:
            # It may have been made all the same, by one that took too long.
            with suppress(IpError):
                await self.clear(device, remove=True)
            raise
        return True

    async def place(self, device: str, mtu: int, address: IPv4Interface | None) -> None:
        """The device is up with this address and no other. Raises `IpError`."""
        lines = [f"link set dev {device} up mtu {mtu}", f"address flush dev {device}"]
        if address is not None:
            lines.append(f"address add {address} broadcast + dev {device}")
        await self._batch(*lines)

    async def clear(self, device: str, *, remove: bool) -> None:
        """The device is gone, or has no address any more. Raises `IpError`."""
        if is_there(device):
            await self._batch(f"link delete dev {device}" if remove else f"address flush dev {device}")

    async def route(self, routes: Iterable[Route]) -> None:
        """These are our routes and no others. Raises `IpError`."""
        added = (f"route add {each.target} via {each.next_hop} proto {_PROTOCOL}" for each in routes)
        await self._batch(f"route flush proto {_PROTOCOL}", *added)

    async def table(self) -> tuple[RouteState, ...]:
        """The routing table of the namespace as it is (TIP1-A_5537). Raises `IpError`."""
        answer = await self._run("-4", "-json", "route", "show")
        try:
            rows: list[dict[str, Any]] = json.loads(answer or b"[]")
            return tuple(RouteState(row["dst"], row.get("gateway", ""), row.get("dev", "")) for row in rows)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise IpError("ip does not list the routes") from None

    async def _batch(self, *lines: str) -> None:
        await self._run("-4", "-batch", "-", text="".join(f"{line}\n" for line in lines).encode())

    async def _run(self, *arguments: str, text: bytes = b"") -> bytes:
        try:
            return await self._program.run(*arguments, text=text)
        except ProgramError as error:
            found = _COMPLAINT.search(error.complaint.decode("utf-8", "replace"))
            raise IpError(f"the kernel refuses: {found['what'].strip()}" if found else str(error)) from error


def is_there(device: str) -> bool:
    """Whether the namespace has a device of that name."""
    try:
        socket.if_nametoindex(device)
    except OSError:
        return False
    return True
