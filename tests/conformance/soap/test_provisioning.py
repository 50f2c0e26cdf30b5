"""The registration service and gematik's ProvisioningService.wsdl (1.1.1) and .xsd, both ways."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import zeep
import zeep.exceptions
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.verifier import SignatureConfiguration, XMLVerifier

from tests.conformance.soap.conftest import api
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.interfaces.operating_data_v1_1 import OperatingData
from tiaas.interfaces.product_information_v1_1 import ProductInformation
from tiaas.interfaces.provisioning_service_v1_1 import (
    DEREGISTER_ACTION,
    REGISTER_ACTION,
    SEND_DATA_ACTION,
    ContractStatus,
    DataType,
    DeregisterRequest,
    DeregisterResponse,
    RegisterRequest,
    RegisterResponse,
    RegistrationStatus,
    SendDataRequest,
    SendDataResponse,
    SentData,
)
from tiaas.konnektor.config import Product
from tiaas.konnektor.registration.requests import (
    NoOperation,
    NotRegistered,
    Refused,
    draft_request,
    read_registration_untrusted,
)
from tiaas.konnektor.sds import product_information
from tiaas.lab.books import CertificateBook
from tiaas.lab.faults import Fault, FaultBook, Service
from tiaas.lab.journal import Journal
from tiaas.lab.pki import ORGANIZATION, LabPki
from tiaas.lab.registration.contracts import Contracts, contract_id
from tiaas.lab.registration.service import REGISTRATION_PATH, RegistrationService
from tiaas.lab.server import LabServer
from tiaas.lab.store import LabStore
from tiaas.pki.admission import build_admission
from tiaas.pki.issue import EndEntity
from tiaas.pki.keys import SigningScheme
from tiaas.pki.names import component_name
from tiaas.pki.oids import CertificateType, Role
from tiaas.soap.client import SoapRequest, write_request
from tiaas.soap.httpanswer import HttpAnswer
from tiaas.soap.mapping import encode_document

__all__ = ["api"]

CONTRACT = contract_id(1)
NOW = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)


@dataclass
class Bench:
    """A registration service without TLS, and a box with its SM-B."""

    url: str
    contracts: Contracts
    book: CertificateBook
    faults: FaultBook
    pki: LabPki
    device: bytes
    key: ec.EllipticCurvePrivateKey
    signer: bytes

    def request(self, message: RegisterRequest | DeregisterRequest, action: str) -> SoapRequest:
        draft = draft_request(message, action, self.signer, SigningScheme.ECDSA, NOW, "x")
        return draft.finish(self.key.sign(draft.digest, ec.ECDSA(Prehashed(hashes.SHA256()))))

    def register(self, **other: Any) -> SoapRequest:
        message = RegisterRequest(timestamp=datetime.now(UTC), certificate=self.device, contract_id=CONTRACT)
        return self.request(replace(message, **other), REGISTER_ACTION)

    def deregister(self, **other: Any) -> SoapRequest:
        message = DeregisterRequest(timestamp=datetime.now(UTC), certificate=self.device, contract_id=CONTRACT)
        return self.request(replace(message, **other), DEREGISTER_ACTION)

    async def post(self, request: SoapRequest) -> HttpAnswer:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(self.url, content=request.body, headers=dict(request.headers))
        return HttpAnswer(answer.status_code, {}, answer.content, True)

    async def refused(self, request: SoapRequest) -> tuple[int | None, str]:
        with pytest.raises(Refused) as raised:
            read_registration_untrusted(await self.post(request), RegisterResponse)
        return raised.value.code, raised.value.text


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock, entropy = SystemClock(), SystemEntropy()
    store = LabStore.open(tmp_path / "lab")
    pki, book, faults = LabPki.create(entropy, clock, ecc_only=True), CertificateBook(store, clock), FaultBook(clock)
    pki.on_issue = book.enter
    contracts = Contracts(store)
    contracts.practices = (1,)
    service = RegistrationService(contracts, book, faults, Journal(clock), clock, entropy)
    server = LabServer(service.app(), "registration")
    port = await _listening(server)
    key = ec.generate_private_key(ec.SECP256R1())
    holder = EndEntity(component_name("SMC-B", ORGANIZATION), key.public_key(), build_admission(Role.PRAXIS_ARZT))
    signer = pki.issue(CertificateType.HCI_OSIG, holder)
    url = f"http://127.0.0.1:{port}{REGISTRATION_PATH}"
    yield Bench(url, contracts, book, faults, pki, pki.device("8027688311" + "0" * 10, 100), key, signer)
    await server.stop()
    store.close()


async def _listening(server: LabServer) -> int:
    for port in range(18_583, 18_683):
        try:
            await server.start("127.0.0.1", port)
        except OSError:
            continue
        return port
    raise AssertionError("no port is free")


def _data() -> bytes:
    told: ProductInformation = product_information(Product(), NOW)
    return encode_document(OperatingData(product_information=told))


def _sending(content: bytes, mime_type: str = "text/xml") -> SoapRequest:
    data = SentData(content=content, name="OperatingData.xml", mime_type=mime_type)
    return write_request(SendDataRequest(data=data, type=DataType.OPERATING_DATA), SEND_DATA_ACTION)


async def test_what_a_box_sends_is_of_the_schema_and_a_foreign_program_verifies_it(api: Path, bench: Bench) -> None:
    schema = etree.XMLSchema(etree.parse(api / "vpnzugd" / "ProvisioningService.xsd"))
    for request in (bench.register(), bench.deregister(), _sending(_data())):
        schema.assertValid(_sent(request))
    signed = bench.register()
    pem = x509.load_der_x509_certificate(bench.signer).public_bytes(Encoding.PEM).decode()
    expected = SignatureConfiguration(expect_references=2)
    found = XMLVerifier().verify(signed.body, x509_cert=pem, expect_config=expected)
    assert isinstance(found, list)
    assert str(getattr(found[0].signed_xml, "tag", "")).endswith("}Envelope")


def _sent(request: SoapRequest) -> etree._ElementTree:
    body = etree.fromstring(request.body)[-1]
    return etree.ElementTree(etree.fromstring(etree.tostring(body[0])))


@pytest.mark.requirement("TIP1-A_4825", "TIP1-A_4827")
async def test_a_box_is_registered_and_deregistered_again(api: Path, bench: Bench) -> None:
    schema = etree.XMLSchema(etree.parse(api / "vpnzugd" / "ProvisioningService.xsd"))
    made = await bench.post(bench.register())
    answer = read_registration_untrusted(made, RegisterResponse)
    assert (answer.status, answer.contract) == (RegistrationStatus.REGISTERED, ContractStatus.TI_AND_SIS)
    assert len(bench.contracts.to_shown()["registrations"]) == 1
    gone = await bench.post(bench.deregister())
    assert read_registration_untrusted(gone, DeregisterResponse).status is RegistrationStatus.NOT_REGISTERED
    assert bench.contracts.to_shown()["registrations"] == []
    sent = await bench.post(_sending(_data()))
    assert read_registration_untrusted(sent, SendDataResponse).timestamp.tzinfo is not None
    for one in (made, gone, sent):
        schema.assertValid(_sent(SoapRequest((), one.body)))


async def test_the_service_refuses_by_its_causes(bench: Bench) -> None:
    assert await bench.refused(bench.register(contract_id="OTHER")) == (
        7041,
        "Prüfung der ContractID nicht erfolgreich",
    )
    late = datetime.now(UTC) - timedelta(seconds=301)
    assert (await bench.refused(bench.register(timestamp=late)))[0] == 7061
    assert (await bench.refused(bench.deregister()))[0] == 7081, "it was not registered"
    over = bench.pki.device("8027688311" + "0" * 10, -1)
    code, text = await bench.refused(bench.register(certificate=over))
    assert code == 7021
    assert f"{x509.load_der_x509_certificate(over).serial_number:X}" in text
    good = bench.register()
    other = replace(good, body=good.body.replace(CONTRACT.encode(), b"TIAAS-TEST/0009"))
    assert (await bench.refused(other))[0] == 7011
    bare = write_request(
        RegisterRequest(timestamp=datetime.now(UTC), certificate=bench.device, contract_id=CONTRACT), REGISTER_ACTION
    )
    assert (await bench.refused(bare))[0] == 7011
    assert (await bench.refused(_sending(b"<OperatingData/>")))[0] == 7091
    assert (await bench.refused(_sending(_data(), "text/plain")))[0] == 7091
    bench.faults.add(Fault(Service.REGISTRATION, code="authorisation-away"))
    assert (await bench.refused(bench.register()))[0] == 7071
    bench.book.revoke(f"{x509.load_der_x509_certificate(bench.signer).serial_number:X}")
    assert (await bench.refused(bench.register()))[0] == 7031


@pytest.mark.requirement("A_21139")
async def test_a_service_without_the_operation_is_told_from_one_that_fails(bench: Bench) -> None:
    bench.faults.add(Fault(Service.REGISTRATION, code="no-send-data"))
    with pytest.raises(NoOperation):
        read_registration_untrusted(await bench.post(_sending(_data())), SendDataResponse)
    bench.faults.add(Fault(Service.REGISTRATION, http=404))
    with pytest.raises(NoOperation):
        read_registration_untrusted(await bench.post(_sending(_data())), SendDataResponse)
    bench.faults.add(Fault(Service.REGISTRATION, http=503))
    with pytest.raises(NotRegistered, match="503") as raised:
        read_registration_untrusted(await bench.post(_sending(_data())), SendDataResponse)
    assert not isinstance(raised.value, NoOperation)


async def test_a_foreign_client_sends_data_and_reads_errors(api: Path, bench: Bench) -> None:
    """Zeep reads the official WSDL and knows nothing of our classes."""
    session = requests.Session()
    session.trust_env = False
    client: Any = zeep.Client(  # type: ignore[no-untyped-call]
        str(api / "vpnzugd" / "ProvisioningService.wsdl"),
        transport=zeep.Transport(session=session),  # type: ignore[no-untyped-call]
        # xmldsig-core-schema.xsd has entities of its own.
        settings=zeep.Settings(forbid_entities=False),
    )
    (binding,) = client.wsdl.bindings
    proxy = client.create_service(binding, bench.url)
    data = {"_value_1": _data(), "Name": "x.xml", "MimeType": "text/xml"}
    told = await asyncio.to_thread(proxy.sendDataOperation, Base64Data=data, Type="OperatingDataConnector")
    assert told is not None
    with pytest.raises(zeep.exceptions.Fault) as raised:
        bad = {**data, "_value_1": b"<x/>"}
        await asyncio.to_thread(proxy.sendDataOperation, Base64Data=bad, Type="OperatingDataConnector")
    error = client.wsdl.types.deserialize(raised.value.detail[0])
    assert [(trace.Code, trace.Severity) for trace in error.Trace] == [(7091, "Error")]
