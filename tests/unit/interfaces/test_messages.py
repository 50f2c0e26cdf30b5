"""What clients rely on in the interface modules, without the official files."""

from datetime import UTC, datetime

import pytest
from lxml import etree

from tiaas.interfaces import card_service_v8_1, certificate_service_v6_0, event_service_v7_2, vsd_service_v5_2
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.product_information_v1_1 import (
    ProductIdentification,
    ProductInformation,
    ProductMiscellaneous,
    ProductTypeInformation,
    ProductVersion,
    ProductVersionLocal,
)
from tiaas.interfaces.service_directory_v3_1 import ConnectorServices
from tiaas.interfaces.service_information_v2_0 import Endpoint, Service, ServiceInformation, Version, Versions
from tiaas.soap.errors import BadMessage
from tiaas.soap.mapping import decode, encode_document

CONTEXT = (
    '<c:Context xmlns:c="http://ws.gematik.de/conn/ConnectorContext/v2.0" '
    'xmlns="http://ws.gematik.de/conn/ConnectorCommon/v5.0"><MandantId>m</MandantId>'
    "<ClientSystemId>c</ClientSystemId><WorkplaceId>w</WorkplaceId><UserId/></c:Context>"
)


def get_cards(attributes: str = "", inner: str = "") -> event_service_v7_2.GetCards:
    text = (
        f'<GetCards xmlns="{event_service_v7_2.EVT.uri}" xmlns:m="http://ws.gematik.de/conn/CardServiceCommon/v2.0" '
        f"{attributes}><!-- any prefix -->{CONTEXT}{inner}</GetCards>"
    )
    return decode(event_service_v7_2.GetCards, etree.fromstring(text))


@pytest.mark.parametrize(
    ("attributes", "wide"),
    [("", False), ('mandant-wide="true"', True), ('mandant-wide="1"', True), ('mandant-wide="0"', False)],
)
def test_mandant_wide(attributes: str, wide: bool) -> None:
    assert get_cards(attributes).mandant_wide is wide


def test_field_clients_spellings() -> None:
    request = get_cards(
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="x y"',
        "<m:CtId>a</m:CtId><m:CardType>SM-B</m:CardType>",
    )
    assert (request.context.user_id, request.ct_id, request.card_type) == ("", "a", CardType.SM_B)


def test_ids_are_not_trimmed() -> None:
    assert get_cards("", "<m:CtId> a </m:CtId>").ct_id == " a "
    with pytest.raises(BadMessage):
        get_cards("", "<m:CardType> EGK</m:CardType>")


def test_namespaces_and_versions_of_the_directory() -> None:
    assert vsd_service_v5_2.WSDL_NAMESPACE == "http://ws.gematik.de/conn/vsds/VSDService/v5.2"
    assert vsd_service_v5_2.READ_VSD_ACTION.endswith("/v6.0#ReadVSD")
    assert event_service_v7_2.WSDL_NAMESPACE == "http://ws.gematik.de/conn/EventService/WSDL/v7.2"
    assert event_service_v7_2.VERSIONS == ("7.2.0",)
    assert card_service_v8_1.VERSIONS == ("8.1.0", "8.1.1", "8.1.2")
    assert certificate_service_v6_0.VERSIONS == ("6.0.0", "6.0.1")
    assert vsd_service_v5_2.VERSIONS == ("5.2.0",)


@pytest.mark.pitfall(49)
@pytest.mark.parametrize("iccsn", ["8027600101169990086", "80276001011699900", "8027600101169990086X"])
def test_an_iccsn_of_another_length_is_a_fault_of_the_message(iccsn: str) -> None:
    text = (
        f'<GetResourceInformation xmlns="{event_service_v7_2.EVT.uri}">{CONTEXT}'
        f'<m:Iccsn xmlns:m="http://ws.gematik.de/conn/CardServiceCommon/v2.0">{iccsn}</m:Iccsn></GetResourceInformation>'
    )
    with pytest.raises(BadMessage):
        decode(event_service_v7_2.GetResourceInformation, etree.fromstring(text))


def test_service_directory_document() -> None:
    directory = ConnectorServices(
        product_information=ProductInformation(
            information_date=datetime(2025, 1, 31, 10, 0, tzinfo=UTC),
            product_type_information=ProductTypeInformation(product_type="Konnektor", product_type_version="5.1.0"),
            product_identification=ProductIdentification(
                product_vendor_id="TIAAS",
                product_code="tiaas",
                product_version=ProductVersion(local=ProductVersionLocal(hw_version="1.0.0", fw_version="0.1.0")),
            ),
            product_miscellaneous=ProductMiscellaneous(product_vendor_name="tiaas", product_name="tiaas"),
        ),
        tls_mandatory=True,
        client_aut_mandatory=True,
        service_information=ServiceInformation(
            service=(
                Service(
                    name=event_service_v7_2.SERVICE,
                    abstract="",
                    versions=Versions(
                        version=(
                            Version(
                                abstract="",
                                endpoint_tls=Endpoint(location="https://konnektor.konlan/ws/EventService"),
                                target_namespace=event_service_v7_2.WSDL_NAMESPACE,
                                version="7.2.0",
                            ),
                        )
                    ),
                ),
            )
        ),
    )
    document = encode_document(directory)
    root = etree.fromstring(document)
    assert root.tag == "{http://ws.gematik.de/conn/ServiceDirectory/v3.1}ConnectorServices"
    endpoint = root.find(".//{http://ws.gematik.de/conn/ServiceInformation/v2.0}EndpointTLS")
    assert endpoint is not None
    assert (endpoint.get("Location"), endpoint.text, len(endpoint)) == (
        "https://konnektor.konlan/ws/EventService",
        None,
        0,
    )
    assert decode(ConnectorServices, root) == directory
