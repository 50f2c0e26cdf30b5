"""Fachmodul VSDM: reads the insured person's data with the right of an HBA or SM-B (gemSpec_SST_PS_VSDM V1.5.0).

Order of gaps_closed §4.1 and konnektor_soap §21.3: card types, reservation, health application deactivated (114),
AUT certificate (107), role and authenticity by C2C (3041, 3042, 405x), EF.StatusVD (3001), PD and VD (3011), GVD as far
as the role may, log entry on the card (108), receipt. The online part (UFS, VSDD) is not built: this Konnektor works as
one whose online mode is switched off, see docs/conformance/divergences.md.

To spare round trips PD and VD are read while the HBA or SM-B signs, and what a card tells anybody is asked for right
after it was inserted (`prepare`). Errors are still judged in the order above.
"""

from dataclasses import dataclass

from tiaas.base.clock import Clock
from tiaas.card import commands
from tiaas.card.apdu import ResponseApdu
from tiaas.card.status import StatusWord
from tiaas.fachdienste.vsdm.containers import (
    StatusVd,
    decode_gvd_untrusted,
    decode_pd_untrusted,
    decode_status_vd_untrusted,
    decode_vd_untrusted,
)
from tiaas.interfaces.vsd_gzip import BadContainer
from tiaas.konnektor.c2c import CardToCard
from tiaas.konnektor.cardmap import (
    CERTIFICATES,
    ECC,
    EF_GVD,
    EF_LOGGING,
    EF_PD,
    EF_RECEIPT,
    EF_STATUS_VD,
    EF_VD,
    HOLDER_PIN,
    RSA,
    SIG,
    Folder,
)
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import SM_B, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub, Topic, parameters
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.sessions import CallContext, CardSession, Channel
from tiaas.konnektor.trustservice import Trust
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.subject import holder_of

STORAGE_MAJOR = 3
"""Storage structure of G2 and G2.1 cards is 3.0.x; anything else is unknown (VSDM-A_2979)."""
ACTOR_NAME_SIZE = 30


@dataclass(frozen=True, slots=True)
class LogLetters:
    """Data type and access type of VSDM in EF.Logging (record octets 4 and 5). The official letters are not public."""

    data_type: str = "1"
    access: str = "R"

    def __post_init__(self) -> None:
        if len(self.data_type.encode("utf-8")) != 1 or len(self.access.encode("utf-8")) != 1:
            raise ValueError("data type and access type are one octet each")


@dataclass(frozen=True, slots=True, repr=False)
class InsuredData:
    """What ReadVSD gives: gzip blocks as they are on the card. Personal data, so no telling `repr`."""

    pd: bytes
    vd: bytes
    gvd: bytes | None
    status: StatusVd

    def __repr__(self) -> str:
        return f"InsuredData(gvd={self.gvd is not None})"


@dataclass(frozen=True, slots=True)
class _Status:
    """Answer to reading EF.StatusVD; `deactivated` if its folder said so (6283), whatever is selected later."""

    answer: ResponseApdu
    deactivated: bool = False


class _NotKept(Exception):
    """A status that may be another one at the next try."""

    def __init__(self, status: _Status) -> None:
        super().__init__(f"{status.answer.sw:04X}")
        self.status = status


