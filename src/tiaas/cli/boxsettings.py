"""The table `[box]` of `tiaas up --config`: what only profile einbox has.

Addresses are not looked at here: what is wrong with them the Konnektor says, with the code for it (4162, 4163, 4167,
4168, 4170).
"""

import re
from ipaddress import ip_address
from pathlib import Path

from tiaas.base.config import setting
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.interfaces.management.boxnetwork import (
    AdapterName,
    AdapterSettings,
    BoxNetworkSettings,
    DhcpServerSettings,
    IntranetRoute,
)
from tiaas.konnektor.config import Address, BoxAccess, BoxAdapterAccess

_DEVICE = re.compile(r"[a-z][a-z0-9._-]{0,10}")
_MTU = range(576, 9001)
_VIA = " via "
_MTU_DOC = "from 576 to 9000"


def _check(device: str, mtu: int) -> None:
    if not _DEVICE.fullmatch(device):
        raise InvalidInput(f"{device!r} is no name of a network device, of 1 to 11 lower-case letters, digits, . _ -")
    if mtu not in _MTU:
        raise InvalidInput(f"mtu is {_MTU.start} to {_MTU.stop - 1}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LanSettings:
    """ANLW_LAN_*."""

    device: str = setting("lan0", "network device of the LAN in the box's own namespace; made if there is none")
    address: str = setting("", "ANLW_LAN_IP_ADDRESS; with it, or with `dhcp_client`, the box sets up adapters")
    netmask: str = setting("255.255.255.0", "ANLW_LAN_SUBNETMASK")
    mtu: int = setting(1400, f"ANLW_LAN_MTU, {_MTU_DOC}")
    dhcp_client: bool = setting(False, "DHCP_CLIENT_LAN_STATE: the address comes from a DHCP server")
    routes: tuple[str, ...] = setting((), "ANLW_LEKTR_INTRANET_ROUTES, each like `10.1.0.0/16 via 192.168.7.5`")

    def __post_init__(self) -> None:
        _check(self.device, self.mtu)
        for route in self.routes:
            if _VIA not in route:
                raise InvalidInput(f"{route!r} is not NETWORK via ADDRESS")

    @property
    def is_set(self) -> bool:
        """Whether the box has adapters to set up."""
        return bool(self.address) or self.dhcp_client

    def intranet_routes(self) -> tuple[IntranetRoute, ...]:
        """As the Konnektor takes them."""
        parts = (route.partition(_VIA) for route in self.routes)
        return tuple(IntranetRoute(network.strip(), hop.strip()) for network, _, hop in parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class WanSettings:
    """ANLW_WAN_*."""

    device: str = setting("wan0", "network device of the WAN in the box's own namespace; made if there is none")
    enabled: bool = setting(False, "ANLW_WAN_ADAPTER_MODUS")
    address: str = setting("", "ANLW_WAN_IP_ADDRESS")
    netmask: str = setting("255.255.255.0", "ANLW_WAN_SUBNETMASK")
    mtu: int = setting(1400, f"ANLW_WAN_MTU, {_MTU_DOC}")
    dhcp_client: bool = setting(False, "DHCP_CLIENT_WAN_STATE: address and gateway come from a DHCP server")
    gateway: str = setting("", "ANLW_IAG_ADDRESS; none: no default route. In the LAN's network without `enabled`")

    def __post_init__(self) -> None:
        _check(self.device, self.mtu)


@dataclass(frozen=True, slots=True, kw_only=True)
class LanDhcpSettings:
    """DHCP_SERVER_* and what is told to clients."""

    enabled: bool = setting(False, "DHCP_SERVER_STATE: the LAN has a DHCP server")
    first: str = setting("", "first address of DHCP_SERVER_DYNAMIC_RANGE")
    last: str = setting("", "last address of DHCP_SERVER_DYNAMIC_RANGE")
    lease_minutes: int = setting(720, "DHCP_LEASE_TTL, 2 to 10080 minutes")
    name_servers: tuple[str, ...] = setting((), "DHCP_DNS_ADDR, up to four")
    gateway: str = setting("", "DHCP_DGW_ADDR; clients are told of none without it")

    def __post_init__(self) -> None:
        if not 2 <= self.lease_minutes <= 10_080:
            raise InvalidInput("lease_minutes is 2 to 10080")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxSettings:
    """What only a box has; without profile `einbox` nothing looks at it, there is no packet filter and no adapter."""

    addresses: tuple[str, ...] = setting((), "IP addresses the box was given; one that this machine lacks is an error")
    sis: bool = setting(True, "MGM_LU_SIS: there is a way to the SIS beside that to the TI")
    packet_filter: Path | None = setting(
        None, "file with nftables rules, the inside of a table; loaded in a network namespace of its own only"
    )
    device_days: int = setting(1800, "days that the device certificate C.NK.VPN is still valid; 0 or less: expired")
    lan: LanSettings = setting(LanSettings(), "the LAN adapter")
    wan: WanSettings = setting(WanSettings(), "the WAN adapter")
    dhcp_server: LanDhcpSettings = setting(LanDhcpSettings(), "the DHCP server of the LAN")
    dhcp_seconds: int = setting(30, "how long a DHCP client waits for an answer, 2 to 120 seconds (TIP1-A_4776: 30)")

    def __post_init__(self) -> None:
        for address in self.addresses:
            try:
                ip_address(address)
            except ValueError:
                raise InvalidInput(f"{address!r} is no IP address") from None
        if not -3650 <= self.device_days <= 3650:
            raise InvalidInput("device_days is -3650 to 3650")
        if not 2 <= self.dhcp_seconds <= 120:
            raise InvalidInput("dhcp_seconds is 2 to 120")
        if self.lan.device == self.wan.device:
            raise InvalidInput("LAN and WAN are two devices")
        if (self.wan.enabled or self.dhcp_server.enabled) and not self.lan.is_set:
            raise InvalidInput("a WAN or a DHCP server needs a LAN: set lan.address or lan.dhcp_client")

    def access(self, ti: Address, sis: Address, crl_url: str, folder: Path | None) -> BoxAccess:
        """As the Konnektor takes it, with the lab's gateways and CRL. No `folder`: no adapters."""
        adapters = None if folder is None or not self.lan.is_set else self._adapters(folder)
        return BoxAccess(ti, sis if self.sis else None, self.addresses, crl_url, adapters)

    def _adapters(self, folder: Path) -> BoxAdapterAccess:
        lan, wan, server = self.lan, self.wan, self.dhcp_server
        settings = BoxNetworkSettings(
            AdapterSettings(lan.address, lan.netmask, lan.mtu, lan.dhcp_client),
            AdapterSettings(wan.address, wan.netmask, wan.mtu, wan.dhcp_client),
            wan.enabled,
            wan.gateway,
            lan.intranet_routes(),
            DhcpServerSettings(
                server.enabled, server.first, server.last, server.lease_minutes, server.name_servers, server.gateway
            ),
        )
        devices = {AdapterName.LAN: lan.device, AdapterName.WAN: wan.device}
        return BoxAdapterAccess(settings, devices, folder, self.dhcp_seconds)
