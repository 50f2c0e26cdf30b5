"""The insurers' books: what each card's holder has on the card, and which updates wait for it.

In the lab's database: `insured` by ICCSN (what updates have changed so far, whether the card is locked), `update` by
update id. An update stays until the card has it; what broke off is begun again with the same data.
"""

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from functools import partial
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput
from tiaas.card.objsys.model import CardKind
from tiaas.fachdienste.vsdm.containers import EF_GVD_SIZE, EF_PD_SIZE, EF_VD_SIZE
from tiaas.interfaces.cm_common_v2_0 import ServiceType, UpdatePriority
from tiaas.lab.cards import CardBox
from tiaas.lab.errors import ControlError, UnknownCard
from tiaas.lab.insured import data_files
from tiaas.lab.personalise import printed_holder
from tiaas.lab.seed import Patient, Seed
from tiaas.lab.store import Kind, LabStore
from tiaas.lab.vsdm.change import Change

UPDATE_ID_SIZE = 8
_HCA = "MF/DF.HCA/"


@enum.unique
class Task(enum.StrEnum):
    """What an update does."""

    DATA = "data"
    LOCK = "lock"
    UNLOCK = "unlock"

    @property
    def service(self) -> ServiceType:
        """Who does it: the VSDD writes data, the CMS locks and unlocks."""
        return ServiceType.VSD if self is Task.DATA else ServiceType.CMS


_ORDER = (Task.UNLOCK, Task.DATA, Task.LOCK)

DESCRIPTIONS: Mapping[Task, str] = {
    Task.DATA: "Versichertenstammdaten aktualisieren",
    Task.LOCK: "Gesundheitsanwendung sperren",
    Task.UNLOCK: "Gesundheitsanwendung entsperren",
}
"""ShortDescription of the update flags."""


class UnknownUpdate(ControlError):
    """No update with that id is pending."""

    def __init__(self) -> None:
        super().__init__(404, "no update with that id is pending", "GET /updates lists all")


