"""The leases of a box's adapters: asked for, renewed, lost (gemSpec_Kon V5.18 TUC_KON_341, TIP1-A_4774, TIP1-A_4776).

A lease is renewed when half of its time is over. One that cannot be renewed counts until it ends; the LAN then gets an
address of 169.254/16, the WAN none. Whoever gets no answer is 4169 once, and asks again every minute. A lease that does
not fit is no answer, but has the code for what is wrong with it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime, timedelta
from ipaddress import IPv4Interface

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.interfaces.management.boxnetwork import AdapterName
from tiaas.konnektor.boxaddresses import NO_LEASE, Lease
from tiaas.konnektor.dhcpclient import DhcpClient, NoLease
from tiaas.konnektor.errors import KonnektorError

_log = logging.getLogger("tiaas.konnektor.boxleases")

RETRY_SECONDS = 60.0
_PAUSE_LEAST = 30.0
_LINK_LOCAL_FIRST, _LINK_LOCAL_COUNT = "169.254.1.0/16", 254 * 256
"""RFC 3927 §2.1: the first and the last 256 addresses are reserved."""

Take = Callable[[AdapterName, Lease | None], Awaitable[None]]


class Leases:
    """`take` puts a lease in place, or none, and writes it to `held`; it may refuse with a `KonnektorError`. `fail`
    writes an error down."""

    def __init__(
        self,
        client: DhcpClient,
        devices: Mapping[AdapterName, str],
        take: Take,
        fail: Callable[[AdapterName, KonnektorError], None],
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self.held: dict[AdapterName, Lease] = {}
        self.reasons: dict[AdapterName, str] = {}
        """Why an adapter whose client is on has no lease."""
        self._client = client
        self._devices = devices
        self._take = take
        self._fail = fail
        self._clock = clock
        self._entropy = entropy
        self._ends: dict[AdapterName, datetime] = {}
        self._locks = {name: asyncio.Lock() for name in AdapterName}
        self._tasks: dict[AdapterName, asyncio.Task[None]] = {}

    async def follow(self, names: Collection[AdapterName]) -> None:
        """These adapters have a client from now on, and no others."""
        for name in AdapterName:
            if name in names and name not in self._tasks:
                self._tasks[name] = asyncio.create_task(self._keep(name))
            elif name not in names and name in self._tasks:
                task = self._tasks.pop(name)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                self.held.pop(name, None)
                self.reasons.pop(name, None)

    def has_client(self, name: AdapterName) -> bool:
        """Whether the adapter has one now."""
        return name in self._tasks

    async def ask(self, name: AdapterName) -> None:
        """Gets a lease or renews it. Raises `KonnektorError`: 4169, or what an address that does not fit is."""
        async with self._locks[name]:
            try:
                await self._ask(name)
            except KonnektorError as error:
                reason = f"{error.code} {error.detail}"
                if self.reasons.get(name) != reason:
                    self._fail(name, error)
                self.reasons[name] = reason
                raise
            self.reasons.pop(name, None)

    async def _ask(self, name: AdapterName) -> None:
        before = self.held.get(name)
        wish = None if before is None or before.is_link_local else before.address.ip
        try:
            lease = await self._client.ask(self._devices[name], wish)
        except NoLease as error:
            await self._do_without(name)
            raise KonnektorError(NO_LEASE, str(error)) from error
        try:
            await self._take(name, lease)
        except KonnektorError:
            # One that does not fit is none.
            await self._do_without(name)
            raise
        self._ends[name] = self._clock.now() + timedelta(seconds=lease.seconds)

    async def _do_without(self, name: AdapterName) -> None:
        held = self.held.get(name)
        if held is not None and (held.is_link_local or self._clock.now() < self._ends[name]):
            return
        if name is AdapterName.LAN:
            await self._take(name, self._link_local())
        elif held is not None:
            await self._take(name, None)

    def _link_local(self) -> Lease:
        first = IPv4Interface(_LINK_LOCAL_FIRST)
        at = int.from_bytes(self._entropy.octets(4), "big") % _LINK_LOCAL_COUNT
        return Lease(IPv4Interface((int(first.ip) + at, 16)), None, 0, is_link_local=True)

    async def _keep(self, name: AdapterName) -> None:
        while True:
            seconds = RETRY_SECONDS
            try:
                await self.ask(name)
                seconds = max(_PAUSE_LEAST, self.held[name].seconds / 2)
            except KonnektorError:
                pass
            except Exception as error:  # noqa: BLE001 - a defect met once must not end the asking
                _log.error("no lease asked for", extra={"kind": type(error).__name__})
            await asyncio.sleep(seconds)
