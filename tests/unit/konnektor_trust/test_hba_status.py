"""The signature certificate of an HBA that comes: checked and told (A_23311), once there is a BNetzA-VL."""

from types import SimpleNamespace
from typing import cast

import pytest

from tests.unit.konnektor_trust.responder import Forwarder
from tests.unit.konnektor_trust.test_signer_check import QES, trusts
from tests.unit.konnektor_trust.trustbench import Bench
from tests.unit.protocol.logs import Logs
from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor import cardmap
from tiaas.konnektor.cards import Card, CardData, CardList
from tiaas.konnektor.cardstatus import CardCertStatus, CardStatuses
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.catalogue import deviations
from tiaas.konnektor.events import Event, EventSeverity, Topic
from tiaas.konnektor.heldkeys import HeldKeys, NoLine
from tiaas.pki.ocspmessages import CertStatus

ICCSN, HOLDER = "80276001011699900201", "Dr. Ida Testfall"


class Ward:
    """A Konnektor with an HBA in a terminal."""

    def __init__(self, bench: Bench) -> None:
        self.logs = Logs(clock=bench.clock)
        cards, entropy = CardList(bench.clock, SeededEntropy(b"cards")), SeededEntropy(b"hba")
        logs = self.logs
        self.statuses = CardStatuses(cards, bench.trust, logs.hub, logs.service, bench.online, bench.clock, entropy)
        held = cast(HeldKeys, SimpleNamespace(certificates={(cardmap.QES, cardmap.ECC): QES.encoded}))
        data = CardData(CardType.HBA, ICCSN, holder_name=HOLDER)
        self.card: Card = cards.insert("CT-1", 1, data, NoLine(), held)

    @property
    def told(self) -> list[Event]:
        return [event for event in self.logs.events if event.topic is Topic.CERT_CARD_STATUS]


def says(forwarder: Forwarder, status: CertStatus) -> None:
    forwarder.answer = lambda request: forwarder.good(request, status)


@pytest.mark.requirement("A_23311", "A_23702")
async def test_a_good_one_is_not_told(bench: Bench) -> None:
    trusts(bench, QES)
    ward = Ward(bench)
    assert ward.statuses.status_of(ward.card.handle) is None, "it can be used before anybody asked"
    await ward.statuses.tick()
    assert ward.statuses.status_of(ward.card.handle) is CardCertStatus.GOOD
    assert ward.told == []


@pytest.mark.requirement("A_23311")
@pytest.mark.event("CERT/CARD/STATUS")
async def test_a_revoked_one_is_told(bench: Bench) -> None:
    trusts(bench, QES)
    says(bench.forwarder, CertStatus.REVOKED)
    ward = Ward(bench)
    await ward.statuses.tick()
    (event,) = ward.told
    assert dict(event.parameters) == {
        "CARD_TYPE": "HBA",
        "ICCSN": ICCSN,
        "CARD_HANDLE": ward.card.handle,
        "CardHolderName": HOLDER,
        "CertName": "C.HP.QES.E256",
        "ExpirationDate": QES.not_after.date().isoformat(),
        "CARD_CERTSTATUS": "Revoked",
    }
    assert event.severity is EventSeverity.WARNING
    assert deviations(event) == []


@pytest.mark.requirement("A_23311")
async def test_without_a_list_of_qualified_cas_nobody_is_suspected(bench: Bench) -> None:
    ward = Ward(bench)
    await ward.statuses.tick()
    assert (ward.statuses.status_of(ward.card.handle), ward.told) == (None, [])
