"""CardService 8.2, card sessions for PoPP: StartCardSession, SecureSendAPDU, StopCardSession (WSDL 8.2.1).

Only for an eGK: a PoPP service has no business with the keys of an SM-B or HBA.
"""

from tiaas.interfaces.card_service_v8_2 import (
    SECURE_SEND_APDU_ACTION,
    START_CARD_SESSION_ACTION,
    STOP_CARD_SESSION_ACTION,
    ResponseApduList,
    SecureSendAPDU,
    SecureSendAPDUResponse,
    SignedScenarioResponse,
    StartCardSession,
    StartCardSessionResponse,
    StopCardSession,
    StopCardSessionResponse,
)
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, call_context, declared, require_type
from tiaas.soap.dispatch import Operation, operation


def operations(context: ServiceContext) -> list[Operation]:
    """The three operations."""

    async def start(request: StartCardSession, peer: Peer) -> StartCardSessionResponse:
        return await _start(context, request, peer)

    async def send(request: SecureSendAPDU, peer: Peer) -> SecureSendAPDUResponse:
        return await _send(context, request, peer)

    async def stop(request: StopCardSession, peer: Peer) -> StopCardSessionResponse:
        await context.popp.stop(request.session_id, peer)
        return StopCardSessionResponse(status=OK)

    return [
        operation(
            StartCardSession,
            StartCardSessionResponse,
            start,
            access=declared("StartCardSession"),
            soap_action=START_CARD_SESSION_ACTION,
        ),
        operation(
            SecureSendAPDU,
            SecureSendAPDUResponse,
            send,
            access=declared("SecureSendAPDU"),
            soap_action=SECURE_SEND_APDU_ACTION,
        ),
        operation(
            StopCardSession,
            StopCardSessionResponse,
            stop,
            access=declared("StopCardSession"),
            soap_action=STOP_CARD_SESSION_ACTION,
        ),
    ]


async def _start(context: ServiceContext, request: StartCardSession, peer: Peer) -> StartCardSessionResponse:
    require_type(context, request.card_handle, frozenset({CardType.EGK}))
    authorize(context, peer, request.context, "StartCardSession", card_handle=request.card_handle)
    card = context.cards.get(request.card_handle)
    session = card.session(call_context(request.context))
    return StartCardSessionResponse(status=OK, session_id=await context.popp.start(card, session, peer))


async def _send(context: ServiceContext, request: SecureSendAPDU, peer: Peer) -> SecureSendAPDUResponse:
    answers = await context.popp.send(request.signed_scenario, peer)
    return SecureSendAPDUResponse(
        status=OK,
        signed_scenario_response=SignedScenarioResponse(
            response_apdu_list=ResponseApduList(
                response_apdu=tuple(response.encode().hex() for response in answers.responses)
            ),
            time_span=answers.milliseconds,
        ),
    )
