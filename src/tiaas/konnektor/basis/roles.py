"""TUC_KON_036 "LiefereFachlicheRolle" (gemSpec_Kon V5.18 TIP1-A_5478; roles: gemSpec_PKI V2.14.1 Tab_PKI_254-02)."""

from tiaas.konnektor.cards import Card, Reservation
from tiaas.konnektor.cardtypes import HBAX, SM_B, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.profession import BusinessRole, business_role_of

_WITH_CERTIFICATE = HBAX | SM_B | {CardType.EGK}


def business_role(card: Card, holder: Reservation | None = None) -> BusinessRole:
    """What the holder of a card is for the applications, by the AUT certificate (ECC from generation 2.1 on).

    It was read when the card was inserted and is cached (TIP1-A_4558), so the card is not asked. Nothing says here
    that it is valid: that is TUC_KON_037. Raises 4093 if the card is locked by another than `holder`, 4209 for a card
    without such a certificate, 4148 if it cannot be read, 4210 if its professionOIDs are not those of one role.
    """
    card.require_held(holder)
    if card.card_type is CardType.KVK:
        return BusinessRole.VERSICHERTER
    if card.card_type not in _WITH_CERTIFICATE:
        raise KonnektorError(4209, fill=card.card_type.value)
    try:
        admission = decode_certificate_untrusted(card.data.aut_certificate or b"").admission
    except BadCertificate:
        raise KonnektorError(4148) from None
    role = business_role_of(() if admission is None else admission.oids)
    if role is None:
        raise KonnektorError(4210)
    return role
