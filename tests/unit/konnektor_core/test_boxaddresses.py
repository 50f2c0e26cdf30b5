"""Which addresses and routes of a box go together, and the code of what does not (TAB_KON_683, 685, 624, 628)."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

import pytest

from tiaas.interfaces.management.boxnetwork import (
    AdapterName,
    AdapterSettings,
    BoxNetworkSettings,
    DhcpServerSettings,
    IntranetRoute,
)
from tiaas.konnektor.boxaddresses import NETS_OF_TI, Lease, Route, check_server, nets_of_ti, plan
from tiaas.konnektor.config import Environment
from tiaas.konnektor.errors import KonnektorError

LAN, WAN = AdapterName.LAN, AdapterName.WAN
TI = tuple(nets_of_ti(Environment.TU))
MASK = "255.255.255.0"
GOOD = BoxNetworkSettings(
    AdapterSettings("192.168.7.1", MASK),
    AdapterSettings("192.168.8.2", MASK),
    wan_enabled=True,
    iag_address="192.168.8.1",
    intranet_routes=(IntranetRoute("10.1.0.0/16", "192.168.7.5"),),
)
BY_DHCP = replace(GOOD, wan=AdapterSettings(dhcp_client=True))


def _lease(address: str, router: str | None = "192.168.8.1") -> Mapping[AdapterName, Lease]:
    return {WAN: Lease(IPv4Interface(f"{address}/24"), IPv4Address(router) if router else None, 60)}


def _code(settings: BoxNetworkSettings, leases: Mapping[AdapterName, Lease] | None = None) -> tuple[int, str]:
    with pytest.raises(KonnektorError) as refused:
        plan(settings, leases or {}, TI, online=True)
    return refused.value.code, refused.value.detail


def _lan(address: str, netmask: str = MASK) -> BoxNetworkSettings:
    return replace(GOOD, lan=AdapterSettings(address, netmask), intranet_routes=())


@pytest.mark.requirement("TIP1-A_4758")
def test_the_default_route_is_there_while_the_box_is_online_and_intranets_always() -> None:
    intranet = Route("10.1.0.0/16", "192.168.7.5")
    online = plan(GOOD, {}, TI, online=True)
    assert online.addresses == {LAN: IPv4Interface("192.168.7.1/24"), WAN: IPv4Interface("192.168.8.2/24")}
    assert online.routes == (intranet, Route("default", "192.168.8.1"))
    assert plan(GOOD, {}, TI, online=False).routes == (intranet,)
    alone = replace(GOOD, wan_enabled=False, iag_address="192.168.7.254")
    assert plan(alone, {}, TI, online=True).routes == (intranet, Route("default", "192.168.7.254"))


@pytest.mark.requirement("TIP1-A_4769", "TIP1-A_4772")
@pytest.mark.code(4170)
def test_address_and_router_of_a_lease_count_instead_of_what_is_set() -> None:
    waiting = plan(BY_DHCP, {}, TI, online=True)
    assert (WAN in waiting.addresses, len(waiting.routes)) == (False, 1)
    bound = plan(BY_DHCP, _lease("192.168.8.77", "192.168.8.254"), TI, online=True)
    assert bound.addresses[WAN] == IPv4Interface("192.168.8.77/24")
    assert bound.routes[1] == Route("default", "192.168.8.254")
    assert len(plan(BY_DHCP, _lease("192.168.8.77", None), TI, online=True).routes) == 1
    assert _code(BY_DHCP, _lease("192.168.7.1"))[0] == 4170
    assert _code(BY_DHCP, _lease("192.168.7.9"))[0] == 4163
    assert _code(BY_DHCP, _lease("172.30.1.9", None)) == (
        4163,
        "172.30.1.0/24 overlaps NET_TI_OFFENE_FD (172.30.0.0/16)",
    )


@pytest.mark.requirement("TIP1-A_4754", "TIP1-A_4759")
@pytest.mark.code(4162)
@pytest.mark.parametrize(
    ("address", "netmask"),
    [
        ("", MASK), ("192.168.7.300", MASK), ("192.168.7.0", MASK), ("192.168.7.255", MASK), ("192.168.7.1", ""),
        ("192.168.7.1", "0.0.0.255"), ("192.168.7.1", "255.0.255.0"), ("192.168.7.1", "0.0.0.0"),
        ("192.168.7.1", "255.255.255.254"), ("127.0.0.2", MASK), ("224.0.0.7", MASK), ("240.0.0.7", MASK),
        ("0.0.0.7", MASK),
    ],
)  # fmt: skip
def test_an_address_that_no_host_of_its_network_has_is_4162(address: str, netmask: str) -> None:
    assert _code(_lan(address, netmask))[0] == 4162


@pytest.mark.requirement("TIP1-A_4759", "TIP1-A_4760", "TIP1-A_4761")
@pytest.mark.code(4162, 4163, 4167)
@pytest.mark.parametrize("environment", list(Environment))
def test_the_networks_of_the_ti_are_those_of_the_environment(environment: Environment) -> None:
    every = [(of, network) for of, nets in NETS_OF_TI.items() for each in nets.values() for network in each]
    for of, network in every:
        first = network.partition("/")[0].rpartition(".")[0]
        wrong = [_lan(f"{first}.1"), replace(GOOD, wan=AdapterSettings(f"{first}.1", MASK), iag_address="")]
        wrong.append(replace(GOOD, intranet_routes=(IntranetRoute(f"{first}.0/24", "192.168.7.5"),)))
        for settings, code in zip(wrong, (4162, 4163, 4167), strict=True):
            if of is environment:
                with pytest.raises(KonnektorError, match=str(code)):
                    plan(settings, {}, tuple(nets_of_ti(environment)), online=True)
            else:
                plan(settings, {}, tuple(nets_of_ti(environment)), online=True)


@pytest.mark.requirement("TIP1-A_4759", "TIP1-A_4760")
@pytest.mark.code(4162, 4163)
def test_no_adapter_is_in_a_network_behind_the_ti() -> None:
    for network, code in (("192.168.7.64/26", "4162"), ("192.168.8.0/22", "4163"), ("10.1.2.0/24", "4167")):
        with pytest.raises(KonnektorError, match=code):
            plan(GOOD, {}, [("ANLW_BESTANDSNETZE", IPv4Network(network))], online=True)


@pytest.mark.requirement("TIP1-A_4758", "TIP1-A_4761")
@pytest.mark.code(4167)
@pytest.mark.parametrize(
    ("network", "next_hop", "iag"),
    [
        ("10.1.0.1/16", "192.168.7.5", ""), ("10.1.0.0/33", "192.168.7.5", ""), ("10.1.0.0/16", "192.168.7.", ""),
        ("192.168.7.128/25", "192.168.7.5", ""), ("192.168.0.0/16", "192.168.7.5", ""),
        ("10.1.0.0/16", "192.168.7.5", "192.168.7.254"), ("10.1.0.0/16", "192.168.7.5", "1.2.3"),
    ],
)  # fmt: skip
def test_routes_that_are_none_are_4167(network: str, next_hop: str, iag: str) -> None:
    assert _code(replace(GOOD, intranet_routes=(IntranetRoute(network, next_hop),), iag_address=iag))[0] == 4167


@pytest.mark.requirement("TIP1-A_4767", "TIP1-A_4768")
@pytest.mark.code(4168)
@pytest.mark.parametrize(
    "change",
    [
        {"first": ""}, {"last": "192.168.8.1"}, {"first": "192.168.7.60", "last": "192.168.7.50"},
        {"name_servers": ("1.1",)}, {"gateway": "none"},
    ],
)  # fmt: skip
def test_a_dhcp_server_needs_a_range_of_the_lan(change: dict[str, str | tuple[str, ...]]) -> None:
    lan = IPv4Interface("192.168.7.1/24")
    good = DhcpServerSettings(enabled=True, first="192.168.7.50", last="192.168.7.60", gateway="192.168.7.254")
    check_server(good, lan)
    with pytest.raises(KonnektorError, match="4168"):
        check_server(replace(good, **change), lan)  # type: ignore[arg-type]
