"""Fuzz target: what a card may answer to the far end of a mutual authentication, with and without valid checksum."""

from contextlib import suppress

from tiaas.base.entropy import SeededEntropy
from tiaas.card.mutual import AuthenticationKey, BadAuthentication, MutualAuthentication
from tiaas.card.symmetric import BLOCK, cbc_encrypt, checksum

_KEY = AuthenticationKey(bytes(16), b"\x01" * 16)
_FAR_END = MutualAuthentication.begin_untrusted(_KEY, bytes(16), bytes(8), b"\x02" * 8, SeededEntropy(b"fuzz"))
_RIGHT = _FAR_END.inner + _FAR_END.outer + bytes(64)

SEEDS: list[bytes] = [_RIGHT, bytes(16), bytes(120), b""]


def target(data: bytes) -> None:
    """Only `BadAuthentication` may escape."""
    with suppress(BadAuthentication):
        MutualAuthentication.begin_untrusted(_KEY, data, bytes(8), bytes(8), SeededEntropy(b"fuzz"))
    with suppress(BadAuthentication):
        _FAR_END.finish_untrusted(data)
    cryptogram = cbc_encrypt(_KEY.enc, bytes(BLOCK), data[: len(data) // BLOCK * BLOCK])
    with suppress(BadAuthentication):
        _FAR_END.finish_untrusted(cryptogram + checksum(_KEY.mac, cryptogram))
