"""Does the random generator look random: the statistical tests of FIPS 140-2 §4.9.1 (change notice 1) on 20,000 bits.

A good generator fails one of them once in 2,000 samples (long run 3.0, monobit and poker 1.0 of 10,000 each), and a
sample is drawn every second: two failures in a row come every 46 days, three every 250 years, four every 500,000. So
four in a row count, which leaves thousands of nodes without a false alarm. They are drawn one behind the other: what
is broken is still found in the second that TAB_KON_503 gives. The operating system's generator does not wear out; what
these tests find is one that is stuck, replaced or not there.
"""

from itertools import groupby

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy

OCTETS = 2_500
SAMPLES = 4
_ONES = range(9_726, 10_275)
_POKER = (2.16, 46.17)
_LONGEST = 25


@dataclass(frozen=True)
class Failure:
    """Which test a sample does not pass, and the value that is out of its bounds."""

    test: str
    value: float


def generator_failures(entropy: Entropy) -> tuple[Failure, ...]:
    """What is wrong with each of `SAMPLES` samples in a row, or with the generator; nothing if one sample passes."""
    failures: list[Failure] = []
    for _ in range(SAMPLES):
        try:
            sample = entropy.octets(OCTETS)
        except OSError as error:
            return (Failure("unreadable", error.errno or 0),)
        failure = failure_of(sample)
        if failure is None:
            return ()
        failures.append(failure)
    return tuple(failures)


def failure_of(sample: bytes) -> Failure | None:
    """The first of the monobit, poker and long run tests that `OCTETS` octets do not pass."""
    if len(sample) != OCTETS:
        return Failure("octets", len(sample))
    ones = int.from_bytes(sample).bit_count()
    if ones not in _ONES:
        return Failure("monobit", ones)
    digits = sample.hex()
    poker = 16 / 5_000 * sum(digits.count(digit) ** 2 for digit in "0123456789abcdef") - 5_000
    if not _POKER[0] < poker < _POKER[1]:
        return Failure("poker", poker)
    bits = f"{int.from_bytes(sample):0{OCTETS * 8}b}"
    if "0" * (_LONGEST + 1) in bits or "1" * (_LONGEST + 1) in bits:
        return Failure("long run", max(len(list(run)) for _, run in groupby(bits)))
    return None
