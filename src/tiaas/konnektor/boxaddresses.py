"""What fits together of a box's addresses and routes, profile einbox (gemSpec_Kon V5.18 TIP1-A_4754, 4755, 4758 to
4761, 4772). Pure.

`plan` says which address each adapter gets and which routes there are, or refuses with the code that TUC_KON_304,
305, 306 or 341 have for it; the error's detail says what is wrong.
"""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.boxnetwork import AdapterName, AdapterSettings, BoxNetworkSettings, DhcpServerSettings
from tiaas.konnektor.config import Environment
from tiaas.konnektor.errors import KonnektorError

BAD_ADAPTER: Mapping[AdapterName, int] = {AdapterName.LAN: 4162, AdapterName.WAN: 4163}
BAD_ROUTES, NO_SERVER, NO_LEASE, SAME_ADDRESS = 4167, 4168, 4169, 4170
DEFAULT = "default"
Reserved = tuple[str, IPv4Network]
"""A network that is somebody's: its name in the specification, and where it is."""

NETS_OF_TI: Mapping[Environment, Mapping[str, tuple[str, ...]]] = {
    Environment.PU: {
        "NET_TI_DEZENTRAL": ("100.64.0.0/11",),
        "NET_TI_ZENTRAL": ("100.96.0.0/14",),
        "NET_TI_OFFENE_FD": ("100.102.0.0/16", "100.103.0.0/16"),
        "NET_TI_GESICHERTE_FD": ("100.100.0.0/16", "100.101.0.0/16"),
        "NET_SIS": ("100.104.0.0/15",),
    },
    Environment.TU: {
        "NET_TI_DEZENTRAL": ("172.16.0.0/13",),
        "NET_TI_ZENTRAL": ("172.24.0.0/14",),
        "NET_TI_OFFENE_FD": ("172.30.0.0/16", "172.31.128.0/17"),
        "NET_TI_GESICHERTE_FD": ("172.28.0.0/16", "172.31.0.0/17"),
        "NET_SIS": ("172.29.0.0/16",),
    },
    Environment.RU: {},
}
"""gemSpec_Kon §4.2.1.1.1 with gemSpec_Net V1.23 GS-A_4029-06, GS-A_4850-04; those of the RU are not published."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What a DHCP server has given (TIP1-A_4769); `seconds` is how long it is good for."""

    address: IPv4Interface
    router: IPv4Address | None
    seconds: int
    is_link_local: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """`target` is a network or `DEFAULT`."""

    target: str
    next_hop: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be in force; an adapter without an entry has no address (yet)."""

    addresses: Mapping[AdapterName, IPv4Interface]
    routes: tuple[Route, ...]


def in_use(settings: BoxNetworkSettings) -> dict[AdapterName, AdapterSettings]:
    """The adapters that are switched on; the LAN always is."""
    wan = {AdapterName.WAN: settings.wan} if settings.wan_enabled else {}
    return {AdapterName.LAN: settings.lan, **wan}


def plan(
    settings: BoxNetworkSettings, leases: Mapping[AdapterName, Lease], reserved: Iterable[Reserved], *, online: bool
) -> Plan:
    """What follows from settings and leases; no adapter and no intranet may be in a `reserved` network.

    Raises `KonnektorError`: 4170, 4162, 4163, 4167, the first that holds.
    """
    reserved = tuple(reserved)
    addresses: dict[AdapterName, IPv4Interface] = {}
    for name, adapter in in_use(settings).items():
        if not adapter.dhcp_client:
            addresses[name] = _interface(name, adapter)
        elif name in leases:
            addresses[name] = leases[name].address
    if len({each.ip for each in addresses.values()}) < len(addresses):
        raise KonnektorError(SAME_ADDRESS, f"both have {addresses[AdapterName.LAN].ip}")
    for name, own in addresses.items():
        _check_segment(name, own, addresses, reserved)
    return Plan(addresses, tuple(_routes(settings, leases, addresses, reserved, online=online)))


def check_server(server: DhcpServerSettings, lan: IPv4Interface) -> None:
    """Whether the LAN's DHCP server can work with these. Raises `KonnektorError` 4168."""
    first, last = (_address(text, NO_SERVER, "the range") for text in (server.first, server.last))
    if not (first in lan.network and last in lan.network and first <= last):
        raise KonnektorError(NO_SERVER, f"{first} to {last} is no range of {lan.network}")
    for text in (*server.name_servers, *([server.gateway] if server.gateway else ())):
        _address(text, NO_SERVER, "an option")


