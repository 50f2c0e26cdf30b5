"""Texts at the terminal when a card is asked for or given back, literally: gemSpec_Kon V5.18 TIP1-A_5408, TAB_KON_727.

A terminal without a choice of slots shows no slot. A caller's own text goes out with what ISO 646-DE does not have
replaced by a question mark: a message that cannot be spelled is no reason to refuse a card.
"""

from tiaas.konnektor.cardtypes import HBAX, SM_B, CardType
from tiaas.terminal.sicct.text import BREAK

_NOUNS = (("eGK", frozenset({CardType.EGK})), ("HBA", HBAX), ("SMC-B", SM_B))
_DISPLAYABLE = frozenset(map(chr, range(0x20, 0x7F))) - frozenset("[\\]{|}~") | frozenset("ÄÖÜäöüß\n")


def request_text(wanted: frozenset[CardType] | None, slot: int, *, only_slot: bool = False) -> str:
    """The text that asks for a card; `wanted` None: of any type."""
    return f"Bitte {BREAK}{_noun(wanted)} " + _slot("in", slot, only_slot) + f"{BREAK}stecken"


def eject_text(card_type: CardType | None, slot: int, *, only_slot: bool = False) -> str:
    """The text that asks to take a card out; only for known types with the slot, as the table has it."""
    noun = _noun(None if card_type is None else frozenset({card_type}))
    where = "" if noun == "Karte" else _slot("aus", slot, only_slot)
    return f"Bitte {BREAK}{noun} {where}{BREAK}entnehmen"


def displayable(text: str) -> str:
    """A caller's text as a terminal can show it."""
    return "".join(char if char in _DISPLAYABLE else "?" for char in text)


def _noun(types: frozenset[CardType] | None) -> str:
    for noun, named in _NOUNS:
        if types and types <= named:
            return noun
    return "Karte"


def _slot(preposition: str, slot: int, only_slot: bool) -> str:
    return "" if only_slot else f"{BREAK}{preposition} {BREAK}SLOT {slot} "
