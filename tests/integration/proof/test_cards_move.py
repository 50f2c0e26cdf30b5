"""What the hand at the terminal does is what the Primärsystem sees: cards come and go, PINs are typed."""

import threading
from pathlib import Path

import pytest

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import Caller, Reply, kvnr_of, outcome, pin_status, until
from tests.integration.proof.hand import Hand
from tests.integration.proof.unanswered import Unanswered

EGK_SLOT = 1


@pytest.fixture(scope="module", autouse=True)
def started_early(unanswered: Unanswered) -> None:
    """The entry that nobody answers takes its time; what is here runs meanwhile."""


def lists(caller: Caller, iccsn: str) -> bool:
    return iccsn in [card["Iccsn"] for card in caller.cards()]


def test_another_card_in_the_slot_is_another_person(lab: LabProcess, caller: Caller, hand: Hand) -> None:
    first, second = lab.ready["cards"]["egk"][:2]
    smcb, egk = caller.handle("SMC-B"), caller.handle("EGK")
    assert kvnr_of(caller.read_vsd(egk, smcb)) == first["kvnr"]
    hand.eject(EGK_SLOT)
    until(lambda: not lists(caller, first["iccsn"]))
    reply = caller.read_vsd(egk, smcb)
    assert (reply.status, reply.code) == (500, 4008)
    hand.insert(EGK_SLOT, second["iccsn"])
    until(lambda: lists(caller, second["iccsn"]))
    other = caller.handle("EGK")
    assert other != egk
    assert kvnr_of(caller.read_vsd(other, smcb)) == second["kvnr"]
    assert caller.read_vsd(egk, smcb).code == 4008
    hand.eject(EGK_SLOT)
    hand.insert(EGK_SLOT, first["iccsn"])
    until(lambda: lists(caller, first["iccsn"]))
    again = caller.handle("EGK")
    assert again not in (egk, other), "a handle lives as long as the card is in its slot"
    assert kvnr_of(caller.read_vsd(again, smcb)) == first["kvnr"]


def test_the_command_line_moves_cards(lab: LabProcess, caller: Caller) -> None:
    first, second = lab.ready["cards"]["egk"][:2]
    smcb = caller.handle("SMC-B")
    place = ("--dir", str(lab.folder))
    assert lab.tiaas("card", "eject", first["iccsn"], *place).returncode == 0
    until(lambda: not lists(caller, first["iccsn"]))
    inserted = lab.tiaas("card", "insert", second["iccsn"], "--terminal", "CT-1", "--slot", "1", *place)
    assert inserted.returncode == 0, inserted.stderr
    until(lambda: lists(caller, second["iccsn"]))
    assert kvnr_of(caller.read_vsd(caller.handle("EGK"), smcb)) == second["kvnr"]
    assert lab.tiaas("card", "eject", second["iccsn"], *place).returncode == 0
    assert lab.tiaas("card", "insert", first["iccsn"], *place).returncode == 0
    until(lambda: lists(caller, first["iccsn"]))


def test_a_wrong_pin_burns_a_try_and_the_right_one_heals_it(caller: Caller, hand: Hand) -> None:
    hba = caller.handle("HBA")
    assert outcome(caller.verify_pin(hba, "PIN.CH")) == ("OK", None)
    assert pin_status(caller, hba, "PIN.CH") == ("VERIFIED", None)
    hand.policy("wrong")
    assert outcome(caller.verify_pin(hba, "PIN.CH")) == ("REJECTED", "2")
    assert pin_status(caller, hba, "PIN.CH") == ("VERIFIABLE", "2")
    assert outcome(caller.verify_pin(hba, "PIN.CH")) == ("REJECTED", "1")
    hand.policy("auto")
    assert outcome(caller.verify_pin(hba, "PIN.CH")) == ("OK", None)
    hand.policy("wrong")
    assert outcome(caller.verify_pin(hba, "PIN.CH")) == ("REJECTED", "2")
    hand.policy("auto")
    assert outcome(caller.verify_pin(hba, "PIN.CH")) == ("OK", None)


def test_cancelling_costs_no_try_and_leaves_the_card_open(caller: Caller, hand: Hand) -> None:
    hba = caller.handle("HBA")
    assert outcome(caller.verify_pin(hba, "PIN.CH")) == ("OK", None)
    hand.policy("cancel")
    reply = caller.verify_pin(hba, "PIN.CH")
    assert (reply.status, reply.code) == (500, 4049)
    assert pin_status(caller, hba, "PIN.CH") == ("VERIFIED", None)


def test_somebody_types_by_hand(lab: LabProcess, caller: Caller, hand: Hand) -> None:
    pin = lab.ready["cards"]["hba"][0]["pins"]["PIN.CH"]
    hba = caller.handle("HBA")
    hand.policy("manual")
    replies: list[Reply] = []

    def verify() -> None:
        with Caller(lab.ready) as other:
            replies.append(other.verify_pin(hba, "PIN.CH"))

    entering = threading.Thread(target=verify)
    entering.start()
    until(lambda: bool(hand.display()["prompt"]))
    hand.press("1", "2")
    until(lambda: hand.display()["entry"] == "**")
    # Meanwhile the same terminal's keypad is taken, and everything that needs no keypad goes on.
    assert caller.verify_pin(hba, "PIN.CH").code == 4093
    assert caller.terminals().status == 200
    hand.press("correct", "correct", *pin, "ok")
    entering.join(20)
    assert [outcome(reply) for reply in replies] == [("OK", None)]


def test_a_locked_practice_reads_after_its_pin_was_verified(tmp_path: Path) -> None:
    with LabProcess(tmp_path / "lab", "--locked") as locked:
        with Caller(locked.ready) as caller:
            egk, smcb = caller.handle("EGK"), caller.handle("SMC-B")
            assert pin_status(caller, smcb, "PIN.SMC") == ("VERIFIABLE", "3")
            reply = caller.read_vsd(egk, smcb)
            assert (reply.status, reply.code) == (500, 3041)
            assert smcb in reply.detail
            assert outcome(caller.verify_pin(smcb, "PIN.SMC")) == ("OK", None)
            assert kvnr_of(caller.read_vsd(egk, smcb)) == locked.ready["cards"]["egk"][0]["kvnr"]
        locked.stop()


@pytest.mark.pitfall(9)
def test_while_somebody_is_waited_for_the_others_are_served(unanswered: Unanswered) -> None:
    first, second = unanswered.lab.ready["instances"]
    with Caller(first) as caller, Caller(second) as neighbour:
        pairs = [(practice, practice.handle("EGK"), practice.handle("SMC-B")) for practice in (caller, neighbour)]
        assert not unanswered.is_over, "the PIN entry that nobody answers ended early"
        for practice, egk, smcb in pairs * 5:
            assert practice.read_vsd(egk, smcb).status == 200
        # The keypad of that terminal is taken.
        assert caller.verify_pin(pairs[0][2], "PIN.SMC").code == 4060
        assert neighbour.verify_pin(pairs[1][2], "PIN.SMC").status == 200
        assert not unanswered.is_over