def _interface(name: AdapterName, settings: AdapterSettings) -> IPv4Interface:
    code = BAD_ADAPTER[name]
    address = _address(settings.address, code, "the address")
    mask = _address(settings.netmask, code, "the netmask")
    bits = int(mask)
    # A valid mask is ones, then zeros; ipaddress would take the inverse of one, too.
    length = bits.bit_count()
    if not 1 <= length <= 30 or bits != (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF:
        raise KonnektorError(code, f"{mask} is no netmask of 1 to 30 bits")
    return IPv4Interface(f"{address}/{length}")


def _address(text: str, code: int, what: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError:
        raise KonnektorError(code, f"{what} is no IPv4 address: {text or 'empty'}") from None


def _check_segment(
    name: AdapterName, own: IPv4Interface, addresses: Mapping[AdapterName, IPv4Interface], reserved: Iterable[Reserved]
) -> None:
    """TAB_KON_683, 685: what the segment may be. Of two segments that overlap the WAN's is the wrong one."""
    code, network = BAD_ADAPTER[name], own.network
    if own.ip in (network.network_address, network.broadcast_address):
        raise KonnektorError(code, f"{own.ip} is no host of {network}")
    if own.ip.is_multicast or own.ip.is_loopback or own.ip.is_reserved or network.network_address == IPv4Address(0):
        raise KonnektorError(code, f"{own.ip} is no address of a host")
    for taken, where in reserved:
        if network.overlaps(where):
            raise KonnektorError(code, f"{network} overlaps {taken} ({where})")
    lan = addresses.get(AdapterName.LAN)
    if name is AdapterName.WAN and lan is not None and network.overlaps(lan.network):
        raise KonnektorError(code, f"{network} overlaps ANLW_LAN_NETWORK_SEGMENT ({lan.network})")


def _routes(
    settings: BoxNetworkSettings,
    leases: Mapping[AdapterName, Lease],
    addresses: Mapping[AdapterName, IPv4Interface],
    reserved: Iterable[Reserved],
    *,
    online: bool,
) -> Iterator[Route]:
    """TUC_KON_304: to intranets always, the default route while MGM_LU_ONLINE is on."""
    for intranet in settings.intranet_routes:
        yield _intranet(intranet.network, intranet.next_hop, addresses, reserved)
    outside = AdapterName.WAN if settings.wan_enabled else AdapterName.LAN
    if in_use(settings)[outside].dhcp_client:
        lease = leases.get(outside)
        iag = "" if lease is None or lease.router is None else str(lease.router)
    else:
        iag = settings.iag_address
    if not iag:
        return
    gateway = _address(iag, BAD_ROUTES, "ANLW_IAG_ADDRESS")
    if gateway not in addresses[outside].network:
        raise KonnektorError(BAD_ROUTES, f"ANLW_IAG_ADDRESS {gateway} is not in {addresses[outside].network}")
    if online:
        yield Route(DEFAULT, iag)


def _intranet(
    network: str, next_hop: str, addresses: Mapping[AdapterName, IPv4Interface], reserved: Iterable[Reserved]
) -> Route:
    try:
        target = IPv4Network(network)
    except ValueError:
        raise KonnektorError(BAD_ROUTES, f"{network} is no IPv4 network") from None
    hop = _address(next_hop, BAD_ROUTES, "the next hop")
    segments = [(f"ANLW_{name.upper()}_NETWORK_SEGMENT", own.network) for name, own in addresses.items()]
    for taken, where in (*reserved, *segments):
        if target.overlaps(where):
            raise KonnektorError(BAD_ROUTES, f"{target} overlaps {taken} ({where})")
    return Route(str(target), str(hop))


def nets_of_ti(environment: Environment) -> Iterator[Reserved]:
    """The networks of the TI in an environment."""
    for name, networks in NETS_OF_TI[environment].items():
        for network in networks:
            yield name, IPv4Network(network)
