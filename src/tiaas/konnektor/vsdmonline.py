"""The online part of ReadVSD: status of the eGK's certificate, update flags, updates, and what the receipt says of it.

gemSpec_SST_PS_VSDM V1.5.0 §3.2.5, gemSpec_SST_VSDM V2.5.0, VSDM-A_2569 to 2606. Problems of communication never make
ReadVSD fail; they are in E and EC of the receipt:

    1   an update was performed               PZ of VSDD, or of UFS if only CMS had something to do
    2   none was needed                       PZ of UFS
    5   none was needed, but the certificate's status could not be asked
    3   UFS, VSDD or CMS could not be asked, or refused; EC: the code in a fault of a Fachdienst
    6   as 3, and the last success is longer ago than TIMEOUT_TI_OFFLINE
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.fachdienste.vsdm.receipt import RECEIPT_MAX, Receipt, Result
from tiaas.fachdienste.vsdm.services import NoAnswer, ServiceFault, Services
from tiaas.fachdienste.vsdm.updating import CardLost, Updater, Waiting, waiting
from tiaas.interfaces.cm_common_v2_0 import UpdateFlag
from tiaas.konnektor.cardmap import AUT, ECC
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtls import CardIdentity
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub, Topic, parameters
from tiaas.konnektor.intermediaer import Intermediaer
from tiaas.konnektor.keys import signer_of
from tiaas.konnektor.linkfaults import CARD_TIMEOUT, TERMINAL_BUSY, link_faults
from tiaas.konnektor.sessions import CardSession, Channel
from tiaas.konnektor.store import InstanceStore
from tiaas.konnektor.undisturbed import undisturbed
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.keys import SigningScheme
from tiaas.pki.subject import holder_of

_log = logging.getLogger("tiaas.konnektor.vsdm")

NOT_CARRIED_OUT = 110
ONLINE_KIND, _KEY = "vsdm", "online"
_NOTE_SECONDS = 3600.0
"""The time of the last success is written no more often: TIMEOUT_TI_OFFLINE counts days."""

EgkStatus = Callable[[bytes], Awaitable[bool]]
"""TUC_KON_018 online for C.CH.AUT (DER): true if its status is good, false if nobody could be asked.

