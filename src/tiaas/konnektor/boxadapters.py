"""The adapters LAN and WAN of a box, profile einbox: addresses, routes, DHCP (gemSpec_Kon V5.18 §4.2.1 to 4.2.3).

They are network devices of the namespace that the process runs in, one of its own; in the machine's nothing is ever set
up. What is set is in force as a whole or not at all: one that is refused (4162, 4163, 4167, 4168, 4170) leaves what was
before. Leases come and go beside it, each put in place like a change.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.interfaces.management.boxnetwork import (
    AdapterName,
    AdapterState,
    BoxNetworkSettings,
    BoxNetworkState,
    RouteState,
)
from tiaas.konnektor.boxaddresses import BAD_ADAPTER, BAD_ROUTES, NO_SERVER, Lease, Reserved, in_use, nets_of_ti, plan
from tiaas.konnektor.boxevents import tell_address, tell_lease, tell_switches
from tiaas.konnektor.boxleases import Leases
from tiaas.konnektor.boxstored import load, save
from tiaas.konnektor.config import BoxAdapterAccess, Environment
from tiaas.konnektor.dhcpclient import DhcpClient
from tiaas.konnektor.dhcpserver import DhcpServer
from tiaas.konnektor.errors import ErrorLog, KonnektorError, LoggedError
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.iproute import IpError, IpRoute
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.ownnetwork import PROC, why_not_own
from tiaas.konnektor.store import InstanceStore, StoreError

_NOT_STARTED = "the network has not been set up yet"
_SERVER, _CONNECTED = "DHCP_SERVER", "ANLW_BESTANDSNETZE"


class NoClient(TiaasError):
    """A lease was to be renewed of an adapter whose DHCP client is off."""


async def _nothing() -> None:
    return


class BoxAdapters:
    """The adapters of one instance between `start` and `stop`. `after_change` is awaited after each change but the
    first (TUC_KON_304: the packet filter is loaded anew)."""

    def __init__(
        self,
        access: BoxAdapterAccess,
        environment: Environment,
        online: OnlineMode,
        store: InstanceStore,
        hub: EventHub,
        errors: ErrorLog,
        clock: Clock,
        entropy: Entropy,
        ip: IpRoute | None = None,
        proc: Path = PROC,
    ) -> None:
        self.settings = access.settings
        self.reason = _NOT_STARTED
        """Why what is set is not in force, empty if it is."""
        self.after_change: Callable[[], Awaitable[None]] = _nothing
        self.connected: Callable[[], Iterable[IPv4Network]] = tuple
        """The segments of the networks behind the TI."""
        self._devices = access.devices
        self._environment = environment
        self._online = online
        self._store = store
        self._hub = hub
        self._errors = errors
        self._ip = ip or IpRoute()
        self._proc = proc
        self._why_not = _NOT_STARTED
        self._made: set[AdapterName] = set()
        self._placed: dict[AdapterName, tuple[int, IPv4Interface | None]] = {}
        self._told: dict[AdapterName, IPv4Interface] = {}
        client = DhcpClient(access.folder, access.dhcp_seconds)
        self._leases = Leases(client, self._devices, self._take, self._fail_adapter, clock, entropy)
        self._server = DhcpServer(self._devices[AdapterName.LAN], access.folder, self._server_ended)
        self._server_reason = ""
        self._lock = asyncio.Lock()
        self._followers: set[asyncio.Task[None]] = set()
        online.on_change(self._follow_online)

    async def start(self) -> None:
        """TUC_KON_305, 306, 343: all but leases is there when this returns, or the log says why not. Raises
        `StoreError`."""
        self.settings = await load(self._store, BoxNetworkSettings) or self.settings
        self._why_not = await asyncio.to_thread(why_not_own, self._proc)
        async with self._lock:
            try:
                await self._put(self.settings)
            except KonnektorError as error:
                self._fail(error)
        self._told = self._addresses()
        if not self._why_not:
            await self._leases.follow(_clients(self.settings))

    async def stop(self) -> None:
        """What was made is gone; devices that were there before have no address any more."""
        self._why_not, why_not = _NOT_STARTED, self._why_not
        for task in self._followers:
            task.cancel()
        await asyncio.gather(*self._followers, return_exceptions=True)
        await self._leases.follow(())
        await self._server.stop()
        if why_not:
            return
        async with self._lock:
            with suppress(IpError):
                await self._ip.route(())
            for name in AdapterName:
                with suppress(IpError):
                    await self._clear(name)
        self.reason = _NOT_STARTED

    async def configure(self, settings: BoxNetworkSettings) -> None:
        """Puts other settings in force and keeps them. Raises `KonnektorError` 4162, 4163, 4167, 4168, 4170,
        `StoreError`; then those before are in force."""
        async with self._lock:
            before, leases = self.settings, dict(self._leases.held)
            try:
                self._leases.held = {name: leases[name] for name in _clients(settings) if name in leases}
                await self._put(settings)
                await save(self._store, settings)
            except (KonnektorError, StoreError) as error:
                if isinstance(error, KonnektorError):
                    self._fail(error)
                self._leases.held = leases
                with suppress(KonnektorError):
                    await self._put(before)
                raise
            self.settings = settings
            tell_switches(self._hub, before, settings)
            self._tell_addresses()
        await self._leases.follow(_clients(settings))
        await self.after_change()

    async def renew(self, name: AdapterName) -> None:
        """TIP1-A_4774: the lease by hand. Raises `NoClient`, `KonnektorError` 4169 and those of `configure`."""
        if not self._leases.has_client(name):
            raise NoClient(f"the {name.upper()} has no DHCP client")
        await self._leases.ask(name)

    def lacks_address(self) -> bool:
        """Whether an adapter that is switched on has no address."""
        return in_use(self.settings).keys() != self._addresses().keys()

    async def state(self) -> BoxNetworkState:
        """What is in force now, the routing table with it."""
        routes: tuple[RouteState, ...] = ()
        if not self._why_not:
            with suppress(IpError):
                routes = await self._ip.table()
        adapters = tuple(self._state_of(name) for name in in_use(self.settings))
        server = "on" if self._server.is_running else self._server_reason or "off"
        return BoxNetworkState(not self.reason, self.reason, adapters, routes, server)

    def _state_of(self, name: AdapterName) -> AdapterState:
        address = self._addresses().get(name)
        lease = self._leases.held.get(name)
        dhcp = ""
        if in_use(self.settings)[name].dhcp_client:
            dhcp = self._leases.reasons.get(name) or ("asking" if lease is None else "bound")
            if lease is not None and lease.is_link_local:
                dhcp = "link-local"
        return AdapterState(name, self._devices[name], "" if address is None else str(address), dhcp)

    def _addresses(self) -> dict[AdapterName, IPv4Interface]:
        return {name: address for name, (_, address) in self._placed.items() if address is not None}

    async def _put(self, settings: BoxNetworkSettings) -> None:
        """Raises `KonnektorError`; then some of it may be in place. The lock is held."""
        try:
            await self._put_in_place(settings)
        except KonnektorError as error:
            self.reason = f"{error.code} {error.detail}"
            if error.code == NO_SERVER:
                self._server_reason = error.detail
            raise
        self.reason = self._server_reason = ""

    async def _put_in_place(self, settings: BoxNetworkSettings) -> None:
        if self._why_not:
            raise KonnektorError(BAD_ADAPTER[AdapterName.LAN], self._why_not)
        wanted = plan(settings, self._leases.held, self._reserved(), online=self._online.wanted)
        used = in_use(settings)
        for name in AdapterName:
            try:
                if name in used:
                    await self._place(name, used[name].mtu, wanted.addresses.get(name))
                else:
                    await self._clear(name)
            except IpError as error:
                raise KonnektorError(BAD_ADAPTER[name], str(error)) from error
        try:
            await self._ip.route(wanted.routes)
        except IpError as error:
            raise KonnektorError(BAD_ROUTES, str(error)) from error
        await self._server.follow(settings.dhcp_server, wanted.addresses.get(AdapterName.LAN))

    def _reserved(self) -> tuple[Reserved, ...]:
        """TAB_KON_683, 685: the networks that no adapter may be in."""
        return (*nets_of_ti(self._environment), *((_CONNECTED, segment) for segment in self.connected()))

    async def _place(self, name: AdapterName, mtu: int, address: IPv4Interface | None) -> None:
        """Raises `IpError`."""
        if self._placed.get(name) == (mtu, address):
            return
        self._placed.pop(name, None)
        if await self._ip.make(self._devices[name]):
            self._made.add(name)
        await self._ip.place(self._devices[name], mtu, address)
        self._placed[name] = mtu, address

    async def _clear(self, name: AdapterName) -> None:
        """Raises `IpError`."""
        # One that was made may have got no address.
        if self._placed.pop(name, None) is not None or name in self._made:
            await self._ip.clear(self._devices[name], remove=name in self._made)
            self._made.discard(name)

    async def _take(self, name: AdapterName, lease: Lease | None) -> None:
        """A lease comes or goes. Raises `KonnektorError`; then it is as before."""
        async with self._lock:
            before = dict(self._leases.held)
            self._leases.held.pop(name, None)
            if lease is not None:
                self._leases.held[name] = lease
            was = self.reason
            try:
                await self._put(self.settings)
            except KonnektorError as error:
                if error.code != NO_SERVER or name is AdapterName.LAN:
                    self._leases.held = before
                    with suppress(KonnektorError):
                        await self._put(self.settings)
                    raise
                # Address and routes are in place; the LAN's DHCP server has no say in the WAN's.
                if self.reason != was:
                    self._fail(error)
            if lease is not None and not lease.is_link_local:
                tell_lease(self._hub, name, lease.address)
            is_new = self._tell_addresses()
        if is_new:
            await self.after_change()

    def _tell_addresses(self) -> bool:
        """Whether there was one that is new."""
        told, self._told = self._told, self._addresses()
        new = [name for name, address in self._told.items() if told.get(name) != address]
        for name in new:
            tell_address(self._hub, name, self._told[name])
        return bool(new)

    def _follow_online(self) -> None:
        """TUC_KON_304: the default route is there while MGM_LU_ONLINE is on."""
        if not self._why_not:
            task = asyncio.ensure_future(self._put_again())
            self._followers.add(task)
            task.add_done_callback(self._followers.discard)

    async def _put_again(self) -> None:
        async with self._lock:
            try:
                await self._put(self.settings)
            except KonnektorError as error:
                self._fail(error)
        await self.after_change()

    def _server_ended(self, why: str) -> None:
        self._server_reason = why
        self._fail(KonnektorError(NO_SERVER, why))

    def _fail_adapter(self, name: AdapterName, error: KonnektorError) -> None:
        self._fail(error, name.upper())

    def _fail(self, error: KonnektorError, target: str = "") -> None:
        codes = {code: name.upper() for name, code in BAD_ADAPTER.items()} | {BAD_ROUTES: "ROUTES", NO_SERVER: _SERVER}
        told = (("Target", target or codes.get(error.code, "LAN, WAN")), ("Reason", error.detail))
        self._errors.write_error(LoggedError(error, "", "", told))


def _clients(settings: BoxNetworkSettings) -> tuple[AdapterName, ...]:
    return tuple(name for name, adapter in in_use(settings).items() if adapter.dhcp_client)
