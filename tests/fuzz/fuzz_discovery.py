"""Fuzz target: service discovery and announcement packets of terminals and whoever else sends UDP."""

from ipaddress import IPv4Address

from tiaas.terminal.sicct.discovery import DiscoveryRequest, ServiceDescription, decode_discovery_untrusted
from tiaas.terminal.sicct.errors import BadSicct

_REQUEST = DiscoveryRequest(IPv4Address("192.168.178.20"), 4742)
_DESCRIPTION = ServiceDescription(IPv4Address("192.168.178.30"), 4742, bytes.fromhex("000DF8087776"), "KT-EMPFANG")

SEEDS: list[bytes] = [
    _REQUEST.encode(),
    _DESCRIPTION.encode(),
    bytes.fromhex("A00E" + "80020114" + "8104C0A8B214" + "82021286"),
    bytes.fromhex("A109" + "8002011E" + "A3038A0130"),
]


def target(data: bytes) -> None:
    """The decoder raises only `BadSicct`; what it took is written the same way again."""
    try:
        found = decode_discovery_untrusted(data)
    except BadSicct:
        return
    if decode_discovery_untrusted(found.encode()) != found:
        raise AssertionError("written and read again it is another packet")
