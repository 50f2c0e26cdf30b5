"""The lab without a Konnektor: cards are where they were, their PINs are in force, practices are added."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.base.errors import InvalidInput, TiaasError
from tiaas.base.secret import Secret
from tiaas.card.commands import get_pin_status, verify
from tiaas.card.objsys.model import CardKind
from tiaas.card.pinblock import encode_pin_block
from tiaas.lab.cards import LabCard
from tiaas.lab.errors import CardElsewhere, LabError, NothingToReinsert, SlotOccupied, SlotVacant, UnknownCard
from tiaas.lab.lab import Lab
from tiaas.lab.ready import Place
from tiaas.lab.store import Kind, LabStore
from tiaas.terminal.virtual.terminal import PinPurpose

PIN_CH, PIN_QES = 0x01, 0x81


def _reopen(
    folder: Path, practices: int | None = None, terminals: int | None = None, patients: int | None = None
) -> Lab:
    lab = Lab.open(LabStore.open(folder), clock=SystemClock(), entropy=SystemEntropy())
    lab.load(practices, terminals, patients)
    return lab


def _one(lab: Lab, kind: CardKind, practice: int = 1) -> LabCard:
    return lab.cards.of_practice(practice, kind)[0]


def _wrong_try(card: LabCard) -> None:
    card.card.reset()
    block = encode_pin_block(Secret(b"999999"))
    assert card.card.process(verify(PIN_CH, block).encode())[-2] == 0x63


def test_a_practice_has_its_cards_in_their_slots(lab: Lab) -> None:
    slots = next(lab.terminals()).record.slots
    kinds = {slot: lab.cards.get(iccsn).kind for slot, iccsn in slots.items() if iccsn}
    assert kinds == {1: CardKind.EGK, 2: CardKind.SMC_B, 3: CardKind.HBA, 4: CardKind.SMC_KT}
    drawer = [card for card in lab.cards if lab.place_of(card.iccsn) is None]
    assert len(drawer) == 5
    assert {card.kind for card in drawer} == {CardKind.EGK}


def test_retry_counters_and_places_survive(folder: Path) -> None:
    lab = _reopen(folder)
    egk = _one(lab, CardKind.EGK)
    _wrong_try(egk)
    lab.eject("CT-1", 1)
    lab.insert("CT-1", 1, lab.cards.of_practice(1, CardKind.EGK)[3].iccsn)
    lab.store.close()
    again = _reopen(folder)
    moved = again.cards.of_practice(1, CardKind.EGK)[3]
    assert again.place_of(moved.iccsn) == Place("CT-1", 1)
    assert again.place_of(egk.iccsn) is None
    found = again.cards.get(egk.iccsn)
    found.card.reset()
    assert found.card.process(get_pin_status(PIN_CH).encode())[-1] & 0x0F == 2
    assert next(again.terminals()).virtual.card_in(1) is moved.card
    again.store.close()


def test_two_cards_never_share_a_slot_nor_one_card_two(lab: Lab) -> None:
    first, second = lab.cards.of_practice(1, CardKind.EGK)[:2]
    with pytest.raises(SlotOccupied):
        lab.insert("CT-1", 1, second.iccsn)
    lab.eject("CT-1", 1)
    with pytest.raises(SlotVacant):
        lab.eject("CT-1", 1)
    with pytest.raises(UnknownCard):
        lab.insert("CT-1", 1, "80276000000000000000")
    with pytest.raises(CardElsewhere):
        lab.insert("CT-1", 1, _one(lab, CardKind.HBA).iccsn)
    assert lab.insert("CT-1", 1, None) == first.iccsn


def test_nothing_was_ejected_from_a_slot_that_was_always_empty(lab: Lab) -> None:
    iccsn = lab.eject("CT-1", 3)
    next(lab.terminals()).record.ejected.clear()
    with pytest.raises(NothingToReinsert):
        lab.insert("CT-1", 3, None)
    assert lab.insert("CT-1", 3, iccsn) == iccsn


def test_a_card_goes_home_where_it_was_last(lab: Lab) -> None:
    first, second = lab.cards.of_practice(1, CardKind.EGK)[:2]
    assert lab.home_slot(second) == Place("CT-1", 1)
    lab.eject("CT-1", 3)
    lab.eject("CT-1", 1)
    lab.insert("CT-1", 3, first.iccsn)
    lab.eject("CT-1", 3)
    assert lab.home_slot(first) == Place("CT-1", 3)


def test_the_holder_types_the_pin_in_force(lab: Lab) -> None:
    hba = _one(lab, CardKind.HBA)
    pins = hba.pins()
    # PIN.AUTO and PIN.SO are Leer-PINs: they have a PUK, but no value yet.
    assert {name for name in pins if name.startswith("PIN")} == {"PIN.CH", "PIN.QES"}
    holder = lab.cards
    assert holder.pin_for(hba.card, PIN_CH, PinPurpose.CURRENT) == pins["PIN.CH"]
    assert holder.pin_for(hba.card, PIN_QES, PinPurpose.CURRENT) == pins["PIN.QES"]
    assert holder.pin_for(hba.card, PIN_CH, PinPurpose.PUK) == pins["PUK.CH"]
    assert holder.pin_for(hba.card, 0x1E, PinPurpose.CURRENT) is None
    egk = _one(lab, CardKind.EGK)
    # MRPIN.home (2) has no value of its own: it is PIN.CH.
    assert holder.pin_for(egk.card, 0x02, PinPurpose.CURRENT) == egk.pins()["PIN.CH"]


def test_who_shows_pins_hears_of_moves_and_changes(lab: Lab) -> None:
    heard: list[str] = []
    lab.on_change = lambda: heard.append("changed")
    lab.eject("CT-1", 1)
    lab.insert("CT-1", 1, None)
    hba = _one(lab, CardKind.HBA)
    lab.cards.pin_changed(hba.card, PIN_CH, Secret(b"654321"))
    assert heard == ["changed"] * 3


def test_practices_are_added_never_taken_away(folder: Path) -> None:
    lab = _reopen(folder)
    before = [card.iccsn for card in lab.cards]
    lab.store.close()
    more = _reopen(folder, 3)
    assert [card.iccsn for card in more.cards][: len(before)] == before
    assert [terminal.ct_id for terminal in more.terminals()] == ["CT-1", "CT-2", "CT-3"]
    more.store.close()
    as_before = _reopen(folder)
    assert len(as_before.practices) == 3
    as_before.store.close()
    store = LabStore.open(folder)
    fewer = Lab.open(store, clock=SystemClock(), entropy=SystemEntropy())
    with pytest.raises(LabError, match="has 3 practices"):
        fewer.load(2)
    store.close()


def test_terminals_and_patients_are_added_too(folder: Path) -> None:
    lab = _reopen(folder, terminals=3, patients=20)
    before = [card.iccsn for card in lab.cards]
    terminals = list(lab.terminals())
    assert [terminal.ct_id for terminal in terminals] == ["CT-1", "CT-1-2", "CT-1-3"]
    for terminal in terminals[1:]:
        assert [slot for slot, iccsn in terminal.record.slots.items() if iccsn is None] == [1, 2, 3]
    certificates = {lab.terminal_certificate(terminal) for terminal in terminals}
    identities = {terminal.record.slots[4] for terminal in terminals}
    assert len(certificates) == len(identities) == len({terminal.record.mac for terminal in terminals}) == 3
    egks = lab.cards.of_practice(1, CardKind.EGK)
    assert len({card.kvnr for card in egks}) == len(egks) == 20
    lab.insert("CT-1-3", 2, egks[19].iccsn)
    lab.store.close()

    again = _reopen(folder)
    assert [card.iccsn for card in again.cards] == before
    assert again.place_of(egks[19].iccsn) == Place("CT-1-3", 2)
    again.store.close()

    more = _reopen(folder, practices=2, terminals=4, patients=21)
    assert [terminal.ct_id for terminal in more.terminals()] == [
        "CT-1", "CT-1-2", "CT-1-3", "CT-1-4", "CT-2", "CT-2-2", "CT-2-3", "CT-2-4",
    ]  # fmt: skip
    assert [len(more.cards.of_practice(number, CardKind.EGK)) for number in (1, 2)] == [21, 21]
    more.store.close()


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"terminals": 1}, "has 2 terminals"),
        ({"patients": 2}, "has 6 patients"),
        ({"terminals": 9}, "1 to 8 terminals"),
        ({"patients": 501}, "2 to 500 patients"),
    ],
)
def test_fewer_or_too_many_terminals_or_patients_are_refused(
    folder: Path, numbers: dict[str, int], message: str
) -> None:
    _reopen(folder, terminals=2).store.close()
    store = LabStore.open(folder)
    lab = Lab.open(store, clock=SystemClock(), entropy=SystemEntropy())
    with pytest.raises(TiaasError, match=message):
        lab.load(None, **numbers)
    store.close()


def test_a_folder_from_before_there_were_several_terminals_comes_up(folder: Path) -> None:
    store = LabStore.open(folder)
    (document,) = store.all(Kind.TERMINAL).values()
    del document["number"]
    store.put(Kind.TERMINAL, document["ct_id"], document)
    store.close()
    lab = _reopen(folder)
    assert [terminal.record.number for terminal in lab.terminals()] == [1]
    lab.store.close()


@pytest.mark.parametrize(
    ("made", "message"),
    [({"ecc_only": True}, "--ecc-only"), ({"seed_text": "# other"}, "another seed")],
)
def test_what_a_lab_was_made_with_stays(folder: Path, made: dict[str, object], message: str) -> None:
    store = LabStore.open(folder)
    with pytest.raises(LabError, match=message):
        Lab.open(store, clock=SystemClock(), entropy=SystemEntropy(), **made)  # type: ignore[arg-type]
    store.close()


def test_a_bad_seed_makes_no_lab(tmp_path: Path) -> None:
    store = LabStore.open(tmp_path / "lab")
    with pytest.raises(InvalidInput):
        Lab.open(store, clock=SystemClock(), entropy=SystemEntropy(), seed_text="nonsense = [")
    assert store.meta("pki") is None
    store.close()


def test_no_secret_in_the_representation(lab: Lab) -> None:
    shown: Callable[[object], str] = repr
    egk = _one(lab, CardKind.EGK)
    for secret in egk.pins().values():
        assert secret.reveal().decode() not in shown(egk.card.image)
