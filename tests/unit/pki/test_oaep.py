"""EME-OAEP against OpenSSL's: what it enciphers for a bare RSA operation comes out, what is damaged does not."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tiaas.pki.oaep import BadOaep, decode_oaep_untrusted

OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
KEY = rsa.generate_private_key(65537, 2048)
SIZE = 256


def bare(cryptogram: bytes) -> bytes:
    """The RSA operation without padding, as CKM_RSA_X_509 does it."""
    numbers = KEY.private_numbers()
    return pow(int.from_bytes(cryptogram, "big"), numbers.d, numbers.public_numbers.n).to_bytes(SIZE, "big")


@pytest.mark.parametrize("message", [b"", b"\x01", bytes(32), bytes(range(32)), b"m" * (SIZE - 2 * 32 - 2)])
def test_what_openssl_enciphers_comes_out(message: bytes) -> None:
    assert decode_oaep_untrusted(bare(KEY.public_key().encrypt(message, OAEP))) == message


def test_a_damaged_encoding_is_refused() -> None:
    encoded = bare(KEY.public_key().encrypt(b"message", OAEP))
    for place in (0, 1, 32, 33, 64, 65, 100, SIZE - 1):
        damaged = encoded[:place] + bytes([encoded[place] ^ 1]) + encoded[place + 1 :]
        with pytest.raises(BadOaep):
            decode_oaep_untrusted(damaged)
    for octets in (b"", bytes(65), bytes(SIZE), encoded[:-1]):
        with pytest.raises(BadOaep):
            decode_oaep_untrusted(octets)


def test_another_hash_in_the_label_is_refused() -> None:
    sha1 = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA1(), None)
    with pytest.raises(BadOaep):
        decode_oaep_untrusted(bare(KEY.public_key().encrypt(b"message", sha1)))
