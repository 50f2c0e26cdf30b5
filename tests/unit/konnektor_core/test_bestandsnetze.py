"""Bestandsnetze.xml, as an instance reads it: all of it can be used, or none of it is."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from lxml import etree

from tests.fuzz.fuzz_networks import _NETWORK, SEEDS
from tests.integration.konnektor_core.memorystore import MemoryStore
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SeededEntropy, SystemEntropy
from tiaas.interfaces.infrastruktur_konfig_v1_0 import Infrastructure, InventoryNetworks, Segment, Segments
from tiaas.konnektor.bestandsnetze.document import BadNetworkList, read_networks_untrusted
from tiaas.konnektor.bestandsnetze.keeper import Bestandsnetze
from tiaas.konnektor.config import Address
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.names import Names
from tiaas.konnektor.network import Network
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.store import Body
from tiaas.lab.ksr.networks import Networks
from tiaas.lab.pki import LabPki
from tiaas.lab.store import LabStore
from tiaas.soap.mapping import encode_document

XSD = Path(__file__).parents[3].parent / "shared" / "gematik-api" / "ksr" / "InfrastrukturKonfig.xsd"
GOOD = SEEDS[0].decode()


def test_masks_slashes_and_bits_are_prefixes() -> None:
    (network,) = read_networks_untrusted(SEEDS[0]).networks
    assert list(map(str, network.segments)) == ["198.18.0.0/16"]
    assert network.servers == ("198.18.0.53", "2001:db8::53")
    slashed = GOOD.replace("255.255.0.0<", "/16<")
    assert read_networks_untrusted(slashed.encode()).networks == (network,)


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("255.255.0.0", "/99", "no address and prefix"),
        ("255.255.0.0", "0", "nobody routes"),
        (">198.18.0.0", ">127.0.0.0", "nobody routes"),
        ("198.18.0.53", "ns.example", "name server"),
        ("N-1", "", "no Id"),
        ("a.b", "a..b", "no Bestandsnetze.xml"),
        ("1.0.0", "one", "no Bestandsnetze.xml"),
    ],
)
def test_what_cannot_be_used_is_refused(before: str, after: str, reason: str) -> None:
    with pytest.raises(BadNetworkList, match=reason):
        read_networks_untrusted(GOOD.replace(before, after, 1).encode())


def test_an_id_is_one_networks_own() -> None:
    twice = Infrastructure(version="1.0.0", inventory=InventoryNetworks(networks=(_NETWORK, _NETWORK)))
    with pytest.raises(BadNetworkList, match="one Id"):
        read_networks_untrusted(encode_document(twice))


@pytest.mark.requirement("A_20531")
def test_three_megabytes_and_two_thousand_networks() -> None:
    segments = [Segment(address=f"10.{at >> 8}.{at & 255}.0", prefix="24") for at in range(20)]
    filled = replace(_NETWORK, name="x" * 100, networks=Segments(segments=tuple(segments)))
    many = tuple(replace(filled, id=f"N-{at}") for at in range(1000))
    document = encode_document(Infrastructure(version="9.9.9", inventory=InventoryNetworks(networks=many)))
    assert len(document) > 3 * 1024 * 1024
    assert len(read_networks_untrusted(document).networks) == 1000


@pytest.fixture
def networks(tmp_path: Path) -> Iterator[Networks]:
    """Those of a lab."""
    store, clock, entropy = LabStore.open(tmp_path / "lab"), SystemClock(), SystemEntropy()
    yield Networks(store, LabPki.create(entropy, clock, ecc_only=True), clock, entropy)
    store.close()


def test_the_labs_file_is_read(networks: Networks) -> None:
    assert [network.id for network in read_networks_untrusted(networks.file()).networks] == ["TIAAS-1", "TIAAS-2"]


def test_the_labs_file_is_one_of_the_schema(networks: Networks) -> None:
    if not XSD.is_file():
        pytest.skip(f"gematik's InfrastrukturKonfig.xsd is not at {XSD}")
    schema = etree.XMLSchema(etree.parse(XSD))
    schema.assertValid(etree.fromstring(networks.file()))
    assert not schema.validate(etree.fromstring(networks.file("networks-schema")))


class SlowStore(MemoryStore):
    """Writes nothing while `open` is not set; `asked` is when somebody wants to."""

    def __init__(self) -> None:
        super().__init__()
        self.open, self.asked = asyncio.Event(), asyncio.Event()

    async def put(self, kind: str, key: str, body: Body) -> None:
        self.asked.set()
        await self.open.wait()
        await super().put(kind, key, body)


class Ksr:
    """Has one list, well signed."""

    document = SEEDS[0]

    async def configuration(self, name: str, most: int) -> bytes:
        return self.document

    async def require(self, document: bytes, signature: bytes) -> None:
        pass


@pytest.mark.requirement("TIP1-A_5152")
async def test_a_choice_made_while_a_list_comes_counts() -> None:
    store, ksr = SlowStore(), Ksr()
    names = Names((), Network(None).datagrams, SeededEntropy(b"names"))
    known: Any = Bestandsnetze(
        cast(Any, ksr), cast(Any, ksr), names, store, EventHub(), cast(Any, None), OnlineMode(True), SystemClock(),
        SeededEntropy(b"list"), every=60.0, has_routes=True,
    )  # fmt: skip
    store.open.set()
    assert await known.refresh()
    assert known.is_active("N-1")
    ksr.document = GOOD.replace("1.0.0", "1.0.1").encode()
    store.open.clear()
    store.asked.clear()
    coming = asyncio.create_task(known.refresh())
    async with asyncio.timeout(30):
        await store.asked.wait()
    choosing = asyncio.create_task(known.choose("N-1", is_active=False))
    await asyncio.sleep(0)
    store.open.set()
    await asyncio.gather(coming, choosing)
    assert (known.list.version, known.is_active("N-1"), names.forwards) == ("1.0.1", False, {})
    assert store.rows["network-choices", "current"]["active"] == {"N-1": False}


@pytest.mark.requirement("TIP1-A_4797-03")
def test_names_in_a_domain_are_asked_at_its_servers() -> None:
    ti, near, far = (Address(host, 53) for host in ("192.0.2.1", "192.0.2.2", "192.0.2.3"))
    names = Names((ti,), Network(None).datagrams, SeededEntropy(b"names"))
    names.forwards = {"netz.example": (near,), "weit.netz.example": (far,)}
    asked = {"a.netz.example": (near,), "netz.example": (near,), "a.weit.netz.example": (far,), "netz.org": ()}
    asked |= {"a.telematik-test": (ti,), "xnetz.example": ()}
    assert {name: names._servers_for(name) for name in asked} == asked
