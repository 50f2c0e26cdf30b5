"""From Bestandsnetze.xml to networks that can be routed and asked (InfrastrukturKonfig.xsd 1.0.1; A_20531).

The schema takes any short text for an address and a prefix. Here an address is one, a prefix is a number of bits or a
mask, a name server has an IP address, and every network has an Id of its own: of anything else nobody could make use.
"""

from collections.abc import Mapping
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.interfaces.infrastruktur_konfig_v1_0 import Infrastructure, InventoryNetwork, Segment
from tiaas.soap.errors import SoapError
from tiaas.soap.mapping import decode
from tiaas.soap.markup import Limits, parse_untrusted

DOCUMENT_OCTETS = 8 * 1024 * 1024
"""A_20531 asks for 3 MB and 2000 networks at least."""
SEGMENTS_MAX = 20_000
_LIMITS = Limits(octets=DOCUMENT_OCTETS, nodes=250_000)


class BadNetworkList(TiaasError):
    """The octets are no list of networks that could be used; `reason` is a short phrase."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Bestandsnetz:
    """One network. `servers` are IP addresses that know the names below `domain`; days are as written."""

    id: str
    name: str
    segments: tuple[IPv4Network | IPv6Network, ...]
    domain: str
    servers: tuple[str, ...]
    valid_from: date
    valid_until: date
    changed: date

    def to_row(self) -> dict[str, Any]:
        """For the store."""
        return {
            "id": self.id,
            "name": self.name,
            "segments": list(map(str, self.segments)),
            "domain": self.domain,
            "servers": list(self.servers),
            "days": [day.isoformat() for day in (self.valid_from, self.valid_until, self.changed)],
        }

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> "Bestandsnetz":
        """What `to_row` wrote. Raises `KeyError`, `TypeError`, `ValueError` for a damaged row."""
        valid_from, valid_until, changed = map(date.fromisoformat, row["days"])
        return Bestandsnetz(
            str(row["id"]),
            str(row["name"]),
            tuple(map(ip_network, row["segments"])),
            str(row["domain"]),
            tuple(str(ip_address(server)) for server in row["servers"]),
            valid_from,
            valid_until,
            changed,
        )


@dataclass(frozen=True, slots=True)
class NetworkList:
    """ANLW_BESTANDSNETZE: all networks of one version of the document."""

    version: str
    networks: tuple[Bestandsnetz, ...]

    def to_row(self) -> dict[str, Any]:
        """For the store."""
        return {"version": self.version, "networks": [network.to_row() for network in self.networks]}

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> "NetworkList":
        """What `to_row` wrote. Raises `KeyError`, `TypeError`, `ValueError` for a damaged row."""
        return NetworkList(str(row["version"]), tuple(map(Bestandsnetz.from_row, row["networks"])))


def read_networks_untrusted(document: bytes) -> NetworkList:
    """The networks of a document. Raises only `BadNetworkList`."""
    try:
        told = decode(Infrastructure, parse_untrusted(document, _LIMITS))
    except SoapError as error:
        raise BadNetworkList(f"no Bestandsnetze.xml ({error})") from error
    found = tuple(map(_network, told.inventory.networks))
    if len({network.id for network in found}) != len(found):
        raise BadNetworkList("two networks have one Id")
    if sum(len(network.segments) for network in found) > SEGMENTS_MAX:
        raise BadNetworkList(f"more than {SEGMENTS_MAX} segments")
    return NetworkList(told.version, found)


def _network(told: InventoryNetwork) -> Bestandsnetz:
    if not told.id:
        raise BadNetworkList("a network has no Id")
    domain, history = told.dns.domain, told.history
    try:
        servers = tuple(str(ip_address(server.strip())) for server in domain.servers.servers)
    except ValueError:
        raise BadNetworkList("a name server has no IP address") from None
    return Bestandsnetz(
        told.id,
        told.name,
        tuple(map(_segment, told.networks.segments)),
        domain.name.lower(),
        servers,
        history.valid_from,
        history.valid_until,
        history.changed,
    )


def _segment(told: Segment) -> IPv4Network | IPv6Network:
    try:
        segment = ip_network(f"{told.address.strip()}/{told.prefix.strip().removeprefix('/')}", strict=False)
    except ValueError:
        raise BadNetworkList("a segment has no address and prefix") from None
    if not segment.prefixlen or segment.is_loopback or segment.is_multicast or segment.is_link_local:
        raise BadNetworkList("a segment that nobody routes")
    return segment
