"""The service directory `connector.sds` (ServiceDirectory.xsd 3.1.0)."""

from typing import Annotated

from tiaas.interfaces.product_information_v1_1 import PRODUCT_INFORMATION, ProductInformation
from tiaas.interfaces.service_information_v2_0 import SI, ServiceInformation
from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import BOOLEAN

SDS = Namespace("http://ws.gematik.de/conn/ServiceDirectory/v3.1", "SDS")


@message(SDS, root="ConnectorServices")
class ConnectorServices:
    """What the Konnektor is, whether TLS and client authentication are mandatory, which services it has where."""

    product_information: Annotated[ProductInformation, PRODUCT_INFORMATION]
    tls_mandatory: Annotated[bool, Element(SDS, "TLSMandatory", BOOLEAN)]
    client_aut_mandatory: Annotated[bool, Element(SDS, "ClientAutMandatory", BOOLEAN)]
    service_information: Annotated[ServiceInformation, Element(SI, "ServiceInformation")]
