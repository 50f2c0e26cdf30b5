"""VPNK, the registration service of a VPN-Zugangsdienst (ProvisioningService.wsdl 1.1.1, .xsd 1.1.2).

registerStatus, which no requirement makes a Konnektor ask, is left out.
"""

import enum
from datetime import datetime
from typing import Annotated

from tiaas.soap.mapping import Attribute, Element, Namespace, Text, message
from tiaas.soap.simple import ANY_TYPE, BASE64_BINARY, DATE_TIME, STRING, Enumeration, String

VPNK = Namespace("http://ws.gematik.de/vpnzugd/ProvisioningService/v1.1", "VPNK")
DS = Namespace("http://www.w3.org/2000/09/xmldsig#", "ds")

REGISTER_ACTION, DEREGISTER_ACTION, SEND_DATA_ACTION = (
    f"urn:#{name}Operation" for name in ("reg", "dereg", "sendData")
)
INFORMATION_MAX = 4096


@enum.unique
class RegistrationStatus(enum.StrEnum):
    """Whether the Konnektor is registered now."""

    REGISTERED = "Registriert"
    NOT_REGISTERED = "Nicht registriert"


@enum.unique
class ContractStatus(enum.StrEnum):
    """What the contract allows."""

    TI = "Zugriff auf TI erlaubt"
    TI_AND_SIS = "Zugriff auf TI und SIS erlaubt"
    NOTHING = "Kein Zugriff auf TI und SIS"


_STATUS = Enumeration(name=VPNK("registrationStatusType"), base=STRING, members=RegistrationStatus)
_CONTRACT = Enumeration(name=VPNK("contractStatusType"), base=STRING, members=ContractStatus)
_INFORMATION = String(name=VPNK("additionalInformationType"), base=STRING, max_length=INFORMATION_MAX)


@enum.unique
class DataType(enum.StrEnum):
    """Which data are sent."""

    OPERATING_DATA = "OperatingDataConnector"


@message(VPNK, root="registerKonnektorRequest", type_name="registrationRequestType")
class RegisterRequest:
    """`certificate` is C.NK.VPN (DER). Of ds:Signature only the place is here: it is over the whole envelope."""

    timestamp: Annotated[datetime, Element(VPNK, "Timestamp", DATE_TIME)]
    certificate: Annotated[bytes, Element(VPNK, "X509Certificate", BASE64_BINARY)]
    contract_id: Annotated[str, Element(VPNK, "ContractID", STRING)]
    signature: Annotated[str, Element(DS, "Signature", ANY_TYPE)] = ""


@message(VPNK, root="deregisterKonnektorRequest", type_name="deregistrationRequestType")
class DeregisterRequest:
    """As `RegisterRequest`."""

    timestamp: Annotated[datetime, Element(VPNK, "Timestamp", DATE_TIME)]
    certificate: Annotated[bytes, Element(VPNK, "X509Certificate", BASE64_BINARY)]
    contract_id: Annotated[str, Element(VPNK, "ContractID", STRING)]
    signature: Annotated[str, Element(DS, "Signature", ANY_TYPE)] = ""


@message(VPNK, root="registerKonnektorResponse", type_name="registrationResponseType")
class RegisterResponse:
    """What came of it."""

    timestamp: Annotated[datetime, Element(VPNK, "Timestamp", DATE_TIME)]
    status: Annotated[RegistrationStatus, Element(VPNK, "RegistrationStatus", _STATUS)]
    contract: Annotated[ContractStatus, Element(VPNK, "ContractStatus", _CONTRACT)]
    information: Annotated[str | None, Element(VPNK, "AdditionalInformation", _INFORMATION)] = None


@message(VPNK, root="deregisterKonnektorResponse", type_name="deregistrationResponseType")
class DeregisterResponse:
    """As `RegisterResponse`."""

    timestamp: Annotated[datetime, Element(VPNK, "Timestamp", DATE_TIME)]
    status: Annotated[RegistrationStatus, Element(VPNK, "RegistrationStatus", _STATUS)]
    contract: Annotated[ContractStatus, Element(VPNK, "ContractStatus", _CONTRACT)]
    information: Annotated[str | None, Element(VPNK, "AdditionalInformation", _INFORMATION)] = None


@message(VPNK)
class SentData:
    """A file."""

    content: Annotated[bytes, Text(BASE64_BINARY)]
    name: Annotated[str, Attribute("Name", STRING)]
    mime_type: Annotated[str, Attribute("MimeType", STRING)]


@message(VPNK, root="sendDataRequest")
class SendDataRequest:
    """Data of the Konnektor for its VPN-Zugangsdienst."""

    data: Annotated[SentData, Element(VPNK, "Base64Data")]
    type: Annotated[DataType, Element(VPNK, "Type", Enumeration(base=STRING, members=DataType))]


@message(VPNK, root="sendDataResponse")
class SendDataResponse:
    """They came."""

    timestamp: Annotated[datetime, Element(VPNK, "Timestamp", DATE_TIME)]
