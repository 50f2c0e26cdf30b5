"""The source of samples of a node in the lab, broken and sound."""

import errno
from datetime import UTC, datetime

import pytest

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.cli.faultyrandom import FaultyRandom
from tiaas.konnektor.randomcheck import OCTETS, SAMPLES, Failure, generator_failures
from tiaas.lab.faults import CODES, Fault, FaultBook, Service


@pytest.mark.parametrize("code", CODES[Service.RANDOM])
def test_the_check_finds_whatever_is_broken_until_it_ends(code: str) -> None:
    faults = FaultBook(ManualClock(datetime(2026, 3, 2, tzinfo=UTC)))
    random = FaultyRandom(SeededEntropy(b"samples"), faults)
    assert not generator_failures(random)
    faults.add(Fault(Service.RANDOM, code=code, times=None))
    assert all(generator_failures(random) for _ in range(10))
    assert {fired.line for fired in faults.fired} == {f"SAMPLE {OCTETS}"}
    faults.clear()
    assert not generator_failures(random)


def test_an_unreadable_generator_is_not_asked_again() -> None:
    faults = FaultBook(ManualClock(datetime(2026, 3, 2, tzinfo=UTC)))
    faults.add(Fault(Service.RANDOM, code="unreadable", times=None))
    assert generator_failures(FaultyRandom(SeededEntropy(b"samples"), faults)) == (Failure("unreadable", errno.EIO),)
    assert len(faults.fired) == 1


class BadFor:
    """A generator whose first samples are all zeros."""

    def __init__(self, samples: int) -> None:
        self._left = samples
        self._sound = SeededEntropy(b"samples")

    def octets(self, size: int) -> bytes:
        self._left -= 1
        return bytes(size) if self._left >= 0 else self._sound.octets(size)


def test_fewer_bad_samples_in_a_row_are_forgiven() -> None:
    assert not generator_failures(BadFor(SAMPLES - 1))
    assert generator_failures(BadFor(SAMPLES)) == (Failure("monobit", 0),) * SAMPLES
