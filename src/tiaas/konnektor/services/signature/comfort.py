"""SignatureService 7.5: ActivateComfortSignature, DeactivateComfortSignature, GetSignatureMode (gemSpec_Kon V5.18
A_19107, A_19108, A_19109-02, TAB_KON_877 to 882).

DeactivateComfortSignature has no context: whoever may call the Konnektor ends all comfort sessions of the cards.
"""

from collections.abc import Sequence
from datetime import timedelta

from tiaas.interfaces.connector_common_v5_0 import OK, Result, Status
from tiaas.interfaces.signature_service_v7_5 import (
    ACTIVATE_COMFORT_SIGNATURE_ACTION,
    DEACTIVATE_COMFORT_SIGNATURE_ACTION,
    GET_SIGNATURE_MODE_ACTION,
    ActivateComfortSignature,
    ActivateComfortSignatureResponse,
    ComfortSignatureStatus,
    DeactivateComfortSignature,
    DeactivateComfortSignatureResponse,
    GetSignatureMode,
    GetSignatureModeResponse,
    SessionInfo,
    SignatureMode,
)
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.comfort import NO_MODE, NOT_AN_HBA, NOT_DEACTIVATED
from tiaas.konnektor.errors import KonnektorError, gerror_of
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, call_context, declared, told_handle
from tiaas.soap.dispatch import Operation, operation

_INVALID_HANDLE, _NO_SESSION = 4265, 4266


def operations(context: ServiceContext) -> list[Operation]:
    """The three operations."""

    async def activate(request: ActivateComfortSignature, peer: Peer) -> ActivateComfortSignatureResponse:
        return await _activate(context, request, peer)

    async def deactivate(request: DeactivateComfortSignature, _peer: Peer) -> DeactivateComfortSignatureResponse:
        return await _deactivate(context, request)

    async def mode(request: GetSignatureMode, peer: Peer) -> GetSignatureModeResponse:
        return _mode(context, request, peer)

    return [
        operation(
            ActivateComfortSignature,
            ActivateComfortSignatureResponse,
            activate,
            access=declared("ActivateComfortSignature"),
            soap_action=ACTIVATE_COMFORT_SIGNATURE_ACTION,
        ),
        operation(
            DeactivateComfortSignature,
            DeactivateComfortSignatureResponse,
            deactivate,
            access=declared("DeactivateComfortSignature"),
            soap_action=DEACTIVATE_COMFORT_SIGNATURE_ACTION,
        ),
        operation(
            GetSignatureMode,
            GetSignatureModeResponse,
            mode,
            access=declared("GetSignatureMode"),
            soap_action=GET_SIGNATURE_MODE_ACTION,
        ),
    ]


async def _activate(
    context: ServiceContext, request: ActivateComfortSignature, peer: Peer
) -> ActivateComfortSignatureResponse:
    _require_hba(context, request.card_handle, NOT_AN_HBA)
    authorize(context, peer, request.context, "ActivateComfortSignature", card_handle=request.card_handle)
    context.qes.require_enabled()
    card = context.cards.get(request.card_handle)
    session = card.session(call_context(request.context))
    await context.qes.comfort.activate(card, session, request.context.workplace_id, request.context.mandant_id)
    return ActivateComfortSignatureResponse(status=OK, signature_mode=SignatureMode.COMFORT)


async def _deactivate(
    context: ServiceContext, request: DeactivateComfortSignature
) -> DeactivateComfortSignatureResponse:
    """TUC_KON_172: errors and warnings are gathered over all handles, each with the list of those it is about."""
    context.qes.comfort.require_on()
    found: dict[int, list[str]] = {}
    causes: list[KonnektorError] = []
    for handle in dict.fromkeys(request.card_handle):
        card = context.cards.find(handle)
        if card is None or card.card_type is not CardType.HBA:
            found.setdefault(_INVALID_HANDLE, []).append(told_handle(handle))
        elif not card.sessions:
            found.setdefault(_NO_SESSION, []).append(handle)
        elif (error := await _ended(context, card)) is not None:
            found.setdefault(NOT_DEACTIVATED, []).append(handle)
            causes += error.causes
    errors = [KonnektorError(code, fill=",".join(handles)) for code, handles in sorted(found.items())]
    if NOT_DEACTIVATED in found:
        *before, last = errors
        raise KonnektorError(last.code, fill=last.fill, causes=(*before, *causes))
    return DeactivateComfortSignatureResponse(status=_status(context, errors))


async def _ended(context: ServiceContext, card: Card) -> KonnektorError | None:
    try:
        await context.qes.comfort.deactivate(card)
    except KonnektorError as error:
        return error
    return None


def _mode(context: ServiceContext, request: GetSignatureMode, peer: Peer) -> GetSignatureModeResponse:
    """TUC_KON_173. Nothing is made for a caller who has no session."""
    authorize(context, peer, request.context, "GetSignatureMode", card_handle=request.card_handle)
    _require_hba(context, request.card_handle, NO_MODE)
    settings = context.qes.settings
    session = context.cards.get(request.card_handle).find_session(call_context(request.context))
    found = None if session is None else context.qes.comfort.info(session)
    info = None
    if found is not None:
        left = timedelta(seconds=int(found.seconds_left))
        info = SessionInfo(signature_mode=SignatureMode.COMFORT, count_remaining=found.count_left, time_remaining=left)
    return GetSignatureModeResponse(
        status=OK,
        comfort_signature_status=ComfortSignatureStatus.ENABLED
        if settings.comfort
        else ComfortSignatureStatus.DISABLED,
        comfort_signature_max=settings.comfort_max,
        comfort_signature_timer=timedelta(hours=settings.comfort_hours),
        session_info=info,
    )


def _require_hba(context: ServiceContext, handle: str, code: int) -> None:
    """A handle of nothing is the access check's to refuse."""
    card = context.cards.find(handle)
    if card is not None and card.card_type is not CardType.HBA:
        raise KonnektorError(code, fill=handle)


def _status(context: ServiceContext, warnings: Sequence[KonnektorError]) -> Status:
    if not warnings:
        return OK
    trace = gerror_of(warnings, context.instance_id, context.clock, context.entropy, context.protocol)
    return Status(result=Result.WARNING, error=trace)
