"""What the eGK's answers to reading the insured person's data mean (gemSpec_SST_PS_VSDM V1.5.0: 3001, 3011)."""

from dataclasses import dataclass

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
from tiaas.konnektor.cardmap import EF_STATUS_VD, Folder
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.sessions import Channel

STORAGE_MAJOR = 3
"""Storage structure of G2 and G2.1 cards is 3.0.x; anything else is unknown (VSDM-A_2979)."""


@dataclass(frozen=True, slots=True)
class CardStatus:
    """Answer to reading EF.StatusVD; `deactivated` if its folder said so (6283), whatever is selected later."""

    answer: ResponseApdu
    deactivated: bool = False


class StatusNotKept(Exception):
    """A status that may be another one at the next try."""

    def __init__(self, status: CardStatus) -> None:
        super().__init__(f"{status.answer.sw:04X}")
        self.status = status


async def read_status(channel: Channel) -> CardStatus:
    """Reads EF.StatusVD. Raises `StatusNotKept` for an answer that is neither the file nor 6283."""
    selected = await channel.select(Folder.HCA)
    if selected.sw == StatusWord.FILE_DEACTIVATED:
        return CardStatus(selected, deactivated=True)
    status = CardStatus(await channel.read(EF_STATUS_VD) if selected.ok else selected)
    if not status.answer.ok:
        raise StatusNotKept(status)
    return status


def consistent(response: ResponseApdu) -> StatusVd:
    """The status if the data may be used; raises 3001 for an open transaction, 3011 for no readable status."""
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


def pd_of(response: ResponseApdu) -> bytes:
    """The block of EF.PD; raises 3011."""
    if not response.ok:
        raise KonnektorError(3011, "EF.PD")
    try:
        return decode_pd_untrusted(response.data)
    except BadContainer:
        raise KonnektorError(3011, "EF.PD") from None


def vd_of(response: ResponseApdu) -> bytes:
    """The VD block of EF.VD, never its GVD block (VSDM-A_2784); raises 3011."""
    try:
        block = decode_vd_untrusted(response.data).vd if response.ok else None
    except BadContainer:
        block = None
    if block is None:
        raise KonnektorError(3011, "EF.VD")
    return block


def gvd_of(response: ResponseApdu) -> bytes | None:
    """The block of EF.GVD; None if the role has no right to it (VSDM-A_2572). Raises 3011."""
    if response.sw == StatusWord.SECURITY_STATUS_NOT_SATISFIED:
        return None
    if not response.ok:
        raise KonnektorError(3011, "EF.GVD")
    try:
        return decode_gvd_untrusted(response.data)
    except BadContainer:
        raise KonnektorError(3011, "EF.GVD") from None
