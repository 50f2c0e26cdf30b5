"""Updates of a virtual eGK by the lab's VSDD and CMS: what is on the card after them, and after they broke off."""

from pathlib import Path

import pytest

from tests.unit.lab_store.vsdmbench import Bench
from tiaas.base.clock import ManualClock, SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.base.errors import InvalidInput
from tiaas.card.objsys.model import CardKind
from tiaas.fachdienste.vsdm.containers import decode_gvd_untrusted, decode_pd_untrusted, decode_status_vd_untrusted
from tiaas.fachdienste.vsdm.pruefziffer import ProofV1, ProofV2, Reason, decode_untrusted, hcv
from tiaas.interfaces import cm_cc_v2_0 as cc
from tiaas.interfaces.cm_common_v2_0 import ServiceLocalization, ServiceType, SessionIdentifier, UpdatePriority
from tiaas.interfaces.vsd_gzip import decompress_untrusted
from tiaas.interfaces.vsd_v5_2 import decode_gvd_untrusted as read_gvd
from tiaas.interfaces.vsd_v5_2 import decode_pd_untrusted as read_pd
from tiaas.lab.lab import Lab
from tiaas.lab.store import Kind, LabStore
from tiaas.lab.vsdm.books import Books, Task, UnknownUpdate, Update
from tiaas.lab.vsdm.cardkeys import CardKeys
from tiaas.lab.vsdm.ccs import CardCommunicationService
from tiaas.lab.vsdm.change import Change
from tiaas.lab.vsdm.errors import ServiceError
from tiaas.lab.vsdm.receipts import Receipts
from tiaas.lab.vsdm.server import Exchange
from tiaas.soap.envelope import Headed

MUST, MAY = UpdatePriority.MANDATORY, UpdatePriority.OPTIONAL
MOVED = Change(strasse="Änderungsweg", hausnummer="1a", postleitzahl="10115", ort="Berlin")
# SELECT MF, EF.ATR, MSE, challenge; authentication; SELECT, status 1, PD, VD, GVD, status 0.
COMMANDS = 11
STATUS_OPEN_AFTER = 7


@pytest.fixture
def bench(lab: Lab) -> Bench:
    return Bench(lab)


def egk(lab: Lab, at: int = 0) -> str:
    return lab.cards.of_practice(1, CardKind.EGK)[at].iccsn


def files(lab: Lab, iccsn: str) -> dict[str, bytes]:
    return lab.cards.get(iccsn).card.image.files


def street(lab: Lab, iccsn: str) -> str | None:
    address = read_pd(decompress_untrusted(decode_pd_untrusted(files(lab, iccsn)["MF/DF.HCA/EF.PD"]))).strassen_adresse
    return None if address is None else address.strasse


def is_open(lab: Lab, iccsn: str) -> bool:
    return decode_status_vd_untrusted(files(lab, iccsn)["MF/DF.HCA/EF.StatusVD"]).transaction_open


def add(lab: Lab, change: Change = MOVED, at: int = 0, priority: UpdatePriority = MUST) -> Update:
    return lab.books.add(egk(lab, at), Task.DATA, change, priority)


def code(caught: pytest.ExceptionInfo[ServiceError]) -> int:
    return caught.value.code


def reopened(lab: Lab) -> Books:
    return Books(lab.store, lab.cards, lambda: lab._people.seed, lab.entropy, lambda: None)


async def test_data_are_written_and_the_books_know(lab: Lab, bench: Bench) -> None:
    update = add(lab)
    before = files(lab, egk(lab)).copy()
    progress = await bench.run(update)
    assert progress.closed
    assert progress.packages == 3
    assert street(lab, egk(lab)) == "Änderungsweg"
    assert not is_open(lab, egk(lab))
    changed = {path for path, content in files(lab, egk(lab)).items() if content != before.get(path)}
    assert changed - {"MF/DF.HCA/EF.StatusVD"} == {"MF/DF.HCA/EF.PD"}
    assert lab.books.pending(egk(lab)) == ()
    assert reopened(lab).present(egk(lab)).strassen_adresse == MOVED.apply(lab.books.present(egk(lab))).strassen_adresse
    (performed,) = progress.performed
    assert performed.update_id == update.update_id
    assert performed.receipt is not None
    proof = decode_untrusted(performed.receipt, bench.operator_key)
    assert isinstance(proof, ProofV2)
    present = lab.books.present(egk(lab))
    assert (proof.kvnr, proof.hcv) == (present.kvnr, hcv(present.beginn, "Änderungsweg"))


