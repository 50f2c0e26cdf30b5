"""LOG/CRYPTO_OP: what keys were used for, if an administrator wants that logged (gemSpec_Kon V5.18 TIP1-A_4712,
LOG_SUCCESSFUL_CRYPTO_OPS). The log itself drops what is personal.
"""

from collections.abc import Callable, Mapping

from tiaas.interfaces.encryption_service_v6_1 import DecryptDocument, EncryptDocument, RecipientKeys
from tiaas.konnektor.cardmap import AUT, ENC, QES, SIG
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.cardtypes import HBAX
from tiaas.konnektor.events import Event, EventHub, EventType, Topic, parameters
from tiaas.soap.dispatch import Observer
from tiaas.soap.envelope import SoapFault

KEY_OF_OPERATION: Mapping[str, str | None] = {
    "SignDocument": SIG,
    "ExternalAuthenticate": AUT,
    "EncryptDocument": ENC,
    "DecryptDocument": ENC,
    "VerifyDocument": None,
}
"""The certificate reference of the key; with an HBAx, SignDocument uses C.QES. VerifyDocument uses no key of a card."""


class CryptoLog:
    """An `Observer` of dispatchers that tells of successful operations and passes everything on to `also`."""

    def __init__(self, hub: EventHub, cards: CardList, wanted: Callable[[], bool], also: Observer) -> None:
        self._hub = hub
        self._cards = cards
        self._wanted = wanted
        self._also = also
        # One call less for each request.
        self.begin = also.begin

    def done(self, begun: float, request: object | None, answer: object) -> None:
        """See `Observer`."""
        self._also.done(begun, request, answer)
        operation = type(request).__name__
        if operation not in KEY_OF_OPERATION or not self._wanted() or isinstance(answer, SoapFault):
            return
        card = self._cards.find(_handle(request))
        values = (("Operation", operation), *(() if card is None else _key(card, KEY_OF_OPERATION[operation])))
        self._hub.publish(Event(Topic.LOG_CRYPTO_OP, parameters(*values), kind=EventType.SECURITY, deliver=False))


def _handle(request: object) -> str:
    """The handle a request names; "" if it names none."""
    match request:
        case EncryptDocument(recipient_keys=RecipientKeys(certificate_on_card=named)):
            return "" if named is None else named.card_handle
        case DecryptDocument(private_key_on_card=named):
            return named.card_handle
        case _:
            return getattr(request, "card_handle", "")


def _key(card: Card, reference: str | None) -> tuple[tuple[str, object], ...]:
    used = QES if reference == SIG and card.card_type in HBAX else reference
    return (
        ("Karte", card.data.iccsn),
        ("Keyref", used),
        ("CARD_HANDLE", card.handle),
        ("CardHolderName", card.data.holder_name),
    )
