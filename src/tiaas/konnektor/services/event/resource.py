"""EventService 7.2: GetResourceInformation about one card, one terminal or the Konnektor (TUC_KON_254)."""

from functools import partial

from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.event_service_v7_2 import (
    GET_RESOURCE_INFORMATION_ACTION,
    GetResourceInformation,
    GetResourceInformationResponse,
)
from tiaas.konnektor.cards import Card
from tiaas.konnektor.connectorstate import connector_state
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, declared
from tiaas.konnektor.services.event.views import wire_terminal
from tiaas.konnektor.wirecard import wire_card
from tiaas.soap.dispatch import Operation, operation

_NAME = "GetResourceInformation"


def operations(context: ServiceContext) -> list[Operation]:
    """GetResourceInformation."""

    async def get(request: GetResourceInformation, peer: Peer) -> GetResourceInformationResponse:
        return _get(context, request, peer)

    return [
        operation(
            GetResourceInformation,
            GetResourceInformationResponse,
            get,
            access=declared(_NAME),
            soap_action=GET_RESOURCE_INFORMATION_ACTION,
        )
    ]


def _get(context: ServiceContext, request: GetResourceInformation, peer: Peer) -> GetResourceInformationResponse:
    if request.slot_id is not None and request.ct_id is None:
        raise KonnektorError(4000, "SlotId without CtId")
    if sum(value is not None for value in (request.ct_id, request.iccsn, request.card_handle)) > 1:
        raise KonnektorError(4000, "only one of CtId, Iccsn and CardHandle")
    # Who may not even ask about the Konnektor or the terminal learns nothing about what is in it.
    authorize(context, peer, request.context, _NAME, ct_id=request.ct_id)
    if request.ct_id is not None and request.slot_id is None:
        terminal = wire_terminal(context, context.infomodel.current, context.terminals.entry(request.ct_id))
        return GetResourceInformationResponse(status=OK, card_terminal=terminal)
    if request.ct_id is None and request.iccsn is None and request.card_handle is None:
        connector = connector_state(context.opstate, context.online_mode)
        return GetResourceInformationResponse(status=OK, connector=connector)
    return _card(context, request.context, peer, _find(context, request))


def _find(context: ServiceContext, request: GetResourceInformation) -> Card:
    if request.card_handle is not None:
        card = context.cards.find(request.card_handle)
        if card is None:
            raise KonnektorError(4101)
        return card
    if request.iccsn is not None:
        card = next((card for card in context.cards if card.data.iccsn == request.iccsn), None)
        if card is None:
            raise KonnektorError(4099)
        return card
    ct_id, slot = request.ct_id or "", request.slot_id or 0
    if not 1 <= slot <= context.terminals.slot_count(ct_id):
        raise KonnektorError(4097)
    card = context.cards.at(ct_id, slot)
    if card is None:
        raise KonnektorError(4098)
    return card


def _card(context: ServiceContext, call: Context, peer: Peer, card: Card) -> GetResourceInformationResponse:
    authorize(context, peer, call, _NAME, card_handle=card.handle)
    return GetResourceInformationResponse(status=OK, card=card.derived("wire", partial(wire_card, card)))
