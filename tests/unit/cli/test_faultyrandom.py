"""The source of samples of a node in the lab, broken and sound."""

from datetime import UTC, datetime

import pytest

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.cli.faultyrandom import FaultyRandom
from tiaas.konnektor.randomcheck import OCTETS, looks_random
from tiaas.lab.faults import CODES, Fault, FaultBook, Service


@pytest.mark.parametrize("code", CODES[Service.RANDOM])
def test_the_check_finds_whatever_is_broken_until_it_ends(code: str) -> None:
    faults = FaultBook(ManualClock(datetime(2026, 3, 2, tzinfo=UTC)))
    random = FaultyRandom(SeededEntropy(b"samples"), faults)
    assert looks_random(random)
    faults.add(Fault(Service.RANDOM, code=code, times=None))
    assert not any(looks_random(random) for _ in range(10))
    assert {fired.line for fired in faults.fired} == {f"SAMPLE {OCTETS}"}
    faults.clear()
    assert looks_random(random)


def test_a_single_bad_sample_is_forgiven() -> None:
    faults = FaultBook(ManualClock(datetime(2026, 3, 2, tzinfo=UTC)))
    random = FaultyRandom(SeededEntropy(b"samples"), faults)
    faults.add(Fault(Service.RANDOM, code="stuck", times=None, skip=1))
    assert looks_random(random)
    assert not looks_random(random)
