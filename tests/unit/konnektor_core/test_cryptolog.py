"""LOG/CRYPTO_OP: which card and key an operation used, wherever its request names the card."""

from datetime import UTC, datetime

import pytest

from tests.unit.konnektor_core.test_misuse import Nobody
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.interfaces.connector_common_v5_0 import Document
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.encryption_service_v6_1 import (
    CertificateOnCard,
    DecryptDocument,
    EncryptDocument,
    PrivateKeyOnCard,
    RecipientKeys,
)
from tiaas.konnektor.cards import CardData, CardList
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.cryptolog import CryptoLog
from tiaas.konnektor.events import Event, EventHub
from tiaas.konnektor.heldkeys import NoLine

CONTEXT = Context(mandant_id="m", client_system_id="c", workplace_id="w")
DOCUMENT = Document(base64_xml=b"<a/>")


@pytest.mark.requirement("TIP1-A_4712")
def test_the_operations_of_the_encryption_service_name_their_card() -> None:
    hub, events = EventHub(), list[Event]()
    hub.subscribe(events.append)
    cards = CardList(ManualClock(datetime(2026, 3, 1, tzinfo=UTC)), SeededEntropy(b"cards"))
    handle = cards.insert("CT", 1, CardData(CardType.SMC_B), NoLine()).handle
    log = CryptoLog(hub, cards, lambda: True, Nobody())
    recipients = RecipientKeys(certificate_on_card=CertificateOnCard(card_handle=handle))
    others = RecipientKeys(certificate=(b"DER",))
    key = PrivateKeyOnCard(card_handle=handle)
    log.done(0, EncryptDocument(context=CONTEXT, recipient_keys=recipients, document=DOCUMENT), object())
    log.done(0, DecryptDocument(context=CONTEXT, private_key_on_card=key, document=DOCUMENT), object())
    log.done(0, EncryptDocument(context=CONTEXT, recipient_keys=others, document=DOCUMENT), object())
    told = [dict(event.parameters) for event in events]
    assert [one.get("CARD_HANDLE") for one in told] == [handle, handle, None]
    assert [one.get("Keyref") for one in told] == ["C.ENC", "C.ENC", None]
