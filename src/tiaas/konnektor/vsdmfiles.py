"""What the eGK's answers to reading the insured person's data mean (gemSpec_SST_PS_VSDM V1.5.0: 3001, 3011)."""

from collections.abc import Callable
from typing import TypeVar

from tiaas.base.dataclass import dataclass
from tiaas.fachdienste.vsdm.containers import (
    StatusVd,
    decode_gvd_untrusted,
    decode_pd_untrusted,
    decode_status_vd_untrusted,
    decode_vd_untrusted,
)
from tiaas.interfaces.vsd_gzip import BadContainer
from tiaas.konnektor.basis.cardfiles import CardFiles
from tiaas.konnektor.basis.refusal import DEACTIVATED, NOT_ALLOWED, Answer, CardRefusal, answer_of
from tiaas.konnektor.cardmap import EF_STATUS_VD
from tiaas.konnektor.errors import KonnektorError

T = TypeVar("T")

STORAGE_MAJOR = 3
"""Storage structure of G2 and G2.1 cards is 3.0.x; anything else is unknown (VSDM-A_2979)."""


@dataclass(frozen=True, slots=True)
class CardStatus:
    """Answer to reading EF.StatusVD."""

    answer: Answer

    @property
    def deactivated(self) -> bool:
        """Whether the folder of the health application is."""
        return isinstance(self.answer, CardRefusal) and self.answer.code == DEACTIVATED


class StatusNotKept(Exception):
    """A status that may be another one at the next try."""

    def __init__(self, status: CardStatus) -> None:
        super().__init__("EF.StatusVD")
        self.status = status


async def read_status(files: CardFiles) -> CardStatus:
    """Reads EF.StatusVD. Raises `StatusNotKept` for an answer that is neither the file nor a deactivated folder."""
    status = CardStatus(await answer_of(files.read(EF_STATUS_VD)))
    if isinstance(status.answer, CardRefusal) and not status.deactivated:
        raise StatusNotKept(status)
    return status


def consistent(answer: Answer) -> StatusVd:
    """The status if the data may be used; raises 3001 for an open transaction, 3011 for no readable status."""
    status = _decoded(answer, "EF.StatusVD", decode_status_vd_untrusted)
    if status.transaction_open:
        raise KonnektorError(3001)
    if status.storage_version.major != STORAGE_MAJOR:
        raise KonnektorError(3011, "EF.StatusVD")
    return status


def pd_of(answer: Answer) -> bytes:
    """The block of EF.PD; raises 3011."""
    return _decoded(answer, "EF.PD", decode_pd_untrusted)


def vd_of(answer: Answer) -> bytes:
    """The VD block of EF.VD, never its GVD block (VSDM-A_2784); raises 3011."""
    block = _decoded(answer, "EF.VD", decode_vd_untrusted).vd
    if block is None:
        raise KonnektorError(3011, "EF.VD")
    return block


def gvd_of(answer: Answer) -> bytes | None:
    """The block of EF.GVD; None if the role has no right to it (VSDM-A_2572). Raises 3011."""
    if isinstance(answer, CardRefusal) and answer.code == NOT_ALLOWED:
        return None
    return _decoded(answer, "EF.GVD", decode_gvd_untrusted)


def _decoded(answer: Answer, name: str, decode: Callable[[bytes], T]) -> T:
    """Raises 3011 for a file that was not given, with the card's refusal before it, or that is none."""
    if isinstance(answer, CardRefusal):
        raise KonnektorError(3011, name, causes=(answer,)) from answer
    try:
        return decode(answer)
    except BadContainer:
        raise KonnektorError(3011, name) from None
