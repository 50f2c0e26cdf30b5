"""PKCS#12 files from outside: what they cost is known before anything is computed."""

import pytest
from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat, pkcs12

from tests.fuzz.fuzz_pkcs12 import SEEDS, file_with, pbes1, pbkdf2, scrypt
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.base.secret import Secret
from tiaas.konnektor.issuing import KeyPair, create_ca
from tiaas.konnektor.pkcs12file import BadPkcs12, count_rounds_untrusted, load_pkcs12

PAIR: KeyPair = create_ca("p12", SystemClock().now(), SystemEntropy())


def made(rounds: int, algorithm: pkcs12.PBES) -> bytes:
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds).key_cert_algorithm(algorithm)
    return pkcs12.serialize_key_and_certificates(b"s", PAIR.key, PAIR.certificate, None, builder.build(b"p"))


@pytest.mark.parametrize("algorithm", [pkcs12.PBES.PBESv2SHA256AndAES256CBC, pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC])
def test_rounds_of_key_and_certificate_are_counted(algorithm: pkcs12.PBES) -> None:
    file = made(500, algorithm)
    assert 1000 < count_rounds_untrusted(file) <= 1500 + 2048
    _, certificate, _ = load_pkcs12(file, Secret(b"p"))
    assert certificate == PAIR.certificate
    with pytest.raises(BadPkcs12, match="password"):
        load_pkcs12(file, Secret(b"q"))


def test_a_file_without_encryption_opens() -> None:
    file = pkcs12.serialize_key_and_certificates(b"s", PAIR.key, PAIR.certificate, None, NoEncryption())
    assert load_pkcs12(file, Secret(b""))[1] == PAIR.certificate


@pytest.mark.parametrize(
    ("encryption", "mac_rounds"),
    [(pbes1(2_000_000_000), 1), (pbkdf2(2_000_000_000), 1), (scrypt(1 << 24), 1), (pbkdf2(1), 2_000_000_000),
     (pbkdf2(600_000), 600_000)],
)  # fmt: skip
def test_millions_of_rounds_are_refused_before_the_first(encryption: dict[str, object], mac_rounds: int) -> None:
    with pytest.raises(BadPkcs12, match="rounds of key derivation"):
        load_pkcs12(file_with(encryption, mac_rounds), Secret(b"p"))


def test_an_unknown_encryption_is_refused() -> None:
    with pytest.raises(BadPkcs12, match="unknown way"):
        count_rounds_untrusted(file_with({"algorithm": "aes256_cbc", "parameters": bytes(16)}, 1))


@pytest.mark.parametrize("file", [b"", b"\x30\x00", SEEDS[0][:-1], SEEDS[0] + b"\x00"])
def test_what_is_no_file(file: bytes) -> None:
    with pytest.raises(BadPkcs12):
        load_pkcs12(file, Secret(b"p"))