@dataclass(frozen=True, slots=True, repr=False)
class Update:
    """An update that waits. `is_begun`: commands that write went out to the card, nobody knows how far they came."""

    update_id: bytes
    iccsn: str
    task: Task
    priority: UpdatePriority
    change: Change = field(default_factory=Change)
    is_begun: bool = False

    def to_document(self) -> dict[str, Any]:
        """For the database and the control port."""
        return {
            "update_id": self.update_id.hex(),
            "iccsn": self.iccsn,
            "task": self.task.value,
            "priority": self.priority.value,
            "change": self.change.to_document(),
            "is_begun": self.is_begun,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Update":
        """The inverse."""
        return cls(
            bytes.fromhex(document["update_id"]),
            document["iccsn"],
            Task(document["task"]),
            UpdatePriority(document["priority"]),
            Change.from_document(document["change"]),
            document["is_begun"],
        )


@dataclass(frozen=True, slots=True, repr=False)
class Insured:
    """What the insurer knows to be on a card."""

    change: Change = field(default_factory=Change)
    is_locked: bool = False


class Books:
    """The books of all insurers of a lab. `on_change` is called after a card's holder got another name."""

    def __init__(
        self, store: LabStore, cards: CardBox, seed: Callable[[], Seed], entropy: Entropy, on_change: Callable[[], None]
    ) -> None:
        self._store = store
        self._cards = cards
        self._seed = seed
        self._entropy = entropy
        self._on_change = on_change
        self._updates = {entry.update_id: entry for entry in map(Update.from_document, store.all(Kind.UPDATE).values())}

    def __iter__(self) -> Iterator[Update]:
        """All pending updates, oldest first."""
        return iter(tuple(self._updates.values()))

    def pending(self, iccsn: str) -> tuple[Update, ...]:
        """The updates that wait for a card, in the order to run them: to a locked card nothing can be written."""
        waiting = (entry for entry in self._updates.values() if entry.iccsn == iccsn)
        return tuple(sorted(waiting, key=lambda entry: _ORDER.index(entry.task)))

    def get(self, update_id: bytes) -> Update | None:
        """A pending update."""
        return self._updates.get(update_id)

    def insurer_of(self, iccsn: str) -> str | None:
        """IK of the insurer that issued a card; None: this lab has no such eGK."""
        try:
            return self._patient(iccsn).insurer
        except UnknownCard:
            return None

    def present(self, iccsn: str) -> Patient:
        """The holder as the card has it. Raises `UnknownCard`."""
        return self._insured(iccsn).change.apply(self._patient(iccsn))

    def is_locked(self, iccsn: str) -> bool:
        """Whether the health application of a card is locked, as far as the insurer knows."""
        return self._insured(iccsn).is_locked

    def add(self, iccsn: str, task: Task, change: Change, priority: UpdatePriority) -> Update:
        """A new pending update. Raises `UnknownCard`, or `InvalidInput` if the card has or will have it already.

        A change of data joins the one that waits for the same card, if it has the same priority (VSDM-A_2751);
        locking takes the place of an unlocking that waits, and the other way round.
        """
        if task is Task.DATA:
            before = self._expected_holder(iccsn)
            after = change.apply(before)
            if after == before:
                raise InvalidInput("the card has these data, or will have them with an update that waits")
            _check_room(after, self._seed())
        elif self._expected(iccsn).is_locked is (task is Task.LOCK):
            raise InvalidInput("the card is or will be in that state already")
        update = Update(self._entropy.octets(UPDATE_ID_SIZE), iccsn, task, priority, change)
        with self._store.transaction():
            for old in self.pending(iccsn):
                if task is Task.DATA and old.task is Task.DATA and old.priority is priority:
                    update = replace(update, change=old.change.merged(change), is_begun=old.is_begun)
                    self._remove(old)
                elif task is not Task.DATA and old.task is not Task.DATA:
                    self._remove(old)
            self._keep(update)
        return update

    def cancel(self, update_id: bytes) -> Update | None:
        """Takes an update back. One that was begun stays as a repair: it writes the old data anew, and is returned.

        Raises `UnknownUpdate`.
        """
        update = self._updates.get(update_id)
        if update is None:
            raise UnknownUpdate
        if update.is_begun and update.task is Task.DATA:
            repair = replace(update, change=Change(), priority=UpdatePriority.MANDATORY)
            self._keep(repair)
            return repair
        self._remove(update)
        return None

    def begin(self, update: Update) -> None:
        """Remembers that commands that write are on their way to the card. Raises KeyError if it does not wait."""
        if not self._updates[update.update_id].is_begun:
            self._keep(replace(self._updates[update.update_id], is_begun=True))

    def performed(self, update: Update) -> None:
        """The card has it now: the update waits no more, the books tell what is on the card."""
        before = self._insured(update.iccsn)
        if update.task is Task.DATA:
            after = replace(before, change=before.change.merged(update.change))
        else:
            after = replace(before, is_locked=update.task is Task.LOCK)
        with self._store.transaction():
            document = {"change": after.change.to_document(), "is_locked": after.is_locked}
            self._store.put(Kind.INSURED, update.iccsn, document)
            if update.update_id in self._updates:
                self._remove(update)
            self._cards.rename(update.iccsn, printed_holder(self.present(update.iccsn)))
        self._on_change()

    def contents(self, update: Update) -> dict[str, bytes]:
        """The files an update of data writes, by name: those that change, or all if the card's state is unsure.

        Full size, so that nothing of the old data stays behind the new ones. Raises ValueError if they do not fit.
        """
        old = self.present(update.iccsn)
        new = update.change.apply(old)
        before, after = data_files(old, self._seed()), data_files(new, self._seed())
        return {
            name: after[_HCA + name].ljust(size, b"\0")
            for name, size in (("EF.PD", EF_PD_SIZE), ("EF.VD", EF_VD_SIZE), ("EF.GVD", EF_GVD_SIZE))
            if after[_HCA + name] != before[_HCA + name] or update.is_begun
        }

    def _expected(self, iccsn: str) -> Insured:
        """What the books will say when all pending updates are done."""
        insured = self._insured(iccsn)
        for update in self.pending(iccsn):
            if update.task is not Task.DATA:
                insured = replace(insured, is_locked=update.task is Task.LOCK)
        return insured

    def _expected_holder(self, iccsn: str) -> Patient:
        patient = self.present(iccsn)
        for update in self.pending(iccsn):
            patient = update.change.apply(patient)
        return patient

    def _insured(self, iccsn: str) -> Insured:
        document = self._store.get(Kind.INSURED, iccsn)
        if document is None:
            return Insured()
        return Insured(Change.from_document(document["change"]), document["is_locked"])

    def _patient(self, iccsn: str) -> Patient:
        card = self._cards.get(iccsn)
        if card.kind is not CardKind.EGK:
            raise UnknownCard
        if card.patient is not None:
            return card.patient
        found = next((patient for patient in self._seed().patients if patient.kvnr == card.kvnr), None)
        if found is None:
            # Taken in from another lab: no insurer of this one has issued it.
            raise UnknownCard
        return found

    def _keep(self, update: Update) -> None:
        with self._store.transaction():
            self._store.put(Kind.UPDATE, update.update_id.hex(), update.to_document())
            self._store.undo(partial(self._put_back, self._updates.copy()))
            self._updates[update.update_id] = update

    def _remove(self, update: Update) -> None:
        with self._store.transaction():
            self._store.delete(Kind.UPDATE, update.update_id.hex())
            self._store.undo(partial(self._put_back, self._updates.copy()))
            del self._updates[update.update_id]

    def _put_back(self, updates: dict[bytes, Update]) -> None:
        self._updates = updates


def _check_room(patient: Patient, seed: Seed) -> None:
    try:
        data_files(patient, seed)
    except ValueError as error:
        raise InvalidInput(f"the card has no room for these data: {error}") from None
