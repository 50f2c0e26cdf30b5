"""CARDCMN, what CardService and EventService share (CardServiceCommon.xsd 2.0.0)."""

import enum
import re
from typing import Annotated

from tiaas.interfaces.connector_common_v5_0 import STATUS, Status
from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import NON_NEGATIVE_INTEGER, POSITIVE_INTEGER, STRING, Enumeration, Integer, String

CARDCMN = Namespace("http://ws.gematik.de/conn/CardServiceCommon/v2.0", "CARDCMN")


@enum.unique
class CardType(enum.StrEnum):
    """CardTypeType; `HBAX` and `SM_B` only as a filter (gemSpec_Kon TAB_KON_500: HBA family, SMC-B and HSM-B)."""

    EGK = "EGK"
    HBA_QSIG = "HBA-qSig"
    HBA = "HBA"
    SMC_B = "SMC-B"
    HSM_B = "HSM-B"
    SMC_KT = "SMC-KT"
    KVK = "KVK"
    ZOD_2_0 = "ZOD_2.0"
    UNKNOWN = "UNKNOWN"
    HBAX = "HBAx"
    SM_B = "SM-B"


@enum.unique
class PinResult(enum.StrEnum):
    """PinResultEnum."""

    ERROR = "ERROR"
    OK = "OK"
    REJECTED = "REJECTED"
    WASBLOCKED = "WASBLOCKED"
    NOWBLOCKED = "NOWBLOCKED"
    TRANSPORT_PIN = "TRANSPORT_PIN"


KVNR_TYPE = String(name=CARDCMN("KvnrType"), base=STRING, pattern=re.compile("[A-Z][0-9]{9}"))
CT_ID_TYPE = String(name=CARDCMN("CtIdType"), base=STRING, min_length=1, max_length=64)
SLOT_ID_TYPE = Integer(name=CARDCMN("SlotIdType"), base=POSITIVE_INTEGER, minimum=1)
PIN_TYP_TYPE = String(name=CARDCMN("PinTypType"), base=STRING, max_length=64)
CARD_TYPE_TYPE = Enumeration(name=CARDCMN("CardTypeType"), base=STRING, members=CardType)
PIN_RESULT_TYPE = Enumeration(name=CARDCMN("PinResultEnum"), base=STRING, members=PinResult)
ICCSN_TYPE = String(
    name=CARDCMN("IccsnType"), base=STRING, min_length=20, max_length=20, pattern=re.compile("([0-9])*")
)
_ICCSN = String(base=ICCSN_TYPE, min_length=20, max_length=20, pattern=re.compile("[0-9]{20}"))

CARD_TYPE = Element(CARDCMN, "CardType", CARD_TYPE_TYPE)
CT_ID = Element(CARDCMN, "CtId", CT_ID_TYPE)
SLOT_ID = Element(CARDCMN, "SlotId", SLOT_ID_TYPE)
ICCSN = Element(CARDCMN, "Iccsn", _ICCSN)
PIN_TYP = Element(CARDCMN, "PinTyp", PIN_TYP_TYPE)
PIN_RESULT = Element(CARDCMN, "PinResult", PIN_RESULT_TYPE)


@message(CARDCMN, type_name="PinResponseType")
class PinResponse:
    """Outcome of a PIN operation; a wrong or blocked PIN is no fault. `left_tries` only where the card told it."""

    status: Annotated[Status, STATUS]
    pin_result: Annotated[PinResult, PIN_RESULT]
    left_tries: Annotated[int | None, Element(CARDCMN, "LeftTries", NON_NEGATIVE_INTEGER)] = None
