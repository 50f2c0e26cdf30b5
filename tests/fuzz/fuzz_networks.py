"""Fuzz target: Bestandsnetze.xml, and the row in the store that it becomes."""

from contextlib import suppress
from datetime import date

from tiaas.interfaces.infrastruktur_konfig_v1_0 import (
    Dns,
    Domain,
    History,
    Infrastructure,
    InventoryNetwork,
    InventoryNetworks,
    Segment,
    Segments,
    Servers,
)
from tiaas.konnektor.bestandsnetze.document import BadNetworkList, NetworkList, read_networks_untrusted
from tiaas.soap.mapping import encode_document

_DAY = date(2026, 1, 1)
_NETWORK = InventoryNetwork(
    id="N-1",
    name="Netz der Ärzte",
    networks=Segments(segments=(Segment(address="198.18.0.0", prefix="255.255.0.0"),)),
    dns=Dns(domain=Domain(name="a.b", servers=Servers(servers=("198.18.0.53", "2001:db8::53")))),
    history=History(valid_from=_DAY, valid_until=_DAY, changed=_DAY),
)
SEEDS: list[bytes] = [
    encode_document(Infrastructure(version="1.0.0", inventory=InventoryNetworks(networks=(_NETWORK,)))),
    b'<Infrastructure xmlns="http://ws.gematik.de/ticonf/v1.0"/>',
]


def target(data: bytes) -> None:
    """Only `BadNetworkList` may escape; what was read can be kept."""
    with suppress(BadNetworkList):
        found = read_networks_untrusted(data)
        assert NetworkList.from_row(found.to_row()) == found
