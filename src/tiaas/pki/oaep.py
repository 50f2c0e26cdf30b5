"""EME-OAEP decoding with SHA-256 and MGF1 (RFC 8017, 7.1.2 step 3), for modules that do bare RSA only.

A wrong padding is told once, after everything was looked at, whatever is wrong with it: nobody may learn by asking
which octet it was (RFC 8017, 7.1.2, note).
"""

from hashlib import sha256
from hmac import compare_digest

from tiaas.base.errors import TiaasError

_HASH = 32
_EMPTY_LABEL = sha256(b"").digest()


class BadOaep(TiaasError):
    """Octets that are no OAEP encoding."""


def decode_oaep_untrusted(encoded: bytes) -> bytes:
    """The message in an encoding as long as the modulus. Raises only `BadOaep`."""
    if len(encoded) < 2 * _HASH + 2:
        raise BadOaep("too short")
    masked_seed, masked_block = encoded[1 : 1 + _HASH], encoded[1 + _HASH :]
    seed = _xor(masked_seed, _mgf1(masked_block, _HASH))
    block = _xor(masked_block, _mgf1(seed, len(masked_block)))
    start, is_zero, strange = 0, 1, 0
    for place, octet in enumerate(block[_HASH:], start=_HASH):
        # Once the first octet that is not zero was found, `is_zero` stays 0 and nothing counts any more.
        is_one = is_zero & (octet == 1)
        start |= is_one * (place + 1)
        strange |= is_zero & (octet > 1)
        is_zero &= octet == 0
    good = compare_digest(block[:_HASH], _EMPTY_LABEL) & (encoded[0] == 0) & (strange == 0) & (start > 0)
    if not good:
        raise BadOaep("no OAEP encoding")
    return block[start:]


def _mgf1(seed: bytes, length: int) -> bytes:
    count = -(-length // _HASH)
    return b"".join(sha256(seed + number.to_bytes(4, "big")).digest() for number in range(count))[:length]


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left, "big") ^ int.from_bytes(right, "big")).to_bytes(len(left), "big")
