"""Documents about the systems of the TI that an instance depends on (gemSpec_Kon V5.18 A_23276)."""

from datetime import datetime
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.fields import Told


@dataclass(frozen=True, slots=True)
class CentralSystem:
    """A system, where it is, and whether it could be reached when it was last tried."""

    system: Annotated[str, Told("TSL service, BNetzA-VL, OCSP forwarder, Intermediär VSDM, VZD, KSR, NTP …")]
    host: str
    port: int
    is_reachable: Annotated[bool | None, Told("null: not tried")]
    at: Annotated[datetime | None, Told("when; of an NTP server that of the last comparison of time")]
    reason: Annotated[str, Told("why it could not be reached, or was not tried")]


@dataclass(frozen=True, slots=True)
class CentralSystems:
    """All that the instance has an address of."""

    systems: tuple[CentralSystem, ...]
