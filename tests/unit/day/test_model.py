"""The model: what each kind of contact should bring, by the rules of gemILF_PS and gemSpec_SST_PS_VSDM."""

import pytest

from tests.unit.day.days import Act, Before, Cause, Trouble, as_expected, contact, expected
from tiaas.lab.day.checks import compare
from tiaas.lab.day.model import Ending, Expected, Model
from tiaas.lab.day.reactions import REACTIONS, Reaction, reaction
from tiaas.lab.day.record import Attempt
from tiaas.lab.day.schedule import Phase

MOVED = Cause(before=Before.MOVED)


def test_first_contact_asks_online_and_the_second_does_not() -> None:
    first, second = expected(Cause(), Cause())
    assert (first.ending, first.result, first.online) == (Ending.READ, 2, True)
    assert (second.ending, second.result, second.online) == (Ending.READ, None, False)


def test_without_ti_nobody_asks() -> None:
    (only,) = expected(Cause(), ti=False)
    assert (only.ending, only.result, only.online) == (Ending.READ, None, False)


def test_a_pending_update_is_written_once_and_stays() -> None:
    first, second = expected(MOVED, Cause())
    assert (first.result, first.moved) == (1, True)
    assert (second.result, second.moved) == (None, True)


def test_what_waited_before_the_day_counts() -> None:
    (only,) = expected(Cause(), waiting=1)
    assert (only.result, only.moved) == (1, False)


def test_a_locked_card_is_114_and_its_unlocking_an_update() -> None:
    locked, unlocked = expected(Cause(before=Before.LOCKED), Cause(before=Before.UNLOCKED))
    assert (locked.ending, locked.code) == (Ending.REFUSED, 114)
    assert (unlocked.ending, unlocked.result) == (Ending.READ, 1)


@pytest.mark.parametrize(
    ("trouble", "result", "ec"),
    [
        (Trouble.UFS_SLOW, 2, None),
        (Trouble.UFS_503, 3, None),
        (Trouble.UFS_1011, 3, 1011),
        (Trouble.UFS_SILENT, 3, None),
        (Trouble.GATEWAY_1011, 3, None),
        (Trouble.OCSP_DOWN, 5, None),
    ],
)
def test_a_failed_check_is_in_the_receipt_and_repeated_next_time(trouble: Trouble, result: int, ec: int | None) -> None:
    first, second = expected(Cause(trouble=trouble), Cause())
    assert (first.ending, first.result, first.ec) == (Ending.READ, result, ec)
    assert second.online is (result > 2)
    assert second.result == (2 if result > 2 else None)


def test_an_update_that_the_service_refuses_leaves_the_old_data_and_waits() -> None:
    first, second = expected(Cause(before=Before.MOVED, trouble=Trouble.VSDD_12105), Cause())
    assert (first.result, first.ec, first.moved) == (3, 12105, False)
    assert second.result == 1


def test_an_update_that_breaks_off_is_done_the_next_time() -> None:
    first, second = expected(Cause(before=Before.MOVED, trouble=Trouble.VSDD_BREAKS_OFF), Cause())
    assert (first.ending, first.result, first.ec, first.moved) == (Ending.READ, 3, None, False)
    assert (second.ending, second.result, second.moved) == (Ending.READ, 1, True)


@pytest.mark.parametrize(
    ("cause", "ending", "code"),
    [
        (Cause(Act.NO_CARD), Ending.NO_CARD, None),
        (Cause(before=Before.TOO_OLD), Ending.REFUSED, 113),
        (Cause(before=Before.REVOKED), Ending.REFUSED, 106),
    ],
)
def test_cards_that_are_not_read(cause: Cause, ending: Ending, code: int | None) -> None:
    (only,) = expected(cause)
    assert (only.ending, only.code) == (ending, code)


@pytest.mark.parametrize(
    ("cause", "phase", "way"),
    [
        (Cause(Act.PULL), Phase.MORNING, {4008, 4094}),
        (Cause(Act.TWO_AT_ONCE), Phase.MORNING, {4093}),
        (Cause(), Phase.AFTER_LUNCH, {3041}),
    ],
)
def test_errors_on_the_way(cause: Cause, phase: Phase, way: set[int]) -> None:
    (only,) = expected(cause, phase=phase)
    assert only.on_the_way == (frozenset(way),)


def test_what_happens_as_expected_is_no_difference() -> None:
    for cause in (Cause(), MOVED, Cause(Act.NO_CARD), Cause(Act.TWO_AT_ONCE), Cause(before=Before.TOO_OLD)):
        schedule, (only,) = contact(cause)
        seen = as_expected(only, Model(schedule).expectations()[1])
        compare(seen)
        assert seen.mismatches == [], cause


def _differences(want: Expected, change: dict[str, object], cause: Cause | None = None) -> list[str]:
    _, (only,) = contact(cause or Cause())
    seen = as_expected(only, want)
    for name, value in change.items():
        setattr(seen, name, value)
    compare(seen)
    return seen.mismatches


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ending": Ending.REFUSED, "code": 3011}, "ended with refused 3011, expected read"),
        ({"result": 3}, "receipt E=3 EC=None, expected E=2 EC=None"),
        ({"ec": 1011}, "receipt E=2 EC=1011"),
        ({"kvnr_right": False}, "the data are those of somebody else"),
        ({"kvnr_right": None}, "the data are those of somebody else"),
        ({"attempts": [Attempt(0, 0, True, True, code=4093), Attempt(0, 0, True, True)]}, "errors on the way [4093]"),
    ],
)
def test_every_difference_is_named(change: dict[str, object], said: str) -> None:
    assert said in "; ".join(_differences(Expected(Ending.READ, result=2, online=True), change))


def test_an_address_that_did_not_change_and_an_error_that_did_not_come_are_differences() -> None:
    assert _differences(Expected(Ending.READ, result=1, moved=True), {"moved": False}) == [
        "the old address is on the card"
    ]
    want = Expected(Ending.READ, on_the_way=(frozenset({4093}),))
    assert _differences(want, {"attempts": [Attempt(0, 0, False, False)]}) == ["errors on the way none, expected 4093"]
    assert _differences(want, {"attempts": [Attempt(0, 0, False, False, code=4094)]}) == [
        "error 4094 on the way, expected one of [4093]"
    ]


def test_an_error_that_is_repeated_counts_once() -> None:
    want = Expected(Ending.READ, on_the_way=(frozenset({4093}),))
    attempts = [Attempt(0, 0, False, False, code=4093)] * 5 + [Attempt(0, 0, False, False)]
    assert _differences(want, {"attempts": attempts}) == []


def test_the_reactions_of_gemILF_PS() -> None:
    assert reaction(4093) is Reaction.WAIT
    assert {reaction(code) for code in (4094, 4056, 4057)} == {Reaction.INSERT_AGAIN}
    assert {reaction(code) for code in (3001, 12105)} == {Reaction.CHECK_ONLINE}
    assert {reaction(code) for code in (3041, 3042)} == {Reaction.VERIFY_PIN}
    assert {reaction(code) for code in (113, 4192)} == {Reaction.TOO_OLD}
    assert {reaction(code) for code in (106, 107, 114)} == {Reaction.NO_ENTITLEMENT}
    assert reaction(4001) is Reaction.GIVE_UP
    assert Reaction.GIVE_UP not in REACTIONS.values()
