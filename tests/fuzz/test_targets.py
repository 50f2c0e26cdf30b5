"""Every fuzz target on its seeds and a few hundred mutants: seconds, with every test run."""

from contextlib import nullcontext
from itertools import islice
from random import Random

import pytest

from tests.fuzz import targets
from tests.fuzz.mutation import mutants
from tests.fuzz.run import Limits, _run_one

_MUTANTS = 300


@pytest.mark.parametrize("name", targets.names())
def test_target(name: str) -> None:
    module = targets.load(name)
    assert module.SEEDS, "a target has seeds"
    target = targets.watched(name, module.target)
    for seed in module.SEEDS:
        target(seed)
    for data in islice(mutants(module.SEEDS, Random(name)), _MUTANTS):
        target(data)


@pytest.mark.parametrize(
    ("taken", "is_found"),
    [([1.0], False), ([targets.CPU_SECONDS + 1, 1.0], False), ([targets.CPU_SECONDS + 1] * 2, True)],
    ids=["quick", "once", "twice"],
)
def test_what_takes_long_each_time_is_found(
    taken: list[float], is_found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, now, left = list[bytes](), 0.0, iter(taken)

    def target(data: bytes) -> None:
        nonlocal now
        seen.append(data)
        now += next(left)

    monkeypatch.setattr(targets, "thread_time", lambda: now)
    watched = targets.watched("cms", target)
    with pytest.raises(AssertionError) if is_found else nullcontext():
        watched(b"x")
    assert seen == [b"x"] * len(taken)


def test_whose_inputs_may_not_take_long() -> None:
    assert targets.TIMED.issubset(targets.names())
    (other, *_) = sorted({*targets.names()} - targets.TIMED)
    assert targets.watched(other, target := targets.load(other).target) is target


def test_the_runner_counts() -> None:
    outcome = _run_one("tlv", Limits(seconds=20, runs=500), "mutation")
    assert not outcome.failed
    assert outcome.executions == 500


def test_mutants_repeat_with_their_seed() -> None:
    def first() -> list[bytes]:
        return list(islice(mutants([b"abc", b"defgh"], Random(1)), 50))

    assert first() == first()
    assert len(set(first())) > 30
