"""The official WSDLs of 7.4 and 7.5 drive SignatureService through zeep, over mutual TLS, for each format and key.

What comes back is judged twice: zeep reads it by the WSDL, and lxml validates the body by the XSD.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
import zeep.exceptions
from lxml import etree

from tests.integration.signature.office import PDF, TEXT, XML, Office
from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.ades.found import Integrity
from tiaas.ades.padesread import read_pades_untrusted
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.konnektor.cardtypes import CardType

API = Path(__file__).parents[3].parent / "shared" / "gematik-api" / "conn"
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not API.is_dir(), reason="../shared/gematik-api is not there"),
]
VERSIONS = {
    "7.4.0": ("SignatureService.wsdl", "SignatureService.xsd"),
    "7.4.2": ("SignatureService_V7_4_2.wsdl", "SignatureService_V7_4_4.xsd"),
    "7.5.5": ("SignatureService_V7_5_5.wsdl", "SignatureService_V7_5_5.xsd"),
    "7.5.6": ("SignatureService_V7_5_6.wsdl", "SignatureService_V7_5_6.xsd"),
}
KEYS = [(CardType.SMC_B, "RSA"), (CardType.SMC_B, "ECC"), (CardType.HBA, "RSA"), (CardType.HBA, "ECC")]


class Wire(zeep.Transport):
    """zeep's transport; remembers the last answer."""

    last: requests.Response

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> requests.Response:
        self.last = super().post(address, message, headers)  # type: ignore[no-untyped-call]
        return self.last


class Client:
    """A Primärsystem that knows a WSDL."""

    def __init__(self, office: Office, wire: Wire, version: str) -> None:
        wsdl, xsd = VERSIONS[version]
        self.wire = wire
        self.schema = etree.XMLSchema(etree.parse(API / xsd))
        # The XMLDSig schema that ConnectorCommon imports declares entities.
        settings = zeep.Settings(strict=True, forbid_entities=False)
        client: Any = zeep.Client(str(API / wsdl), transport=wire, settings=settings)  # type: ignore[no-untyped-call]
        (binding,) = client.wsdl.bindings
        self.proxy = client.create_service(binding, f"{office.instance.url}/ws/SignatureService")

    async def call(self, operation: str, **values: Any) -> Any:
        """One operation; its answer is valid by the schema."""
        answer = await asyncio.to_thread(getattr(self.proxy, operation), **values)
        body = etree.fromstring(self.wire.last.content)[0]
        self.schema.assertValid(body[0])
        return answer


@pytest.fixture(scope="module")
def clients(office: Office) -> Iterator[dict[str, Client]]:
    served = office.run.served[0]
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(served.konnektor.ca)
        session.cert = (str(served.client.cert), str(served.client.key))
        wire = Wire(session=session, timeout=30, operation_timeout=30)  # type: ignore[no-untyped-call]
        yield {version: Client(office, wire, version) for version in VERSIONS}


def request(name: str, **document: Any) -> dict[str, Any]:
    return {
        "RequestID": name,
        "Document": {"ID": name, "ShortText": "Brief", **document},
        "IncludeRevocationInfo": True,
    }


def call_values(office: Office, kind: CardType, crypt: str | None) -> dict[str, Any]:
    ids = office.call_context()
    return {
        "CardHandle": office.card(kind).handle,
        **({"Crypt": crypt} if crypt else {}),
        "Context": {
            "MandantId": ids.mandant_id,
            "ClientSystemId": ids.client_system_id,
            "WorkplaceId": ids.workplace_id,
            "UserId": ids.user_id,
        },
        "TvMode": "NONE",
    }


@pytest.mark.requirement("TIP1-A_5010-09", "TIP1-A_4676-08", "TIP1-A_5667")
@pytest.mark.pitfall(2, 33, 37)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(("kind", "crypt"), KEYS)
async def test_each_format_with_each_key(
    office: Office, clients: dict[str, Client], version: str, kind: CardType, crypt: str
) -> None:
    """7.4.0 has no Crypt; revocation information is asked for everywhere, and is no reason to fail."""
    client = clients[version]
    values = call_values(office, kind, None if version == "7.4.0" else crypt)
    number = await client.call("GetJobNumber", Context=values["Context"])
    pdf = request("pdf", Base64Data={"_value_1": PDF, "MimeType": "application/pdf-a"})
    text = request("text", Base64Data={"_value_1": TEXT, "MimeType": "text/plain"})
    wishes = [pdf, text] if kind is CardType.HBA else [request("xml", Base64XML=XML), pdf, text]
    answer = await client.call("SignDocument", **values, JobNumber=number, SignRequest=wishes)
    by_name = {each.RequestID: each for each in answer}
    assert list(by_name) == [wish["RequestID"] for wish in wishes]
    cms = by_name["text"].SignatureObject.Base64Signature._value_1
    signed_pdf = by_name["pdf"].OptionalOutputs.DocumentWithSignature.Base64Data._value_1
    found = [*read_cades_untrusted(cms, TEXT), *read_pades_untrusted(signed_pdf)]
    if "xml" in by_name:
        found += read_xades_untrusted(by_name["xml"].OptionalOutputs.DocumentWithSignature.Base64XML)
    assert {each.integrity for each in found} == {Integrity.INTACT}
    # 7.4: qualified signatures only, and never in a PDF; 7.5.6: the others too.
    embeds = kind is CardType.HBA or version.startswith("7.5")
    assert bool(found[0].ocsp) is embeds
    assert not found[1].ocsp


@pytest.mark.pitfall(45)
async def test_a_fault_and_a_job_that_is_not_there(office: Office, clients: dict[str, Client]) -> None:
    values = call_values(office, CardType.SMC_B, None)
    with pytest.raises(zeep.exceptions.Fault) as caught:
        await clients["7.5.6"].call("StopSignature", Context=values["Context"], JobNumber="AAA-000")
    assert caught.value.detail is not None
    assert caught.value.detail.findtext(".//{*}Code") == "4243"
