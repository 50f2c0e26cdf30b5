"""Mutations of octets: the engine without coverage, where there is no atheris and for the fast test of all targets."""

import re
from collections.abc import Iterator, Sequence
from random import Random

MAX_SIZE = 8192
_RUN = re.compile(rb"(.)\1{15,}", re.DOTALL)
_STRETCHED = 300_000
_INTERESTING = (b"\x00", b"\xff", b"\x7f", b"\x80", b"\x81", b"\x82", b"\x84", b"\x00\x00", b"\xff\xff", b"\xff" * 4)


def mutants(seeds: Sequence[bytes], random: Random) -> Iterator[bytes]:
    """Endless mutants of the seeds, one to eight changes each; without seeds, of nothing."""
    pool = list(seeds) or [b""]
    while True:
        data = random.choice(pool)
        for _ in range(random.choice((1, 1, 1, 2, 3, 8))):
            data = _change(data, pool, random)
        yield data[:MAX_SIZE]


def stretched(data: bytes) -> bytes:
    """With the first run of an octet made so long that whatever takes its square takes longer than a run may."""
    run = _RUN.search(data)
    return data if run is None else data[: run.start()] + run[1] * _STRETCHED + data[run.end() :]


def _change(data: bytes, pool: Sequence[bytes], random: Random) -> bytes:
    at = random.randint(0, len(data))
    end = min(len(data), at + random.choice((1, 1, 2, 4, 16, 64)))
    match random.randint(0, 7):
        case 0:
            return data[:at] + data[end:]
        case 1:
            return data[:at] + random.randbytes(random.choice((1, 1, 2, 8))) + data[at:]
        case 2:
            return data[:at] + random.choice(_INTERESTING) + data[at:]
        case 3:
            return data[:at] + random.choice(_INTERESTING) + data[end:]
        case 4:
            return data[:end] + data[at:end] * random.choice((1, 2, 50)) + data[end:]
        case 5:
            other = random.choice(pool)
            cut = random.randint(0, len(other))
            return data[:at] + other[cut:]
        case 6 if at < len(data):
            return data[:at] + bytes([data[at] ^ 1 << random.randint(0, 7)]) + data[at + 1 :]
        case 7 if at < len(data):
            return data[:at] + bytes([(data[at] + random.choice((1, -1))) % 256]) + data[at + 1 :]
        case _:
            return data[:at]
