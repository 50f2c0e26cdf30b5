"""A demo practice: its virtual terminals, what sits in the slots, and the drawer with the other cards.

    slot 1  eGK of the first patient      slot 3  HBA
    slot 2  SMC-B                         slot 4  gSMC-KT (the terminal's own identity)

That is the first terminal; further ones have a gSMC-KT and three empty slots.

Where a card is says the terminal's document alone; what is in no slot is in the drawer. A card moves in one write.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from functools import partial
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.card.objsys.model import CardKind
from tiaas.card.virtual.kvkcard import KvkCard
from tiaas.lab.cards import CardBox, LabCard
from tiaas.lab.errors import NothingToReinsert, SlotOccupied, SlotVacant, UnknownSlot
from tiaas.lab.ready import Place
from tiaas.lab.store import Kind, LabStore
from tiaas.terminal.virtual.terminal import TerminalState, VirtualTerminal

HOME_SLOTS = {CardKind.EGK: 1, CardKind.SMC_B: 2, CardKind.HBA: 3, CardKind.SMC_KT: 4}
_SERIALS = 1000  # more than practices


@dataclass(slots=True)
class TerminalRecord:
    """What the database keeps of a terminal. `slots` and `ejected` are ICCSNs by slot number.

    `number` counts the terminals of a practice from 1.
    """

    ct_id: str
    name: str
    mac: bytes
    practice: int
    slots: dict[int, str | None]
    number: int = 1
    ejected: dict[int, str] = field(default_factory=dict)
    state: dict[str, object] | None = None
    shape: str = "desk"
    smkt_edition: int = 0
    """Which gSMC-KT of its running number is the terminal's: 0 the first, 1 its successor …"""

    def to_document(self) -> dict[str, Any]:
        """For the database; holds the pairing secrets."""
        return {
            "ct_id": self.ct_id,
            "name": self.name,
            "mac": self.mac.hex(),
            "practice": self.practice,
            "number": self.number,
            "slots": {str(slot): iccsn for slot, iccsn in self.slots.items()},
            "ejected": {str(slot): iccsn for slot, iccsn in self.ejected.items()},
            "state": self.state,
            "shape": self.shape,
            "smkt_edition": self.smkt_edition,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "TerminalRecord":
        """The inverse."""
        return cls(
            ct_id=document["ct_id"],
            name=document["name"],
            mac=bytes.fromhex(document["mac"]),
            practice=document["practice"],
            # A folder made when a practice had one terminal has no number.
            number=document.get("number", 1),
            slots={int(slot): iccsn for slot, iccsn in document["slots"].items()},
            ejected={int(slot): iccsn for slot, iccsn in document["ejected"].items()},
            state=document["state"],
            shape=document.get("shape", "desk"),
            smkt_edition=document.get("smkt_edition", 0),
        )


def terminal_id(practice: int, number: int) -> str:
    """The ctId of a practice's terminal `number` (from 1)."""
    return f"CT-{practice}" if number == 1 else f"CT-{practice}-{number}"


def smkt_serial(practice: int, number: int) -> int:
    """The lab's running number of the gSMC-KT made for a practice's terminal `number`."""
    return practice + _SERIALS * (number - 1)


class LabTerminal:
    """A virtual terminal with cards of the lab. All calls belong to the event loop's thread."""

    def __init__(
        self,
        record: TerminalRecord,
        make: Callable[[TerminalRecord, Callable[[TerminalState], None]], VirtualTerminal],
        *,
        store: LabStore,
        cards: CardBox,
        on_move: Callable[[], None],
    ) -> None:
        self.record = record
        self.sicct = ""
        self._store = store
        self._on_move = on_move
        self._memory_cards: set[int] = set()
        self.virtual = make(record, self._on_state)
        self.virtual.machine.push_out = self.eject
        for slot, iccsn in record.slots.items():
            if iccsn is not None:
                self.virtual.insert(slot, cards.get(iccsn).card)

    @property
    def ct_id(self) -> str:
        """The name under which the Konnektor and the control port know it."""
        return self.record.ct_id

    def place_of(self, iccsn: str) -> Place | None:
        """The slot in which the card is, if it is in this terminal."""
        for slot, held in self.record.slots.items():
            if held == iccsn:
                return Place(self.ct_id, slot)
        return None

    def last_ejected(self, slot: int) -> str:
        """The card that came out of an empty slot last. Raises `UnknownSlot`, `SlotOccupied`, `NothingToReinsert`."""
        self.check_free(slot)
        if slot not in self.record.ejected:
            raise NothingToReinsert
        return self.record.ejected[slot]

    def check_free(self, slot: int) -> None:
        """Raises `UnknownSlot`, `SlotOccupied`."""
        if self._held(slot) is not None or slot in self._memory_cards:
            raise SlotOccupied

    def insert(self, slot: int, card: LabCard) -> None:
        """Puts a card that is in no slot into an empty one. Raises `UnknownSlot`, `SlotOccupied`, `NotKept`."""
        self.check_free(slot)
        self._book(slot, card.iccsn, self.record.ejected)
        self.virtual.insert(slot, card.card)
        self._on_move()

    def insert_memory_card(self, slot: int, card: KvkCard) -> None:
        """Puts a memory card into an empty slot; it lives until it is taken out. Raises as `insert`."""
        self.check_free(slot)
        self._memory_cards.add(slot)
        self.virtual.insert(slot, card)
        self._on_move()

    def take_memory_cards(self) -> None:
        """Takes out the memory cards, which are gone then."""
        for slot in tuple(self._memory_cards):
            self.eject(slot)

    def set_motor(self, *, on: bool) -> None:
        """Whether all contact slots push a card out that the terminal was told to eject, or those of its shape."""
        shape = self.virtual.config.shape
        self.virtual.machine.motors = frozenset(shape.contact_slots) if on else shape.motors

    def eject(self, slot: int) -> str:
        """Takes the card out and puts it into the drawer; returns its ICCSN, "" for a memory card, which is gone then.

        Raises `UnknownSlot`, `SlotVacant`; `NotKept`, and the card stays where it is.
        """
        iccsn = self._held(slot)
        if slot in self._memory_cards:
            self._memory_cards.discard(slot)
            self.virtual.eject(slot)
            self._on_move()
            return ""
        if iccsn is None:
            raise SlotVacant
        self._book(slot, None, {**self.record.ejected, slot: iccsn})
        self.virtual.eject(slot)
        self._on_move()
        return iccsn

    def keep_state(self) -> None:
        """What was changed of the terminal's own state by hand is kept."""
        self._on_state(self.virtual.state)

    def fit_slots(self) -> None:
        """The record has the slots that the terminal has now; a card in one that is gone goes into the drawer."""
        there = {slot.number for slot in self.virtual.machine}
        self._keep(replace(self.record, slots={number: self.record.slots.get(number) for number in sorted(there)}))
        self._on_move()

    def book_smkt(self, card: LabCard, edition: int) -> None:
        """Another gSMC-KT is in the terminal from now on, for the books: `swap_smkt` puts it in. Raises `NotKept`."""
        slot = self.virtual.config.smkt_slot
        held = self.record.slots[slot]
        ejected = self.record.ejected if held is None else {**self.record.ejected, slot: held}
        slots = {**self.record.slots, slot: card.iccsn}
        self._keep(replace(self.record, slots=slots, ejected=ejected, smkt_edition=edition))

    def swap_smkt(self, card: LabCard) -> None:
        """What `book_smkt` wrote: the old gSMC-KT, if there is one, comes out, the new one goes in."""
        slot = self.virtual.config.smkt_slot
        if self.virtual.card_in(slot) is not None:
            self.virtual.eject(slot)
        self.virtual.insert(slot, card.card)
        self._on_move()

    def _held(self, slot: int) -> str | None:
        if slot not in self.record.slots:
            raise UnknownSlot(len(self.record.slots))
        return self.record.slots[slot]

    def _on_state(self, state: TerminalState) -> None:
        """Before the terminal answers that it has changed; what is not kept it has not."""
        with self._store.transaction():
            kept = self.record.state
            before = TerminalState() if kept is None else TerminalState.from_document(kept)
            self._store.undo(partial(state.become, before))
            self._keep(replace(self.record, state=state.to_document()))

    def _book(self, slot: int, iccsn: str | None, ejected: dict[int, str]) -> None:
        """What is in a slot and what came out, in the database and then here: what is not kept did not happen."""
        self._keep(replace(self.record, slots={**self.record.slots, slot: iccsn}, ejected=ejected))

    def _keep(self, record: TerminalRecord) -> None:
        with self._store.transaction():
            self._store.put(Kind.TERMINAL, self.ct_id, record.to_document())
            self._store.undo(partial(setattr, self, "record", self.record))
            self.record = record


@dataclass(slots=True)
class Practice:
    """Practice number N (from 1): its name, its terminals, and the identity its Konnektor shows to them.

    `sak` is ID.SAK.AUT: certificate and PKCS#8 key, both DER.
    """

    number: int
    name: str
    sak: tuple[bytes, Secret]
    terminals: dict[str, LabTerminal] = field(default_factory=dict)

    def to_document(self) -> dict[str, Any]:
        """For the database; holds a private key. Terminals have documents of their own."""
        certificate, key = self.sak
        return {
            "number": self.number,
            "name": self.name,
            "sak": {"certificate": certificate.hex(), "key": key.reveal().hex()},
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Practice":
        """The inverse, without terminals."""
        sak = document["sak"]
        identity = bytes.fromhex(sak["certificate"]), Secret(bytes.fromhex(sak["key"]))
        return cls(document["number"], document["name"], identity)

    async def stop(self) -> None:
        """Switches all terminals off."""
        await asyncio.gather(*(terminal.virtual.stop() for terminal in self.terminals.values()))
