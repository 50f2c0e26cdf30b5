"""AuthEnvelopedData written and read; EnvelopedData and what other systems write, read."""

from datetime import UTC, datetime
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tiaas.cms.certificate import names_untrusted
from tiaas.cms.contentcipher import CannotOpen, ContentCipher, seal
from tiaas.cms.der import algorithm, integer, octet_string, oid, sequence, set_of
from tiaas.cms.enveloped import (
    ENVELOPED_DATA,
    KeyTransport,
    Recipient,
    check_attribute_untrusted,
    write_auth_enveloped,
)
from tiaas.cms.envelopedreader import is_enveloped, read_enveloped_untrusted
from tiaas.cms.errors import BadCms
from tiaas.tlv import encode

KEY, NONCE, TEXT = bytes(range(32)), bytes(range(12)), b"Befund: unauff\xc3\xa4llig" * 100
ATTRIBUTE = sequence(oid("1.2.276.0.76.4.173"), set_of([sequence(encode(0x16, b"a@b.kim.telematik"))]))


@cache
def certificate() -> bytes:
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Müller")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(2**63)
    builder = builder.public_key(key.public_key()).not_valid_before(day).not_valid_after(day.replace(year=2030))
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


def recipient(transport: KeyTransport = KeyTransport.RSAES_OAEP) -> Recipient:
    return Recipient(names_untrusted(certificate()).issuer_and_serial, transport, b"sealed key")


def test_what_is_written_is_read() -> None:
    written = write_auth_enveloped(
        [recipient(), recipient(KeyTransport.ELC)], NONCE, seal(KEY, NONCE, TEXT), [ATTRIBUTE]
    )
    assert is_enveloped(written)
    read = read_enveloped_untrusted(written)
    assert read.cipher is ContentCipher.AES_256_GCM
    # The octets decide the order of a set.
    assert {found.transport for found in read.recipients} == set(KeyTransport)
    assert {found.certificate for found in read.recipients} == {names_untrusted(certificate()).issuer_and_serial}
    assert read.recipients[0].encrypted_key == b"sealed key"
    assert ATTRIBUTE in written
    assert read.open(KEY) == TEXT


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 65536])
def test_any_size(size: int) -> None:
    text = bytes(size)
    assert (
        read_enveloped_untrusted(write_auth_enveloped([recipient()], NONCE, seal(KEY, NONCE, text))).open(KEY) == text
    )


def test_an_encrypted_key_ends_somewhere() -> None:
    def written(size: int) -> bytes:
        names = names_untrusted(certificate()).issuer_and_serial
        recipients = [Recipient(names, KeyTransport.RSAES_OAEP, bytes(size))]
        return write_auth_enveloped(recipients, NONCE, seal(KEY, NONCE, TEXT), [])

    assert read_enveloped_untrusted(written(12 * 1024)).recipients[0].encrypted_key == bytes(12 * 1024)
    with pytest.raises(BadCms):
        read_enveloped_untrusted(written(12 * 1024 + 1))


@pytest.mark.parametrize("key", [bytes(32), bytes(16), b""])
def test_another_key_opens_nothing(key: bytes) -> None:
    read = read_enveloped_untrusted(write_auth_enveloped([recipient()], NONCE, seal(KEY, NONCE, TEXT)))
    with pytest.raises(CannotOpen):
        read.open(key)


def test_every_changed_octet_of_content_and_tag_is_noticed() -> None:
    written = write_auth_enveloped([recipient()], NONCE, seal(KEY, NONCE, b"short"))
    start = written.index(b"".join(seal(KEY, NONCE, b"short").ciphertext()))
    for position in range(start, len(written)):
        changed = bytearray(written)
        changed[position] ^= 1
        try:
            read = read_enveloped_untrusted(bytes(changed))
        except BadCms:
            continue
        with pytest.raises(CannotOpen):
            read.open(KEY)


def test_indefinite_lengths_and_segments_are_read() -> None:
    """As KIM-Clientmodule write it."""
    sealed = seal(KEY, NONCE, TEXT)
    ciphertext = b"".join(sealed.ciphertext())
    parts = [ciphertext[at : at + 1000] for at in range(0, len(ciphertext), 1000)]
    content = (
        b"\x30\x80" + oid("1.2.840.113549.1.7.1")
        + algorithm(ContentCipher.AES_256_GCM, sequence(octet_string(NONCE), integer(16)))
        + b"\xa0\x80" + b"".join(map(octet_string, parts)) + b"\0\0" + b"\0\0"
    )  # fmt: skip
    info = sequence(
        integer(0),
        names_untrusted(certificate()).issuer_and_serial.encode(),
        algorithm(KeyTransport.ELC),
        octet_string(b"k"),
    )
    inner = b"\x30\x80" + integer(0) + set_of([info]) + content + octet_string(sealed.tag) + b"\0\0"
    octets = b"\x30\x80" + oid("1.2.840.113549.1.9.16.1.23") + b"\xa0\x80" + inner + b"\0\0" + b"\0\0"
    assert read_enveloped_untrusted(octets).open(KEY) == TEXT


