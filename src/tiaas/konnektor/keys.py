"""Private keys of an inserted HBA or SM-B as `Signer` and `Decipherer`, wherever they are: in a card at a terminal or
PC/SC reader, in an HSM, in a lab's file (gemSpec_Kon V5.18 TUC_KON_218, TUC_KON_219; keys by TAB_KON_784, 859, 900).

    signer = await signer_of(card, session, SIG, RSA_ECC, clock)
    value = await signer.sign_digest(digest, signer.scheme)

The state of the PIN counts when the key is used, not before: 4085 if it is not verified in this session, and nobody is
asked for it. What a card signed, and an HSM for a document, is verified with the certificate's key before anybody gets
it (4120).
"""

from tiaas.base.clock import Clock
from tiaas.konnektor.cardcertificates import has_ecc
from tiaas.konnektor.cardmap import ECC, ENC, KEYS, RSA, RSA_ECC, CardKey
from tiaas.konnektor.cards import Card, Reservation
from tiaas.konnektor.cardsigner import CardDecipherer, CardSigner
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.heldsigner import HeldDecipherer, HeldSigner
from tiaas.konnektor.keyuse import KeyUse, certified_key
from tiaas.konnektor.sessions import CardSession
from tiaas.pki.keys import Decipherer, Signer


async def signer_of(
    card: Card,
    session: CardSession,
    reference: str,
    crypt: str,
    clock: Clock,
    *,
    holder: Reservation | None = None,
) -> Signer:
    """The key of a certificate reference (C.AUT, C.SIG, C.QES) as a signer; of a card in a terminal a `CardSigner`.

    `crypt` RSA_ECC is ECC from generation 2.1 on. `holder` is the reservation of the card that the caller has. Raises
    `KonnektorError` 4058 if that type of card has no such key, 4123 with cause 4256 if this card has not, and what
    reading a certificate raises. The signer raises 4085, 4093, 4094, 4044, 4060, 4120, and 4111 for a scheme the key
    does not do.
    """
    wanted = reference, crypt
    if holder is None and wanted in session.signers:
        return session.signers[wanted]
    crypt = effective_crypt(card, crypt)
    key = _key(card, reference, crypt)
    certified = None if key is None else await certified_key(card, reference, crypt, clock)
    if key is None or certified is None:
        raise KonnektorError(4123, causes=(KonnektorError(4256),))
    use = KeyUse(card, session, key, holder)
    if card.held is None:
        return CardSigner(use, certified)
    signer = HeldSigner(use, certified, card.held.store, card.held.labels[reference, crypt])
    if holder is None:
        # What a virtual SMC-B holds stays the same until it is removed; a card is read again after a day.
        session.signers[wanted] = signer
    return signer


async def decipherers_of(
    card: Card, session: CardSession, clock: Clock, *, holder: Reservation | None = None
) -> tuple[Decipherer, ...]:
    """The keys of C.ENC that the card has, the ECC key first (TUC_KON_071). Raises as `signer_of`.

    A decipherer raises 4069 for a cryptogram that the key does not open, 4079, 4085, 4093, 4094, 4044, 4060, 4120.
    """
    found: list[Decipherer] = []
    for crypt in (ECC, RSA):
        key = _key(card, ENC, crypt)
        certified = None if key is None else await certified_key(card, ENC, crypt, clock)
        if key is None or certified is None:
            continue
        use = KeyUse(card, session, key, holder)
        if card.held is not None:
            found.append(HeldDecipherer(use, certified, card.held.store, card.held.labels[ENC, crypt]))
        else:
            found.append(CardDecipherer(use, certified))
    return tuple(found)


def effective_crypt(card: Card, crypt: str) -> str:
    """RSA or ECC; RSA_ECC as the card's generation decides (TAB_KON_900)."""
    if crypt != RSA_ECC:
        return crypt
    return ECC if has_ecc(card) else RSA


def _key(card: Card, reference: str, crypt: str) -> CardKey | None:
    """None: that type of card has the reference with another kind of key only, as an HBA-Vorläuferkarte has."""
    keys = KEYS.get(card.card_type, {})
    found = keys.get((reference, crypt))
    if found is None and all(each != reference for each, _ in keys):
        raise KonnektorError(4058)
    return found
