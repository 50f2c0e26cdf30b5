"""The random generator as the check of a node in the lab sees it: broken while a fault of service `random` says so.

Only the samples of the statistical check are drawn from it (`Node`, parameter `samples`); keys, nonces and handles are
made of the sound source all the while. The line that `match` is compared with is `SAMPLE` and the number of octets.
"""

import errno
import os

from tiaas.base.entropy import Entropy
from tiaas.lab.faults import FaultBook, Service

_PATTERN = 16


class FaultyRandom:
    """An `Entropy` that gives what `sound` gives, or what a broken generator would make of it."""

    def __init__(self, sound: Entropy, faults: FaultBook) -> None:
        self._sound = sound
        self._faults = faults

    def octets(self, size: int) -> bytes:
        """See `Entropy.octets`. Raises `OSError` in a fault `unreadable`."""
        fault = self._faults.take(Service.RANDOM, f"SAMPLE {size}") if self._faults else None
        match None if fault is None else fault.code:
            case "stuck":
                return self._sound.octets(1) * size
            case "repeating":
                return (self._sound.octets(_PATTERN) * (size // _PATTERN + 1))[:size]
            case "biased":
                one, other = self._sound.octets(size), self._sound.octets(size)
                return bytes(a & b for a, b in zip(one, other, strict=True))
            case "unreadable":
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            case _:
                return self._sound.octets(size)