class Vsdm:
    """The Fachmodul of one instance."""

    def __init__(
        self, c2c: CardToCard, trust: Trust, hub: EventHub, clock: Clock, letters: LogLetters | None = None
    ) -> None:
        self._c2c = c2c
        self._trust = trust
        self._hub = hub
        self._clock = clock
        self._letters = letters or LogLetters()

    async def prepare(self, card: Card) -> None:
        """Asks a fresh card for what any ReadVSD needs and everybody may read. Raises `TiaasError`; that is no harm."""
        if card.card_type is CardType.EGK:
            async with card.basic.mutex:
                await self._c2c.target(card)
                await self._status_container(card)
        elif card.card_type in HOLDER_PIN:
            await self._c2c.source(card)
            await self._actor(card)

    async def read(self, egk: Card, hpc: Card, context: CallContext, *, receipt: bool) -> InsuredData:
        """ReadVSD without online check. Access is checked before.

        `receipt` asks for the receipt on the card; without online mode none can be made, and one made elsewhere
        cannot be deciphered. Raises `KonnektorError` 101, 105, 107, 108, 113, 114, 3001, 3011, 3039, 3040, 3041, 3042,
        4048, 4056, 4057, 4058, 4093, 4094, 4196, 4228, 4233.
        """
        _require_types(egk, hpc)
        with link_faults():
            async with egk.reserve() as holder:
                egk_session, hpc_session = egk.session(context, holder), hpc.session(context)
                self._hub.publish(_progress(egk))
                async with egk_session.use() as channel:
                    return await self._read(egk, egk_session, channel, hpc, hpc_session, receipt)

    async def _read(
        self, egk: Card, egk_session: CardSession, channel: Channel, hpc: Card, hpc_session: CardSession, receipt: bool
    ) -> InsuredData:
        status = await self._status_container(egk)
        if status.deactivated:
            raise KonnektorError(114)
        self._trust.check_egk(egk.data.aut_certificate or b"", self._clock.now())

        async def open_data() -> tuple[ResponseApdu, ResponseApdu]:
            return await channel.read(EF_PD), await channel.read(EF_VD)

        try:
            pd, vd = await self._c2c.unlock(egk, egk_session, hpc, hpc_session, open_data)
        except KonnektorError as error:
            if error.code == 4085:
                raise _not_unlocked(hpc) from error
            raise
        consistent = _consistent(status.answer)
        blocks = decode_pd(pd), decode_vd(vd)
        gvd = await self._protected(channel, hpc)
        if receipt:
            await _require_receipt(channel)
        return InsuredData(blocks[0], blocks[1], gvd, consistent)

    async def _status_container(self, egk: Card) -> _Status:
        """EF.StatusVD, kept while the card is inserted; who updates the card must `forget("status_vd")`.

        An answer that is neither the file nor 6283 is not kept: the next ReadVSD asks again.
        """
        try:
            return await egk.cached("status_vd", self._clock, lambda: _read_status(egk.basic))
        except _NotKept as failure:
            return failure.status

    async def _protected(self, channel: Channel, hpc: Card) -> bytes | None:
        """GVD, and the log entry that belongs to reading it; None if the role has no right to it (VSDM-A_2572)."""
        response = await channel.read(EF_GVD)
        if response.sw == StatusWord.SECURITY_STATUS_NOT_SATISFIED:
            return None
        if not response.ok:
            raise KonnektorError(3011, "EF.GVD")
        try:
            block = decode_gvd_untrusted(response.data)
        except BadContainer:
            raise KonnektorError(3011, "EF.GVD") from None
        await self._log_access(channel, hpc)
        return block

    async def _log_access(self, channel: Channel, hpc: Card) -> None:
        """TUC_KON_006; without log entry the data are not given out (VSDM-A_2654, 108)."""
        record = log_record(
            int(self._clock.now().timestamp()), self._letters, hpc.data.iccsn or "", await self._actor(hpc)
        )
        response = await channel.transmit(commands.append_record(EF_LOGGING.sfid, record))
        if not response.ok:
            raise KonnektorError(108)

    async def _actor(self, hpc: Card) -> str:
        """Who reads: SM-B the common name of C.HCI.OSIG, HBA surname and given name of C.HP.AUT. Raises 109."""
        return await hpc.cached("actor", self._clock, lambda: _read_actor(hpc))


def _require_types(egk: Card, hpc: Card) -> None:
    if egk.card_type is CardType.UNKNOWN:
        raise KonnektorError(113 if egk.data.too_old else 105)
    if egk.card_type is not CardType.EGK or hpc.card_type not in HOLDER_PIN:
        raise KonnektorError(4058)


