"""Founds practices: their cards, their terminals, what waits for them from the start. All of it is in the database."""

from collections.abc import Mapping

from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.card.objsys.model import CardKind
from tiaas.interfaces.cm_common_v2_0 import UpdatePriority
from tiaas.lab.cards import CardBox
from tiaas.lab.identifiers import lab_iccsn
from tiaas.lab.personalise import PersonalisedCard, Personaliser
from tiaas.lab.pki import LabPki
from tiaas.lab.population import Population
from tiaas.lab.practice import HOME_SLOTS, Practice, TerminalRecord, smkt_serial, terminal_id
from tiaas.lab.store import Kind, LabStore
from tiaas.lab.vsdm.books import Books, Task
from tiaas.lab.vsdm.change import Change

SAK_ICCSN = 5
"""The digit that `personalise` leaves for a Konnektor's own identity."""
_LOCALLY_ADMINISTERED = b"\x02"
# What waits for a practice's second and third health card from the start, so that an online check has something to do.
_MOVES = (
    Change(strasse="Neue Gasse", hausnummer="7", postleitzahl="99999", ort="Neustadt TEST-ONLY"),
    Change(zuzahlung_befreit_bis="20991231"),
)


class Founder:
    """Makes what the practices of `people` lack. All calls belong into one transaction of `store` each."""

    def __init__(
        self,
        store: LabStore,
        pki: LabPki,
        cards: CardBox,
        books: Books,
        people: Population,
        personaliser: Personaliser,
        entropy: Entropy,
    ) -> None:
        self._store = store
        self._pki = pki
        self._cards = cards
        self._books = books
        self._people = people
        self._personaliser = personaliser
        self._entropy = entropy

    def complete(
        self, practices: dict[int, Practice], number: int, terminals: int, wanted: int | None
    ) -> list[TerminalRecord]:
        """Makes what practice `number` lacks, or all of it; returns the terminals made, `terminals` were there."""
        made = []
        if number not in practices:
            practices[number], first = self._found(number)
            made.append(first)
        known = {card.kvnr for card in self._cards.of_practice(number, CardKind.EGK)}
        for patient in self._people.staffing(number).patients:
            if patient.kvnr not in known:
                self._add(self._personaliser.egk(patient), number)
        there = terminals + len(made)
        return made + [self._add_terminal(number, at) for at in range(there + 1, (wanted or there) + 1)]

    def _found(self, number: int) -> tuple[Practice, TerminalRecord]:
        """Makes practice `number`: cards, terminal, everything in its slot or in the drawer."""
        staff = self._people.staffing(number)
        maker = self._personaliser
        egks = [self._add(maker.egk(patient), number) for patient in staff.patients]
        smcb = self._add(maker.smcb(staff.institution), number)
        hba = self._add(maker.hba(staff.professional), number)
        record = self._add_terminal(number, 1, {CardKind.EGK: egks[0], CardKind.SMC_B: smcb, CardKind.HBA: hba})
        certificate, key = self._pki.sak(lab_iccsn(SAK_ICCSN, 0, number))
        practice = Practice(number, staff.institution.name, (certificate, Secret(key)))
        self._store.put(Kind.PRACTICE, str(number), practice.to_document())
        for egk, change in zip(egks[1:], _MOVES, strict=False):
            self._books.add(egk, Task.DATA, change, UpdatePriority.MANDATORY)
        return practice, record

    def _add_terminal(self, practice: int, number: int, cards: Mapping[CardKind, str] | None = None) -> TerminalRecord:
        """Makes a terminal with its gSMC-KT; of `cards` each is in its home slot, the others are empty."""
        smkt = self._add(self._personaliser.gsmckt(smkt_serial(practice, number)), practice)
        inserted = {**(cards or {}), CardKind.SMC_KT: smkt}
        record = TerminalRecord(
            ct_id=terminal_id(practice, number),
            name=f"KT-PRAXIS-{practice}" + (f"-{number}" if number > 1 else ""),
            mac=_LOCALLY_ADMINISTERED + self._entropy.octets(5),
            practice=practice,
            number=number,
            slots={slot: inserted.get(kind) for kind, slot in HOME_SLOTS.items()},
        )
        self._store.put(Kind.TERMINAL, record.ct_id, record.to_document())
        return record

    def _add(self, made: PersonalisedCard, practice: int) -> str:
        return self._cards.add(made.image, made.holder, made.kvnr, practice).iccsn
