"""CardTerminalService 1.1: RequestCard and EjectCard (gemSpec_Kon V5.18 TIP1-A_5412, 5413; TAB_KON_716 ff.).

`TimeOut` is in seconds for RequestCard and in milliseconds for EjectCard; without one it is 20 seconds for both.
"""

from collections.abc import Mapping

from tiaas.interfaces.card_service_common_v2_0 import CardType as WireType
from tiaas.interfaces.card_terminal_service_v1_1 import (
    EJECT_CARD_ACTION,
    REQUEST_CARD_ACTION,
    EjectCard,
    EjectCardResponse,
    RequestCard,
    RequestCardResponse,
)
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.konnektor.carddialogues import LONGEST_SECONDS
from tiaas.konnektor.cardtexts import displayable, eject_text, request_text
from tiaas.konnektor.cardtypes import HBAX, SM_B, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, declared
from tiaas.konnektor.wirecard import wire_card
from tiaas.soap.dispatch import Operation, operation

DEFAULT_SECONDS = 20
_WANTED: Mapping[WireType, frozenset[CardType]] = {
    WireType.EGK: frozenset({CardType.EGK}),
    WireType.KVK: frozenset({CardType.KVK}),
    WireType.HBAX: HBAX,
    WireType.SM_B: SM_B,
    # Concrete types are not in TAB_KON_716, but clients ask for them, and the display table has them.
    WireType.HBA: frozenset({CardType.HBA}),
    WireType.HBA_QSIG: frozenset({CardType.HBA_QSIG}),
    WireType.SMC_B: frozenset({CardType.SMC_B}),
}


def operations(context: ServiceContext) -> list[Operation]:
    """The operations of CardTerminalService 1.1."""

    async def request_card(request: RequestCard, peer: Peer) -> RequestCardResponse:
        return await _request_card(context, request, peer)

    async def eject_card(request: EjectCard, peer: Peer) -> EjectCardResponse:
        return await _eject_card(context, request, peer)

    return [
        operation(
            RequestCard,
            RequestCardResponse,
            request_card,
            access=declared("RequestCard"),
            soap_action=REQUEST_CARD_ACTION,
        ),
        operation(
            EjectCard, EjectCardResponse, eject_card, access=declared("EjectCard"), soap_action=EJECT_CARD_ACTION
        ),
    ]


async def _request_card(context: ServiceContext, request: RequestCard, peer: Peer) -> RequestCardResponse:
    wanted = None
    if request.card_type is not None:
        wanted = _WANTED.get(request.card_type)
        if wanted is None:
            raise KonnektorError(4058)
    ct_id, slot = request.slot.ct_id, request.slot.slot_id
    authorize(context, peer, request.context, "RequestCard", ct_id=ct_id)
    text = displayable(request.display_msg or "")
    found = await context.dialogues.request(
        ct_id,
        slot,
        text or request_text(wanted, slot, only_slot=_only_slot(context, ct_id)),
        DEFAULT_SECONDS if request.time_out is None else request.time_out,
        wanted,
    )
    return RequestCardResponse(status=OK, already_inserted=found.already, card=wire_card(found.card))


async def _eject_card(context: ServiceContext, request: EjectCard, peer: Peer) -> EjectCardResponse:
    ct_id, slot = _place(context, request)
    authorize(context, peer, request.context, "EjectCard", ct_id=ct_id)
    card = context.cards.at(ct_id, slot)
    text = displayable(request.display_msg or "")
    await context.dialogues.eject(
        ct_id,
        slot,
        text or eject_text(card.card_type if card else None, slot, only_slot=_only_slot(context, ct_id)),
        DEFAULT_SECONDS if request.time_out is None else min(request.time_out, LONGEST_SECONDS * 1000) / 1000,
    )
    return EjectCardResponse(status=OK)


def _place(context: ServiceContext, request: EjectCard) -> tuple[str, int]:
    """Terminal and slot; raises 4101 for a handle that is none."""
    if request.slot is not None:
        return request.slot.ct_id, request.slot.slot_id
    card = context.cards.find(request.card_handle or "")
    if card is None:
        raise KonnektorError(4101)
    return card.ct_id, card.slot


def _only_slot(context: ServiceContext, ct_id: str) -> bool:
    return context.terminals.slot_count(ct_id) == 1
