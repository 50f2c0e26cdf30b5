"""EncryptedData written and read: what another library sees in it, and what is no such structure."""

import pytest
from asn1crypto import cms as asn1
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tiaas.cms.contentcipher import CannotOpen, ContentCipher, seal
from tiaas.cms.der import algorithm, integer, octet_string, oid, sequence
from tiaas.cms.encrypteddata import ENCRYPTED_DATA, read_encrypted_untrusted, write_encrypted
from tiaas.cms.errors import BadCms
from tiaas.cms.oids import DATA
from tiaas.tlv import encode

KEY, NONCE, TEXT = bytes(range(32)), bytes(range(12)), b"Befund: unauff\xc3\xa4llig" * 100
GCM, CBC = ContentCipher.AES_256_GCM, ContentCipher.AES_256_CBC


def written(text: bytes = TEXT) -> bytes:
    return write_encrypted(NONCE, seal(KEY, NONCE, text))


def made(cipher: str, parameters: bytes, content: bytes, kind: str = ENCRYPTED_DATA, more: bytes = b"") -> bytes:
    info = sequence(oid(DATA), algorithm(cipher, parameters), encode(0x80, content))
    return sequence(oid(kind), encode(0xA0, sequence(integer(0), info, more)))


def gcm(length: int = 16, nonce: bytes = NONCE) -> bytes:
    return sequence(octet_string(nonce), integer(length))


@pytest.mark.parametrize("text", [b"", b"x", TEXT])
def test_another_library_reads_it(text: bytes) -> None:
    info = asn1.ContentInfo.load(written(text), strict=True)
    assert info["content_type"].native == "encrypted_data"
    assert info["content"]["version"].native == "v0"
    content = info["content"]["encrypted_content_info"]
    assert content["content_type"].native == "data"
    assert content["content_encryption_algorithm"]["algorithm"].native == "aes256_gcm"
    assert AESGCM(KEY).decrypt(NONCE, content["encrypted_content"].native, None) == text
    assert read_encrypted_untrusted(written(text)).open(KEY) == text


@pytest.mark.parametrize("size", [16, 24, 32])
def test_any_length_of_key_is_read(size: int) -> None:
    cipher = {16: ContentCipher.AES_128_GCM, 24: ContentCipher.AES_192_GCM, 32: GCM}[size]
    sealed = AESGCM(KEY[:size]).encrypt(NONCE, TEXT, None)
    unprotected = encode(0xA1, sequence(oid(DATA), encode(0x31, integer(1))))
    assert read_encrypted_untrusted(made(cipher, gcm(), sealed, more=unprotected)).open(KEY[:size]) == TEXT


def test_another_key_and_every_changed_octet_are_noticed() -> None:
    for key in (bytes(32), bytes(16), b""):
        with pytest.raises(CannotOpen):
            read_encrypted_untrusted(written()).open(key)
    octets = written(b"text")
    for position in range(len(octets)):
        changed = octets[:position] + bytes([octets[position] ^ 1]) + octets[position + 1 :]
        try:
            opened = read_encrypted_untrusted(changed).open(KEY)
        except (BadCms, CannotOpen):
            continue
        # The version number and the type of the content are not protected by anything.
        assert opened == b"text"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"text",
        made(CBC, octet_string(bytes(16)), bytes(32)),
        made("1.2.840.113549.3.7", octet_string(bytes(8)), bytes(32)),
        made(GCM, b"", bytes(32)),
        made(GCM, gcm(), bytes(15)),
        made(GCM, gcm(0), bytes(32)),
        made(GCM, gcm(-1), bytes(32)),
        made(GCM, gcm(), bytes(32), kind="1.2.840.113549.1.7.3"),
        made(GCM, gcm(), bytes(32), more=integer(1)),
        sequence(oid(ENCRYPTED_DATA), encode(0xA0, sequence(integer(0), sequence(oid(DATA), algorithm(GCM, gcm()))))),
    ],
)
def test_what_is_none(octets: bytes) -> None:
    with pytest.raises(BadCms):
        read_encrypted_untrusted(octets)
