"""The daily look at the certificates of all inserted cards but health cards (gemSpec_Kon V5.18 TIP1-A_4691, TUC_KON_033
with doInformClients), and what an administrator's run reads, health cards too (TIP1-A_4704, without doInformClients).

A certificate that has ended, or will within CERT_EXPIRATION_WARN_DAYS, is told to the Clientsysteme by the event
CERT/CARD/EXPIRATION, once per run; EC_CardTerminal_gSMC-KT_Certificate_Expires_Soon is determined anew. Of a gSMC-KT
the certificate shown in TLS counts: DF.KT is not touched. Whether the certificates of SM-Bs still count is asked daily,
too (`smbstatus`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import date

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.konnektor.cardcertificates import ENDINGS, CertificateFacts, facts_of, has_ecc, read_certificate
from tiaas.konnektor.cardmap import AUT, ECC, RSA
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.cardtypes import HBAX, SM_B, CardType
from tiaas.konnektor.config import WatchDays
from tiaas.konnektor.events import Event, EventHub, EventSeverity, Topic, parameters
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.smbstatus import SmbStatuses
from tiaas.konnektor.terminals import Terminals

_log = logging.getLogger("tiaas.konnektor.expiry")

DAY = 24 * 3600
_NAMES = {
    **dict.fromkeys(SM_B, "C.HCI.AUT"),
    **dict.fromkeys(HBAX, "C.HP.AUT"),
    CardType.EGK: "C.CH.AUT",
}
_WATCHED = frozenset({*HBAX, *SM_B, CardType.SMC_KT})
_WITH_CERTIFICATE = _WATCHED | {CardType.EGK}


@dataclass(frozen=True, slots=True)
class CardDates:
    """What was read of one card: names and facts of certificates, and what ended the reading, if anything did."""

    card: Card
    certificates: tuple[tuple[str, CertificateFacts], ...]
    fault: TiaasError | None


class CertificateWatch:
    """The watch of one instance."""

    def __init__(
        self,
        cards: CardList,
        terminals: Terminals,
        hub: EventHub,
        clock: Clock,
        smbs: SmbStatuses,
        days: WatchDays | None = None,
    ) -> None:
        self.smbs = smbs
        self._cards = cards
        self._terminals = terminals
        self._hub = hub
        self._clock = clock
        self._days = days or WatchDays()
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Looks at dates now and from then on every so many days, at the status of SM-Bs daily."""
        self.smbs.start()
        if self._days.every:
            self._watching = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends the watch."""
        await self.smbs.stop()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def look(self) -> None:
        """One run over all terminals and cards but health cards; Clientsysteme hear what it finds."""
        today = self._clock.now().date()
        self._terminals.judge_certificates()
        async for dates in self.dates(_WATCHED):
            for name, facts in dates.certificates:
                if self.is_near(facts, today):
                    self._tell(dates.card, name, facts, today)
            if dates.fault is not None:
                extra = {"ct_id": dates.card.ct_id, "kind": type(dates.fault).__name__}
                _log.info("certificate not read", extra=extra)

    async def dates(self, types: frozenset[CardType] = _WITH_CERTIFICATE) -> AsyncIterator[CardDates]:
        """TUC_KON_033 for all certificates of all inserted cards of `types`, card by card; nobody is told."""
        for card in [card for card in self._cards if card.card_type in types]:
            found, fault = [], None
            try:
                async for named in self._certificates(card):
                    found.append(named)
            except TiaasError as error:
                fault = error
            yield CardDates(card, tuple(found), fault)

    def is_near(self, facts: CertificateFacts, today: date) -> bool:
        """Whether it has ended, or ends within CERT_EXPIRATION_WARN_DAYS."""
        left = (facts.expires - today).days
        return left < 0 or (self._days.warn > 0 and left <= self._days.warn)

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._days.every * DAY)

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

    def _tell(self, card: Card, name: str, facts: CertificateFacts, today: date) -> None:
        left = (facts.expires - today).days
        ended = left < 0
        self._hub.publish(
            Event(
                Topic.CERT_CARD_EXPIRATION,
                parameters(
                    ("CARD_TYPE", card.card_type.value),
                    ("ICCSN", card.data.iccsn),
                    ("CARD_HANDLE", card.handle),
                    ("CardHolderName", card.data.holder_name),
                    ("ZertName", name),
                    ("ExpirationDate", facts.expires.isoformat()),
                    ("DAYS_LEFT", None if ended else left),
                ),
                severity=EventSeverity.WARNING if ended else EventSeverity.INFO,
                log=False,
                ct_id=card.ct_id,
                card_handle=card.handle,
            )
        )