async def test_protected_data_are_written_too(lab: Lab, bench: Bench) -> None:
    await bench.run(add(lab, Change(zuzahlung_befreit_bis="20301231")))
    gvd = files(lab, egk(lab))["MF/DF.HCA/EF.GVD"]
    data = read_gvd(decompress_untrusted(decode_gvd_untrusted(gvd)))
    assert (data.zuzahlung_befreit, data.zuzahlung_gueltig_bis) == (True, "20301231")


async def test_the_holder_has_the_new_name(lab: Lab, bench: Bench) -> None:
    await bench.run(add(lab, Change(nachname="Neuname")))
    assert "Neuname" in lab.cards.get(egk(lab)).holder
    stored = lab.store.get(Kind.HOLDER, egk(lab))
    assert stored is not None
    assert "Neuname" in stored["holder"]


@pytest.mark.parametrize("stop_after", range(COMMANDS))
async def test_a_broken_update_waits_and_is_repaired(lab: Lab, bench: Bench, stop_after: int) -> None:
    change = MOVED.merged(Change(versichertenart=5, zuzahlung_befreit_bis="20301231"))
    update = add(lab, change)
    progress = await bench.run(update, stop_after=stop_after)
    assert progress.closed
    assert progress.sent == stop_after
    assert progress.performed == ()
    assert is_open(lab, egk(lab)) is (stop_after >= STATUS_OPEN_AFTER)
    (waiting,) = reopened(lab).pending(egk(lab))
    assert waiting.update_id == update.update_id
    assert waiting.is_begun is (stop_after > 4)
    repaired = await bench.run(waiting)
    assert repaired.closed
    assert len(repaired.performed) == 1
    assert not is_open(lab, egk(lab))
    assert street(lab, egk(lab)) == "Änderungsweg"
    assert lab.books.pending(egk(lab)) == ()


async def test_all_commands_are_counted(lab: Lab, bench: Bench) -> None:
    change = MOVED.merged(Change(versichertenart=5, zuzahlung_befreit_bis="20301231"))
    assert (await bench.run(add(lab, change))).sent == COMMANDS


async def test_abort_after_the_last_answer_counts_as_done(lab: Lab, bench: Bench) -> None:
    update = add(lab)
    progress = await bench.run(update, stop_after=COMMANDS - 2)
    assert progress.closed
    assert len(progress.performed) == 1


async def test_a_cancelled_update_that_was_begun_becomes_a_repair(lab: Lab, bench: Bench) -> None:
    update = add(lab)
    await bench.run(update, stop_after=STATUS_OPEN_AFTER + 1)
    assert is_open(lab, egk(lab))
    repair = lab.books.cancel(update.update_id)
    assert repair is not None
    before = lab.books.present(egk(lab))
    await bench.run(repair)
    assert not is_open(lab, egk(lab))
    assert street(lab, egk(lab)) == (before.strassen_adresse.strasse if before.strassen_adresse else None)
    assert lab.books.pending(egk(lab)) == ()


async def test_a_cancelled_update_is_gone(lab: Lab, bench: Bench) -> None:
    update = add(lab)
    assert lab.books.cancel(update.update_id) is None
    with pytest.raises(UnknownUpdate):
        lab.books.cancel(update.update_id)
    with pytest.raises(ServiceError) as caught:
        await bench.run(update)
    assert code(caught) == 12101


async def test_lock_and_unlock(lab: Lab, bench: Bench) -> None:
    locked = await bench.run(lab.books.add(egk(lab), Task.LOCK, Change(), MUST))
    assert [entry.receipt for entry in locked.performed] == [None]
    assert lab.books.is_locked(egk(lab))
    update = add(lab)
    with pytest.raises(ServiceError) as caught:
        await bench.run(update)
    assert code(caught) == 12102  # the card is to be unlocked first
    await bench.run(lab.books.add(egk(lab), Task.UNLOCK, Change(), MUST))
    assert not lab.books.is_locked(egk(lab))
    assert street(lab, egk(lab)) != "Änderungsweg"
    await bench.run(*lab.books.pending(egk(lab)))
    assert not is_open(lab, egk(lab))


