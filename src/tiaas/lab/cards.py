"""All cards of a lab, wherever they are, and what their holders know: their PINs.

A card's image is stored before the card answers, so a retry counter or a new PIN survives `kill -9`. The PIN in force
is the one in the card's image: nothing else could ever disagree with it.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import partial
from typing import Any, TypeVar

from tiaas.base.clock import Clock
from tiaas.base.config import read_config
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.card.objsys.basefiles import encode_version2
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import CardKind, Password, name_of
from tiaas.card.virtual.card import VirtualCard
from tiaas.card.virtual.image import CardImage
from tiaas.card.virtual.source import ObjectSource
from tiaas.lab.errors import UnknownCard
from tiaas.lab.pinlookup import SHOWN, pin_of
from tiaas.lab.seed import Insurer, Patient
from tiaas.lab.store import Kind, LabStore
from tiaas.terminal.virtual.terminal import PinPurpose, SlotCard

T = TypeVar("T")

_EF_VERSION2 = "MF/EF.Version2"
_GENERATION_1 = bytes((3, 0, 0))


@dataclass(frozen=True, slots=True)
class LabCard:
    """A card and what the lab knows beside its image. `practice` is the number of the practice it was made for.

    A health card made from a form has its own `patient` and `insurer`; of all others the lab's people tell the holder.
    """

    iccsn: str
    kind: CardKind
    holder: str
    kvnr: str | None
    practice: int
    card: VirtualCard
    patient: Patient | None = None
    insurer: Insurer | None = None

    def pins(self) -> dict[str, Secret]:
        """PINs and PUKs in force by name (`PIN.CH`, `PUK.CH`); a Leer-PIN has no value and is left out."""
        found: dict[str, Secret] = {}
        objects = object_system(self.kind).objects
        for path, state in self.card.image.passwords.items():
            if not isinstance(objects.get(path), Password):
                continue
            name = name_of(path)
            if state.secret is not None:
                found[name] = state.secret
            if state.puk is not None:
                found[name.replace("PIN", "PUK", 1)] = state.puk
        return found


class CardBox:
    """Makes virtual cards of images, keeps them in the database, and is the `PinHolder` of all terminals."""

    def __init__(
        self,
        store: LabStore,
        source: ObjectSource,
        *,
        clock: Clock,
        entropy: Entropy,
        on_pins: Callable[[], None],
    ) -> None:
        self._store = store
        self._source = source
        self._clock = clock
        self._entropy = entropy
        self._on_pins = on_pins
        self._cards: dict[str, LabCard] = {}

    def __iter__(self) -> Iterator[LabCard]:
        return iter(self._cards.values())

    def load(self) -> None:
        """Takes in all stored cards."""
        images = self._store.all(Kind.CARD)
        for iccsn, holder in self._store.all(Kind.HOLDER).items():
            image = CardImage.from_document(images[iccsn])
            patient = _read_optional(Patient, holder.get("patient"))
            insurer = _read_optional(Insurer, holder.get("insurer"))
            self._cards[iccsn] = self._entry(
                image, holder["holder"], holder["kvnr"], holder["practice"], (patient, insurer)
            )

    def add(
        self,
        image: CardImage,
        holder: str,
        kvnr: str | None,
        practice: int,
        insured: tuple[Patient | None, Insurer | None] = (None, None),
    ) -> LabCard:
        """Stores a new card; `insured` are holder and insurer of a health card that nobody of the lab's people has."""
        with self._store.transaction():
            entry = self._entry(image, holder, kvnr, practice, insured)
            self._register(entry)
            self._store.put(Kind.HOLDER, entry.iccsn, _holder_document(entry))
            self._store.put(Kind.CARD, entry.iccsn, image.to_document())
        return entry

    def rename(self, iccsn: str, holder: str) -> None:
        """The card's holder has another name now. Raises `UnknownCard`."""
        card = replace(self.get(iccsn), holder=holder)
        with self._store.transaction():
            self._store.put(Kind.HOLDER, iccsn, _holder_document(card))
            self._register(card)

    def restore_passwords(self, iccsn: str, passwords: Any) -> None:
        """Gives a card in the drawer the PINs, PUKs and counters of an earlier image. Raises `UnknownCard`."""
        entry = self.get(iccsn)
        restored = CardImage.from_document(entry.card.image.to_document() | {"passwords": passwords})
        with self._store.transaction():
            self._on_card_change(restored)
            insured = entry.patient, entry.insurer
            self._register(self._entry(restored, entry.holder, entry.kvnr, entry.practice, insured))
        self._on_pins()

    def give_keys(self, keys: Callable[[bytes], dict[str, bytes]]) -> None:
        """Gives every eGK the symmetric keys that `keys` makes for its ICCSN (10 octets)."""
        with self._store.transaction():
            for card in self:
                if card.kind is CardKind.EGK:
                    card.card.image.keys |= keys(card.card.image.iccsn)
                    self._on_card_change(card.card.image)

    def get(self, iccsn: str) -> LabCard:
        """The card of that ICCSN (20 digits). Raises `UnknownCard`."""
        card = self._cards.get(iccsn)
        if card is None:
            raise UnknownCard
        return card

    def certificate(self, iccsn: str, path: str) -> bytes:
        """The certificate in a file of a card, made now if nobody needed it before. Raises `UnknownCard`."""
        image = self.get(iccsn).card.image
        if path not in image.files and self._source.provide(image, path):
            self._on_card_change(image)
        return image.files.get(path, b"")

    def complete(self, iccsn: str) -> None:
        """Makes what a card gets when it is first needed (RSA keys: some 100 ms each). Raises `UnknownCard`."""
        image = self.get(iccsn).card.image
        made = [self._source.provide(image, path) for path in object_system(image.kind).objects if _lacks(image, path)]
        if any(made):
            self._on_card_change(image)

    def make_too_old(self, iccsn: str, *, too_old: bool) -> None:
        """Gives a card the object system of generation 1, or its own again. Raises `UnknownCard`."""
        entry = self.get(iccsn)
        image = entry.card.image
        image.files[_EF_VERSION2] = encode_version2(entry.kind, _GENERATION_1 if too_old else None)
        self._on_card_change(image)

    def keep(self, iccsn: str) -> None:
        """Stores what was changed on a card by hand. Raises `UnknownCard`."""
        self._on_card_change(self.get(iccsn).card.image)

    def of_practice(self, practice: int, kind: CardKind) -> tuple[LabCard, ...]:
        """The cards of a kind that were made for a practice, in the order of making."""
        return tuple(card for card in self._cards.values() if card.practice == practice and card.kind is kind)

    def entry_of(self, card: SlotCard) -> LabCard:
        """What the lab knows of a card that is in a slot. Raises `UnknownCard` for a memory card."""
        found = self.find(card)
        if found is None:
            raise UnknownCard
        return found

    def find(self, card: SlotCard) -> LabCard | None:
        """`entry_of`, None for a memory card."""
        return next((entry for entry in self._cards.values() if entry.card is card), None)

    def pin_for(self, card: SlotCard, password_ref: int, purpose: PinPurpose) -> Secret | None:
        """`PinHolder.pin_for`: reads the card's image."""
        return pin_of(self.entry_of(card).card.image, password_ref, purpose)

    def pin_shown(self, smkt: SlotCard, prompt: str) -> Secret | None:
        """`PinHolder.pin_shown`: the prompt names the kind of card and the PIN, the terminal's own card the practice.

        None if the practice has none of that kind or several: then somebody must type.
        """
        kind, number, purpose = SHOWN.get(prompt, (None, 0, PinPurpose.CURRENT))
        if kind is None:
            return None
        found = self.of_practice(self.entry_of(smkt).practice, kind)
        return self.pin_for(found[0].card, number, purpose) if len(found) == 1 else None

    def pin_changed(self, card: SlotCard, password_ref: int, pin: Secret | None) -> None:
        """`PinHolder.pin_changed`: the card's image has it already; tells who shows PINs."""
        self._on_pins()

    def _entry(
        self,
        image: CardImage,
        holder: str,
        kvnr: str | None,
        practice: int,
        insured: tuple[Patient | None, Insurer | None],
    ) -> LabCard:
        iccsn = image.iccsn.hex()
        card = VirtualCard(
            image, clock=self._clock, entropy=self._entropy, source=self._source, on_change=self._on_card_change
        )
        return LabCard(iccsn, image.kind, holder, kvnr, practice, card, *insured)

    def _register(self, entry: LabCard) -> None:
        """Inside a transaction: if that is not kept, the box is as before."""
        self._store.undo(partial(self._put_back, entry.iccsn, self._cards.get(entry.iccsn)))
        self._cards[entry.iccsn] = entry

    def _put_back(self, iccsn: str, entry: LabCard | None) -> None:
        if entry is None:
            del self._cards[iccsn]
        else:
            self._cards[iccsn] = entry

    def _on_card_change(self, image: CardImage) -> None:
        with self._store.transaction():
            self._store.undo(partial(self._forget_change, image))
            self._store.put(Kind.CARD, image.iccsn.hex(), image.to_document())

    def _forget_change(self, image: CardImage) -> None:
        """The card is as it was kept last; a new one has never been."""
        kept = self._store.get(Kind.CARD, image.iccsn.hex())
        if kept is not None:
            image.become(CardImage.from_document(kept))


def _lacks(image: CardImage, path: str) -> bool:
    return path not in image.files and path not in image.keys


def _holder_document(card: LabCard) -> dict[str, Any]:
    """What the database keeps of a card's holder. PINs stand in the card's image only."""
    document: dict[str, Any] = {"holder": card.holder, "kvnr": card.kvnr, "practice": card.practice}
    if card.patient is not None:
        document["patient"] = _filled(asdict(card.patient)) | {"pins": {}}
    if card.insurer is not None:
        document["insurer"] = asdict(card.insurer)
    return document


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    """Without what is not there: a form knows no null."""
    there = {key: value for key, value in values.items() if value is not None}
    return {key: _filled(value) if isinstance(value, dict) else value for key, value in there.items()}


def _read_optional(cls: type[T], document: dict[str, Any] | None) -> T | None:
    return None if document is None else read_config(cls, document, "holder of a card")
