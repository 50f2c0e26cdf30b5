"""Terminals of several shapes, as data: slots, where the gSMC-KT is, motors, a contactless reader, the display.

Slots are numbered as in gemSpec_KT V3.17.0, A_24115: contact slots first, contactless ones after them.
"""

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput

_SLOTS_MAX = 14


@dataclass(frozen=True, slots=True)
class TerminalShape:
    """`motors` are the slots that push a card out when it is ejected; `lines`, `columns` are the display's."""

    name: str
    slots: int
    smkt_slot: int
    contactless: int = 0
    motors: frozenset[int] = frozenset()
    columns: int = 20
    lines: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.slots <= _SLOTS_MAX:
            raise InvalidInput(f"a terminal has 1 to {_SLOTS_MAX} slots")
        if self.smkt_slot not in self.contact_slots:
            raise InvalidInput("the gSMC-KT is in one of the contact slots")
        if not self.motors <= set(self.contact_slots):
            raise InvalidInput("contact slots may have a motor")

    @property
    def contact_slots(self) -> range:
        """The numbers of the contact slots."""
        return range(1, self.slots - self.contactless + 1)

    @property
    def contactless_slots(self) -> range:
        """The numbers of the contactless slots."""
        return range(self.slots - self.contactless + 1, self.slots + 1)


SHAPES = {
    shape.name: shape
    for shape in (
        TerminalShape("desk", 4, 4),
        TerminalShape("desk-contactless", 5, 4, contactless=1),
        TerminalShape("motor", 4, 4, motors=frozenset({1})),
        TerminalShape("pocket", 2, 2, columns=16, lines=3),
        TerminalShape("counter", 6, 6, columns=32, lines=8),
        TerminalShape("tower", 14, 14),
    )
}
"""By name: a desk terminal is what a practice has; the others have fewer or more slots, a motor, an antenna."""


def shape_named(name: str) -> TerminalShape:
    """The shape of that name. Raises `InvalidInput`."""
    shape = SHAPES.get(name)
    if shape is None:
        raise InvalidInput(f"shapes of terminals are {', '.join(SHAPES)}")
    return shape
