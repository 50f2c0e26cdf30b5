"""Virtual cards in files, in a terminal that runs by itself: `tiaas terminal serve --card FILE`.

A file is the card: it is read at the start and written whenever the card changes, before the card answers, so counters
and changed PINs last. The holder is invented and knows the PINs in force.
"""

import json
import re
from dataclasses import field
from pathlib import Path
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.card.virtual.card import VirtualCard
from tiaas.card.virtual.image import BadImage, CardImage
from tiaas.cli.formfile import read_card_file
from tiaas.cli.writer import note, out_live
from tiaas.lab.pinlookup import SHOWN, pin_of
from tiaas.lab.ready import write_private
from tiaas.terminal.virtual.config import PinPurpose, SlotCard
from tiaas.terminal.virtual.shapes import TerminalShape
from tiaas.terminal.virtual.terminal import VirtualTerminal

_PLACED = re.compile(r"([0-9]{1,2}):(.+)")
_HAND = re.compile(r"(eject|insert) ([0-9]{1,2})")


@dataclass(slots=True)
class _Filed:
    """A card, its file, and the slot that is its own."""

    path: Path
    document: dict[str, Any]
    image: CardImage
    slot: int
    card: VirtualCard | None = None

    def keep(self, image: CardImage) -> None:
        """Writes the card into its file."""
        text = json.dumps({**self.document, "image": image.to_document()}, indent=1)
        write_private(self.path, (text + "\n").encode("utf-8"))


@dataclass(slots=True)
class CardFiles:
    """The cards of one terminal, and (`PinHolder`) the person who has them. Build it with `open`."""

    shape: TerminalShape
    _cards: list[_Filed] = field(default_factory=list)
    _terminal: VirtualTerminal | None = None

    @classmethod
    def open(cls, wanted: list[str], shape: TerminalShape) -> "CardFiles":
        """Reads `[SLOT:]FILE` texts; a card without slot gets the lowest that is left. Raises `InvalidInput`."""
        files = cls(shape)
        named = [_PLACED.fullmatch(text) for text in wanted]
        taken = {shape.smkt_slot, *(int(place[1]) for place in named if place)}
        free = iter(slot for slot in range(1, shape.slots + 1) if slot not in taken)
        for text, place in zip(wanted, named, strict=True):
            slot = int(place[1]) if place else next(free, 0)
            files._add(Path(place[2] if place else text), slot)
        return files

    def _add(self, path: Path, slot: int) -> None:
        held = {card.slot for card in self._cards} | {self.shape.smkt_slot}
        if not 1 <= slot <= self.shape.slots or slot in held:
            raise InvalidInput(f"{path}: no slot for it; {self.shape.name} has {self.shape.slots}, one for its gSMC-KT")
        document = read_card_file(path)
        try:
            image = CardImage.from_document(document.get("image"))
        except BadImage as error:
            raise InvalidInput(f"{path} is damaged: image: {error}") from None
        self._cards.append(_Filed(path, document, image, slot))

    def insert_all(self, terminal: VirtualTerminal, clock: Clock, entropy: Entropy) -> None:
        """Puts every card into its slot."""
        self._terminal = terminal
        for filed in self._cards:
            filed.card = VirtualCard(filed.image, clock=clock, entropy=entropy, on_change=filed.keep)
            terminal.insert(filed.slot, filed.card)

    def lines(self) -> list[str]:
        """What is where, for the person who started the terminal."""
        return [f"slot {card.slot}: {card.image.kind.value} {card.image.iccsn.hex()}" for card in self._cards]

    def on_line(self, line: str) -> bool:
        """`eject SLOT`, `insert SLOT`: the hand at the terminal. False for any other line."""
        found = _HAND.fullmatch(line.lower())
        if found is None or self._terminal is None:
            return False
        slot = int(found[2])
        try:
            if found[1] == "eject":
                self._terminal.eject(slot)
            else:
                self._terminal.insert(slot, self._of_slot(slot))
        except InvalidInput as error:
            note(f"tiaas: {error}")
        else:
            out_live(f"slot {slot}: {'empty' if found[1] == 'eject' else 'card in'}")
        return True

    def pin_for(self, card: SlotCard, password_ref: int, purpose: PinPurpose) -> Secret | None:
        """See `PinHolder`."""
        return pin_of(card.image, password_ref, purpose) if isinstance(card, VirtualCard) else None

    def pin_shown(self, smkt: SlotCard, prompt: str) -> Secret | None:
        """See `PinHolder`: of the one card of that kind in this terminal, for nothing is known of others."""
        if prompt not in SHOWN:
            return None
        kind, number, purpose = SHOWN[prompt]
        found = [filed.card for filed in self._cards if filed.image.kind is kind and filed.card is not None]
        return self.pin_for(found[0], number, purpose) if len(found) == 1 else None

    def pin_changed(self, card: SlotCard, password_ref: int, pin: Secret | None) -> None:
        """See `PinHolder`: the card's file has it already."""

    def _of_slot(self, slot: int) -> VirtualCard:
        for filed in self._cards:
            if filed.slot == slot and filed.card is not None:
                return filed.card
        raise InvalidInput(f"no card was given for slot {slot}")
