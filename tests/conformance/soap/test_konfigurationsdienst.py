"""The messages of list_Updates and gematik's Konfigurationsdienst.wsdl and .xsd (1.1.1), both ways."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
import zeep.exceptions
from lxml import etree

from tests.conformance.soap.conftest import api
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.interfaces.konfigurationsdienst_v1_1 import ListUpdatesRequest, ListUpdatesResponse, Priority
from tiaas.konnektor.updateoffers import Device, Found
from tiaas.lab.faults import FaultBook
from tiaas.lab.hersteller import Hersteller
from tiaas.lab.journal import Journal
from tiaas.lab.ksr.configuration import ConfigurationFiles
from tiaas.lab.ksr.networks import Networks
from tiaas.lab.ksr.offers import read_package
from tiaas.lab.ksr.packages import Packages
from tiaas.lab.ksr.service import KSR_PATH, KsrService
from tiaas.lab.pki import LabPki
from tiaas.lab.server import LabServer
from tiaas.lab.store import LabStore
from tiaas.soap.mapping import decode, encode_document
from tiaas.soap.markup import Limits, parse_untrusted

__all__ = ["api"]

TODAY = date(2026, 6, 1)
DEVICE = Device("TIAAS", "TIAAS", "1.0.0", "0.1.0")


@pytest.fixture
def ksr(api: Path) -> Path:
    """The folder with WSDL and XSD."""
    folder = api / "ksr"
    if not folder.is_dir():
        pytest.skip(f"gematik's Konfigurationsdienst.wsdl is not at {folder}")
    return folder


def _packages(tmp_path: Path) -> tuple[LabStore, Packages]:
    store = LabStore.open(tmp_path / "lab")
    packages = Packages(store)
    full = {"version": "0.2.0", "priority": "Kritisch", "start": "2026-06-02", "deadline": "2026-07-01", "notes": "ä"}
    hersteller = Hersteller.create(SystemClock(), SystemEntropy())
    for body in (full, {"version": "0.1.0"}, {"version": "1.1.0", "for": "terminal"}):
        packages.put(read_package({**body, "content": "AA=="}, TODAY, SystemEntropy(), hersteller))
    return store, packages


def test_messages_are_those_of_the_schema(ksr: Path, tmp_path: Path) -> None:
    schema = etree.XMLSchema(etree.parse(ksr / "Konfigurationsdienst.xsd"))
    store, packages = _packages(tmp_path)
    answer = ListUpdatesResponse(group_notes="n", updates=tuple(package.information() for package in packages))
    request = ListUpdatesRequest(
        vendor_id="TIAAS", product_code="TIAAS", hardware_version="1.0.0", firmware_version="0.1.0"
    )
    for message in (request, answer, ListUpdatesResponse()):
        document = encode_document(message)
        schema.assertValid(etree.fromstring(document))
        assert decode(type(message), parse_untrusted(document, Limits())) == message
    store.close()


async def test_a_foreign_client_asks(ksr: Path, tmp_path: Path) -> None:
    """Zeep reads the official WSDL and knows nothing of our classes."""
    store, packages = _packages(tmp_path)
    clock = SystemClock()
    faults, journal, entropy = FaultBook(clock), Journal(clock), SystemEntropy()
    networks = Networks(store, LabPki.create(entropy, clock, ecc_only=True), clock, entropy)
    files = ConfigurationFiles(networks, faults, journal)
    service = KsrService(packages, files, faults, journal, clock, entropy)
    server = LabServer(service.app(), "KSR")
    port = 0
    for port in range(18_483, 18_583):
        try:
            await server.start("127.0.0.1", port)
            break
        except OSError:
            continue
    session = requests.Session()
    session.trust_env = False
    client: Any = zeep.Client(  # type: ignore[no-untyped-call]
        str(ksr / "Konfigurationsdienst.wsdl"),
        transport=zeep.Transport(session=session),  # type: ignore[no-untyped-call]
    )
    (binding,) = client.wsdl.bindings
    proxy = client.create_service(binding, f"http://127.0.0.1:{port}{KSR_PATH}")
    asked = {"ProductVendorID": "TIAAS", "ProductCode": "TIAAS", "HWVersion": "1.0.0", "FWVersion": "0.1.0"}
    try:
        told = await asyncio.to_thread(proxy.list_Updates, **asked)
        newest, same = told.UpdateInformation
        assert (newest.Firmware.FWVersion, newest.Firmware.FWPriority) == ("0.2.0", Priority.CRITICAL.value)
        assert newest.DeploymentInformation.Deadline == date(2026, 7, 1)
        assert same.DeploymentInformation is None or same.DeploymentInformation.Deadline is None
        with pytest.raises(zeep.exceptions.Fault):
            await asyncio.to_thread(proxy.list_Updates, **{**asked, "HWVersion": "1"})
    finally:
        await server.stop()
        store.close()
    offers = Found.of(DEVICE, ListUpdatesResponse(updates=tuple(package.information() for package in packages))).offers
    assert [offer.version for offer in offers] == ["0.2.0", "0.1.0"]
