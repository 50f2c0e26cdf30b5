"""Documents about the packet filter of a box, profile einbox."""

from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.fields import Told


@dataclass(frozen=True, slots=True)
class PacketFilterState:
    """The rules of the administrator and whether they are in force."""

    file: Annotated[str, Told("where the rules are")]
    table: Annotated[str, Told("the nftables table of family inet that they are loaded into")]
    in_force: bool
    reason: Annotated[str, Told("why they are not in force, else empty")]
