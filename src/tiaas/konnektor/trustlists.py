"""Keeps an instance's trust lists current: TUC_KON_032 (TSL) and 031 (BNetzA-VL), gemSpec_Kon V5.18 §4.1.9.3.

A list in use is replaced as a whole: the row is written first, list and trust anchor in one transaction, then the
space in memory changes. Whoever is killed in between finds the old list or the new one. Refreshing is daily, each
instance at a time of its own (TIP1-A_4685, 6732, GS-A_4356): the first import is made at once, the next one a random
part of a day later, all others 24 hours after the one before. A failed attempt is repeated after half an hour to one
hour, without any list after some seconds.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy, random_fraction
from tiaas.konnektor.codes import CODES
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub, EventSeverity, EventType, parameters
from tiaas.konnektor.heldlist import (
    KIND,
    Attempt,
    HeldList,
    put_anchors,
    put_attempt,
    put_list,
    read_anchors,
    read_attempt,
    read_document,
    read_mark,
)
from tiaas.konnektor.listdownload import fetch_other
from tiaas.konnektor.listreader import ListReader
from tiaas.konnektor.listslot import ListSlot, readable
from tiaas.konnektor.liststates import judge_bnetza, judge_tsl
from tiaas.konnektor.ocsp import OcspClient
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.store import InstanceStore, StaleEpochWrite, StoreError
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.tslimport import (
    Anchors,
    ListMark,
    ListRefused,
    ReadList,
    check_bnetza,
    check_tsl,
    is_newer_tsl,
    require_newer_bnetza,
)
from tiaas.konnektor.tslservice import TslService, TslServiceRefused
from tiaas.pki.certificate import Certificate, decode_certificate_untrusted
from tiaas.pki.codes import PkiCode
from tiaas.pki.tsl import BACKUP_LOCATION

_log = logging.getLogger("tiaas.konnektor.trustlists")

_LOOK_SECONDS = 5.0
_TSL, _BNETZA, _ANCHOR = "tsl", "bnetza", "anchor"

# A revoked signer, or an answer about another certificate, ends an import; no answer at all does not (TUC_PKI_001, 4).
_SIGNER_FAULTS = frozenset(
    {
        PkiCode.CERT_REVOKED,
        PkiCode.CERT_UNKNOWN,
        PkiCode.CERTHASH_EXTENSION_MISSING,
        PkiCode.CERTHASH_MISMATCH,
    }
)


async def _nothing() -> None:
    """What follows a TSL where there is no CRL."""


class TrustLists:
    """The lists of one instance; a `TrustSource`. Build it, `load` it, then call `tick` now and then or `run` it."""

    def __init__(
        self,
        given: TrustSpace,
        anchor: bytes,
        access: TiAccess,
        service: TslService,
        reader: ListReader,
        ocsp: OcspClient,
        store: InstanceStore,
        hub: EventHub,
        opstate: OperatingState,
        clock: Clock,
        entropy: Entropy,
        online: OnlineMode,
    ) -> None:
        """`anchor` is the TSL-Signer-CA (DER) to begin with, `given` has the CVC roots. `BadCertificate`."""
        self.on_change: Callable[[], None] = lambda: None
        """Called when another trust space counts."""
        self.after_tsl: Callable[[], Awaitable[None]] = _nothing
        """Called after every attempt to renew the TSL, whether it went well or not: a box looks after its CRL then."""
        self.qualified: tuple[Issuer, ...] = ()
        """The CAs for qualified certificates of the BNetzA-VL in use, for the check of signatures (TUC_PKI_030)."""
        self.qualified_signers: tuple[Certificate, ...] = ()
        """Who signs the status of qualified certificates, by the same list."""
        self._anchors = Anchors(Issuer(decode_certificate_untrusted(anchor)))
        self._given = given
        self._access = access
        self._online = online
        self.service = service
        self._reader = reader
        self._ocsp = ocsp
        self._store = store
        self._hub = hub
        self._opstate = opstate
        self._clock = clock
        self._entropy = entropy
        self.space = TrustSpace((), given.cvc_roots, given.cross_cvcs)
        """See `TrustSource.space`; without a TSL nothing but CVC roots is trusted (TSL_INIT_ERROR)."""
        daily, often = timedelta(seconds=access.tsl_seconds), timedelta(seconds=access.bnetza_seconds)
        self._tsl = ListSlot(_TSL, "CERT/TSL", access.tsl_url, 4128, 4127, Condition.TSL_UPDATE_NOT_SUCCESSFUL, daily)
        self._bnetza = ListSlot(
            _BNETZA, "CERT/BNETZA_VL", access.bnetza_url, 4129, 4133, Condition.BNETZA_VL_UPDATE_NOT_SUCCESSFUL, often
        )
        self._one_at_a_time = asyncio.Lock()
        self._looked = asyncio.Event()

    @property
    def anchors(self) -> Anchors:
        """The trust anchor that counts now, and the next one (TUC_PKI_013, step 6)."""
        return self._anchors.activated(self._clock.now())

    @property
    def grace(self) -> timedelta:
        """CERT_TSL_DEFAULT_GRACE_PERIOD_DAYS."""
        return timedelta(days=self._access.tsl_grace_days)

    @property
    def tsl(self) -> tuple[HeldList | None, Attempt | None]:
        """The TSL in use and the last attempt to renew it."""
        return self._tsl.held, self._tsl.attempt

    @property
    def bnetza(self) -> tuple[HeldList | None, Attempt | None]:
        """The BNetzA-VL in use and the last attempt to renew it."""
        return self._bnetza.held, self._bnetza.attempt

    def is_outdated(self) -> bool:
        """See `TrustSource.is_outdated`; by the clock, whatever the last `tick` found (GS-A_5336)."""
        held = self._tsl.held
        until = None if held is None else held.content.next_update
        if until is None:
            return False
        now = self._clock.now()
        return now > until and now > until + self.grace

    def is_anchor_outdated(self) -> bool:
        """See `TrustSource.is_anchor_outdated`."""
        return self._clock.now() > self.anchors.active.certificate.not_after

    async def load(self) -> None:
        """Takes up what the store holds; a row that cannot be read is logged and counts as absent. `StoreError`."""
        rows = await self._store.list(KIND)
        self._anchors = readable(read_anchors, rows, _ANCHOR) or self._anchors
        for slot in (self._tsl, self._bnetza):
            slot.attempt = readable(read_attempt, rows, slot.attempt_key)
            slot.mark = readable(read_mark, rows, slot.key)
            await self._take_up(slot, rows)
        if self.is_outdated() and self._tsl.attempt is not None:
            # A_20748: at the boot it is fetched whatever was planned.
            self._tsl.attempt = replace(self._tsl.attempt, due=self._clock.now())
        self.judge()

    async def _take_up(self, slot: ListSlot, rows: Mapping[str, dict[str, Any]]) -> None:
        """A list was checked before it was written; what is left to see is whether it can be read."""
        if slot.key not in rows:
            return
        stored = readable(read_document, rows, slot.key)
        if stored is None:
            slot.attempt = None  # another one is due at once
            return
        document, imported = stored
        try:
            read = await self._reader.read(document)
        except ListRefused as refused:
            _log.error("stored trust list not readable", extra={"topic": slot.topic, "reason": refused.reason})
            slot.attempt = None
            return
        slot.held, slot.mark = HeldList.of(read, imported), ListMark.of(read.content)
        if slot is self._tsl:
            self.space = read.space.joined(self._given)
        else:
            self.qualified, self.qualified_signers = read.qualified, read.qualified_signers

    # ---- when --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Calls `tick` for as long as the instance is ours."""
        while True:
            try:
                await self.tick()
            except StaleEpochWrite:
                return
            except StoreError as error:
                _log.error("trust lists cannot be written", extra={"reason": error.reason})
            except Exception as error:  # noqa: BLE001 - a defect met once must not end all refreshing
                _log.error("trust lists not looked after", extra={"kind": type(error).__name__})
            finally:
                self._looked.set()
            await asyncio.sleep(_LOOK_SECONDS)

    async def first_look(self, wait: float) -> None:
        """Waits up to `wait` seconds until `run` has seen to everything once, for better or worse."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._looked.wait()

    async def tick(self) -> None:
        """Renews what is due and determines the states. Raises `StoreError`."""
        now = self._clock.now()
        if self._online.active:
            if self._tsl.is_due(now):
                await self.refresh_tsl()
                self._looked.set()
            if self._bnetza.is_due(now) and self._tsl.held is not None:
                await self.refresh_bnetza()
        self.judge()

    def _due(self, slot: ListSlot, now: datetime, *, succeeded: bool) -> datetime:
        return slot.due(now, random_fraction(self._entropy), succeeded=succeeded)

    # ---- TUC_KON_032 -------------------------------------------------------------------------------------------------

    async def refresh_tsl(self) -> bool:
        """Fetches and imports the TSL if there is another one; whether that went well.

        A failure shows in EC_TSL_Update_Not_Successful and the event CERT/TSL/IMPORT (4127). Raises `StoreError`.
        """
        went_well = await self._refresh(self._tsl, self._tsl_addresses())
        await self.after_tsl()
        return went_well

    async def import_tsl(self, document: bytes) -> None:
        """A TSL by hand, also an expired one and in every state. Raises `KonnektorError` 4128, `StoreError`."""
        await self._import_by_hand(self._tsl, document)

    def _tsl_addresses(self) -> Sequence[str]:
        held = self._tsl.held
        backup = None if held is None else held.content.location(BACKUP_LOCATION)
        return tuple(dict.fromkeys(filter(None, (self._access.tsl_url, backup))))

    async def _take_tsl(self, document: bytes) -> bool:
        """TUC_PKI_001 for one document; False if it is the one in use. Raises `ListRefused`, `StoreError`."""
        now, slot, anchors = self._clock.now(), self._tsl, self.anchors
        read = await self._reader.read(document)
        check_tsl(read, anchors, now)
        mark = ListMark.of(read.content)
        if not is_newer_tsl(slot.mark, mark) and slot.held is not None:
            return False
        await self._check_signer(read, anchors.active)
        space = read.space.joined(self._given)
        anchors = self._announced(read, anchors).located(space)
        await self._store.apply((put_list(_TSL, document, mark, now), put_anchors(_ANCHOR, anchors)))
        slot.held, slot.mark, self._anchors, self.space = HeldList.of(read, now), mark, anchors, space
        self.on_change()
        return True

    async def _check_signer(self, read: ReadList, anchor: Issuer) -> None:
        """TUC_PKI_001, step 4: the status of the signer, asked where the TSL in use says, not the new one."""
        if not anchor.ocsp_url or not self._ocsp.is_possible:
            return
        status = await self._ocsp.status(read.signer, anchor, self.space)
        if status.fault in _SIGNER_FAULTS:
            raise ListRefused(status.fault, "the signer of the TSL")

    def _announced(self, read: ReadList, anchors: Anchors) -> Anchors:
        try:
            return anchors.announced(read.content)
        except ListRefused as refused:
            # It must not end the import, only be told (TUC_PKI_013).
            self._tell_failure(self._tsl, refused)
            return anchors

    # ---- TUC_KON_031 -------------------------------------------------------------------------------------------------

    async def refresh_bnetza(self) -> bool:
        """As `refresh_tsl` for the BNetzA-VL: EC_BNetzA_VL_Update_Not_Successful, CERT/BNETZA_VL/IMPORT (4133).

        Nothing is done and nothing is wrong without MGM_LU_SAK (TUC_KON_031, step 1).
        """
        if not self._access.sak:
            return True
        return await self._refresh(self._bnetza, (self._access.bnetza_url,))

    async def import_bnetza(self, document: bytes) -> None:
        """A BNetzA-VL by hand. Raises `KonnektorError` 4129, `StoreError`."""
        await self._import_by_hand(self._bnetza, document)

    async def _take_bnetza(self, document: bytes) -> bool:
        """TUC_PKI_036 for one document; False if it is the one in use. Raises `ListRefused`, `StoreError`."""
        now, slot = self._clock.now(), self._bnetza
        read = await self._reader.read(document)
        check_bnetza(read, self.space.bnetza_signers, now)
        if slot.held is not None and slot.held.digest == read.digest:
            return False
        mark = ListMark.of(read.content)
        require_newer_bnetza(slot.mark, mark, again=slot.held is None)
        await self._store.apply((put_list(_BNETZA, document, mark, now),))
        slot.held, slot.mark = HeldList.of(read, now), mark
        self.qualified, self.qualified_signers = read.qualified, read.qualified_signers
        return True

    # ---- both --------------------------------------------------------------------------------------------------------

    async def _refresh(self, slot: ListSlot, addresses: Sequence[str]) -> bool:
        async with self._one_at_a_time:
            now = self._clock.now()
            self.service.begin()
            try:
                held = None if slot.held is None else slot.held.digest
                document = await fetch_other(self.service, addresses, held, partial(self._tell, slot))
                changed = document is not None and await self._take(slot, document)
            except ListRefused as refused:
                due = self._due(slot, now, succeeded=False)
                await self._note(slot, Attempt(now, False, due, refused.fault, refused.reason))
                self._tell_failure(slot, refused, slot.periodic_code)
                return False
            await self._note(slot, Attempt(now, True, self._due(slot, now, succeeded=True)))
            if changed:
                self._tell_update(slot)
            return True

    async def _import_by_hand(self, slot: ListSlot, document: bytes) -> None:
        async with self._one_at_a_time:
            try:
                changed = await self._take(slot, document)
            except ListRefused as refused:
                self._tell_failure(slot, refused, slot.manual_code)
                raise KonnektorError(slot.manual_code, str(refused)) from refused
            if changed:
                self._tell_update(slot)
            self.judge()

    async def _take(self, slot: ListSlot, document: bytes) -> bool:
        return await (self._take_tsl(document) if slot is self._tsl else self._take_bnetza(document))

    async def _note(self, slot: ListSlot, attempt: Attempt) -> None:
        await self._store.apply((put_attempt(slot.attempt_key, attempt),))
        slot.attempt = attempt
        self.judge()

    def judge(self) -> None:
        """Determines the operating states of lists and trust anchor (TIP1-A_4686, 4687, 6731)."""
        now = self._clock.now()
        judge_tsl(self._opstate, *self.tsl, self.anchors, self.grace, now)
        judge_bnetza(self._opstate, *self.bnetza, now)

    def _tell_failure(self, slot: ListSlot, refused: ListRefused, number: int | None = None) -> None:
        """`number` is the Konnektor's code where the whole import failed (TUC_KON_031, TUC_KON_032)."""
        code = None if refused.fault is None else refused.fault.number
        _log.warning("trust list not imported", extra={"topic": slot.topic, "code": code, "reason": refused.reason})
        self._tell(slot, str(refused) if number is None else f"{number} {CODES[number].text}: {refused}")

    def _tell(self, slot: ListSlot, about: str | TslServiceRefused) -> None:
        told = parameters(("Fehlerbeschreibung", str(about)))
        topic = f"{slot.topic}/IMPORT"
        self._hub.publish(Event(topic, told, EventType.OPERATION, EventSeverity.ERROR, deliver=False))

    def _tell_update(self, slot: ListSlot) -> None:
        self._hub.publish(Event(f"{slot.topic}/UPDATED", deliver=False))
