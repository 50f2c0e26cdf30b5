"""Randomness is passed in: keys, handles, challenges and jitter come from an `Entropy`."""

import hashlib
import os
from collections.abc import Callable
from typing import Protocol


class Entropy(Protocol):
    """A source of random octets."""

    def octets(self, size: int) -> bytes:
        """`size` random octets."""
        ...


class SystemEntropy:
    """The operating system's generator; the only one allowed for keys, secrets and handles outside tests."""

    def __init__(self) -> None:
        self.octets: Callable[[int], bytes] = os.urandom


class SeededEntropy:
    """A reproducible stream (SHA-256 in counter mode) for tests and for the lab's invented people.

    Never use it for keys of anything that is not TEST-ONLY.
    """

    def __init__(self, seed: bytes) -> None:
        self._seed = hashlib.sha256(seed).digest()
        self._counter = 0
        self._rest = b""

    def octets(self, size: int) -> bytes:
        while len(self._rest) < size:
            block = self._seed + self._counter.to_bytes(8, "big")
            self._rest += hashlib.sha256(block).digest()
            self._counter += 1
        out, self._rest = self._rest[:size], self._rest[size:]
        return out


_VARIANTS = {f"{value:x}": f"{value & 3 | 8:x}" for value in range(16)}


def random_uuid(entropy: Entropy) -> str:
    """A version 4 UUID in lower-case hex form with dashes (RFC 9562)."""
    digits = entropy.octets(16).hex()
    # Version 4; the variant is the two upper bits of one digit, so that is 8, 9, a or b.
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"


def random_fraction(entropy: Entropy) -> float:
    """A number in [0, 1) with 53 random bits: jitter, sampling."""
    return (int.from_bytes(entropy.octets(7), "big") >> 3) / (1 << 53)
