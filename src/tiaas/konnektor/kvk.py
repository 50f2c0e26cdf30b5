"""Reading a Krankenversichertenkarte: READ BINARY "im Sinne von SICCT, Kommandos für synchrone Chipkarten" (gemSpec_Kon
V5.18 TUC_KON_202, variant KVK; gemSpec_SST_PS_VSDM V1.5.0: 3020, 3021).

Nothing is ever written to a KVK, and what would ask for it ends with 4085 (TUC_KON_203).
"""

from tiaas.card import commands
from tiaas.card.apdu import NE_SHORT_MAX, CommandApdu
from tiaas.card.kvk import AIDS, BadKvk, KvkFault, decode_kvk_untrusted
from tiaas.card.status import StatusWord
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.sessions import Channel

_SELECT, _BY_NAME = 0xA4, 0x04
_READ_FAILED = 3020
_CHECKSUM_WRONG = 3021
_READ = frozenset({StatusWord.OK, StatusWord.END_OF_FILE_OR_NOT_FOUND})


async def read_kvk(card: Card) -> bytes:
    """The record (VersichertenDatenTemplate) as it stands on the card, its checksum verified.

    Raises `KonnektorError` 3020, 3021, 4094 (card pulled), 4044.
    """
    with link_faults():
        async with card.basic.mutex:
            data = await read_memory(card.basic)
    try:
        return decode_kvk_untrusted(data).encoded
    except BadKvk as bad:
        raise KonnektorError(_CHECKSUM_WRONG if bad.fault is KvkFault.CHECKSUM else _READ_FAILED) from None


async def read_memory(channel: Channel) -> bytes:
    """The record as the card gives it, nothing verified; the caller has the channel for himself. Raises 3020.

    The whole record fits one short answer: 215 octets at most.
    """
    for aid in AIDS:
        if (await channel.transmit(CommandApdu(0x00, _SELECT, _BY_NAME, 0x00, aid))).ok:
            break
    else:
        raise KonnektorError(_READ_FAILED)
    response = await channel.transmit(commands.read_binary(ne=NE_SHORT_MAX))
    if response.sw not in _READ:
        raise KonnektorError(_READ_FAILED)
    return response.data
