"""RC2 in CBC mode, to read only (RFC 2268): certificates in PKCS#12 files of old Windows and Java are "encrypted" so.

The library's RC2 has keys of 128 bits; files have such of 40. RC2 keeps nothing secret today.
"""

import struct

from tiaas.base.errors import InvalidInput

BLOCK = 8
# RFC 2268, 2: a permutation of 0 to 255 made of the digits of pi.
_PITABLE = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2"
    "179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82"
    "54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7"
    "08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec"
    "c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9"
    "0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad"
)
_SHIFTS = (1, 2, 3, 5)
_MASHES = (11, 5)
"""After these rounds of mixing, counted down from 15 to 0, one of mashing is undone."""


class BadRc2(InvalidInput):
    """What cannot be the outcome of RC2 in CBC mode."""


def decrypt_cbc(key: bytes, iv: bytes, octets: bytes) -> bytes:
    """The plain octets with their padding; the effective length of the key is its length. Raises `BadRc2`."""
    if not 1 <= len(key) <= 128 or len(iv) != BLOCK or len(octets) % BLOCK:
        raise BadRc2("no RC2 in CBC mode")
    words, before, plain = _expand(key), iv, bytearray()
    for at in range(0, len(octets), BLOCK):
        block = octets[at : at + BLOCK]
        plain += bytes(left ^ right for left, right in zip(_decrypt(words, block), before, strict=True))
        before = block
    return bytes(plain)


def _expand(key: bytes) -> tuple[int, ...]:
    """RFC 2268, 2, with an effective length of all bits."""
    size, buffer = len(key), bytearray(key)
    for at in range(size, 128):
        buffer.append(_PITABLE[(buffer[at - 1] + buffer[at - size]) & 0xFF])
    buffer[128 - size] = _PITABLE[buffer[128 - size]]
    for at in range(127 - size, -1, -1):
        buffer[at] = _PITABLE[buffer[at + 1] ^ buffer[at + size]]
    return struct.unpack("<64H", buffer)


def _decrypt(words: tuple[int, ...], block: bytes) -> bytes:
    """RFC 2268, 4."""
    r = list(struct.unpack("<4H", block))
    for turn in range(15, -1, -1):
        for i in (3, 2, 1, 0):
            shift = _SHIFTS[i]
            rotated = ((r[i] >> shift) | (r[i] << (16 - shift))) & 0xFFFF
            r[i] = (rotated - words[4 * turn + i] - (r[i - 1] & r[i - 2]) - (~r[i - 1] & r[i - 3])) & 0xFFFF
        if turn in _MASHES:
            for i in (3, 2, 1, 0):
                r[i] = (r[i] - words[r[i - 1] & 63]) & 0xFFFF
    return struct.pack("<4H", *r)
