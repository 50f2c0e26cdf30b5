"""CardService 8.2: the PIN operations of 8.1 once more, and card sessions for PoPP (CardService.xsd and WSDL 8.2.1).

The PIN operations have the structure of 8.1 in another namespace; what is told about a card stays 8.1.
"""

import re
from typing import Annotated

from tiaas.interfaces.card_service_common_v2_0 import PinResponse
from tiaas.interfaces.card_service_v8_1 import PinRequest, PinStatus
from tiaas.interfaces.connector_common_v5_0 import CARD_HANDLE, STATUS, Status
from tiaas.interfaces.connector_context_v2_0 import CONTEXT, Context
from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import BOOLEAN, NON_NEGATIVE_INTEGER, STRING, Enumeration, String

SERVICE = "CardService"
CARD82 = Namespace("http://ws.gematik.de/conn/CardService/v8.2", "CARD")
WSDL_NAMESPACE = "http://ws.gematik.de/conn/CardService/WSDL/v8.2"
VERSIONS = ("8.2.1",)

VERIFY_PIN_ACTION = f"{CARD82.uri}#VerifyPin"
CHANGE_PIN_ACTION = f"{CARD82.uri}#ChangePin"
GET_PIN_STATUS_ACTION = f"{CARD82.uri}#GetPinStatus"
UNBLOCK_PIN_ACTION = f"{CARD82.uri}#UnblockPin"
ENABLE_PIN_ACTION = f"{CARD82.uri}#EnablePin"
DISABLE_PIN_ACTION = f"{CARD82.uri}#DisablePin"
START_CARD_SESSION_ACTION = f"{CARD82.uri}#StartCardSession"
SECURE_SEND_APDU_ACTION = f"{CARD82.uri}#SecureSendAPDU"
STOP_CARD_SESSION_ACTION = f"{CARD82.uri}#StopCardSession"

_PIN_STATUS_TYPE = Enumeration(name=CARD82("PinStatusEnum"), base=STRING, members=PinStatus)
SIGNED_SCENARIO_LENGTH = 750_000
"""maxLength of SignedScenarioType, in characters."""
_SIGNED_SCENARIO_TYPE = String(
    name=CARD82("SignedScenarioType"),
    base=STRING,
    max_length=SIGNED_SCENARIO_LENGTH,
    pattern=re.compile(r"[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+"),
)
_RESPONSE_APDU_TYPE = String(base=STRING, max_length=10_000, pattern=re.compile("([0-9a-fA-F]{2}){2,}"))
_SESSION_ID = Element(CARD82, "SessionId", String(base=STRING, max_length=64))


@message(CARD82, root="VerifyPin")
class VerifyPin(PinRequest):
    """Lets the holder enter a PIN at the terminal."""


@message(CARD82, root="VerifyPinResponse")
class VerifyPinResponse(PinResponse):
    """See PinResponse."""


@message(CARD82, root="ChangePin")
class ChangePin(PinRequest):
    """Lets the holder change a PIN; also takes a transport PIN out of its state."""


@message(CARD82, root="ChangePinResponse")
class ChangePinResponse(PinResponse):
    """See PinResponse."""


@message(CARD82, root="GetPinStatus")
class GetPinStatus(PinRequest):
    """Asks for the state of a PIN without touching its retry counter."""


@message(CARD82, root="GetPinStatusResponse")
class GetPinStatusResponse:
    """State of a PIN; `left_tries` only with VERIFIABLE from 63Cx and BLOCKED (0)."""

    status: Annotated[Status, STATUS]
    pin_status: Annotated[PinStatus | None, Element(CARD82, "PinStatus", _PIN_STATUS_TYPE)] = None
    left_tries: Annotated[int | None, Element(CARD82, "LeftTries", NON_NEGATIVE_INTEGER)] = None


@message(CARD82, root="UnblockPin")
class UnblockPin(PinRequest):
    """Lets the holder enter the PUK, with `set_new_pin` also a new PIN."""

    set_new_pin: Annotated[bool | None, Element(CARD82, "SetNewPin", BOOLEAN)] = None


@message(CARD82, root="UnblockPinResponse")
class UnblockPinResponse(PinResponse):
    """See PinResponse; `left_tries` counts the PUK."""


@message(CARD82, root="EnablePin")
class EnablePin(PinRequest):
    """Switches the need for a PIN on."""


@message(CARD82, root="EnablePinResponse")
class EnablePinResponse(PinResponse):
    """See PinResponse."""


@message(CARD82, root="DisablePin")
class DisablePin(PinRequest):
    """Switches the need for a PIN off."""


@message(CARD82, root="DisablePinResponse")
class DisablePinResponse(PinResponse):
    """See PinResponse."""


@message(CARD82, root="StartCardSession")
class StartCardSession:
    """Reserves a card for a PoPP service."""

    context: Annotated[Context, CONTEXT]
    card_handle: Annotated[str, CARD_HANDLE]


@message(CARD82, root="StartCardSessionResponse")
class StartCardSessionResponse:
    """The session's name for the operations that follow."""

    status: Annotated[Status, STATUS]
    session_id: Annotated[str, _SESSION_ID]


@message(CARD82, root="SecureSendAPDU")
class SecureSendAPDU:
    """Card commands that a PoPP service has signed, as a compact JWS."""

    signed_scenario: Annotated[str, Element(CARD82, "SignedScenario", _SIGNED_SCENARIO_TYPE)]


@message(CARD82)
class ResponseApduList:
    """The card's answers in hexadecimal, one for each command sent."""

    response_apdu: Annotated[tuple[str, ...], Element(CARD82, "ResponseApdu", _RESPONSE_APDU_TYPE)] = ()


@message(CARD82, type_name="SignedScenarioResponseType")
class SignedScenarioResponse:
    """What the card said and how long all of it took, in milliseconds."""

    response_apdu_list: Annotated[ResponseApduList, Element(CARD82, "ResponseApduList")]
    time_span: Annotated[int, Element(CARD82, "TimeSpan", NON_NEGATIVE_INTEGER)]


@message(CARD82, root="SecureSendAPDUResponse")
class SecureSendAPDUResponse:
    """See `SignedScenarioResponse`."""

    status: Annotated[Status, STATUS]
    signed_scenario_response: Annotated[SignedScenarioResponse, Element(CARD82, "SignedScenarioResponse")]


@message(CARD82, root="StopCardSession")
class StopCardSession:
    """Ends a session and gives its card free."""

    session_id: Annotated[str, _SESSION_ID]


@message(CARD82, root="StopCardSessionResponse")
class StopCardSessionResponse:
    """Done."""

    status: Annotated[Status, STATUS]
