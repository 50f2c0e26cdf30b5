"""CardService 8.1: PIN operations and what is told about a card (CardService.xsd 8.1.0 to 8.1.3, WSDL 8.1.0 to 8.1.2).

The messages are those of XSD 8.1.3, for requests a superset of the older ones.
"""

import enum
from datetime import date, datetime
from typing import Annotated

from tiaas.interfaces.card_service_common_v2_0 import (
    CARD_TYPE,
    CT_ID,
    ICCSN,
    KVNR_TYPE,
    PIN_TYP,
    SLOT_ID,
    CardType,
    PinResponse,
)
from tiaas.interfaces.connector_common_v5_0 import CARD_HANDLE, STATUS, Status
from tiaas.interfaces.connector_context_v2_0 import CONTEXT, Context
from tiaas.interfaces.telematik_error_v2_0 import ERROR, Error
from tiaas.soap.mapping import Element, Namespace, Remembering, message
from tiaas.soap.simple import (
    BOOLEAN,
    DATE,
    DATE_TIME,
    NON_NEGATIVE_INTEGER,
    STRING,
    UNSIGNED_SHORT,
    Enumeration,
    String,
)

SERVICE = "CardService"
CARD = Namespace("http://ws.gematik.de/conn/CardService/v8.1", "CARD")
WSDL_NAMESPACE = "http://ws.gematik.de/conn/CardService/WSDL/v8.1"
VERSIONS = ("8.1.0", "8.1.1", "8.1.2")

VERIFY_PIN_ACTION = f"{CARD.uri}#VerifyPin"
CHANGE_PIN_ACTION = f"{CARD.uri}#ChangePin"
GET_PIN_STATUS_ACTION = f"{CARD.uri}#GetPinStatus"
UNBLOCK_PIN_ACTION = f"{CARD.uri}#UnblockPin"
ENABLE_PIN_ACTION = f"{CARD.uri}#EnablePin"
DISABLE_PIN_ACTION = f"{CARD.uri}#DisablePin"


@enum.unique
class PinStatus(enum.StrEnum):
    """PinStatusEnum; DISABLED since XSD 8.1.3."""

    VERIFIED = "VERIFIED"
    TRANSPORT_PIN = "TRANSPORT_PIN"
    EMPTY_PIN = "EMPTY_PIN"
    BLOCKED = "BLOCKED"
    VERIFIABLE = "VERIFIABLE"
    DISABLED = "DISABLED"


PIN_STATUS_TYPE = Enumeration(name=CARD("PinStatusEnum"), base=STRING, members=PinStatus)
_KVNR = String(base=KVNR_TYPE, min_length=10, max_length=10, pattern=KVNR_TYPE.pattern)


@message(CARD, type_name="VersionInfoType")
class VersionInfo:
    """A version of three numbers, each 0 to 65535."""

    major: Annotated[int, Element(CARD, "Major", UNSIGNED_SHORT)]
    minor: Annotated[int, Element(CARD, "Minor", UNSIGNED_SHORT)]
    revision: Annotated[int, Element(CARD, "Revision", UNSIGNED_SHORT)]


@message(CARD)
class CardVersion:
    """The versions in EF.Version2 and EF.ATR of a card."""

    cos_version: Annotated[VersionInfo, Element(CARD, "COSVersion")]
    object_system_version: Annotated[VersionInfo, Element(CARD, "ObjectSystemVersion")]
    card_pt_pers_version: Annotated[VersionInfo | None, Element(CARD, "CardPTPersVersion")] = None
    data_structure_version: Annotated[VersionInfo | None, Element(CARD, "DataStructureVersion")] = None
    logging_version: Annotated[VersionInfo | None, Element(CARD, "LoggingVersion")] = None
    atr_version: Annotated[VersionInfo | None, Element(CARD, "ATRVersion")] = None
    gdo_version: Annotated[VersionInfo | None, Element(CARD, "GDOVersion")] = None
    key_info_version: Annotated[VersionInfo | None, Element(CARD, "KeyInfoVersion")] = None


