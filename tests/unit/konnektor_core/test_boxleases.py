"""The life of a lease: got, renewed, kept while nobody answers, lost; and what stands in for one."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from tests.integration.konnektor_core.memorystore import MemoryStore
from tests.unit.konnektor_core.test_packetfilter import EACH, FIRST_PIDS, OF_MACHINE, made_proc
from tiaas.base.clock import ManualClock, SystemClock
from tiaas.base.entropy import SeededEntropy
from tiaas.interfaces.management.boxnetwork import (
    AdapterName,
    AdapterSettings,
    BoxNetworkSettings,
    DhcpServerSettings,
    RouteState,
)
from tiaas.konnektor.boxadapters import BoxAdapters, NoClient
from tiaas.konnektor.boxaddresses import Lease, Route
from tiaas.konnektor.boxleases import Leases
from tiaas.konnektor.config import BoxAdapterAccess, Environment
from tiaas.konnektor.dhcpclient import DhcpClient, NoLease
from tiaas.konnektor.dhcpserver import DhcpServer
from tiaas.konnektor.errors import KonnektorError, LoggedError
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.iproute import IpError, IpRoute
from tiaas.konnektor.onlinemode import OnlineMode

LAN, WAN = AdapterName.LAN, AdapterName.WAN
DEVICES = {LAN: "lan0", WAN: "wan0"}
LEASE = Lease(IPv4Interface("192.168.8.77/24"), None, 120)


class Server(DhcpClient):
    """A line with a DHCP server that answers or does not."""

    def __init__(self) -> None:
        self.answer: Lease | None = LEASE
        self.wishes: list[IPv4Address | None] = []

    async def ask(self, device: str, before: IPv4Address | None) -> Lease:
        self.wishes.append(before)
        if self.answer is None:
            raise NoLease("no DHCP server answers")
        return self.answer


class Bench:
    def __init__(self) -> None:
        self.clock, self.server = ManualClock(SystemClock().now()), Server()
        self.failed: list[tuple[AdapterName, int]] = []
        self.leases = Leases(self.server, DEVICES, self.take, self.fail, self.clock, SeededEntropy(b"dhcp"))

    async def take(self, name: AdapterName, lease: Lease | None) -> None:
        if lease is not None and lease.address.network.is_loopback:
            raise KonnektorError(4163, "no address of a host")
        self.leases.held.pop(name, None)
        if lease is not None:
            self.leases.held[name] = lease

    def fail(self, name: AdapterName, error: KonnektorError) -> None:
        self.failed.append((name, error.code))

    async def refused(self, name: AdapterName) -> None:
        with pytest.raises(KonnektorError, match="4169"):
            await self.leases.ask(name)


@pytest.mark.requirement("TIP1-A_4772")
@pytest.mark.code(4169)
async def test_a_lease_counts_until_it_ends_and_is_missed_once() -> None:
    bench = Bench()
    await bench.leases.ask(WAN)
    assert bench.leases.held == {WAN: LEASE}
    bench.server.answer = None
    for _ in range(2):
        await bench.refused(WAN)
        assert bench.leases.held == {WAN: LEASE}
    assert bench.server.wishes == [None, LEASE.address.ip, LEASE.address.ip]
    bench.clock.advance(121)
    await bench.refused(WAN)
    assert bench.leases.held == {}
    assert bench.failed == [(WAN, 4169)], "once, not with every try"
    bench.server.answer = LEASE
    await bench.leases.ask(WAN)
    assert WAN not in bench.leases.reasons


@pytest.mark.requirement("TIP1-A_4772")
async def test_a_lease_that_does_not_fit_is_none_and_keeps_no_other_alive() -> None:
    bench = Bench()
    await bench.leases.ask(WAN)
    bench.server.answer = Lease(IPv4Interface("127.0.0.9/8"), None, 120)
    for held in ({WAN: LEASE}, {}):
        with pytest.raises(KonnektorError, match="4163"):
            await bench.leases.ask(WAN)
        assert bench.leases.held == held
        bench.clock.advance(121)
    with pytest.raises(KonnektorError, match="4163"):
        await bench.leases.ask(LAN)
    assert bench.leases.held[LAN].is_link_local


@pytest.mark.requirement("TIP1-A_4776")
async def test_a_lan_without_lease_keeps_one_link_local_address_until_it_gets_one() -> None:
    bench = Bench()
    bench.server.answer = None
    await bench.refused(LAN)
    first = bench.leases.held[LAN]
    assert first.is_link_local
    assert IPv4Address("169.254.1.0") <= first.address.ip <= IPv4Address("169.254.254.255")
    await bench.refused(LAN)
    assert bench.leases.held[LAN] == first
    bench.server.answer = LEASE
    await bench.leases.ask(LAN)
    assert bench.leases.held[LAN] == LEASE
    assert bench.server.wishes == [None, None, None], "nobody is asked for an address that was drawn"


class Ip(IpRoute):
    """A kernel that makes devices and gives them no addresses."""

    def __init__(self) -> None:
        self.devices: set[str] = set()

    async def make(self, device: str) -> bool:
        is_new = device not in self.devices
        self.devices.add(device)
        return is_new

    async def place(self, device: str, mtu: int, address: IPv4Interface | None) -> None:
        if address is not None:
            raise IpError("the kernel refuses")

    async def clear(self, device: str, *, remove: bool) -> None:
        if remove:
            self.devices.discard(device)

    async def route(self, routes: Iterable[Route]) -> None:
        pass


def _adapters(settings: BoxNetworkSettings, ip: IpRoute, folder: Path) -> BoxAdapters:
    proc = made_proc(folder, settings=EACH, own="net:[2]", first="net:[1]", pids=FIRST_PIDS)
    return BoxAdapters(
        BoxAdapterAccess(settings, DEVICES, folder / "box"), Environment.TU, OnlineMode(True), MemoryStore(),
        EventHub(), Errors(), ManualClock(SystemClock().now()), SeededEntropy(b"box"), ip, proc,
    )  # fmt: skip


async def test_a_device_that_got_no_address_goes_with_the_box(tmp_path: Path) -> None:
    ip = Ip()
    lan = AdapterSettings("192.168.7.1", "255.255.255.0")
    adapters = _adapters(BoxNetworkSettings(lan), ip, tmp_path)
    await adapters.start()
    assert (adapters.reason, ip.devices) == ("4162 the kernel refuses", {"lan0"})
    await adapters.stop()
    assert ip.devices == set()


class Line(Ip):
    """A kernel that gives devices their addresses."""

    async def place(self, device: str, mtu: int, address: IPv4Interface | None) -> None:
        pass

    async def table(self) -> tuple[RouteState, ...]:
        return ()


@pytest.mark.code(4168)
async def test_a_lan_server_that_cannot_start_takes_no_lease_from_the_wan(tmp_path: Path) -> None:
    server = DhcpServerSettings(enabled=True, first="192.168.7.50", last="192.168.7.60")
    settings = BoxNetworkSettings(
        AdapterSettings("192.168.7.1", "255.255.255.0"), wan=AdapterSettings(dhcp_client=True), wan_enabled=True,
        dhcp_server=server,
    )  # fmt: skip
    adapters = _adapters(settings, Line(), tmp_path)
    adapters._server = DhcpServer("lan0", tmp_path, lambda why: None, str(tmp_path))  # no dnsmasq there
    adapters._leases = Leases(
        Server(), DEVICES, adapters._take, adapters._fail_adapter, ManualClock(SystemClock().now()), SeededEntropy(b"x")
    )
    await adapters.start()
    await adapters._leases.ask(WAN)
    told = {adapter.name: adapter.address for adapter in (await adapters.state()).adapters}
    assert (told[WAN], adapters.lacks_address()) == (str(LEASE.address), False)
    assert adapters.reason.startswith("4168 ")
    await adapters._take(WAN, None)
    assert adapters.lacks_address(), "a lease that has ended is gone"
    await adapters.stop()


class Errors:
    def __init__(self) -> None:
        self.logged: list[LoggedError] = []

    def write_error(self, logged: LoggedError) -> None:
        self.logged.append(logged)


@pytest.mark.code(4162)
async def test_in_the_machines_own_network_nothing_is_set_up(tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    for name in ("ip", "udhcpc"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {asked}\n")
        (tmp_path / name).chmod(0o755)
    settings = BoxNetworkSettings(AdapterSettings(dhcp_client=True))
    access, errors, clock = (
        BoxAdapterAccess(settings, DEVICES, tmp_path / "box"),
        Errors(),
        ManualClock(SystemClock().now()),
    )
    proc = made_proc(tmp_path, settings=OF_MACHINE, own="net:[1]", first="net:[1]", pids=FIRST_PIDS)
    adapters = BoxAdapters(
        access, Environment.TU, OnlineMode(True), MemoryStore(), EventHub(), errors, clock, SeededEntropy(b"box"),
        IpRoute(str(tmp_path)), proc,
    )  # fmt: skip
    await adapters.start()
    assert [logged.error.code for logged in errors.logged] == [4162]
    assert dict(errors.logged[0].evidence)["Reason"].startswith("this process is in the machine's own")
    assert adapters.lacks_address()
    with pytest.raises(KonnektorError, match="4162"):
        await adapters.configure(BoxNetworkSettings(AdapterSettings("192.168.7.1", "255.255.255.0")))
    with pytest.raises(NoClient):
        await adapters.renew(LAN)
    state = await adapters.state()
    assert (state.in_force, state.routes, adapters.settings) == (False, (), settings)
    await adapters.stop()
    assert not asked.exists()
