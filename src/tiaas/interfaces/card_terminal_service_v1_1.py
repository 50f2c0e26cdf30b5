"""CardTerminalService 1.1: asks for a card at a terminal and gives it back (CardTerminalService.xsd 1.1.2, WSDL 1.1.0).

`time_out` is in seconds for RequestCard and in milliseconds for EjectCard (gemSpec_Kon V5.18 TAB_KON_723, TAB_KON_725).
"""

from typing import Annotated

from tiaas.interfaces.card_service_common_v2_0 import CARD_TYPE, CT_ID, SLOT_ID, CardType
from tiaas.interfaces.card_service_v8_1 import CARD, Card
from tiaas.interfaces.connector_common_v5_0 import CARD_HANDLE, STATUS, Status
from tiaas.interfaces.connector_context_v2_0 import CONTEXT, Context
from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import BOOLEAN, NON_NEGATIVE_INTEGER, STRING, String

SERVICE = "CardTerminalService"
CT = Namespace("http://ws.gematik.de/conn/CardTerminalService/v1.1", "CT")
WSDL_NAMESPACE = "http://ws.gematik.de/conn/CardTerminalService/WSDL/v1.1"
VERSIONS = ("1.1.0",)

REQUEST_CARD_ACTION = f"{CT.uri}#RequestCard"
EJECT_CARD_ACTION = f"{CT.uri}#EjectCard"

_DISPLAY_MSG = Element(CT, "DisplayMsg", String(base=STRING, max_length=48))
_TIME_OUT = Element(CT, "TimeOut", NON_NEGATIVE_INTEGER)


@message(CT, root="Slot")
class Slot:
    """A slot of a terminal; `slot_id` counts from 1."""

    ct_id: Annotated[str, CT_ID]
    slot_id: Annotated[int, SLOT_ID]


@message(CT, root="RequestCard")
class RequestCard:
    """Asks for a card (of a type) in a slot; `time_out` in seconds."""

    context: Annotated[Context, CONTEXT]
    slot: Annotated[Slot, Element(CT, "Slot")]
    card_type: Annotated[CardType | None, CARD_TYPE] = None
    display_msg: Annotated[str | None, _DISPLAY_MSG] = None
    time_out: Annotated[int | None, _TIME_OUT] = None


@message(CT, root="RequestCardResponse")
class RequestCardResponse:
    """The card; `already_inserted` if it was there before."""

    status: Annotated[Status, STATUS]
    already_inserted: Annotated[bool | None, Element(CT, "AlreadyInserted", BOOLEAN)] = None
    card: Annotated[Card | None, Element(CARD, "Card")] = None


@message(CT, root="EjectCard")
class EjectCard:
    """Asks to take a card out, by its handle or by its slot; `time_out` in milliseconds."""

    context: Annotated[Context, CONTEXT]
    card_handle: Annotated[str | None, CARD_HANDLE.alternative("card")] = None
    slot: Annotated[Slot | None, Element(CT, "Slot").alternative("card")] = None
    display_msg: Annotated[str | None, _DISPLAY_MSG] = None
    time_out: Annotated[int | None, _TIME_OUT] = None


@message(CT, root="EjectCardResponse")
class EjectCardResponse:
    """Done."""

    status: Annotated[Status, STATUS]