Raises `KonnektorError` 106 for a revoked certificate, 107 for one that is not valid.
"""


@dataclass(frozen=True, slots=True)
class OnlineLimits:
    """`seconds` is MAXTIME_VSDM, for all requests together; `offline_days` TIMEOUT_TI_OFFLINE, 0 for no limit."""

    seconds: float
    offline_days: int


class LastSuccess:
    """When the Fachdienste were reached last, in the instance's store."""

    def __init__(self, store: InstanceStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._noted: float | None = None

    async def note(self) -> None:
        """The Fachdienste were reached."""
        now = self._clock.monotonic()
        if self._noted is None or now - self._noted >= _NOTE_SECONDS:
            await self._store.put(ONLINE_KIND, _KEY, {"since": self._clock.now().isoformat()})
            self._noted = now

    async def days_ago(self) -> timedelta:
        """Time since the last success; an instance that never had one counts from the first failure."""
        if self._noted is not None:
            return timedelta(seconds=self._clock.monotonic() - self._noted)
        row = await self._store.get(ONLINE_KIND, _KEY)
        if row is None:
            await self._store.put(ONLINE_KIND, _KEY, {"since": self._clock.now().isoformat()})
            return timedelta()
        return self._clock.now() - read_since(row)


def read_since(row: Mapping[str, Any]) -> datetime:
    """When the Fachdienste were reached. Raises `KeyError`, `ValueError`, `TypeError` for a damaged row."""
    return datetime.fromisoformat(row["since"])


class Online:
    """The online part of one instance."""

    def __init__(
        self,
        intermediaer: Intermediaer,
        certificate_status: EgkStatus,
        last: LastSuccess,
        hub: EventHub,
        clock: Clock,
        limits: OnlineLimits,
    ) -> None:
        self._intermediaer = intermediaer
        self._certificate_status = certificate_status
        self._last = last
        self._hub = hub
        self._clock = clock
        self._limits = limits
        self.last_receipt: Receipt | None = None
        """Of the last online check, without its Prüfziffer."""

    @property
    def is_open(self) -> bool:
        """See `Intermediaer.is_open`."""
        return self._intermediaer.is_open

    def check(self, egk: Card, smb: Card | None, session: CardSession | None) -> "OnlineCheck":
        """An online check of `egk` with the identity of an unlocked SM-B; without one it ends with E=3."""
        deadline = self._clock.monotonic() + self._limits.seconds
        services = None
        if smb is not None and session is not None and smb.data.aut_certificate is not None:
            identity = CardIdentity(smb.data.aut_certificate, lambda digest: _sign(smb, session, self._clock, digest))
            services = Services(self._intermediaer.through(smb.handle, identity, deadline))
        return OnlineCheck(egk, services, self._certificate_status, self._hub, self._limits.seconds)

    async def conclude(self, check: "OnlineCheck") -> Receipt:
        """Notes how a check ended, and if the Fachdienste were reached; the Prüfungsnachweis that says so.

        Raises `StoreError`.
        """
        receipt = await self._receipt(check.outcome)
        self.last_receipt = replace(receipt, proof=None)
        return receipt

    async def _receipt(self, outcome: "Outcome") -> Receipt:
        now = self._clock.now()
        if outcome.result is not Result.UPDATE_IMPOSSIBLE:
            await self._last.note()
        elif self._limits.offline_days and await self._last.days_ago() > timedelta(days=self._limits.offline_days):
            return Receipt(now, Result.OFFLINE_TOO_LONG, outcome.code)
        return Receipt(now, outcome.result, outcome.code, outcome.proof)

    def certificate_invalid(self) -> Receipt:
        """What an online Konnektor leaves on a card for one that works offline (E=4)."""
        return Receipt(self._clock.now(), Result.CERTIFICATE_INVALID)


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """What came of an online check."""

    result: Result
    code: int | None = None
    proof: bytes | None = None


class OnlineCheck:
    """One check: `ask` while the card is read, then `update` if something `waits`."""

    def __init__(
        self, egk: Card, services: Services | None, certificate_status: EgkStatus, hub: EventHub, seconds: float
    ) -> None:
        self._egk = egk
        self._services = services
        self._certificate_status = certificate_status
        self._hub = hub
        self._seconds = seconds
        self._flags: tuple[UpdateFlag, ...] = ()
        self._proof: bytes | None = None
        self.outcome = Outcome(Result.UPDATE_IMPOSSIBLE)

    @property
    def waits(self) -> bool:
        """Whether updates wait for the card."""
        return bool(self._flags)

    async def ask(self) -> None:
        """Asks UFS and the certificate's status at once. Raises `KonnektorError` 106, 107."""
        asking = asyncio.create_task(self._ask_flags())
        try:
            known = await self._certificate_status(self._egk.data.aut_certificate or b"")
            found = await asking
        finally:
            asking.cancel()
        if found is None:
            return
        self._flags, self._proof = found.updates, _usable(found.proof)
        if known:
            self.outcome = Outcome(Result.NO_UPDATE_NEEDED, proof=self._proof)
        else:
            self.outcome = Outcome(Result.CERTIFICATE_UNCHECKED)

    async def _ask_flags(self) -> Waiting | None:
        provider, iccsn = _insurer(self._egk), self._egk.data.iccsn or ""
        if self._services is None or provider is None:
            return None
        try:
            return waiting(await self._services.update_flags(provider, iccsn))
        except (NoAnswer, ServiceFault) as error:
            self._failed("UFS", error)
            return None

    async def update(self, channel: Channel, before: Callable[[], None]) -> bool:
        """Runs the updates that wait, one after the other, all of them or up to the first that fails (VSDM-A_2752).

        `before` is called before a command goes to the card; true if any did. A card half written gives no data to
        anybody (3001), so an update whose caller is cancelled goes on to its end, no longer than MAXTIME_VSDM. Raises
        `KonnektorError` 4094 if the card went, 4060, and 110 if card or terminal failed otherwise.
        """
        return await undisturbed(self._update(channel, before), self._seconds)

    async def _update(self, channel: Channel, before: Callable[[], None]) -> bool:
        if self._services is None:
            return False
        port = _Port(self._egk, channel, before)
        updater = Updater(self._services, self._egk.data.iccsn or "", port)
        proof = self._proof
        for flag in self._flags:
            self._hub.publish(vsdm_event(Topic.VSDM_PROGRESS_UPDATE, self._egk))
            try:
                found = await updater.run(flag)
            except CardLost as lost:
                raise _told(port.failure or lost) from lost
            except (NoAnswer, ServiceFault) as error:
                self._failed(flag.service_localization.type, error)
                break
            proof = _usable(found) or proof
        else:
            self.outcome = Outcome(Result.UPDATED, proof=proof)
        return updater.touched

    def _failed(self, service: str, error: NoAnswer | ServiceFault) -> None:
        code = error.code if isinstance(error, ServiceFault) else None
        reason = error.reason if isinstance(error, NoAnswer) else "fault"
        _log.warning("online check failed", extra={"service": service, "code": code, "reason": reason})
        self.outcome = Outcome(Result.UPDATE_IMPOSSIBLE, code)


class _Port:
    """`CardPort`: the eGK on its channel. `failure` is why it was lost."""

    def __init__(self, egk: Card, channel: Channel, before: Callable[[], None]) -> None:
        self._egk = egk
        self._channel = channel
        self._before = before
        self.failure: Exception | None = None

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        """See `CardPort`."""
        sent = not self._egk.removed
        self._before()
        # What the Fachdienst selects and proves is not what this channel remembers.
        self._channel.forget()
        try:
            return await self._channel.transmit(command)
        except TiaasError as error:
            self.failure = error
            raise CardLost(sent=sent) from error


async def _sign(smb: Card, session: CardSession, clock: Clock, digest: bytes) -> bytes:
    """Signs with PrK.HCI.AUT.E256. Raises 4085 if the PIN is not verified any more, and as `signer_of` does."""
    signer = await signer_of(smb, session, AUT, ECC, clock)
    return await signer.sign_digest(digest, SigningScheme.ECDSA)


def _told(failure: Exception) -> Exception:
    """What ReadVSD ends with when the card did not carry out what a Fachdienst had sent.

    A card that went or is busy is told as such, for a person can help; else it is 110 with the reason before it.
    """
    try:
        with link_faults():
            raise failure
    except KonnektorError as error:
        if error.code in (CARD_TIMEOUT, TERMINAL_BUSY):
            return error
        return KonnektorError(NOT_CARRIED_OUT, causes=(error,))
    except Exception as other:  # noqa: BLE001 (a defect stays one)
        return other


def _insurer(egk: Card) -> str | None:
    """The IK in C.CH.AUT."""
    try:
        return holder_of(decode_certificate_untrusted(egk.data.aut_certificate or b"")).insurer_ik
    except BadCertificate:
        return None


def _usable(proof: bytes | None) -> bytes | None:
    """A Prüfziffer that the receipt can hold."""
    return proof if proof is not None and 0 < len(proof) <= RECEIPT_MAX else None


def vsdm_event(topic: Topic, egk: Card) -> Event:
    """VSDM/PROGRESS/READVSD or UPDATE: reading or writing begins (gemSpec_FM_VSDM, VSDM-A_2664 ff.)."""
    return Event(
        topic,
        parameters(
            ("CardHandle", egk.handle),
            ("ICCSN", egk.data.iccsn),
            ("CtID", egk.ct_id),
            ("SlotID", egk.slot),
            ("CardHolderName", egk.data.holder_name),
            ("KVNR", egk.data.kvnr),
        ),
        log=False,
        ct_id=egk.ct_id,
        card_handle=egk.handle,
    )
