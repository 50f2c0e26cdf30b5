"""A lab as it was when it started: for the next test, without a new start.

Faults end with what they still had in hand, the time is right, what came into the KSR is gone, plugs are in,
PINs are typed automatically, cards are where they were, and a card whose PINs were changed, blocked or unblocked has
those of the start again. What insurers and CAs did (updates, revocations) stays, and so does what cards write by
themselves, like the log of who read them.
"""

from collections.abc import Mapping, Set
from dataclasses import field
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.card.objsys.model import CardKind
from tiaas.lab.cards import LabCard
from tiaas.lab.lab import Lab
from tiaas.lab.practice import LabTerminal
from tiaas.lab.ready import Place
from tiaas.terminal.virtual.terminal import PinPolicy


@dataclass(slots=True)
class Beginning:
    """What a lab was like at its start: where its cards were, and their PINs; what lay in its KSR."""

    _places: dict[str, Place | None] = field(default_factory=dict)
    _passwords: dict[str, Any] = field(default_factory=dict)
    _packages: frozenset[str] = frozenset()
    _networks: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, lab: Lab) -> "Beginning":
        """The lab as it is now."""
        places = {card.iccsn: lab.place_of(card.iccsn) for card in lab.cards}
        packages = frozenset(package.update_id for package in lab.ksr.packages)
        return cls(places, {card.iccsn: _passwords(card) for card in lab.cards}, packages, lab.ksr.networks.shown)

    async def restore(self, lab: Lab, known: Set[str]) -> None:
        """Makes the lab so again; cards that are not `known` (by ICCSN) to a Konnektor are put in anew, too."""
        lab.faults.clear()
        await lab.end_mishaps()
        for terminal in lab.terminals():
            await _make_ready(terminal)
        changed = {card.iccsn for card in lab.cards if _passwords(card) != self._passwords.get(card.iccsn)}
        moved = {card.iccsn for card in lab.cards if lab.place_of(card.iccsn) != self._places.get(card.iccsn)}
        touched = changed | moved | (self.placed(lab) - known)
        for iccsn in touched:
            place = lab.place_of(iccsn)
            if place is not None:
                lab.eject(place.ct_id, place.slot)
        for iccsn in changed & self._passwords.keys():
            lab.cards.restore_passwords(iccsn, self._passwords[iccsn])
        for iccsn in sorted(touched):
            place = self._places.get(iccsn)
            if place is not None:
                lab.insert(place.ct_id, place.slot, iccsn)

    def withdraw(self, lab: Lab) -> bool:
        """Takes away what came into the KSR since, firmware and networks; whether there was any."""
        new = [package.update_id for package in lab.ksr.packages if package.update_id not in self._packages]
        for update_id in new:
            lab.ksr.packages.withdraw(update_id)
        has_other = lab.ksr.networks.shown != self._networks
        if has_other:
            lab.ksr.networks.put(self._networks)
        return bool(new) or has_other

    def placed(self, lab: Lab) -> frozenset[str]:
        """The cards that a Konnektor sees at the start; gSMC-KTs are part of their terminals."""
        cards = (card for card in lab.cards if card.kind is not CardKind.SMC_KT)
        return frozenset(card.iccsn for card in cards if self._places.get(card.iccsn) is not None)


def _passwords(card: LabCard) -> Any:
    return card.card.image.to_document()["passwords"]


async def _make_ready(terminal: LabTerminal) -> None:
    terminal.virtual.pin_policy = PinPolicy()
    terminal.set_motor(on=False)
    terminal.take_memory_cards()
    if not terminal.virtual.snapshot().plugged:
        await terminal.virtual.plug_in()
