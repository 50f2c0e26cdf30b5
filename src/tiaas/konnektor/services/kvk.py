"""KVKService 4.0: ReadKVK (gemSpec_SST_PS_VSDM V1.5.0; KvkService.xsd 4.0.0).

A KVK is treated like an eGK: only a terminal local to the workplace, one session of one workplace.
"""

from tiaas.interfaces.kvk_service_v4_0 import READ_KVK_ACTION, ReadKVK, ReadKVKResponse
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.kvk import read_kvk
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, call_context, declared, require_type
from tiaas.soap.dispatch import Operation, operation


def operations(context: ServiceContext) -> list[Operation]:
    """The operation of KVKService 4.0."""

    async def read(request: ReadKVK, peer: Peer) -> ReadKVKResponse:
        return await _read_kvk(context, request, peer)

    return [operation(ReadKVK, ReadKVKResponse, read, access=declared("ReadKVK"), soap_action=READ_KVK_ACTION)]


async def _read_kvk(context: ServiceContext, request: ReadKVK, peer: Peer) -> ReadKVKResponse:
    require_type(context, request.kvk_handle, frozenset({CardType.KVK}))
    authorize(context, peer, request.context, "ReadKVK", card_handle=request.kvk_handle)
    card = context.cards.get(request.kvk_handle)
    card.session(call_context(request.context))
    async with card.reserve():
        return ReadKVKResponse(kvk=await read_kvk(card))
