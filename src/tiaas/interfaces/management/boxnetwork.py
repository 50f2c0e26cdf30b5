"""Documents about the network of a box, profile einbox: its adapters, routes, DHCP, gateways (gemSpec_Kon V5.18
§4.2.1 to 4.2.4; names as there)."""

import enum
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.fields import Items, Number, Text, Told

Address = Annotated[str, Text(0, 15, "[0-9.]*")]
"""An IPv4 address, or nothing."""
Network = Annotated[str, Text(9, 18, "[0-9./]+")]
"""An IPv4 network like 10.1.0.0/16."""
Gateway = Annotated[str, Text(0, 261, r"[A-Za-z0-9._:\[\]-]*")]
"""HOST:PORT, or nothing."""


@enum.unique
class AdapterName(enum.StrEnum):
    """The two adapters of a box."""

    LAN = "lan"
    WAN = "wan"


@dataclass(frozen=True, slots=True)
class AdapterSettings:
    """One adapter (TAB_KON_683 to 686, 634)."""

    address: Annotated[Address, Told("ANLW_LAN_IP_ADDRESS, ANLW_WAN_IP_ADDRESS; not counted with dhcp_client")] = ""
    netmask: Annotated[Address, Told("ANLW_LAN_SUBNETMASK, ANLW_WAN_SUBNETMASK")] = ""
    mtu: Annotated[int, Number(576, 9000), Told("ANLW_LAN_MTU, ANLW_WAN_MTU")] = 1400
    dhcp_client: Annotated[bool, Told("DHCP_CLIENT_LAN_STATE, DHCP_CLIENT_WAN_STATE")] = False


@dataclass(frozen=True, slots=True)
class IntranetRoute:
    """An entry of ANLW_LEKTR_INTRANET_ROUTES."""

    network: Network
    next_hop: Annotated[str, Text(7, 15, "[0-9.]+")]


@dataclass(frozen=True, slots=True)
class DhcpServerSettings:
    """The DHCP server of the LAN (TAB_KON_627 to 629)."""

    enabled: Annotated[bool, Told("DHCP_SERVER_STATE")] = False
    first: Annotated[Address, Told("where DHCP_SERVER_DYNAMIC_RANGE begins")] = ""
    last: Annotated[Address, Told("where DHCP_SERVER_DYNAMIC_RANGE ends")] = ""
    lease_minutes: Annotated[int, Number(2, 10_080), Told("DHCP_LEASE_TTL")] = 720
    name_servers: Annotated[tuple[Address, ...], Items(0, 4), Told("DHCP_DNS_ADDR")] = ()
    gateway: Annotated[Address, Told("DHCP_DGW_ADDR; empty: clients are told of none")] = ""


@dataclass(frozen=True, slots=True)
class BoxNetworkSettings:
    """All that an administrator sets of a box's network."""

    lan: AdapterSettings = AdapterSettings()
    wan: AdapterSettings = AdapterSettings()
    wan_enabled: Annotated[bool, Told("ANLW_WAN_ADAPTER_MODUS")] = False
    iag_address: Annotated[Address, Told("ANLW_IAG_ADDRESS, the default gateway; not counted with a DHCP client")] = ""
    intranet_routes: Annotated[tuple[IntranetRoute, ...], Items(0, 64), Told("ANLW_LEKTR_INTRANET_ROUTES")] = ()
    dhcp_server: DhcpServerSettings = DhcpServerSettings()


@dataclass(frozen=True, slots=True)
class AdapterState:
    """An adapter as it is now."""

    name: AdapterName
    device: Annotated[str, Told("the network device in the box's network namespace")]
    address: Annotated[str, Told("with its prefix; empty if it has none")]
    dhcp: Annotated[str, Told("empty without DHCP client, else `bound`, `link-local` or why there is no lease")]


@dataclass(frozen=True, slots=True)
class RouteState:
    """An entry of the routing table (TIP1-A_5537)."""

    target: Annotated[str, Told("a network, or `default`")]
    next_hop: Annotated[str, Told("empty for what the device reaches itself")]
    device: str


@dataclass(frozen=True, slots=True)
class BoxNetworkState:
    """The network of a box as it is now."""

    in_force: bool
    reason: Annotated[str, Told("why what is set is not in force, else empty")]
    adapters: tuple[AdapterState, ...]
    routes: tuple[RouteState, ...]
    dhcp_server: Annotated[str, Told("`off`, `on` or why it does not run")]


@dataclass(frozen=True, slots=True)
class BoxGateways:
    """What stands for the VPN-Konzentratoren of TI and SIS (TAB_KON_639)."""

    ti: Annotated[Gateway, Told("HOST:PORT; empty: no way to the TI")] = ""
    sis: Annotated[Gateway, Told("HOST:PORT; empty: no way to the SIS")] = ""
