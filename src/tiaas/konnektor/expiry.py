"""The daily look at the certificates of all inserted cards but health cards (gemSpec_Kon V5.18 TIP1-A_4691, TUC_KON_033
with doInformClients).

A certificate that has ended, or will within CERT_EXPIRATION_WARN_DAYS, is told to the Clientsysteme by the event
CERT/CARD/EXPIRATION, once per run; EC_CardTerminal_gSMC-KT_Certificate_Expires_Soon is determined anew. Of a gSMC-KT
the certificate shown in TLS counts: DF.KT is not touched.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date

from tiaas.base.clock import Clock
from tiaas.base.errors import TiaasError
from tiaas.konnektor.cardcertificates import CertificateFacts, facts_of, has_ecc, read_certificate
from tiaas.konnektor.cardmap import AUT, ECC, RSA
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.cardtypes import HBAX, SM_B, CardType
from tiaas.konnektor.events import Event, EventHub, EventSeverity, Topic, parameters
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.terminals import Terminals

_log = logging.getLogger("tiaas.konnektor.expiry")

DAY = 24 * 3600
_NAMES = {CardType.SMC_B: "C.HCI.AUT", CardType.HSM_B: "C.HCI.AUT"}
_ENDINGS = {RSA: "R2048", ECC: "E256"}


@dataclass(frozen=True, slots=True)
class WatchDays:
    """CERT_EXPIRATION_CARD_CHECK_DAYS (0–365, 0 never) and CERT_EXPIRATION_WARN_DAYS (0–180)."""

    every: int = 1
    warn: int = 90


class CertificateWatch:
    """The watch of one instance."""

    def __init__(
        self,
        cards: CardList,
        terminals: Terminals,
        hub: EventHub,
        clock: Clock,
        days: WatchDays | None = None,
    ) -> None:
        self._cards = cards
        self._terminals = terminals
        self._hub = hub
        self._clock = clock
        self._days = days or WatchDays()
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Looks now, and from then on every so many days."""
        if self._days.every:
            self._watching = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Ends the watch."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def look(self) -> None:
        """One run over all terminals and cards."""
        today = self._clock.now().date()
        self._terminals.judge_certificates()
        for card in list(self._cards):
            try:
                async for name, facts in self._certificates(card):
                    self._tell(card, name, facts, today)
            except TiaasError as error:
                _log.info("certificate not read", extra={"ct_id": card.ct_id, "kind": type(error).__name__})

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._days.every * DAY)

    async def _certificates(self, card: Card) -> AsyncIterator[tuple[str, CertificateFacts]]:
        if card.card_type is CardType.SMC_KT:
            shown = self._terminals.entry(card.ct_id).certificate
            if shown is not None:
                yield "C.SMKT.AUT", facts_of(shown)
        elif card.card_type in HBAX | SM_B:
            for crypt in (ECC, RSA) if has_ecc(card) else (RSA,):
                with link_faults():
                    der = await read_certificate(card, AUT, crypt, self._clock)
                if der is not None:
                    yield f"{_NAMES.get(card.card_type, 'C.HP.AUT')}.{_ENDINGS[crypt]}", facts_of(der)

    def _tell(self, card: Card, name: str, facts: CertificateFacts, today: date) -> None:
        left = (facts.expires - today).days
        if left > self._days.warn:
            return
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
