"""Which card and key a call may name (gemSpec_Kon V5.18 TAB_KON_071, 075, 747)."""

from tiaas.interfaces.encryption_service_v6_1 import C_ENC, KeyOnCard
from tiaas.konnektor.cardtypes import HBAX, SM_B
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.services.context import ServiceContext

_SERVED = HBAX | SM_B


def check_key(context: ServiceContext, key: KeyOnCard) -> None:
    """checkArguments: raises 4000 for a key that TAB_KON_747 does not know, 4058 for a card of another type.

    A handle that nothing is known of is for the access check.
    """
    if key.key_reference not in (None, C_ENC):
        raise KonnektorError(4000, "KeyReference is not C.ENC")
    card = context.cards.find(key.card_handle)
    if card is not None and card.card_type not in _SERVED:
        raise KonnektorError(4058)
