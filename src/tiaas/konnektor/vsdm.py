"""Fachmodul VSDM: reads the insured person's data with the right of an HBA or SM-B (gemSpec_SST_PS_VSDM V1.5.0).

Order of gaps_closed §4.1 and konnektor_soap §21.3: card types, reservation, health application deactivated (114),
AUT certificate (107, online 106), online check and updates, role and authenticity by C2C (3041, 3042, 405x),
EF.StatusVD (3001), PD and VD (3011), GVD as far as the role may, receipt (112), log entries on the card (108).

To spare round trips PD and VD are read while the HBA or SM-B signs, what a card tells anybody is asked for right after
it was inserted (`prepare`), and the Fachdienste are asked meanwhile; only if there was something to update the card is
read once more. Errors are still judged in the order above.
"""

import asyncio
from contextlib import suppress

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.fachdienste.vsdm.containers import StatusVd
from tiaas.fachdienste.vsdm.receipt import Receipt
from tiaas.konnektor.basis.cardfiles import CardFiles
from tiaas.konnektor.basis.held import hold
from tiaas.konnektor.basis.refusal import Answer, answer_of
from tiaas.konnektor.c2c import CardToCard
from tiaas.konnektor.cardmap import EF_GVD, EF_PD, EF_VD, HOLDER_PIN
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import SM_B, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub, Topic
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.sessions import CallContext, CardSession
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.vsdmfiles import CardStatus, StatusNotKept, consistent, gvd_of, pd_of, read_status, vd_of
from tiaas.konnektor.vsdmlog import VsdmLog
from tiaas.konnektor.vsdmonline import Online, OnlineCheck, vsdm_event
from tiaas.konnektor.vsdmreceipt import CardReceipts


@dataclass(frozen=True, slots=True, repr=False)
class InsuredData:
    """What ReadVSD gives: gzip blocks as they are on the card. Personal data, so no telling `repr`."""

    pd: bytes
    vd: bytes
    gvd: bytes | None
    status: StatusVd
    receipt: bytes | None = None

    def __repr__(self) -> str:
        return f"InsuredData(gvd={self.gvd is not None}, receipt={self.receipt is not None})"


@dataclass(frozen=True, slots=True)
class Wishes:
    """PerformOnlineCheck and ReadOnlineReceipt; `smb` is an SM-B unlocked for the Mandant, for the way to the TI."""

    online_check: bool = False
    receipt: bool = False
    smb: Card | None = None


@dataclass(frozen=True, slots=True)
class _Parties:
    """The cards of one call in their sessions; the eGK and its channel belong to this call alone."""

    egk: Card
    egk_session: CardSession
    files: CardFiles
    hpc: Card
    hpc_session: CardSession
    context: CallContext


@dataclass(frozen=True, slots=True)
class _Content:
    """The answers of the card, not judged yet."""

    status: CardStatus
    pd: Answer
    vd: Answer


