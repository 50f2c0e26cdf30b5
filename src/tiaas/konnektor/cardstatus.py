"""Whether the certificates of the cards in use still count: SMC-B, HSM-B, HBA; asked when a card comes, and daily.

gemSpec_Kon A_23614-04 asks it of the Konnektor when an SM-B comes, A_23311 when an HBA comes (its C.HP.QES, as soon as
there is a BNetzA-VL), without delay for anybody (A_23702). gemSpec_VPN_ZugD TIP1-A_5389 and 5390 ask it daily of the
access provider, whose place a Highspeed-Konnektor's operator has. All are one here: a card is looked at soon after it
was inserted, then after a random part of a day (so cards and instances spread evenly), then every day. What does not
count goes into the log, and by the event CERT/CARD/STATUS to the Clientsysteme. An answer that cannot be had is no
fault: it is told once, when the card has come, of the signature certificate; it is asked for again in an hour, and what
is known of a revocation stays.
"""

import asyncio
import enum
import logging
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy, random_fraction
from tiaas.base.errors import TiaasError
from tiaas.konnektor.cardcertificates import ENDINGS, facts_of, has_ecc, read_certificate
from tiaas.konnektor.cardmap import AUT, ECC, ENC, QES, RSA, SIG
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.cardtypes import SM_B, CardType
from tiaas.konnektor.events import EventHub, EventSeverity, Topic, parameters
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.protocol import Level, LogType, ProtocolService
from tiaas.konnektor.terminalevents import certificate_event
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.verdict import Result, Verdict
from tiaas.pki.codes import PkiCode
from tiaas.pki.oids import CertificateType
from tiaas.pki.path import Demands

_log = logging.getLogger("tiaas.konnektor.cardstatus")

_DAY, _AGAIN = timedelta(days=1), timedelta(hours=1)
_FIRST_SECONDS = 30.0
"""The start of an instance, and what its clients ask first, go before."""
_LOOK_SECONDS = 20.0
_SECURITY = "Security"
_SM_B = ((SIG, CertificateType.HCI_OSIG), (AUT, CertificateType.HCI_AUT), (ENC, CertificateType.HCI_ENC))
_CERTIFICATES = {**dict.fromkeys(SM_B, _SM_B), CardType.HBA: ((QES, CertificateType.HP_QES),)}
_SIGNATURE = (CertificateType.HCI_OSIG, CertificateType.HP_QES)


@enum.unique
class CardCertStatus(enum.StrEnum):
    """CARD_CERTSTATUS (TAB_KON_285 of gemSpec_Kon A_23614-04), and `GOOD`; the worst comes last."""

    GOOD = "Good"
    NOT_AVAILABLE = "NotAvailable"
    """MGM_LU_ONLINE is off: nobody was asked."""
    INCONCLUSIVE = "Inconclusive"
    INVALID = "Invalid"
    UNKNOWN = "Unknown"
    REVOKED = "Revoked"

    @property
    def is_bad(self) -> bool:
        """Whether the certificate is known not to count."""
        return self is not CardCertStatus.GOOD and not self.is_open

    @property
    def is_open(self) -> bool:
        """Whether there was no answer."""
        return self in (CardCertStatus.NOT_AVAILABLE, CardCertStatus.INCONCLUSIVE)


_RANK = {status: rank for rank, status in enumerate(CardCertStatus)}
_ANSWERS = {PkiCode.CERT_REVOKED: CardCertStatus.REVOKED, PkiCode.CERT_UNKNOWN: CardCertStatus.UNKNOWN}


@dataclass(frozen=True, slots=True)
class CheckedCertificate:
    """One certificate of a card: its name like C.HCI.OSIG.E256, what it is worth, and the code of what is wrong."""

    name: str
    kind: CertificateType
    status: CardCertStatus
    fault: PkiCode | None
    expires: str


