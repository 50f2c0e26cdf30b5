"""The lab's part of the ready file: terminals with what is in their slots, cards with their PINs in force."""

from urllib.parse import quote

from tiaas.card.objsys.model import CardKind
from tiaas.lab.cards import LabCard
from tiaas.lab.lab import Lab
from tiaas.lab.practice import LabTerminal, Practice
from tiaas.lab.ready import CardEntry, CardsEntry, SlotEntry, TerminalEntry


def terminal_entries(practice: Practice, control_url: str) -> tuple[TerminalEntry, ...]:
    """The terminals of a practice."""
    return tuple(_terminal(terminal, control_url) for terminal in practice.terminals.values())


def cards_entry(lab: Lab, practice: Practice) -> CardsEntry:
    """The cards made for a practice, wherever they are."""

    def of_kind(kind: CardKind) -> tuple[CardEntry, ...]:
        return tuple(_card(lab, card) for card in lab.cards.of_practice(practice.number, kind))

    return CardsEntry(egk=of_kind(CardKind.EGK), smcb=of_kind(CardKind.SMC_B), hba=of_kind(CardKind.HBA))


def _terminal(terminal: LabTerminal, control_url: str) -> TerminalEntry:
    slots = tuple(SlotEntry(slot, iccsn) for slot, iccsn in sorted(terminal.record.slots.items()))
    control = f"{control_url}/terminals/{quote(terminal.ct_id, safe='')}"
    return TerminalEntry(terminal.ct_id, terminal.record.name, terminal.sicct, control, slots)


def _card(lab: Lab, card: LabCard) -> CardEntry:
    return CardEntry(card.iccsn, card.holder, card.kvnr, card.pins(), lab.place_of(card.iccsn))
