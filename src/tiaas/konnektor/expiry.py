"""The daily look at the certificates of all inserted cards but health cards (gemSpec_Kon V5.18 TIP1-A_4691, TUC_KON_033
with doInformClients), that at an SM-B or HBA soon after it came (A_23614-04, A_23311), and what an administrator's run
reads, health cards too (TIP1-A_4704, without doInformClients).

A certificate that has ended, or will within CERT_EXPIRATION_WARN_DAYS, is told to the Clientsysteme by the event
CERT/CARD/EXPIRATION, once per look; EC_CardTerminal_gSMC-KT_Certificate_Expires_Soon is determined anew. Of a gSMC-KT
the certificate shown in TLS counts: DF.KT is not touched; of a card that has just come the ECC certificate alone, where
it has one. Days are counted by the clock, so a day that passes at once (`tiaas lab clock`) counts, too. Whether the
certificates still count is asked as well (`cardstatus`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.konnektor.cardcertificates import ENDINGS, CertificateFacts, facts_of, has_ecc, read_certificate
from tiaas.konnektor.cardmap import AUT, ECC, RSA
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.cardstatus import CardStatuses
from tiaas.konnektor.cardtypes import HBAX, SM_B, CardType
from tiaas.konnektor.config import WatchDays
from tiaas.konnektor.events import Event, EventHub, EventSeverity, Topic, parameters
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.terminalevents import certificate_event
from tiaas.konnektor.terminals import Terminals

_log = logging.getLogger("tiaas.konnektor.expiry")

_FIRST_SECONDS = 30.0
"""The list of subscriptions is empty after a boot: who hears BOOTUP_COMPLETE has so long to subscribe again."""
_LOOK_SECONDS = 10.0
_NAMES = {
    **dict.fromkeys(SM_B, "C.HCI.AUT"),
    **dict.fromkeys(HBAX, "C.HP.AUT"),
    CardType.EGK: "C.CH.AUT",
}
_WATCHED = frozenset({*HBAX, *SM_B, CardType.SMC_KT})
_ARRIVING = frozenset({*HBAX, *SM_B})
_WITH_CERTIFICATE = _WATCHED | {CardType.EGK}


@dataclass(frozen=True, slots=True)
class CardDates:
    """What was read of one card: names and facts of certificates, and what ended the reading, if anything did."""

    card: Card
    certificates: tuple[tuple[str, CertificateFacts], ...]
    fault: TiaasError | None


@dataclass(frozen=True, slots=True)
class DeviceDates:
    """When C.NK.VPN on the gSMC-K of a box ends; `hostname` is MGM_KONN_HOSTNAME."""

    iccsn: str
    hostname: str
    expires: date


class CertificateWatch:
    """The watch of one instance; `device` is that of a box."""

    def __init__(
        self,
        cards: CardList,
        terminals: Terminals,
        hub: EventHub,
        clock: Clock,
        statuses: CardStatuses,
        days: WatchDays | None = None,
        device: DeviceDates | None = None,
    ) -> None:
        self.statuses = statuses
        self._cards = cards
        self._terminals = terminals
        self._hub = hub
        self._clock = clock
        self._days = days or WatchDays()
        self._device = device
        self._known: set[str] = set()
        self._due: datetime | None = None
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Looks at dates soon and from then on every so many days, at cards that come, and at the status of cards."""
        self.statuses.start()
        self._watching = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends the watch."""
        await self.statuses.stop()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def look(self) -> None:
        """One run over all terminals and cards but health cards; Clientsysteme hear what it finds."""
        self._terminals.judge_certificates()
        self._known = {card.handle for card in self._cards}
        if self._device is not None:
            self._tell_device(self._device)
        async for dates in self.dates(_WATCHED):
            self._tell_all(dates)

    async def look_at_arrivals(self) -> None:
        """The same for SM-Bs and HBAs that have come since the last look of either kind."""
        for card in [card for card in self._cards if card.card_type in _ARRIVING and card.handle not in self._known]:
            dates = await self._dates(card)
            self._tell_all(replace(dates, certificates=dates.certificates[:1]))
        self._known = {card.handle for card in self._cards}

    async def dates(self, types: frozenset[CardType] = _WITH_CERTIFICATE) -> AsyncIterator[CardDates]:
        """TUC_KON_033 for all certificates of all inserted cards of `types`, card by card; nobody is told."""
        for card in [card for card in self._cards if card.card_type in types]:
            yield await self._dates(card)

    async def _dates(self, card: Card) -> CardDates:
        found, fault = [], None
        try:
            async for named in self._certificates(card):
                found.append(named)
        except TiaasError as error:
            fault = error
        return CardDates(card, tuple(found), fault)

    def is_near(self, facts: CertificateFacts, today: date) -> bool:
        """Whether it has ended, or ends within CERT_EXPIRATION_WARN_DAYS."""
        return self._is_near((facts.expires - today).days)

    def _is_near(self, left: int) -> bool:
        return left < 0 or (self._days.warn > 0 and left <= self._days.warn)

    async def tick(self) -> None:
        """Looks at everything if a day of CERT_EXPIRATION_CARD_CHECK_DAYS has come, else at cards that have come."""
        now = self._clock.now()
        if self._days.every and (self._due is None or self._due <= now):
            self._due = now + timedelta(days=self._days.every)
            await self.look()
        await self.look_at_arrivals()

    async def _run(self) -> None:
        await asyncio.sleep(_FIRST_SECONDS)
        while True:
            try:
                await self.tick()
            except Exception as error:  # noqa: BLE001 - a defect met once must not end all looking
                _log.error("certificates of cards not looked at", extra={"kind": type(error).__name__})
            await asyncio.sleep(_LOOK_SECONDS)

    async def _certificates(self, card: Card) -> AsyncIterator[tuple[str, CertificateFacts]]:
        if card.card_type is CardType.SMC_KT:
            shown = self._terminals.entry(card.ct_id).certificate
            if shown is not None:
                yield "C.SMKT.AUT", facts_of(shown)
        else:
            for crypt in (ECC, RSA) if has_ecc(card) else (RSA,):
                with link_faults():
                    der = await read_certificate(card, AUT, crypt, self._clock)
                if der is not None:
                    yield f"{_NAMES[card.card_type]}.{ENDINGS[crypt]}", facts_of(der)

    def _tell_all(self, dates: CardDates) -> None:
        today = self._clock.now().date()
        for name, facts in dates.certificates:
            if self.is_near(facts, today):
                self._tell(dates.card, name, facts, today)
        if dates.fault is not None:
            _log.info("certificate not read", extra={"ct_id": dates.card.ct_id, "kind": type(dates.fault).__name__})

    def _tell(self, card: Card, name: str, facts: CertificateFacts, today: date) -> None:
        left = (facts.expires - today).days
        ended = left < 0
        self._hub.publish(
            certificate_event(
                Topic.CERT_CARD_EXPIRATION,
                card,
                EventSeverity.WARNING if ended else EventSeverity.INFO,
                ("ZertName", name),
                ("ExpirationDate", facts.expires.isoformat()),
                ("DAYS_LEFT", None if ended else left),
            )
        )

    def _tell_device(self, device: DeviceDates) -> None:
        """TUC_KON_033 with checkSMCK; the log has one that has ended."""
        left = (device.expires - self._clock.now().date()).days
        if not self._is_near(left):
            return
        ended = left < 0
        self._hub.publish(
            Event(
                Topic.CERT_CARD_EXPIRATION,
                parameters(
                    ("CARD_TYPE", "gSMC-K"),
                    ("ICCSN", device.iccsn),
                    ("Konnektor", device.hostname),
                    ("ZertName", "C.NK.VPN"),
                    ("ExpirationDate", device.expires.isoformat()),
                    ("DAYS_LEFT", None if ended else left),
                ),
                severity=EventSeverity.WARNING if ended else EventSeverity.INFO,
                log=ended,
            )
        )
