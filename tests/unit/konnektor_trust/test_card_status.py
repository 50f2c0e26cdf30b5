"""Whether the certificates of SM-Bs still count: asked soon after a card came, then daily."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import cast

import pytest

from tests.unit.konnektor_trust.responder import Forwarder
from tests.unit.konnektor_trust.test_trustservice import URL, WORLD, a_trust, server
from tests.unit.pki.ocspmaker import NOW
from tests.unit.protocol.logs import Logs
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor import cardstatus
from tiaas.konnektor.cardmap import ECC, SIG
from tiaas.konnektor.cards import Card, CardData, CardList
from tiaas.konnektor.cardstatus import CardCertStatus, CardStatuses
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.catalogue import deviations
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.events import Topic
from tiaas.konnektor.heldkeys import HeldKeys, NoLine
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.protocol import LogName, Query
from tiaas.konnektor.protocol.entry import SECURITY, SYSTEM
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.pki.ocspmessages import CertStatus
from tiaas.pki.oids import CertificateType, Role

OSIG = server(Role.PRAXIS_ARZT, CertificateType.HCI_OSIG).encoded
HOLDER, ICCSN = "Praxis Tabea Testfall", "80276001011699900101"
HOUR = 3600


@dataclass
class Bench:
    forwarder: Forwarder
    logs: Logs
    cards: CardList
    statuses: CardStatuses
    online: OnlineMode

    @property
    def clock(self) -> ManualClock:
        return self.logs.clock

    def insert(self, slot: int = 1) -> Card:
        held = cast(HeldKeys, SimpleNamespace(certificates={(SIG, ECC): OSIG}))
        data = CardData(CardType.HSM_B, f"{ICCSN[:-1]}{slot}", holder_name=HOLDER)
        return self.cards.insert("HSM", slot, data, NoLine(), held)

    def says(self, status: CertStatus) -> None:
        self.forwarder.answer = lambda request: self.forwarder.good(request, status)

    def told(self) -> list[dict[str, str]]:
        return [dict(event.parameters) for event in self.logs.events if event.topic is Topic.CERT_CARD_STATUS]

    async def log(self, name: LogName) -> list[tuple[int | None, dict[str, str]]]:
        entries = await self.logs.service.entries(name, Query(limit=100))
        assert HOLDER not in str(entries)
        assert ICCSN[:-1] not in str(entries)
        return [(entry.code, dict(entry.parameters)) for entry in entries if entry.topic == Topic.CERT_CARD_STATUS]


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    clock = ManualClock(NOW)
    logs = Logs(clock=clock)
    await logs.service.start()
    forwarder = Forwarder(WORLD, clock, OSIG)
    access = TiAccess(ocsp_forwarder=await forwarder.start())
    trust = a_trust(TrustSpace((Issuer(WORLD.ca, URL),), (), (), (WORLD.signer,)), access, clock)
    cards = CardList(clock, SeededEntropy(b"cards"))
    online = OnlineMode(True)
    statuses = CardStatuses(cards, trust, logs.hub, logs.service, online, clock, SeededEntropy(b"smb"))
    yield Bench(forwarder, logs, cards, statuses, online)
    await trust.stop()
    await forwarder.stop()
    await logs.service.stop()


@pytest.mark.requirement("TIP1-A_5389", "A_23614-04")
async def test_a_card_is_looked_at_when_it_comes_and_then_daily(bench: Bench) -> None:
    first = bench.insert()
    assert bench.statuses.status_of(first.handle) is None
    await bench.statuses.tick()
    await bench.statuses.tick()
    assert len(bench.forwarder.requests) == 1
    assert bench.statuses.status_of(first.handle) is CardCertStatus.GOOD
    second = bench.insert(2)
    times: list[int] = []
    for hour in range(1, 3 * 24 + 1):
        bench.clock.advance(HOUR)
        before = len(bench.forwarder.requests)
        await bench.statuses.tick()
        times += [hour] * (len(bench.forwarder.requests) - before)
    # The second one at its first look, then both at a random hour of the first day, and 24 and 48 hours later.
    assert times[0] == 1
    spread = sorted(times[1:])
    assert len(spread) == 6
    assert len({hour % 24 for hour in spread}) == 2
    assert (bench.told(), await bench.log(SYSTEM)) == ([], [])
    bench.cards.remove("HSM", 2)
    await bench.statuses.tick()
    assert bench.statuses.status_of(second.handle) is None


@pytest.mark.event("CERT/CARD/STATUS")
@pytest.mark.requirement("TIP1-A_5390", "A_23614-04")
@pytest.mark.parametrize(
    ("status", "word", "code", "security"),
    [(CertStatus.REVOKED, "Revoked", 1047, 1), (CertStatus.UNKNOWN, "Unknown", 1044, 0)],
)
async def test_what_does_not_count_is_logged_and_told(
    bench: Bench, status: CertStatus, word: str, code: int, security: int
) -> None:
    card = bench.insert()
    bench.says(status)
    await bench.statuses.tick()
    told = {
        "CARD_TYPE": "HSM-B",
        "ICCSN": f"{ICCSN[:-1]}1",
        "CARD_HANDLE": card.handle,
        "CardHolderName": HOLDER,
        "CertName": "C.HCI.OSIG.E256",
        "CARD_CERTSTATUS": word,
    }
    (event,) = bench.told()
    assert event.pop("ExpirationDate")
    assert event == told
    assert [problem for event in bench.logs.events for problem in deviations(event)] == []
    entry = (code, {"CARD_TYPE": "HSM-B", "CtID": "HSM", "SlotID": "1", "CertName": told["CertName"],
                    "CARD_CERTSTATUS": word})  # fmt: skip
    assert await bench.log(SYSTEM) == [entry]
    assert await bench.log(SECURITY) == [entry] * security
    assert bench.statuses.status_of(card.handle) == word
    # An administrator's run is logged, Clientsysteme do not hear of it.
    assert [checked.status async for _, found in bench.statuses.look() for checked in found] == [word]
    assert (len(bench.told()), len(await bench.log(SYSTEM))) == (1, 2)


@pytest.mark.requirement("A_23614-04")
async def test_no_answer_is_told_when_the_card_has_come_and_asked_for_again(bench: Bench) -> None:
    card = bench.insert()
    bench.forwarder.status = 503
    for _ in range(3):
        await bench.statuses.tick()
        bench.clock.advance(HOUR)
    assert bench.statuses.status_of(card.handle) is CardCertStatus.INCONCLUSIVE
    assert [event["CARD_CERTSTATUS"] for event in bench.told()] == ["Inconclusive"], "once, not every hour"
    assert (await bench.log(SYSTEM), await bench.log(SECURITY)) == ([], [])
    bench.forwarder.status = 200
    bench.says(CertStatus.REVOKED)
    await bench.statuses.tick()
    assert bench.statuses.status_of(card.handle) is CardCertStatus.REVOKED
    assert [event["CARD_CERTSTATUS"] for event in bench.told()] == ["Inconclusive", "Revoked"]


@pytest.mark.requirement("A_23614-04")
async def test_offline_the_status_is_not_available(bench: Bench) -> None:
    bench.online.switch(False)
    bench.forwarder.status = 503
    card = bench.insert()
    await bench.statuses.tick()
    assert bench.statuses.status_of(card.handle) is CardCertStatus.NOT_AVAILABLE
    assert [event["CARD_CERTSTATUS"] for event in bench.told()] == ["NotAvailable"]
    assert [problem for event in bench.logs.events for problem in deviations(event)] == []


async def test_a_certificate_that_has_ended_is_invalid(bench: Bench) -> None:
    card = bench.insert()
    bench.clock.advance(20 * 365 * 24 * HOUR)
    await bench.statuses.tick()
    assert bench.statuses.status_of(card.handle) is CardCertStatus.INVALID
    assert [code for code, _ in await bench.log(SYSTEM)] == [1021]


async def test_other_cards_are_left_alone(bench: Bench) -> None:
    bench.cards.insert("CT", 1, CardData(CardType.HBA, ICCSN), NoLine())
    await bench.statuses.tick()
    assert bench.forwarder.requests == []


async def test_a_defect_met_once_does_not_end_all_looking(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cardstatus, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(cardstatus, "_LOOK_SECONDS", 0.0)
    looked, tick = asyncio.Event(), bench.statuses.tick
    times = 0

    async def once_wrong() -> None:
        nonlocal times
        times += 1
        if times == 1:
            raise ZeroDivisionError
        await tick()
        looked.set()

    monkeypatch.setattr(bench.statuses, "tick", once_wrong)
    card = bench.insert()
    bench.statuses.start()
    async with asyncio.timeout(60):
        await looked.wait()
    await bench.statuses.stop()
    assert bench.statuses.status_of(card.handle) is CardCertStatus.GOOD
