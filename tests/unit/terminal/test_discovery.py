"""Discovery packets against the octets of SICCT's tables 27 and 28."""

from ipaddress import IPv4Address

import pytest

from tiaas.terminal.sicct.discovery import (
    DATAGRAM_MAX,
    DiscoveryRequest,
    ServiceDescription,
    TlsVersion,
    decode_discovery_untrusted,
)
from tiaas.terminal.sicct.errors import BadSicct

ADDRESS = IPv4Address("192.168.178.20")
MAC = bytes.fromhex("800020AEFD7E")


def test_a_request_has_version_address_and_port() -> None:
    octets = bytes.fromhex("A00E" + "8002011E" + "8104C0A8B214" + "82021286")
    assert DiscoveryRequest(ADDRESS, 4742).encode() == octets
    assert decode_discovery_untrusted(octets) == DiscoveryRequest(ADDRESS, 4742)


def test_a_description_has_mac_name_and_tls() -> None:
    octets = bytes.fromhex(
        "A120" + "8002011E" + "8104C0A8B214" + "8306800020AEFD7E" + "84034B5431" + "82021286" + "A3038A0130"
    )
    description = ServiceDescription(ADDRESS, 4742, MAC, "KT1", TlsVersion.TLS_1_2)
    assert description.encode() == octets
    assert decode_discovery_untrusted(octets) == description


def test_fields_come_in_any_order_and_unknown_ones_are_ignored() -> None:
    octets = bytes.fromhex("A014" + "80020114" + "8501FF" + "82021286" + "8104C0A8B214" + "9F0100")
    assert decode_discovery_untrusted(octets) == DiscoveryRequest(ADDRESS, 4742, (1, 20))


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        bytes.fromhex("A000"),
        bytes.fromhex("A20E8002011E8104C0A8B21482021286"),
        bytes.fromhex("A00E8104C0A8B2148002011E82021286"),
        bytes.fromhex("A00E8002011E8104C0A8B21482020000"),
        bytes.fromhex("A10E8002011E8104C0A8B21482021286"),
        bytes(DATAGRAM_MAX + 1),
    ],
    ids=["nothing", "no field", "another kind", "version not first", "port 0", "no MAC", "too long"],
)
def test_what_does_not_follow_the_tables_is_refused(octets: bytes) -> None:
    with pytest.raises(BadSicct):
        decode_discovery_untrusted(octets)
