"""VSDService 5.2: ReadVSD (gemSpec_SST_PS_VSDM V1.5.0 §4). The use case is in `konnektor.vsdm`."""

from contextlib import suppress
from datetime import UTC

from tiaas.fachdienste.vsdm.containers import StatusVd
from tiaas.interfaces.vsd_service_v5_2 import READ_VSD_ACTION, ReadVSD, ReadVSDResponse, Transactions, VsdStatus
from tiaas.konnektor.cardmap import HOLDER_PIN
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import INSURED, SM_B, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, call_context, declared
from tiaas.konnektor.vsdm import Wishes
from tiaas.soap.dispatch import Operation, operation


def operations(context: ServiceContext) -> list[Operation]:
    """The operations served of VSDService 5.2."""

    async def read_vsd(request: ReadVSD, peer: Peer) -> ReadVSDResponse:
        return await _read_vsd(context, request, peer)

    return [
        operation(ReadVSD, ReadVSDResponse, read_vsd, access=declared("ReadVSD"), soap_action=READ_VSD_ACTION),
    ]


async def _read_vsd(context: ServiceContext, request: ReadVSD, peer: Peer) -> ReadVSDResponse:
    authorize(context, peer, request.context, "ReadVSD", card_handle=request.ehc_handle)
    hpc = context.cards.find(request.hpc_handle)
    if hpc is not None and hpc.card_type in INSURED:
        raise KonnektorError(4058)
    authorize(context, peer, request.context, "ReadVSD", card_handle=request.hpc_handle)
    reader = context.cards.get(request.hpc_handle)
    smb = _unlocked_smb(context, request, peer, reader)
    data = await context.vsdm.read(
        context.cards.get(request.ehc_handle),
        reader,
        call_context(request.context),
        Wishes(request.perform_online_check, request.read_online_receipt, smb),
    )
    return ReadVSDResponse(
        persoenliche_versichertendaten=data.pd,
        allgemeine_versicherungsdaten=data.vd,
        geschuetzte_versichertendaten=data.gvd,
        vsd_status=_status(data.status),
        pruefungsnachweis=data.receipt,
    )


def _unlocked_smb(context: ServiceContext, request: ReadVSD, peer: Peer, hpc: Card) -> Card | None:
    """The SM-B for the way to the TI (TUC_KON_110): the caller's, or with an HBA the first that this call may use.

    It must be unlocked for the Mandant.
    """
    call = call_context(request.context)
    for card in [hpc] if hpc.card_type in SM_B else context.cards:
        if card.card_type in SM_B and card.has_raised(call, HOLDER_PIN[CardType.SMC_B]):
            with suppress(KonnektorError):
                authorize(context, peer, request.context, "ReadVSD", card_handle=card.handle)
                return card
    return None


def _status(status: StatusVd) -> VsdStatus:
    """Clients expect the time in UTC with Z and milliseconds, as certified devices write it."""
    return VsdStatus(
        status=Transactions.OPEN if status.transaction_open else Transactions.NONE_OPEN,
        timestamp=status.timestamp.astimezone(UTC),
        version=str(status.xml_version),
    )