@pytest.mark.parametrize("stop_after", range(8))
async def test_a_lock_that_broke_off_is_done_at_last(lab: Lab, bench: Bench, stop_after: int) -> None:
    update = lab.books.add(egk(lab), Task.LOCK, Change(), MUST)
    await bench.run(update, stop_after=stop_after)
    if lab.books.pending(egk(lab)):
        await bench.run(update)
    assert lab.books.is_locked(egk(lab))
    assert "MF/DF.HCA" in lab.cards.get(egk(lab)).card.image.deactivated


async def test_flags_and_receipts(lab: Lab, bench: Bench) -> None:
    lock = lab.books.add(egk(lab), Task.LOCK, Change(), MUST)
    answer = await bench.flags(egk(lab))
    assert [flag.service_localization.type for flag in answer.update_flags] == [ServiceType.CMS]
    assert len(answer.service_receipts) == 1  # VSDM-A_2287: nothing waits at the VSDD
    update = add(lab)
    answer = await bench.flags(egk(lab))
    assert [flag.update_id for flag in answer.update_flags] == [update.update_id, lock.update_id]
    assert answer.service_receipts == ()


async def test_an_optional_update_does_not_stand_in_the_way(lab: Lab, bench: Bench) -> None:
    optional = add(lab, Change(titel="Dr."), priority=MAY)
    answer = await bench.flags(egk(lab))
    assert [flag.update_priority for flag in answer.update_flags] == [MAY]
    assert len(answer.service_receipts) == 1
    await bench.run(add(lab))
    assert street(lab, egk(lab)) == "Änderungsweg"
    assert lab.books.pending(egk(lab)) == (optional,)
    await bench.run(optional)
    assert lab.books.present(egk(lab)).titel == "Dr."
    assert street(lab, egk(lab)) == "Änderungsweg"


async def test_order_is_kept(lab: Lab, bench: Bench) -> None:
    lock = lab.books.add(egk(lab), Task.LOCK, Change(), MUST)
    update = add(lab)
    with pytest.raises(ServiceError) as caught:
        await bench.run(lock)
    assert code(caught) == 12102
    await bench.run(update)
    await bench.run(lock)
    assert lab.books.pending(egk(lab)) == ()


def test_changes_of_data_are_joined(lab: Lab) -> None:
    first, second = add(lab), add(lab, Change(nachname="Neuname"))
    assert first.update_id != second.update_id
    assert lab.books.pending(egk(lab)) == (second,)
    assert second.change == MOVED.merged(Change(nachname="Neuname"))


async def test_a_lock_that_waits_is_taken_back_by_unlocking(lab: Lab, bench: Bench) -> None:
    lab.books.add(egk(lab), Task.LOCK, Change(), MUST)
    unlock = lab.books.add(egk(lab), Task.UNLOCK, Change(), MUST)
    assert lab.books.pending(egk(lab)) == (unlock,)
    assert len((await bench.run(unlock)).performed) == 1
    assert not lab.books.is_locked(egk(lab))


def test_nothing_to_do_is_refused(lab: Lab) -> None:
    add(lab)
    with pytest.raises(InvalidInput):
        add(lab)
    with pytest.raises(InvalidInput):
        add(lab, Change())
    with pytest.raises(InvalidInput):
        lab.books.add(egk(lab), Task.UNLOCK, Change(), MUST)
    lab.books.add(egk(lab), Task.LOCK, Change(), MUST)
    with pytest.raises(InvalidInput):
        lab.books.add(egk(lab), Task.LOCK, Change(), MUST)


async def test_a_card_with_other_keys(lab: Lab, bench: Bench) -> None:
    image = lab.cards.get(egk(lab)).card.image
    image.keys["MF/SK.VSD.AES256"] = bytes(64)
    with pytest.raises(ServiceError) as caught:
        await bench.run(add(lab))
    assert code(caught) == 12103
    assert lab.books.pending(egk(lab)) != ()


