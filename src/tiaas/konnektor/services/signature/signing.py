"""SignDocument 7.4 and 7.5 (gemSpec_Kon V5.18 TIP1-A_5010-09, TAB_KON_065, TAB_KON_756).

The type of the card decides: an HBAx makes qualified signatures with its key in DF.QES, an SM-B those of the
institution. Documents are prepared together, in a thread if that takes long, and signed in the order of the call.
"""

from functools import partial
from typing import TypeVar

from tiaas.base.heavy import beside
from tiaas.interfaces import signature_service_v7_4 as v7_4
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.konnektor.cardtypes import HBAX, SM_B
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.quickwork import QUICK_OCTETS
from tiaas.konnektor.services.context import ServiceContext, authorize, call_context, declared
from tiaas.konnektor.services.signature.making import Call, make
from tiaas.konnektor.services.signature.wishes import check_arguments, octets_to_parse, wishes_of
from tiaas.soap.dispatch import Operation, operation

Response = TypeVar("Response", bound=v7_5.SignDocumentResponse)
_SIGNING = HBAX | SM_B


def operations(context: ServiceContext) -> list[Operation]:
    """The operation in both versions."""
    return [
        _sign_document(
            context, v7_4.SignDocument, v7_4.SignDocumentResponse, v7_4.SIGN_DOCUMENT_ACTION, ocsp_afterwards=False
        ),
        _sign_document(
            context, v7_5.SignDocument, v7_5.SignDocumentResponse, v7_5.SIGN_DOCUMENT_ACTION, ocsp_afterwards=True
        ),
    ]


def _sign_document(
    context: ServiceContext,
    request: type[v7_5.SignDocument],
    response: type[Response],
    action: str,
    *,
    ocsp_afterwards: bool,
) -> Operation:
    serve = partial(_serve, context, response, ocsp_afterwards)
    return operation(request, response, serve, access=declared("SignDocument"), soap_action=action)


async def _serve(
    context: ServiceContext, response: type[Response], ocsp_afterwards: bool, message: v7_5.SignDocument, peer: Peer
) -> Response:
    card = context.cards.find(message.card_handle)
    if card is not None and card.card_type not in _SIGNING:
        raise KonnektorError(4126)
    qes = card is not None and card.card_type in HBAX
    number = check_arguments(message, qes=qes)
    context.jobs.require_unused(number)
    authorize(context, peer, message.context, "SignDocument", card_handle=message.card_handle)
    card = card or context.cards.get(message.card_handle)
    session = card.session(call_context(message.context))
    if qes:
        context.qes.require_enabled()
    with context.jobs.running(number, card.handle) as job:
        octets, wanted = octets_to_parse(message.sign_request), (message.sign_request, qes)
        wishes = wishes_of(*wanted) if octets <= QUICK_OCTETS else await beside(octets, wishes_of, *wanted)
        # `str` of a member needs no Python, `value` two calls.
        crypt = str(message.crypt or context.qes.settings.default_crypt)
        place = message.context
        call = Call(context, card, session, job, crypt, place.workplace_id, place.mandant_id, qes, ocsp_afterwards)
        return response(sign_response=await make(call, wishes))