def test_authenticated_attributes_count_for_the_tag() -> None:
    attributes = set_of([ATTRIBUTE])
    sealed = AESGCM(KEY).encrypt(NONCE, TEXT, attributes)
    content = sequence(
        oid("1.2.840.113549.1.7.1"),
        algorithm(ContentCipher.AES_256_GCM, sequence(octet_string(NONCE), integer(16))),
        encode(0x80, sealed[:-16]),
    )
    inner = sequence(integer(0), set_of([]), content, b"\xa1" + attributes[1:], octet_string(sealed[-16:]))
    octets = sequence(oid("1.2.840.113549.1.9.16.1.23"), encode(0xA0, inner))
    assert read_enveloped_untrusted(octets).open(KEY) == TEXT


@pytest.mark.parametrize("cipher", [c for c in ContentCipher if c.name.endswith("CBC")])
def test_legacy_enveloped_data_is_read(cipher: ContentCipher) -> None:
    key, iv = KEY[: cipher.key_size], bytes(16)
    padder = PKCS7(128).padder()
    encryptor = Cipher(AES(key), CBC(iv)).encryptor()
    ciphertext = encryptor.update(padder.update(TEXT) + padder.finalize()) + encryptor.finalize()
    content = sequence(oid("1.2.840.113549.1.7.1"), algorithm(cipher, octet_string(iv)), encode(0x80, ciphertext))
    inner = sequence(integer(0), set_of([]), content)
    octets = sequence(oid(ENVELOPED_DATA), encode(0xA0, inner))
    assert read_enveloped_untrusted(octets).open(key) == TEXT


@pytest.mark.parametrize(
    "parameters",
    [
        b"",
        sequence(),
        sequence(encode(0xA0, algorithm("2.16.840.1.101.3.4.2.1"))),
        sequence(
            encode(0xA0, algorithm("2.16.840.1.101.3.4.2.1")),
            encode(0xA1, algorithm("1.2.840.113549.1.1.8", algorithm("1.3.14.3.2.26"))),
        ),
    ],
)
def test_oaep_with_another_hash_is_nothing_a_card_does(parameters: bytes) -> None:
    other = algorithm(KeyTransport.RSAES_OAEP, parameters)
    info = sequence(
        integer(0), names_untrusted(certificate()).issuer_and_serial.encode(), other, octet_string(b"sealed key")
    )
    content = sequence(
        oid("1.2.840.113549.1.7.1"),
        algorithm(ContentCipher.AES_256_GCM, sequence(octet_string(NONCE), integer(16))),
        encode(0x80, b""),
    )
    inner = sequence(integer(0), set_of([info]), content, octet_string(bytes(16)))
    read = read_enveloped_untrusted(sequence(oid("1.2.840.113549.1.9.16.1.23"), encode(0xA0, inner)))
    assert read.recipients[0].transport is None
    assert read.recipients[0].algorithm == KeyTransport.RSAES_OAEP


@pytest.mark.parametrize(
    "octets",
    [b"", b"\x30", b"\x30\x00", b"\x30\x80", sequence(oid("1.2.840.113549.1.7.2")), b"From: a@b\r\n\r\nText"],
)
def test_what_is_no_encrypted_content_is_refused(octets: bytes) -> None:
    assert not is_enveloped(octets)
    with pytest.raises(BadCms):
        read_enveloped_untrusted(octets)


@pytest.mark.parametrize("octets", [b"", sequence(), sequence(oid("1.2.3")), sequence(oid("1.2.3"), set_of([])), b"x"])
def test_what_is_no_attribute_is_refused(octets: bytes) -> None:
    check_attribute_untrusted(ATTRIBUTE)
    with pytest.raises(BadCms):
        check_attribute_untrusted(octets)


def test_an_rsa_key_of_the_certificate_fits_the_algorithm_identifier() -> None:
    """The parameters are those of RFC 4055, 4.1, as KIM's sample has them."""
    written = write_auth_enveloped([recipient()], NONCE, seal(KEY, NONCE, TEXT))
    expected = bytes.fromhex(
        "303C06092A864886F70D010107302FA00F300D06096086480165030402010500A11C301A06092A864886F70D010108300D0609608648"
        "0165030402010500"
    )
    assert expected in written