def _not_unlocked(hpc: Card) -> KonnektorError:
    """3041 has the SM-B's handle as detail, so that a client knows which card to unlock (gemSpec_SST_PS_VSDM)."""
    return KonnektorError(3041, hpc.handle) if hpc.card_type in SM_B else KonnektorError(3042)


async def _read_status(channel: Channel) -> _Status:
    selected = await channel.select(Folder.HCA)
    if selected.sw == StatusWord.FILE_DEACTIVATED:
        return _Status(selected, deactivated=True)
    status = _Status(await channel.read(EF_STATUS_VD) if selected.ok else selected)
    if not status.answer.ok:
        raise _NotKept(status)
    return status


def _consistent(response: ResponseApdu) -> StatusVd:
    if not response.ok:
        raise KonnektorError(3011, "EF.StatusVD")
    try:
        status = decode_status_vd_untrusted(response.data)
    except BadContainer:
        raise KonnektorError(3011, "EF.StatusVD") from None
    if status.transaction_open:
        raise KonnektorError(3001)
    if status.storage_version.major != STORAGE_MAJOR:
        raise KonnektorError(3011, "EF.StatusVD")
    return status


def decode_pd(response: ResponseApdu) -> bytes:
    """The block of EF.PD; raises 3011."""
    if not response.ok:
        raise KonnektorError(3011, "EF.PD")
    try:
        return decode_pd_untrusted(response.data)
    except BadContainer:
        raise KonnektorError(3011, "EF.PD") from None


def decode_vd(response: ResponseApdu) -> bytes:
    """The VD block of EF.VD, never its GVD block (VSDM-A_2784); raises 3011."""
    try:
        block = decode_vd_untrusted(response.data).vd if response.ok else None
    except BadContainer:
        block = None
    if block is None:
        raise KonnektorError(3011, "EF.VD")
    return block


async def _require_receipt(channel: Channel) -> None:
    """There is no receipt we could give: none on the card is 3040, one whose key we do not have 3039."""
    response = await channel.read(EF_RECEIPT)
    if not response.ok or not response.data.strip(b"\x00"):
        raise KonnektorError(3040)
    raise KonnektorError(3039)


async def _read_actor(hpc: Card) -> str:
    """Of an HBA the certificate was read when it was inserted."""
    der = hpc.data.aut_certificate or b""
    if hpc.card_type in SM_B:
        async with hpc.basic.mutex:
            response = await hpc.basic.read(CERTIFICATES[hpc.card_type][SIG, ECC])
            if not response.ok or not response.data:
                response = await hpc.basic.read(CERTIFICATES[hpc.card_type][SIG, RSA])
        der = response.data
    try:
        holder = holder_of(decode_certificate_untrusted(der))
    except BadCertificate:
        raise KonnektorError(109) from None
    if hpc.card_type in SM_B:
        return holder.name
    return f"{holder.surname or ''} {holder.given_name or ''}".strip() or holder.name


def log_record(seconds: int, letters: LogLetters, iccsn: str, actor: str) -> bytes:
    """A record of EF.Logging, 46 octets: time (4) ‖ data type ‖ access type ‖ ICCSN (10) ‖ name (30, UTF-8, blanks).

    `iccsn` are 20 digits of the acting HBA or SM-B. Source: gemSpec_Karten_Fach_TIP Tab_010 by ref-HealthCardControl.
    """
    # Cutting may split a character of several octets; its rest must go.
    name = actor.encode("utf-8")[:ACTOR_NAME_SIZE].decode("utf-8", "ignore").encode("utf-8").ljust(ACTOR_NAME_SIZE)
    head = seconds.to_bytes(4, "big") + letters.data_type.encode("utf-8") + letters.access.encode("utf-8")
    return head + bytes.fromhex(iccsn) + name


def _progress(egk: Card) -> Event:
    """VSDM/PROGRESS/READVSD: reading begins (gemSpec_FM_VSDM, VSDM-A_2664 ff.)."""
    return Event(
        Topic.VSDM_PROGRESS_READVSD,
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
