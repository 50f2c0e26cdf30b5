"""CONN, what all services of a Konnektor share (ConnectorCommon.xsd 5.0.0)."""

import enum
from datetime import datetime
from typing import Annotated

from tiaas.interfaces.dss_core_v1_0 import DSS, Base64Data, DocumentBase
from tiaas.interfaces.telematik_error_v2_0 import ERROR, Error
from tiaas.soap.mapping import Element, Namespace, Remembering, message
from tiaas.soap.simple import ANY_URI, BASE64_BINARY, BOOLEAN, DATE_TIME, STRING, TOKEN, Enumeration, String

CONN = Namespace("http://ws.gematik.de/conn/ConnectorCommon/v5.0", "CONN")


@enum.unique
class Result(enum.StrEnum):
    """Outcome of an operation (element Result). `WARNING` goes with an Error that has only Info and Warning."""

    OK = "OK"
    WARNING = "Warning"


@enum.unique
class Connection(enum.StrEnum):
    """ConnectionStatus of the VPN channels."""

    ONLINE = "Online"
    OFFLINE = "Offline"


@enum.unique
class StateSeverity(enum.StrEnum):
    """Severity of an ErrorState."""

    FATAL = "Fatal"
    ERROR = "Error"
    WARNING = "Warning"
    INFO = "Info"


@enum.unique
class StateType(enum.StrEnum):
    """Type of an ErrorState."""

    OPERATION = "Operation"
    SECURITY = "Security"
    INFRASTRUCTURE = "Infrastructure"


@enum.unique
class ResultValue(enum.StrEnum):
    """ResultEnum: declared by the schema, used by no element; `xsi:type` may name it."""

    ERROR = "ERROR"
    OK = "OK"
    WARNING = "WARNING"


RESULT_ENUM = Enumeration(name=CONN("ResultEnum"), base=TOKEN, members=ResultValue, collapsed=True)
CARD_HANDLE_TYPE = String(name=CONN("CardHandleType"), base=STRING, max_length=128)
WORKPLACE_ID_TYPE = String(name=CONN("WorkplaceIdType"), base=STRING, max_length=64)
MANDANT_ID_TYPE = String(name=CONN("MandantIdType"), base=STRING, max_length=64)
CLIENT_SYSTEM_ID_TYPE = String(name=CONN("ClientSystemIdType"), base=STRING, max_length=64)
USER_ID_TYPE = String(name=CONN("UserIdType"), base=STRING, max_length=64)

CARD_HANDLE = Element(CONN, "CardHandle", CARD_HANDLE_TYPE)
WORKPLACE_ID = Element(CONN, "WorkplaceId", WORKPLACE_ID_TYPE)
MANDANT_ID = Element(CONN, "MandantId", MANDANT_ID_TYPE)
CLIENT_SYSTEM_ID = Element(CONN, "ClientSystemId", CLIENT_SYSTEM_ID_TYPE)
USER_ID = Element(CONN, "UserId", USER_ID_TYPE)
RESULT = Element(CONN, "Result", Enumeration(base=TOKEN, members=Result, collapsed=True))

_CONNECTION_STATUS = Element(CONN, "ConnectionStatus", Enumeration(base=TOKEN, members=Connection, collapsed=True))
_SEVERITY = Element(CONN, "Severity", Enumeration(base=TOKEN, members=StateSeverity, collapsed=True))
_TYPE = Element(CONN, "Type", Enumeration(base=TOKEN, members=StateType, collapsed=True))


@message(CONN, root="Status")
class Status(Remembering):
    """How an operation went; `error` only with `Result.WARNING`."""

    result: Annotated[Result, RESULT]
    error: Annotated[Error | None, ERROR] = None


@message(CONN, root="WorkplaceIds")
class WorkplaceIds:
    """A list of workplaces, possibly empty."""

    workplace_id: Annotated[tuple[str, ...], WORKPLACE_ID] = ()


@message(CONN)
class VpnStatus:
    """State of one VPN channel; `timestamp` is its last change."""

    connection_status: Annotated[Connection, _CONNECTION_STATUS]
    timestamp: Annotated[datetime, Element(CONN, "Timestamp", DATE_TIME)]


@message(CONN, root="ErrorState")
class ErrorState:
    """One error condition of gemSpec_Kon TAB_KON_503; `value` says whether it holds, `valid_from` since when."""

    error_condition: Annotated[str, Element(CONN, "ErrorCondition", String(base=STRING, max_length=128))]
    severity: Annotated[StateSeverity, _SEVERITY]
    type: Annotated[StateType, _TYPE]
    value: Annotated[bool, Element(CONN, "Value", BOOLEAN)]
    valid_from: Annotated[datetime, Element(CONN, "ValidFrom", DATE_TIME)]


@message(CONN, root="OperatingState")
class OperatingState:
    """All error conditions, at least one."""

    error_state: Annotated[tuple[ErrorState, ...], Element(CONN, "ErrorState").occurs(1)]


@message(CONN, root="Connector")
class Connector:
    """The Konnektor's own state."""

    vpn_ti_status: Annotated[VpnStatus, Element(CONN, "VPNTIStatus")]
    vpn_sis_status: Annotated[VpnStatus, Element(CONN, "VPNSISStatus")]
    operating_state: Annotated[OperatingState, Element(CONN, "OperatingState")]


_DOCUMENT = "Base64XML or Base64Data"


@message(CONN, root="Document", type_name="DocumentType")
class Document(DocumentBase):
    """A document: XML, or anything else with its MIME type."""

    base64_xml: Annotated[bytes | None, Element(CONN, "Base64XML", BASE64_BINARY, choice=_DOCUMENT)] = None
    base64_data: Annotated[Base64Data | None, Element(DSS, "Base64Data", choice=_DOCUMENT)] = None


@message(CONN, type_name="AttachmentType")
class Attachment:
    """A schema or style sheet and the URI it has."""

    data: Annotated[bytes, Element(CONN, "Data", BASE64_BINARY)]
    ref_uri: Annotated[str, Element(CONN, "RefURI", ANY_URI)]


@message(CONN, root="XmlSchema")
class XmlSchema(Attachment):
    """An XML schema."""


@message(CONN, root="XslStylesheet")
class XslStylesheet(Attachment):
    """A style sheet."""


STATUS = Element(CONN, "Status")
WORKPLACE_IDS = Element(CONN, "WorkplaceIds")
CONNECTOR = Element(CONN, "Connector")
OK = Status(result=Result.OK)
