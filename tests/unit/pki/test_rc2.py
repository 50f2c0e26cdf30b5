"""RC2 as PKCS#12 files of old use it: the examples of RFC 2268, 5, whose effective length is that of the key."""

import pytest

from tiaas.pki.rc2 import BadRc2, decrypt_cbc


@pytest.mark.parametrize(
    ("key", "plain", "encrypted"),
    [
        ("ffffffffffffffff", "ffffffffffffffff", "278b27e42e2f0d49"),
        ("3000000000000000", "1000000000000001", "30649edf9be7d2c2"),
        ("88bca90e90875a7f0f79c384627bafb2", "0000000000000000", "2269552ab0f85ca6"),
    ],
)
def test_examples(key: str, plain: str, encrypted: str) -> None:
    assert decrypt_cbc(bytes.fromhex(key), bytes(8), bytes.fromhex(encrypted)).hex() == plain


def test_blocks_are_chained() -> None:
    block, iv = bytes.fromhex("278b27e42e2f0d49"), bytes(range(8))
    first, second = decrypt_cbc(b"\xff" * 8, iv, block * 2)[:8], decrypt_cbc(b"\xff" * 8, iv, block * 2)[8:]
    assert first == bytes(255 ^ octet for octet in iv)
    assert second == bytes(255 ^ octet for octet in block)


@pytest.mark.parametrize(("key", "iv", "octets"), [(b"", 8, 8), (b"k", 7, 8), (b"k", 8, 9), (bytes(129), 8, 8)])
def test_what_is_none(key: bytes, iv: int, octets: int) -> None:
    with pytest.raises(BadRc2):
        decrypt_cbc(key, bytes(iv), bytes(octets))
