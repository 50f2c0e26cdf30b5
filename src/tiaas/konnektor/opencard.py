"""TUC_KON_001 "Karte öffnen": what a fresh card tells without any right (gemSpec_Kon V5.18 TIP1-A_4565, TAB_KON_734).

The type follows from the application identifier of the root folder, never from the ATR. Generation 2 means 4.x.y in
tag C1 of EF.Version2 (TIP1-A_4988-02); older and newer cards, and whatever cannot be read, become UNKNOWN. A card with
the HBA's identifier that has no such file, which came with generation 2, is a Vorläuferkarte (TIP1-A_4629). DF.KT of a
gSMC-KT is not touched (TIP1-A_4559). Nothing read here is authenticated.
"""

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.card import commands
from tiaas.card.apdu import ResponseApdu
from tiaas.card.link import CardGone, CardLink, CardLinkError
from tiaas.card.status import StatusWord
from tiaas.konnektor.cardmap import AUT, CERTIFICATES, ECC, EF_GDO, EF_VERSION2, RSA, TYPE_BY_MF_AID, Folder
from tiaas.konnektor.cards import GENERATION_2_1, CardData, CardVersions, Version
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.sessions import BASIC_CHANNEL, Channel
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.subject import holder_of
from tiaas.tlv.ber import BadTlv, decode_one_untrusted

GENERATION_2 = 4
ICCSN_SIZE = 10


class UnreadableCard(TiaasError):
    """A card that did not give what its type must have. `step` names what failed."""

    def __init__(self, step: str, sw: int | None = None) -> None:
        super().__init__(step if sw is None else f"{step}: {sw:04X}")
        self.step = step
        self.sw = sw


@dataclass(frozen=True, slots=True)
class _Basics:
    card_type: CardType
    iccsn: str
    versions: CardVersions | None


async def open_card(line: CardLink, atr: bytes) -> CardData:
    """Reads a card; a failure gives type UNKNOWN. Raises only `CardGone`: then there is no card to speak of."""
    channel = Channel(line, BASIC_CHANNEL, lambda: False)
    try:
        basics = await _read_basics(channel)
        generation = GENERATION_2 if basics.versions is None else basics.versions.object_system.major
        if generation != GENERATION_2:
            return CardData(CardType.UNKNOWN, iccsn=basics.iccsn, atr=atr, too_old=generation < GENERATION_2)
        return await _read_holder(channel, basics, atr)
    except CardGone:
        raise
    except (UnreadableCard, CardLinkError):
        return CardData(CardType.UNKNOWN, atr=atr)


async def _read_basics(channel: Channel) -> _Basics:
    card_type = _type_of(await channel.transmit(commands.select_mf(fcp=True)))
    channel.folder = Folder.MF
    iccsn = _iccsn_of(await channel.read(EF_GDO))
    response = await channel.read(EF_VERSION2)
    if card_type is CardType.HBA and response.sw == StatusWord.FILE_NOT_FOUND:
        return _Basics(CardType.HBA_QSIG, iccsn, None)
    return _Basics(card_type, iccsn, _versions_of(response))


async def _read_holder(channel: Channel, basics: _Basics, atr: bytes) -> CardData:
    base = CardData(basics.card_type, iccsn=basics.iccsn, versions=basics.versions, atr=atr)
    if basics.card_type is CardType.SMC_KT:
        return base
    ecc = basics.versions is not None and basics.versions.object_system >= GENERATION_2_1
    file = CERTIFICATES[basics.card_type][AUT, ECC if ecc else RSA]
    der = _data(await channel.read(file), "AUT certificate")
    try:
        certificate = decode_certificate_untrusted(der)
    except BadCertificate:
        raise UnreadableCard("AUT certificate") from None
    holder = holder_of(certificate)
    if basics.card_type is CardType.EGK and holder.kvnr is None:
        raise UnreadableCard("KVNR")
    return CardData(
        basics.card_type,
        iccsn=basics.iccsn,
        versions=basics.versions,
        holder_name=holder.name,
        kvnr=holder.kvnr if basics.card_type is CardType.EGK else None,
        certificate_expiration=holder.expires.date(),
        aut_certificate=certificate.encoded,
        atr=atr,
    )


def _data(response: ResponseApdu, step: str) -> bytes:
    if not response.ok or not response.data:
        raise UnreadableCard(step, response.sw)
    return response.data


def _type_of(response: ResponseApdu) -> CardType:
    """The type by DO 84 (DF name) in the control parameters of the root folder."""
    try:
        fcp, _ = decode_one_untrusted(_data(response, "root folder"))
        names = [item.value for item in fcp.children() if item.tag == 0x84]
    except BadTlv:
        raise UnreadableCard("root folder") from None
    for name in names:
        if name in TYPE_BY_MF_AID:
            return TYPE_BY_MF_AID[name]
    raise UnreadableCard("unknown root folder")


def _iccsn_of(response: ResponseApdu) -> str:
    try:
        item, _ = decode_one_untrusted(_data(response, "EF.GDO"))
    except BadTlv:
        raise UnreadableCard("EF.GDO") from None
    digits = item.value.hex()
    if item.tag != 0x5A or len(item.value) != ICCSN_SIZE or not digits.isdecimal():
        raise UnreadableCard("EF.GDO")
    return digits


def _versions_of(response: ResponseApdu) -> CardVersions:
    """EF.Version2: EF { C0 rules of the file, C1 object system, C4 GDO, C5 ATR, C6 key info, C7 logging }."""
    try:
        outer, _ = decode_one_untrusted(_data(response, "EF.Version2"))
        found = {item.tag: Version(*item.value) for item in outer.children() if len(item.value) == 3}
    except BadTlv:
        raise UnreadableCard("EF.Version2") from None
    if outer.tag != 0xEF or 0xC1 not in found:
        raise UnreadableCard("EF.Version2")
    return CardVersions(
        cos=found[0xC1],
        object_system=found[0xC1],
        atr=found.get(0xC5),
        gdo=found.get(0xC4),
        key_info=found.get(0xC6),
        logging=found.get(0xC7),
    )
