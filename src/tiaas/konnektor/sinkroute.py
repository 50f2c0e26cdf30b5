"""The way to receivers of events: which addresses a host name stands for, and which of them nobody may be sent to.

EventTo comes from a client. Addresses that mean this machine or its own link are no practice's, so they are refused
unless the instance allows them; judged is the address that is then connected to, whatever name led to it.

Names are looked up in threads of the instance's own: the system's resolver cannot be interrupted, and the zone of one
practice that does not answer must not take threads from other instances.
"""

import asyncio
import socket
import ssl
from asyncio import BaseProtocol, BaseTransport
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address

from tiaas.base.clock import Clock
from tiaas.konnektor.network import Network
from tiaas.konnektor.sinkaddress import SinkAddress

LOOKUPS = 2
"""Names of one instance looked up at a time."""
PAUSE_SECONDS = 10.0
"""How long a name that could not be looked up is not asked for again."""
_PAUSED_MAX = 4096
_BROADCAST = IPv4Address("255.255.255.255")


class SinkForbidden(ConnectionError):
    """The host is an address that events are not sent to."""


class SinkUnknown(ConnectionError):
    """The host is no name that can be looked up."""


class LookupPaused(ConnectionError):
    """The name could not be looked up a moment ago; it was not asked for again."""


class SinkRoute:
    """Connects one instance to receivers. `local` allows addresses of this machine and its links."""

    def __init__(
        self,
        network: Network,
        clock: Clock,
        *,
        local: bool = False,
        resolve: Callable[[str], list[str]] | None = None,
    ) -> None:
        self._network = network
        self._local = local
        self._names = _Names(clock, resolve or _resolve)

    async def open(
        self, address: SinkAddress, context: ssl.SSLContext | None, protocol_factory: Callable[[], BaseProtocol]
    ) -> BaseTransport:
        """See `Network.open`. Raises `OSError` (`SinkForbidden`, `SinkUnknown`, `LookupPaused`)."""
        found = await self._names.addresses(address.host)
        allowed = [each for each in found if self._local or not is_local(each)]
        failure: OSError = SinkForbidden("events are not sent to that address")
        for host in allowed:
            try:
                return await self._network.open(host, address.port, context, protocol_factory)
            except OSError as error:
                failure = error
        raise failure

    def close(self) -> None:
        """Ends the threads as soon as their lookups end."""
        self._names.close()


def is_local(host: str) -> bool:
    """Whether an IP address is loopback, unspecified, link-local, multicast or broadcast, also written as IPv6."""
    address: IPv4Address | IPv6Address = ip_address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return (
        address.is_loopback
        or address.is_unspecified
        or address.is_link_local
        or address.is_multicast
        or address == _BROADCAST
    )


class _Names:
    def __init__(self, clock: Clock, resolve: Callable[[str], list[str]]) -> None:
        self._clock = clock
        self._resolve = resolve
        self._threads = ThreadPoolExecutor(LOOKUPS, "cetp-names")
        self._paused: dict[str, float] = {}

    async def addresses(self, host: str) -> list[str]:
        """IP addresses of a host; one that is an address costs nothing. Raises `OSError`."""
        try:
            return [str(ip_address(host))]
        except ValueError:
            pass
        if self._paused.get(host, 0.0) > self._clock.monotonic():
            raise LookupPaused("the name could not be looked up a moment ago")
        lookup = self._threads.submit(self._resolve, host)
        try:
            return await asyncio.wrap_future(lookup)
        except asyncio.CancelledError:
            if not lookup.cancelled():  # it hangs; one that still waited for a thread says nothing of its name
                self._pause(host)
            raise
        except OSError:
            self._pause(host)
            raise
        except ValueError:  # IDNA
            raise SinkUnknown("the host is no name") from None

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _pause(self, host: str) -> None:
        now = self._clock.monotonic()
        self._paused = {name: until for name, until in self._paused.items() if until > now}
        if len(self._paused) < _PAUSED_MAX:
            self._paused[host] = now + PAUSE_SECONDS


def _resolve(host: str) -> list[str]:
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))