class CardStatuses:
    """What the certificates of one instance's SM-Bs and HBAs are worth; asked between `start` and `stop`."""

    def __init__(
        self,
        cards: CardList,
        trust: Trust,
        hub: EventHub,
        protocol: ProtocolService,
        online: OnlineMode,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._cards = cards
        self._trust = trust
        self._hub = hub
        self._protocol = protocol
        self._online = online
        self._clock = clock
        self._entropy = entropy
        self._due: dict[str, datetime] = {}
        self._seen: dict[str, tuple[CheckedCertificate, ...]] = {}
        self._checking: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins in the background."""
        self._checking = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Gives up what is under way."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)

    def status_of(self, handle: str) -> CardCertStatus | None:
        """The worst of a card's certificates as of the last look; None if it was not looked at."""
        return max((found.status for found in self._seen.get(handle, ())), key=_RANK.__getitem__, default=None)

    async def tick(self) -> None:
        """Looks at what is due: a card that is new, and each of the others once a day."""
        cards = [card for card in self._cards if card.card_type in _CERTIFICATES]
        handles = {card.handle for card in cards}
        self._due = {handle: due for handle, due in self._due.items() if handle in handles}
        self._seen = {handle: seen for handle, seen in self._seen.items() if handle in handles}
        for card in cards:
            due = self._due.get(card.handle)
            if (due is not None and self._clock.now() < due) or card.removed:
                continue
            found = await self._look(card)
            self._tell_all(card, found, is_new=due is None)
            every = _DAY if due is not None else _DAY * random_fraction(self._entropy)
            is_open = not found or any(each.status.is_open for each in found)
            self._due[card.handle] = self._clock.now() + (min(every, _AGAIN) if is_open else every)

    async def look(self) -> AsyncIterator[tuple[Card, tuple[CheckedCertificate, ...]]]:
        """Looks at all SM-Bs now, card by card, for an administrator; the log is written, no client is told."""
        for card in [card for card in self._cards if card.card_type in SM_B]:
            yield card, await self._look(card)

    async def _run(self) -> None:
        await asyncio.sleep(_FIRST_SECONDS)
        while True:
            try:
                await self.tick()
            except Exception as error:  # noqa: BLE001 - a defect met once must not end all looking
                _log.error("status of cards not looked at", extra={"kind": type(error).__name__})
            await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, card: Card) -> tuple[CheckedCertificate, ...]:
        known = {each.name: each for each in self._seen.get(card.handle, ())}
        found: list[CheckedCertificate] = []
        try:
            async for checked in self._checks(card):
                before = known.get(checked.name)
                is_kept = before is not None and before.status is CardCertStatus.REVOKED
                found.append(before if before and is_kept and not checked.status.is_bad else checked)
        except TiaasError as error:
            _log.info("status not checked", extra={"ct_id": card.ct_id, "kind": type(error).__name__})
            return ()
        if not card.removed:
            self._seen[card.handle] = tuple(found)
            for checked in found:
                if checked.status.is_bad:
                    self._write(card, checked)
        return tuple(found)

    async def _checks(self, card: Card) -> AsyncIterator[CheckedCertificate]:
        lists = self._trust.lists
        has_vl = lists is not None and bool(lists.qualified)
        for reference, kind in _CERTIFICATES[card.card_type]:
            if kind is CertificateType.HP_QES and not has_vl:
                continue
            for crypt in (ECC, RSA) if has_ecc(card) else (RSA,):
                with link_faults():
                    der = await read_certificate(card, reference, crypt, self._clock)
                if der is not None:
                    verdict = await self._verdict(der, kind)
                    name, expires = f"{kind.profile}.{ENDINGS[crypt]}", facts_of(der).expires.isoformat()
                    yield CheckedCertificate(name, kind, self._status(verdict), verdict.fault, expires)
                    break

    async def _verdict(self, der: bytes, kind: CertificateType) -> Verdict:
        """TUC_KON_037; a qualified certificate is measured by the BNetzA-VL."""
        if kind is CertificateType.HP_QES:
            return (await self._trust.check_signer(der, self._clock.now())).verdict
        return await self._trust.check(der, Demands(types=frozenset({kind})))

    def _status(self, verdict: Verdict) -> CardCertStatus:
        if verdict.result is Result.VALID:
            return CardCertStatus.GOOD
        if verdict.result is Result.INCONCLUSIVE:
            return CardCertStatus.INCONCLUSIVE if self._online.active else CardCertStatus.NOT_AVAILABLE
        return CardCertStatus.INVALID if verdict.fault is None else _ANSWERS.get(verdict.fault, CardCertStatus.INVALID)

    def _tell_all(self, card: Card, found: tuple[CheckedCertificate, ...], *, is_new: bool) -> None:
        for checked in found:
            is_told = checked.status.is_bad or (is_new and checked.status.is_open and checked.kind in _SIGNATURE)
            if is_told and not card.removed:
                self._tell(card, checked)

    def _write(self, card: Card, checked: CheckedCertificate) -> None:
        """Into the log of the system, and what is wrong by an error of the type Security into that of security."""
        fault = checked.fault
        told: Mapping[str, object] = {
            "CARD_TYPE": card.card_type.value,
            "CtID": card.ct_id,
            "SlotID": card.slot,
            "CertName": checked.name,
            "CARD_CERTSTATUS": checked.status.value,
        }
        types = [LogType.OPERATION]
        if fault is not None and fault.error_type == _SECURITY:
            types.append(LogType.SECURITY)
        for type_ in types:
            self._protocol.write(
                type_,
                Level.WARNING,
                topic=Topic.CERT_CARD_STATUS,
                code=None if fault is None else fault.number,
                text="" if fault is None else fault.name,
                parameters=parameters(*told.items()),
            )

    def _tell(self, card: Card, checked: CheckedCertificate) -> None:
        self._hub.publish(
            certificate_event(
                Topic.CERT_CARD_STATUS,
                card,
                EventSeverity.WARNING,
                ("CertName", checked.name),
                ("ExpirationDate", checked.expires),
                ("CARD_CERTSTATUS", checked.status.value),
            )
        )
