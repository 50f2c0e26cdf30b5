"""Documents about virtual SMC-Bs in an HSM (gemF_Personalisierung_HSM A_23632-01)."""

from datetime import datetime
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.interfaces.management.fields import Text, Told


@dataclass(frozen=True, slots=True)
class VirtualSmb:
    """A virtual SMC-B: what an administrator needs to see which one he activates, and for which Mandanten it is.

    `available`: its HSM is there; without it the holder is not known. `expires` is the day its certificate ends.
    """

    iccsn: str
    order_number: str
    holder: str
    ct_id: str
    slot: int
    available: bool
    expires: datetime | None
    mandanten: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VirtualSmbs:
    """All virtual SMC-Bs."""

    virtual_smbs: tuple[VirtualSmb, ...]


@dataclass(frozen=True, slots=True)
class ActivationCode:
    """The activation code that the issuer sent by post."""

    code: Annotated[Secret, Text(1, 64), Told("as it stands in the letter")]
