"""Does the random generator look random: the statistical tests of FIPS 140-2 §4.9.1 (change notice 1) on 20,000 bits.

A good generator fails one of them about once in 5,000 times, so only two failures in a row count. The operating
system's generator does not wear out; what these tests find is one that is stuck, replaced or not there.
"""

from tiaas.base.entropy import Entropy

OCTETS = 2_500
_ONES = range(9_726, 10_275)
_POKER = (2.16, 46.17)
_LONGEST = 25


def looks_random(entropy: Entropy) -> bool:
    """Whether the generator works: one of two samples passes all tests."""
    for _ in range(2):
        try:
            sample = entropy.octets(OCTETS)
        except OSError:
            return False
        if passes(sample):
            return True
    return False


def passes(sample: bytes) -> bool:
    """The monobit, poker and long run tests on `OCTETS` octets."""
    if len(sample) != OCTETS or int.from_bytes(sample).bit_count() not in _ONES:
        return False
    digits = sample.hex()
    poker = 16 / 5_000 * sum(digits.count(digit) ** 2 for digit in "0123456789abcdef") - 5_000
    if not _POKER[0] < poker < _POKER[1]:
        return False
    bits = f"{int.from_bytes(sample):0{OCTETS * 8}b}"
    return "0" * (_LONGEST + 1) not in bits and "1" * (_LONGEST + 1) not in bits
