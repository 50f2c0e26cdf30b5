"""CardService 8.1: VerifyPin and GetPinStatus (gemSpec_Kon V5.18 TAB_KON_543 ff., TAB_KON_547 ff.)."""

from tiaas.interfaces.card_service_common_v2_0 import PinResult
from tiaas.interfaces.card_service_v8_1 import (
    GET_PIN_STATUS_ACTION,
    VERIFY_PIN_ACTION,
    GetPinStatus,
    GetPinStatusResponse,
    PinStatus,
    VerifyPin,
    VerifyPinResponse,
)
from tiaas.interfaces.connector_common_v5_0 import OK, Status
from tiaas.konnektor.cardmap import PIN_QES, PINS
from tiaas.konnektor.cardtypes import HBAX, SM_B, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.pins import PinOutcome, pin_object
from tiaas.konnektor.services.context import ServiceContext, authorize, call_context, declared, warning
from tiaas.soap.dispatch import Operation, operation

_RESULT_OF_OUTCOME = {
    PinOutcome.OK: PinResult.OK,
    PinOutcome.ERROR: PinResult.ERROR,
    PinOutcome.REJECTED: PinResult.REJECTED,
    PinOutcome.BLOCKED: PinResult.NOWBLOCKED,
}
_RESULT_OF_FAULT = {4063: PinResult.WASBLOCKED, 4065: PinResult.TRANSPORT_PIN}
"""Faults of TUC_KON_012 that the operation answers as results (TAB_KON_544, step 5)."""
_PIN_TIMEOUT = 4043


def operations(context: ServiceContext) -> list[Operation]:
    """The operations served of CardService 8.1."""

    async def verify_pin(request: VerifyPin, peer: Peer) -> VerifyPinResponse:
        return await _verify_pin(context, request, peer)

    async def get_pin_status(request: GetPinStatus, peer: Peer) -> GetPinStatusResponse:
        return await _get_pin_status(context, request, peer)

    return [
        operation(
            VerifyPin, VerifyPinResponse, verify_pin, access=declared("VerifyPin"), soap_action=VERIFY_PIN_ACTION
        ),
        operation(
            GetPinStatus,
            GetPinStatusResponse,
            get_pin_status,
            access=declared("GetPinStatus"),
            soap_action=GET_PIN_STATUS_ACTION,
        ),
    ]


async def _verify_pin(context: ServiceContext, request: VerifyPin, peer: Peer) -> VerifyPinResponse:
    _require_type(context, request.card_handle, HBAX | SM_B)
    authorize(context, peer, request.context, "VerifyPin", card_handle=request.card_handle)
    card = context.cards.get(request.card_handle)
    if request.pin_typ == PIN_QES:
        raise KonnektorError(4072)
    pin_object(card.card_type, request.pin_typ)
    session = card.session(call_context(request.context))
    try:
        result = await context.pins.verify(card, session, request.context.workplace_id, request.pin_typ)
    except KonnektorError as error:
        if error.code in _RESULT_OF_FAULT:
            return VerifyPinResponse(status=OK, pin_result=_RESULT_OF_FAULT[error.code])
        if error.code == _PIN_TIMEOUT:
            return VerifyPinResponse(status=warning(context, error), pin_result=PinResult.ERROR)
        raise
    return _answer(OK, result.outcome, result.left_tries)


def _answer(status: Status, outcome: PinOutcome, left_tries: int | None) -> VerifyPinResponse:
    rejected = left_tries if outcome is PinOutcome.REJECTED else None
    return VerifyPinResponse(status=status, pin_result=_RESULT_OF_OUTCOME[outcome], left_tries=rejected)


async def _get_pin_status(context: ServiceContext, request: GetPinStatus, peer: Peer) -> GetPinStatusResponse:
    _require_type(context, request.card_handle, frozenset(PINS))
    authorize(context, peer, request.context, "GetPinStatus", card_handle=request.card_handle)
    card = context.cards.get(request.card_handle)
    pin_object(card.card_type, request.pin_typ)
    session = card.session(call_context(request.context))
    status = await context.pins.status(card, session, request.pin_typ)
    return GetPinStatusResponse(status=OK, pin_status=PinStatus(status.state.value), left_tries=status.left_tries)


def _require_type(context: ServiceContext, handle: str, allowed: frozenset[CardType]) -> None:
    """checkArguments: a card of a type the operation does not serve is 4209; no card is the access check's 4008."""
    card = context.cards.find(handle)
    if card is not None and card.card_type not in allowed:
        raise KonnektorError(4209, fill=card.card_type.value)
