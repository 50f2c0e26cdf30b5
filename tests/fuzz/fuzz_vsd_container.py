"""Fuzz target: the gzip containers of a ReadVSDResponse."""

import gzip

from tiaas.client.vsd import BadContainer, unpack_untrusted

SEEDS: list[bytes] = [
    gzip.compress(b"<a>" + b"b" * 100 + b"</a>", mtime=0),
    gzip.compress(bytes(200_000), mtime=0),
    b"\x1f\x8b\x08\x00",
]


def target(data: bytes) -> None:
    """Only `BadContainer` may escape, and what comes out is bounded."""
    try:
        xml = unpack_untrusted(data)
    except BadContainer:
        return
    if len(xml) > 65536:
        raise AssertionError("not bounded")
