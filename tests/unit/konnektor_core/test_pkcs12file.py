"""PKCS#12 files from outside: what they cost is known before anything is computed."""

import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

from tests.fuzz.fuzz_pkcs12 import PASSWORD, SEEDS, file_inside, file_with, pbes1, pbkdf2, scrypt
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
    assert 1000 < count_rounds_untrusted(file, Secret(b"p")) <= 1500 + 2048
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


def test_a_key_inside_encrypted_content_is_counted_before_it_is_derived() -> None:
    """The outer content asks for 5 rounds, its MAC for one, the key in it for hours."""
    assert count_rounds_untrusted(file_inside(1000), PASSWORD) == 1006
    with pytest.raises(BadPkcs12, match="asks for 2000000006 rounds"):
        load_pkcs12(file_inside(2_000_000_000), PASSWORD)
    with pytest.raises(BadPkcs12, match="password"):
        load_pkcs12(file_inside(1000), Secret(b"q"))


ENCRYPTIONS = (
    "PBE-SHA1-RC2-40", "PBE-SHA1-RC2-128", "PBE-SHA1-RC4-40", "PBE-SHA1-RC4-128", "PBE-SHA1-2DES", "PBE-SHA1-3DES",
    "PBE-MD5-DES", "PBE-SHA1-DES", "PBE-MD5-RC2-64", "PBE-SHA1-RC2-64", "aes-128-cbc", "aes-192-cbc", "aes-256-cbc",
    "des-ede3-cbc",
)  # fmt: skip


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key with its certificate, PEM."""
    path = tmp_path_factory.mktemp("p12") / "identity.pem"
    path.write_bytes(PAIR.key_pem().reveal() + PAIR.certificate.public_bytes(Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("encryption", "password"),
    [
        *((encryption, "p") for encryption in ENCRYPTIONS),
        *((encryption, password) for encryption in ("PBE-SHA1-RC2-40", "aes-256-cbc") for password in ("", "süß")),
    ],
)
def test_what_openssl_writes_is_opened_and_counted(identity: Path, encryption: str, password: str) -> None:
    """Among them what old Windows and Java write (RC2 with 40 bits)."""
    made = subprocess.run(
        [
            "openssl", "pkcs12", "-export", "-legacy", "-in", identity, "-certpbe", encryption, "-keypbe", encryption,
            "-iter", "3", "-passout", f"pass:{password}",
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )  # fmt: skip
    secret = Secret(password.encode())
    assert 7 <= count_rounds_untrusted(made.stdout, secret) <= 6 + 2048
    key, certificate, _ = load_pkcs12(made.stdout, secret)
    assert key is not None
    assert certificate == PAIR.certificate


def test_an_unknown_encryption_is_refused() -> None:
    with pytest.raises(BadPkcs12, match="unknown way"):
        count_rounds_untrusted(file_with({"algorithm": "aes256_cbc", "parameters": bytes(16)}, 1), PASSWORD)


@pytest.mark.parametrize("file", [b"", b"\x30\x00", SEEDS[0][:-1], SEEDS[0] + b"\x00"])
def test_what_is_no_file(file: bytes) -> None:
    with pytest.raises(BadPkcs12):
        load_pkcs12(file, Secret(b"p"))