class Vsdm:
    """The Fachmodul of one instance; `online` is None where there is no way to the Fachdienste.

    `standalone`: leave a receipt with E=4 on a card whose certificate is revoked, for a Konnektor that works offline.
    """

    def __init__(
        self,
        c2c: CardToCard,
        trust: Trust,
        hub: EventHub,
        clock: Clock,
        receipts: CardReceipts,
        log: VsdmLog,
        online: Online | None = None,
        *,
        standalone: bool = False,
    ) -> None:
        self._c2c = c2c
        self._trust = trust
        self._hub = hub
        self._clock = clock
        self._receipts = receipts
        self._log = log
        self._online = online
        self._standalone = standalone

    @property
    def last_receipt(self) -> Receipt | None:
        """How the last online check ended, without its Prüfziffer; None before the first."""
        return None if self._online is None else self._online.last_receipt

    async def prepare(self, card: Card) -> None:
        """Asks a fresh card for what any ReadVSD needs and everybody may read. Raises `TiaasError`; that is no harm."""
        if card.card_type is CardType.EGK:
            async with card.basic.mutex:
                await self._c2c.target(card)
                await self._status_container(CardFiles(card, card.basic))
        elif card.card_type in HOLDER_PIN:
            await self._c2c.source(card)
            await self._log.prepare(card)

    async def read(self, egk: Card, hpc: Card, context: CallContext, wishes: Wishes) -> InsuredData:
        """ReadVSD. Access is checked before.

        Raises `KonnektorError` 105 to 108, 110 to 114, 3001, 3011, 3039 to 3042, 4048, 4056 to 4058, 4093, 4094, 4196,
        4228, 4233.
        """
        _require_types(egk, hpc)
        with link_faults():
            async with hold(egk, context) as held:
                hpc_session = hpc.session(context)
                self._hub.publish(vsdm_event(Topic.VSDM_PROGRESS_READVSD, egk))
                async with held.files() as files:
                    return await self._read(_Parties(egk, held.session, files, hpc, hpc_session, context), wishes)

    async def _read(self, parties: _Parties, wishes: Wishes) -> InsuredData:
        egk = parties.egk
        status = await self._status_container(parties.files)
        check = self._check(parties, wishes, locked=status.deactivated)
        if status.deactivated and check is None:
            raise KonnektorError(114)
        self._trust.check_egk(egk.data.aut_certificate or b"", self._clock.now())
        if check is None or self._online is None:
            return await self._give(parties, await self._open(parties, status), wishes, None)
        updated = False
        content = await self._ask_and_open(parties, status, check)
        if check.waits:
            updated = await check.update(parties.files.channel, lambda: self._doubt(parties))
        if updated:
            content = await self._open_anew(parties)
        return await self._give(parties, content, wishes, await self._online.conclude(check), updated=updated)

    def _doubt(self, parties: _Parties) -> None:
        """A Fachdienst is about to use the eGK."""
        parties.egk.forget("status_vd")
        self._c2c.doubt(parties.egk_session)

    def _check(self, parties: _Parties, wishes: Wishes, *, locked: bool) -> OnlineCheck | None:
        """An online check if one is wanted, or in every case if the health application is locked (VSDM-A_2582)."""
        if self._online is None or not self._online.is_open or not (wishes.online_check or locked):
            return None
        smb = wishes.smb
        return self._online.check(parties.egk, smb, None if smb is None else smb.session(parties.context))

    async def _ask_and_open(self, parties: _Parties, status: CardStatus, check: OnlineCheck) -> _Content:
        """Asks the Fachdienste while the card is opened and read. What they refuse comes before what the card does."""
        asking = asyncio.create_task(check.ask())
        try:
            content = await self._open(parties, status)
        except BaseException:
            if not asking.done():
                asking.cancel()
            with suppress(asyncio.CancelledError):
                await asking
            raise
        try:
            await asking
        except KonnektorError as error:
            if error.code == 106 and self._standalone and self._online is not None:
                receipt = self._online.certificate_invalid()
                await self._receipts.write(parties.files, parties.context.mandant_id, receipt)
            raise
        finally:
            asking.cancel()
        return content

    async def _open(self, parties: _Parties, status: CardStatus) -> _Content:
        """C2C, with PD and VD read meanwhile."""
        files = parties.files

        async def data() -> tuple[Answer, Answer]:
            return await answer_of(files.read(EF_PD)), await answer_of(files.read(EF_VD))

        hpc = parties.hpc
        try:
            pd, vd = await self._c2c.unlock(parties.egk, parties.egk_session, hpc, parties.hpc_session, data)
        except KonnektorError as error:
            if error.code == 4085:
                raise _not_unlocked(hpc) from error
            raise
        return _Content(status, pd, vd)

    async def _open_anew(self, parties: _Parties) -> _Content:
        """After an update: nothing that was read or proven before holds any more."""
        await parties.files.channel.reset()
        parties.egk_session.auth_state.clear()
        return await self._open(parties, await self._status_container(parties.files))

    async def _give(
        self, parties: _Parties, content: _Content, wishes: Wishes, made: Receipt | None, *, updated: bool = False
    ) -> InsuredData:
        """Judges what was read, reads what needs the role, writes log entries and the receipt `made` of a check."""
        if content.status.deactivated:
            raise KonnektorError(114)
        status = consistent(content.status.answer)
        pd, vd = pd_of(content.pd), vd_of(content.vd)
        files, hpc, letters = parties.files, parties.hpc, self._log.letters
        if updated:
            await self._log.write(files, hpc, letters.update)
        gvd = gvd_of(await answer_of(files.read(EF_GVD)))
        if gvd is not None:
            await self._log.write(files, hpc, letters.access)
        receipt = None
        if wishes.receipt:
            receipt = await self._receipt(parties, made)
        return InsuredData(pd, vd, gvd, status, receipt)

    async def _receipt(self, parties: _Parties, made: Receipt | None) -> bytes:
        """The receipt of this check, written to the card too; without a check the one that lies there."""
        files, mandant = parties.files, parties.context.mandant_id
        if made is None:
            return await self._receipts.read(files, mandant)
        block = await self._receipts.write(files, mandant, made)
        await self._log.write(files, parties.hpc, self._log.letters.receipt)
        return block

    async def _status_container(self, files: CardFiles) -> CardStatus:
        """EF.StatusVD, kept while the card is inserted; who updates the card must `forget("status_vd")`.

        An answer that is neither the file nor a deactivated folder is not kept: the next ReadVSD asks again.
        """
        try:
            return await files.card.cached("status_vd", self._clock, lambda: read_status(files))
        except StatusNotKept as failure:
            return failure.status


def _require_types(egk: Card, hpc: Card) -> None:
    if egk.card_type is CardType.UNKNOWN:
        raise KonnektorError(113 if egk.data.too_old else 105)
    if egk.card_type is not CardType.EGK or hpc.card_type not in HOLDER_PIN:
        raise KonnektorError(4058)


def _not_unlocked(hpc: Card) -> KonnektorError:
    """3041 has the SM-B's handle as detail, so that a client knows which card to unlock (gemSpec_SST_PS_VSDM)."""
    return KonnektorError(3041, hpc.handle) if hpc.card_type in SM_B else KonnektorError(3042)
