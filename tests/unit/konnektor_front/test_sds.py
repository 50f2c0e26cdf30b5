"""The service directory as a document (its schema: tests/conformance/konnektor_front)."""

from datetime import UTC, datetime

import pytest
from lxml import etree

from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.konnektor.config import ClientAccess, Product
from tiaas.konnektor.sds import PUBLISHED, UnpublishedOperation, served, service_directory
from tiaas.soap.dispatch import AccessDeclaration, operation

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SI = "{http://ws.gematik.de/conn/ServiceInformation/v2.0}"
SDS = "{http://ws.gematik.de/conn/ServiceDirectory/v3.1}"


def directory(access: ClientAccess) -> etree._Element:
    document = service_directory(PUBLISHED, Product(), access, "https://k:1", "http://k:2", NOW)
    return etree.fromstring(document)


def test_the_literal_versions_of_field_clients() -> None:
    versions = {
        service.get("Name"): [version.get("Version") for version in service.iter(f"{SI}Version")]
        for service in directory(ClientAccess()).iter(f"{SI}Service")
    }
    assert "7.2.0" in versions["EventService"]
    assert {"8.1.0", "8.1.1", "8.1.2"} <= set(versions["CardService"])
    assert "6.0.1" in versions["CertificateService"]
    assert "5.2.0" in versions["VSDService"]


@pytest.mark.parametrize(
    ("access", "plain"),
    [
        (ClientAccess(), False),
        (ClientAccess(authentication_mandatory=False), False),
        (ClientAccess(tls_mandatory=False), False),
        (ClientAccess(tls_mandatory=False, authentication_mandatory=False), True),
    ],
)
def test_plain_endpoints_only_if_nothing_is_mandatory(access: ClientAccess, plain: bool) -> None:
    root = directory(access)
    assert bool(list(root.iter(f"{SI}Endpoint"))) is plain
    assert root.findtext(f"{SDS}TLSMandatory") == ("true" if access.tls_mandatory else "false")
    for endpoint in root.iter(f"{SI}EndpointTLS"):
        assert endpoint.get("Location", "").startswith("https://k:1/")
        assert len(endpoint) == 0
        assert not endpoint.text


def test_an_operation_of_no_service_stops_the_start() -> None:
    async def handler(request: Error, peer: object) -> Error:
        return request

    with pytest.raises(UnpublishedOperation):
        served([operation(Error, Error, handler, access=AccessDeclaration(), soap_action="")])
