"""EventService 7.2: GetCards and GetCardTerminals (gemSpec_Kon V5.18 §4.1.6.5, TUC_KON_252, TUC_KON_253).

Answers come from the lists in memory; no card and no terminal is asked.
"""

from functools import partial
from typing import NamedTuple

from tiaas.interfaces.card_service_common_v2_0 import CardType as WireCardType
from tiaas.interfaces.card_service_v8_1 import Cards
from tiaas.interfaces.card_terminal_info_v8_0 import CardTerminals
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.event_service_v7_2 import (
    GET_CARD_TERMINALS_ACTION,
    GET_CARDS_ACTION,
    GetCards,
    GetCardsResponse,
    GetCardTerminals,
    GetCardTerminalsResponse,
)
from tiaas.konnektor.cards import CardList
from tiaas.konnektor.cardtypes import HBAX, SM_B, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.infomodel import InfoModel
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, declared
from tiaas.konnektor.services.event.views import wire_terminal
from tiaas.konnektor.wirecard import wire_card
from tiaas.soap.dispatch import Operation, operation

_GROUPS = {WireCardType.HBAX: HBAX, WireCardType.SM_B: SM_B}


def operations(context: ServiceContext) -> list[Operation]:
    """GetCards and GetCardTerminals."""

    async def get_cards(request: GetCards, peer: Peer) -> GetCardsResponse:
        return _get_cards(context, request, peer)

    async def get_card_terminals(request: GetCardTerminals, peer: Peer) -> GetCardTerminalsResponse:
        return _get_card_terminals(context, request, peer)

    return [
        operation(GetCards, GetCardsResponse, get_cards, access=declared("GetCards"), soap_action=GET_CARDS_ACTION),
        operation(
            GetCardTerminals,
            GetCardTerminalsResponse,
            get_card_terminals,
            access=declared("GetCardTerminals"),
            soap_action=GET_CARD_TERMINALS_ACTION,
        ),
    ]


def visible_terminals(live: LiveInfoModel, call: Context, *, mandant_wide: bool) -> frozenset[str]:
    """The terminals a caller sees: of the Mandant, and local or remote for its workplace.

    `mandant_wide`: for any workplace that CS_AP gives to the Clientsystem in this Mandant.
    """
    key = ("visible", call.mandant_id, call.client_system_id, call.workplace_id, mandant_wide)
    return live.derived(key, lambda model: _visible_terminals(model, call, mandant_wide))


def _visible_terminals(model: InfoModel, call: Context, mandant_wide: bool) -> frozenset[str]:
    workplaces = frozenset({call.workplace_id})
    if mandant_wide:
        workplaces = model.workplaces_of(call.mandant_id, call.client_system_id)
    near = {ct for workplace, ct in model.local_terminals | model.remote_terminals if workplace in workplaces}
    return frozenset(ct for ct in near if (call.mandant_id, ct) in model.mandant_terminals)


def _get_cards(context: ServiceContext, request: GetCards, peer: Peer) -> GetCardsResponse:
    if request.slot_id is not None and request.ct_id is None:
        raise KonnektorError(4000, "SlotId without CtId")
    authorize(context, peer, request.context, "GetCards", mandant_wide=request.mandant_wide)
    terminals = visible_terminals(context.infomodel, request.context, mandant_wide=request.mandant_wide)
    if request.ct_id is not None:
        if request.ct_id not in terminals:
            raise KonnektorError(4007)
        terminals = frozenset({request.ct_id})
    wish = _Wish(terminals, request.slot_id, request.card_type, _smbs(context.infomodel, request.context.mandant_id))
    return GetCardsResponse(status=OK, cards=context.cards.derived(wish, partial(_shown, wish)))


class _Wish(NamedTuple):
    """Which cards an answer shows: in these terminals, that slot, of that type, of SM-B those with one of `smbs`."""

    terminals: frozenset[str]
    slot: int | None
    card_type: WireCardType | None
    smbs: frozenset[str]


def _shown(wish: _Wish, cards: CardList) -> Cards:
    return Cards(
        card=tuple(
            card.derived("wire", partial(wire_card, card))
            for card in cards
            if card.ct_id in wish.terminals
            and (wish.slot is None or card.slot == wish.slot)
            and _matches(wish.card_type, card.card_type)
            # An SM-B is shown to its Mandanten only: clients take the first SM-B of the list.
            and (card.card_type not in SM_B or (card.data.iccsn or "") in wish.smbs)
        )
    )


def _smbs(live: LiveInfoModel, mandant_id: str) -> frozenset[str]:
    """The ICCSN of the SM-B that belong to a Mandant."""
    return live.derived(
        ("smbs", mandant_id),
        lambda model: frozenset(iccsn for mandant, iccsn in model.mandant_smbs if mandant == mandant_id),
    )


def _matches(wanted: WireCardType | None, card_type: CardType) -> bool:
    if wanted is None:
        return True
    return card_type in _GROUPS[wanted] if wanted in _GROUPS else card_type.value == wanted.value


def _get_card_terminals(context: ServiceContext, request: GetCardTerminals, peer: Peer) -> GetCardTerminalsResponse:
    authorize(context, peer, request.context, "GetCardTerminals", mandant_wide=request.mandant_wide)
    model = context.infomodel.current
    visible = visible_terminals(context.infomodel, request.context, mandant_wide=request.mandant_wide)
    shown = [wire_terminal(context, model, entry) for entry in context.terminals if entry.config.ct_id in visible]
    return GetCardTerminalsResponse(status=OK, card_terminals=CardTerminals(card_terminal=tuple(shown)))
