"""Nobody types anything. Its fixture begins in other modules of this folder, so that nobody waits the 30 seconds."""

from tests.integration.proof.caller import Caller, outcome, pin_status
from tests.integration.proof.unanswered import Unanswered


def test_an_unanswered_entry_ends_in_a_warning_and_costs_nothing(unanswered: Unanswered) -> None:
    reply = unanswered.reply()
    assert reply.status == 200, reply.body
    assert (reply.text("Result"), reply.text("PinResult"), reply.text("Code")) == ("Warning", "ERROR", "4043")
    with Caller(unanswered.instance) as caller:
        assert pin_status(caller, unanswered.hba, "PIN.CH") == ("VERIFIABLE", "3")


def test_three_wrong_ones_block_the_pin(unanswered: Unanswered) -> None:
    unanswered.reply()
    hba = unanswered.hba
    with Caller(unanswered.instance) as caller:
        unanswered.hand.policy("wrong")
        outcomes = [outcome(caller.verify_pin(hba, "PIN.CH")) for _ in range(4)]
        assert outcomes == [("REJECTED", "2"), ("REJECTED", "1"), ("NOWBLOCKED", None), ("WASBLOCKED", None)]
        assert pin_status(caller, hba, "PIN.CH")[0] == "BLOCKED"
        unanswered.hand.policy("auto")
        assert outcome(caller.verify_pin(hba, "PIN.CH")) == ("WASBLOCKED", None)