@message(CARD, root="Card", type_name="CardInfoType")
class Card(Remembering):
    """A card in a terminal. `insert_time` is local time with offset; `kvnr` only for an eGK."""

    card_handle: Annotated[str, CARD_HANDLE]
    card_type: Annotated[CardType, CARD_TYPE]
    card_version: Annotated[CardVersion | None, Element(CARD, "CardVersion")] = None
    iccsn: Annotated[str | None, ICCSN] = None
    ct_id: Annotated[str, CT_ID]
    slot_id: Annotated[int, SLOT_ID]
    insert_time: Annotated[datetime, Element(CARD, "InsertTime", DATE_TIME)]
    card_holder_name: Annotated[str | None, Element(CARD, "CardHolderName", STRING)] = None
    kvnr: Annotated[str | None, Element(CARD, "Kvnr", _KVNR)] = None
    certificate_expiration_date: Annotated[date | None, Element(CARD, "CertificateExpirationDate", DATE)] = None


@message(CARD, type_name="CardInfoErrType")
class CardWithError(Card):
    """A card and what went wrong with it; no message uses it, but `xsi:type` may name it."""

    error: Annotated[Error | None, ERROR] = None


@message(CARD, root="Cards")
class Cards(Remembering):
    """A list of cards, possibly empty."""

    card: Annotated[tuple[Card, ...], Element(CARD, "Card")] = ()


@message(CARD)
class PinRequest:
    """What all PIN operations ask with: whose PIN, on which card. `pin_typ` is for example `PIN.SMC`."""

    context: Annotated[Context, CONTEXT]
    card_handle: Annotated[str, CARD_HANDLE]
    pin_typ: Annotated[str, PIN_TYP]


@message(CARD, root="VerifyPin")
class VerifyPin(PinRequest):
    """Lets the holder enter a PIN at the terminal."""


@message(CARD, root="VerifyPinResponse")
class VerifyPinResponse(PinResponse):
    """See PinResponse."""


@message(CARD, root="ChangePin")
class ChangePin(PinRequest):
    """Lets the holder change a PIN; also takes a transport PIN out of its state."""


@message(CARD, root="ChangePinResponse")
class ChangePinResponse(PinResponse):
    """See PinResponse."""


@message(CARD, root="GetPinStatus")
class GetPinStatus(PinRequest):
    """Asks for the state of a PIN without touching its retry counter."""


@message(CARD, root="GetPinStatusResponse")
class GetPinStatusResponse:
    """State of a PIN; `left_tries` only with VERIFIABLE from 63Cx and BLOCKED (0)."""

    status: Annotated[Status, STATUS]
    pin_status: Annotated[PinStatus | None, Element(CARD, "PinStatus", PIN_STATUS_TYPE)] = None
    left_tries: Annotated[int | None, Element(CARD, "LeftTries", NON_NEGATIVE_INTEGER)] = None


@message(CARD, root="UnblockPin")
class UnblockPin(PinRequest):
    """Lets the holder enter the PUK, with `set_new_pin` also a new PIN."""

    set_new_pin: Annotated[bool | None, Element(CARD, "SetNewPin", BOOLEAN)] = None


@message(CARD, root="UnblockPinResponse")
class UnblockPinResponse(PinResponse):
    """See PinResponse; `left_tries` counts the PUK."""


@message(CARD, root="EnablePin")
class EnablePin(PinRequest):
    """Switches the need for a PIN on (since WSDL 8.1.2)."""


@message(CARD, root="EnablePinResponse")
class EnablePinResponse(PinResponse):
    """See PinResponse."""


@message(CARD, root="DisablePin")
class DisablePin(PinRequest):
    """Switches the need for a PIN off (since WSDL 8.1.2)."""


@message(CARD, root="DisablePinResponse")
class DisablePinResponse(PinResponse):
    """See PinResponse."""