async def test_another_card_than_the_one_named(lab: Lab, bench: Bench) -> None:
    update = add(lab)
    mine, other = lab.cards.get(egk(lab)), lab.cards.get(egk(lab, 3))
    lab.cards._cards[egk(lab)] = other
    try:
        with pytest.raises(ServiceError) as caught:
            await bench.run(Update(update.update_id, egk(lab), Task.DATA, MUST, MOVED))
    finally:
        lab.cards._cards[egk(lab)] = mine
    assert code(caught) in (12101, 12103)


@pytest.mark.parametrize("damage", range(1, COMMANDS - 1))
async def test_a_changed_answer_is_noticed(lab: Lab, bench: Bench, damage: int) -> None:
    update = add(lab)
    if damage in (1, 3):
        expected = 12103  # SELECT and MSE have no data: the status word became a memory failure
    elif damage == 2:
        expected = 12105
    else:
        expected = 12103
    with pytest.raises(ServiceError) as caught:
        await bench.run(update, damage=damage)
    assert code(caught) == expected
    assert lab.books.pending(egk(lab)) != ()
    await bench.run(*lab.books.pending(egk(lab)))
    assert not is_open(lab, egk(lab))


async def test_a_defective_card(lab: Lab, bench: Bench) -> None:
    update = add(lab)
    card = lab.cards.get(egk(lab)).card
    process = card.process

    def failing(raw: bytes) -> bytes:
        return b"\x65\x81" if raw[:2] == b"\x0c\xd6" else process(raw)

    card.process = failing  # type: ignore[method-assign]
    with pytest.raises(ServiceError) as caught:
        await bench.run(update)
    assert code(caught) == 12105
    assert caught.value.detail.startswith(f"UpdateId {update.update_id.hex().upper()}")


def test_a_new_lab_has_updates_waiting(lab: Lab) -> None:
    assert [update.iccsn for update in lab.books] == [egk(lab, 1), egk(lab, 2)]


def test_seeded_updates_fit(lab: Lab) -> None:
    for update in lab.books:
        assert lab.books.contents(update)


def test_data_without_room_on_the_card_are_refused(lab: Lab) -> None:
    with pytest.raises(InvalidInput):
        add(lab, Change(nachname="Q" * 46))


class Anew:
    """A VSDD of its own with a clock that stands; its Prüfziffern are of version 1."""

    def __init__(self, bench: Bench, lab: Lab) -> None:
        self.clock = ManualClock(lab.clock.now())
        receipts = Receipts(lab.books, bench.operator_key, 1, self.clock, lab.entropy)
        keys = bench.secrets.card_keys
        bench.ccs[ServiceType.VSD] = CardCommunicationService(
            ServiceType.VSD, lab.books, receipts, keys, self.clock, lab.entropy
        )


async def begun(bench: Bench, update: Update) -> tuple[Headed[cc.GetNextCommandPackage], Exchange]:
    """A conversation after its first answer, and the next request."""
    exchange = bench.exchange(update.iccsn, ServiceType.VSD)
    where = ServiceLocalization(type=ServiceType.VSD, provider=exchange.provider)
    request = cc.PerformUpdates(iccsn=update.iccsn, update_ids=(update.update_id,))
    first = await bench.ccs[ServiceType.VSD].perform_updates(Headed(request, (where,)), exchange)
    session = first.header(SessionIdentifier)
    assert session is not None
    package = first.message.command_package
    assert package is not None
    card = bench.lab.cards.get(update.iccsn).card
    answers = tuple(card.process(item.command) for item in package.command_items)
    carried = cc.CommandResponsePackage(command_responses=answers)
    return Headed(cc.GetNextCommandPackage(command_response_package=carried), (where, session)), exchange


@pytest.mark.code(5)
@pytest.mark.parametrize(("seconds", "lives"), [(60.0, True), (60.1, False)])
async def test_a_conversation_lives_a_minute(lab: Lab, bench: Bench, seconds: float, lives: bool) -> None:
    anew = Anew(bench, lab)
    request, exchange = await begun(bench, add(lab))
    anew.clock.advance(seconds)
    service = bench.ccs[ServiceType.VSD]
    if lives:
        assert (await service.get_next_command_package(request, exchange)).message.command_package is not None
    else:
        with pytest.raises(ServiceError) as caught:
            await service.get_next_command_package(request, exchange)
        assert code(caught) == 5


