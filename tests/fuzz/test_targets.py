"""Every fuzz target on its seeds and a few hundred mutants: seconds, with every test run."""

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
    for seed in module.SEEDS:
        module.target(seed)
    for data in islice(mutants(module.SEEDS, Random(name)), _MUTANTS):
        module.target(data)


def test_the_runner_counts() -> None:
    outcome = _run_one("tlv", Limits(seconds=20, runs=500), "mutation")
    assert not outcome.failed
    assert outcome.executions == 500


def test_mutants_repeat_with_their_seed() -> None:
    def first() -> list[bytes]:
        return list(islice(mutants([b"abc", b"defgh"], Random(1)), 50))

    assert first() == first()
    assert len(set(first())) > 30
