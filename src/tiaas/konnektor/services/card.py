"""CardService 8.1 and 8.2: the PIN operations (gemSpec_Kon V5.18 §4.1.5.5: VerifyPin, ChangePin, GetPinStatus,
UnblockPin, and EnablePin TIP1-A_5487, DisablePin TIP1-A_5488).

All versions that the service directory offers share one endpoint: the messages are the newest, for requests a superset.
A wrong or blocked PIN is no fault: the response tells what came of it, and is OK otherwise.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from tiaas.base.dataclass import dataclass
from tiaas.interfaces import card_service_v8_2 as v8_2
from tiaas.interfaces.card_service_common_v2_0 import PinResponse
from tiaas.interfaces.card_service_common_v2_0 import PinResult as WireResult
from tiaas.interfaces.card_service_v8_1 import (
    CHANGE_PIN_ACTION,
    DISABLE_PIN_ACTION,
    ENABLE_PIN_ACTION,
    GET_PIN_STATUS_ACTION,
    UNBLOCK_PIN_ACTION,
    VERIFY_PIN_ACTION,
    ChangePin,
    ChangePinResponse,
    DisablePin,
    DisablePinResponse,
    EnablePin,
    EnablePinResponse,
    GetPinStatus,
    GetPinStatusResponse,
    PinRequest,
    PinStatus,
    UnblockPin,
    UnblockPinResponse,
    VerifyPin,
    VerifyPinResponse,
)
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.konnektor.cardmap import PIN_QES, PINS
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import HBAX, SM_B, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.pins import pin_object
from tiaas.konnektor.pinstates import PinOutcome, PinResult
from tiaas.konnektor.services.context import ServiceContext, authorize, call_context, declared, require_type, warning
from tiaas.konnektor.sessions import CardSession
from tiaas.soap.dispatch import Operation, operation

Response = TypeVar("Response", bound=PinResponse)
Request = TypeVar("Request", bound=PinRequest)

_RESULT_OF_OUTCOME = {
    PinOutcome.OK: WireResult.OK,
    PinOutcome.ERROR: WireResult.ERROR,
    PinOutcome.REJECTED: WireResult.REJECTED,
    PinOutcome.BLOCKED: WireResult.NOWBLOCKED,
}
_PIN_TIMEOUT = 4043

_EVERY_CARD_WITH_PINS = frozenset({CardType.EGK}) | HBAX | SM_B
_ONLY_EGK = frozenset({CardType.EGK})


@dataclass(frozen=True, slots=True)
class _Rules:
    """What an operation serves, and which faults of its use case it answers as results (step 5 of its table).

    `warns` are those whose status is then a warning with the fault's trace.
    """

    name: str
    card_types: frozenset[CardType]
    results: Mapping[int, WireResult]
    warns: frozenset[int] = frozenset({_PIN_TIMEOUT})


_TIMEOUT = {_PIN_TIMEOUT: WireResult.ERROR}
_WAS_BLOCKED = _TIMEOUT | {4063: WireResult.WASBLOCKED}
_VERIFY = _Rules("VerifyPin", HBAX | SM_B, _WAS_BLOCKED | {4065: WireResult.TRANSPORT_PIN})
_CHANGE = _Rules("ChangePin", _EVERY_CARD_WITH_PINS, _WAS_BLOCKED)
_UNBLOCK = _Rules("UnblockPin", _EVERY_CARD_WITH_PINS, _TIMEOUT | {4064: WireResult.WASBLOCKED})
# Only PinResult OK is a success here (TAB_KON_243, step 5), so the status of a blocked PIN tells why it is none.
_ENABLE = _Rules("EnablePin", _ONLY_EGK, _WAS_BLOCKED, frozenset({_PIN_TIMEOUT, 4063}))
_DISABLE = _Rules("DisablePin", _ONLY_EGK, _WAS_BLOCKED, frozenset({_PIN_TIMEOUT, 4063}))

UseCase = Callable[[Card, CardSession, Request], Awaitable[PinResult]]


def operations(context: ServiceContext) -> list[Operation]:
    """The operations of CardService 8.1."""
    pins = context.pins

    async def verify(card: Card, session: CardSession, request: PinRequest) -> PinResult:
        if request.pin_typ == PIN_QES:
            # Only a signature asks for it (digest §7.1).
            raise KonnektorError(4072)
        place = request.context
        return await pins.verify(card, session, place.workplace_id, request.pin_typ, mandant_id=place.mandant_id)

    async def change(card: Card, session: CardSession, request: PinRequest) -> PinResult:
        place = request.context
        return await pins.change(card, session, place.workplace_id, request.pin_typ, mandant_id=place.mandant_id)

    async def unblock(card: Card, session: CardSession, request: UnblockPin | v8_2.UnblockPin) -> PinResult:
        set_new, place = bool(request.set_new_pin), request.context
        return await pins.unblock(
            card, session, place.workplace_id, request.pin_typ, set_new=set_new, mandant_id=place.mandant_id
        )

    async def enable(card: Card, session: CardSession, request: PinRequest) -> PinResult:
        return await pins.switch(card, session, request.context.workplace_id, request.pin_typ, on=True)

    async def disable(card: Card, session: CardSession, request: PinRequest) -> PinResult:
        return await pins.switch(card, session, request.context.workplace_id, request.pin_typ, on=False)

    async def get_pin_status(request: GetPinStatus, peer: Peer) -> GetPinStatusResponse:
        status, left_tries = await _get_pin_status(context, request, peer)
        return GetPinStatusResponse(status=OK, pin_status=status, left_tries=left_tries)

    async def get_pin_status_8_2(request: v8_2.GetPinStatus, peer: Peer) -> v8_2.GetPinStatusResponse:
        status, left_tries = await _get_pin_status(context, request, peer)
        return v8_2.GetPinStatusResponse(status=OK, pin_status=status, left_tries=left_tries)

    return [
        _pin_operation(context, _VERIFY, VerifyPin, VerifyPinResponse, verify, VERIFY_PIN_ACTION),
        _pin_operation(context, _CHANGE, ChangePin, ChangePinResponse, change, CHANGE_PIN_ACTION),
        _pin_operation(context, _UNBLOCK, UnblockPin, UnblockPinResponse, unblock, UNBLOCK_PIN_ACTION),
        _pin_operation(context, _ENABLE, EnablePin, EnablePinResponse, enable, ENABLE_PIN_ACTION),
        _pin_operation(context, _DISABLE, DisablePin, DisablePinResponse, disable, DISABLE_PIN_ACTION),
        operation(
            GetPinStatus,
            GetPinStatusResponse,
            get_pin_status,
            access=declared("GetPinStatus"),
            soap_action=GET_PIN_STATUS_ACTION,
        ),
        _pin_operation(context, _VERIFY, v8_2.VerifyPin, v8_2.VerifyPinResponse, verify, v8_2.VERIFY_PIN_ACTION),
        _pin_operation(context, _CHANGE, v8_2.ChangePin, v8_2.ChangePinResponse, change, v8_2.CHANGE_PIN_ACTION),
        _pin_operation(context, _UNBLOCK, v8_2.UnblockPin, v8_2.UnblockPinResponse, unblock, v8_2.UNBLOCK_PIN_ACTION),
        _pin_operation(context, _ENABLE, v8_2.EnablePin, v8_2.EnablePinResponse, enable, v8_2.ENABLE_PIN_ACTION),
        _pin_operation(context, _DISABLE, v8_2.DisablePin, v8_2.DisablePinResponse, disable, v8_2.DISABLE_PIN_ACTION),
        operation(
            v8_2.GetPinStatus,
            v8_2.GetPinStatusResponse,
            get_pin_status_8_2,
            access=declared("GetPinStatus"),
            soap_action=v8_2.GET_PIN_STATUS_ACTION,
        ),
    ]


def _pin_operation(
    context: ServiceContext,
    rules: _Rules,
    request: type[Request],
    response: type[Response],
    use_case: UseCase[Request],
    soap_action: str,
) -> Operation:
    """An operation that asks a holder for something."""

    async def handle(message: Request, peer: Peer) -> Response:
        require_type(context, message.card_handle, rules.card_types)
        authorize(context, peer, message.context, rules.name, card_handle=message.card_handle)
        card = context.cards.get(message.card_handle)
        pin_object(card.card_type, message.pin_typ)
        session = card.session(call_context(message.context))
        try:
            result = await use_case(card, session, message)
        except KonnektorError as error:
            told = rules.results.get(error.code)
            if told is None:
                raise
            status = warning(context, error) if error.code in rules.warns else OK
            return response(status=status, pin_result=told)
        left_tries = result.left_tries if result.outcome is PinOutcome.REJECTED else None
        return response(status=OK, pin_result=_RESULT_OF_OUTCOME[result.outcome], left_tries=left_tries)

    return operation(request, response, handle, access=declared(rules.name), soap_action=soap_action)


async def _get_pin_status(context: ServiceContext, request: PinRequest, peer: Peer) -> tuple[PinStatus, int | None]:
    require_type(context, request.card_handle, frozenset(PINS))
    authorize(context, peer, request.context, "GetPinStatus", card_handle=request.card_handle)
    card = context.cards.get(request.card_handle)
    session = card.session(call_context(request.context))
    status = await context.pins.status(card, session, request.pin_typ)
    return PinStatus(status.state.value), status.left_tries