@pytest.mark.parametrize("answers", [(b"\x90\0",), (b"\x90\0", b"\x90\0", b"\x90\0"), (b"\x90\0",) * 5, (b"\x90",)])
async def test_answers_that_are_none(lab: Lab, bench: Bench, answers: tuple[bytes, ...]) -> None:
    """Too few although all are good, too many, or no response at all: nothing is known of the card."""
    request, exchange = await begun(bench, add(lab))
    carried = cc.CommandResponsePackage(command_responses=answers)
    following = Headed(cc.GetNextCommandPackage(command_response_package=carried), request.headers)
    with pytest.raises(ServiceError) as caught:
        await bench.ccs[ServiceType.VSD].get_next_command_package(following, exchange)
    assert code(caught) == 12999


async def test_an_update_cancelled_under_way_writes_nothing(lab: Lab, bench: Bench) -> None:
    update = add(lab)
    request, exchange = await begun(bench, update)
    lab.books.cancel(update.update_id)
    service = bench.ccs[ServiceType.VSD]
    authenticate = (await service.get_next_command_package(request, exchange)).message.command_package
    assert authenticate is not None
    answer = lab.cards.get(egk(lab)).card.process(authenticate.command_items[0].command)
    carried = cc.CommandResponsePackage(command_responses=(answer,))
    following = Headed(cc.GetNextCommandPackage(command_response_package=carried), request.headers)
    with pytest.raises(ServiceError) as caught:
        await service.get_next_command_package(following, exchange)
    assert code(caught) == 12101


async def test_version_1_of_the_receipt(lab: Lab, bench: Bench) -> None:
    Anew(bench, lab)
    (performed,) = (await bench.run(add(lab))).performed
    assert performed.receipt is not None
    proof = decode_untrusted(performed.receipt, bench.operator_key)
    assert isinstance(proof, ProofV1)
    assert (proof.kvnr, proof.reason) == (lab.cards.get(egk(lab)).kvnr, Reason.VSD)


async def test_several_updates_in_one_conversation(lab: Lab, bench: Bench) -> None:
    optional, mandatory = add(lab, Change(titel="Dr."), priority=MAY), add(lab)
    progress = await bench.run(optional, mandatory)
    assert [entry.update_id for entry in progress.performed] == [optional.update_id, mandatory.update_id]
    assert progress.packages == 6
    assert lab.books.pending(egk(lab)) == ()


async def test_cards_of_an_older_lab_get_their_keys(folder: Path) -> None:
    store = LabStore.open(folder)
    old = Lab.open(store, clock=SystemClock(), entropy=SystemEntropy())
    old.load(None)
    image = old.cards.get(egk(old)).card.image
    image.keys |= dict.fromkeys((path for path in image.keys if path.startswith("MF/SK.VSD")), bytes(64))
    store.put(Kind.CARD, egk(old), image.to_document())
    store._database.execute("DELETE FROM meta WHERE key = 'vsdm'")
    store.close()
    for change in (MOVED, Change(nachname="Neuname")):
        store = LabStore.open(folder)
        lab = Lab.open(store, clock=SystemClock(), entropy=SystemEntropy())
        lab.load(None)
        assert len((await Bench(lab).run(add(lab, change))).performed) == 1
        store.close()


def test_keys_are_the_cards_own() -> None:
    keys = CardKeys(bytes(32))
    one, other = bytes(10), bytes(9) + b"\x01"
    assert {path: len(key) for path, key in keys.all_of(one).items()} == {
        "MF/SK.CMS.AES128": 32,
        "MF/SK.CMS.AES256": 64,
        "MF/SK.VSD.AES128": 32,
        "MF/SK.VSD.AES256": 64,
    }
    made = [key for iccsn in (one, other) for key in keys.all_of(iccsn).values()]
    assert len({key[:16] for key in made} | {key[len(key) // 2 :][:16] for key in made}) == 16
    assert keys.key(one, 0x19).enc + keys.key(one, 0x19).mac == keys.all_of(one)["MF/SK.VSD.AES256"]
    assert CardKeys(b"\x01" * 32).all_of(one) != keys.all_of(one)
    assert bytes(32).hex() not in repr(keys)
