"""PKCS#12 files from outside: what they cost is known before anything is computed."""

import asyncio
import subprocess
from pathlib import Path

import pytest
from asn1crypto import keys
from asn1crypto.cms import ContentInfo
from asn1crypto.pkcs12 import AuthenticatedSafe, Pfx, SafeBag, SafeContents
from asn1crypto.x509 import Certificate as AsnCertificate
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from cryptography.x509 import Certificate

from tests.fuzz.fuzz_pkcs12 import PASSWORD, SEEDS, file_inside, file_with, pbes1, pbkdf2, pbmac1, scrypt
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.base.secret import Secret
from tiaas.konnektor.issuing import KeyPair, create_ca
from tiaas.konnektor.keykind import PrivateKey
from tiaas.konnektor.pkcs12file import BadPkcs12, count_rounds_untrusted, load_pkcs12

PAIR: KeyPair = create_ca("p12", SystemClock().now(), SystemEntropy())


def made(rounds: int, algorithm: pkcs12.PBES) -> bytes:
    builder = PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds).key_cert_algorithm(algorithm)
    return pkcs12.serialize_key_and_certificates(b"s", PAIR.key, PAIR.certificate, None, builder.build(b"p"))


@pytest.mark.parametrize("algorithm", [pkcs12.PBES.PBESv2SHA256AndAES256CBC, pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC])
def test_rounds_of_key_and_certificate_are_counted(algorithm: pkcs12.PBES) -> None:
    file = made(500, algorithm)
    assert 1000 < count_rounds_untrusted(file, Secret(b"p")) <= 1500 + 2048
    _, certificate = load_pkcs12(file, Secret(b"p"))
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
    key, certificate = load_pkcs12(made.stdout, secret)
    assert key is not None
    assert certificate == PAIR.certificate


def test_an_unknown_encryption_is_refused() -> None:
    with pytest.raises(BadPkcs12, match="unknown way"):
        count_rounds_untrusted(file_with({"algorithm": "aes256_cbc", "parameters": bytes(16)}, 1), PASSWORD)


@pytest.mark.parametrize("file", [b"", b"\x30\x00", SEEDS[0][:-1], SEEDS[0] + b"\x00"])
def test_what_is_no_file(file: bytes) -> None:
    with pytest.raises(BadPkcs12):
        load_pkcs12(file, Secret(b"p"))


def test_a_mac_that_keeps_its_rounds_elsewhere_is_refused() -> None:
    """PBMAC1 (RFC 9579): `iterations` says 1, PBKDF2's parameters say millions."""
    with pytest.raises(BadPkcs12, match="MAC of an unknown kind"):
        load_pkcs12(pbmac1(15_000_000), PASSWORD)


@pytest.mark.parametrize("digest", ["sha1", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("password", ["p", ""])
def test_a_mac_of_any_known_function_is_checked(identity: Path, digest: str, password: str) -> None:
    made = subprocess.run(
        [
            "openssl", "pkcs12", "-export", "-in", identity, "-certpbe", "NONE", "-keypbe", "NONE", "-macalg", digest,
            "-iter", "3", "-passout", f"pass:{password}",
        ],
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout  # fmt: skip
    assert load_pkcs12(made, Secret(password.encode()))[1] == PAIR.certificate
    with pytest.raises(BadPkcs12, match="password is wrong"):
        load_pkcs12(made, Secret(b"q"))


def test_the_certificate_is_that_of_the_key_whatever_stands_first() -> None:
    other = create_ca("other", SystemClock().now(), SystemEntropy()).certificate
    info = {"content_type": "data", "content": SafeContents(
        [cert_bag(other), cert_bag(PAIR.certificate), key_bag(der_of(PAIR.key))]
    ).dump()}  # fmt: skip
    assert load_pkcs12(file_of(info), PASSWORD)[1] == PAIR.certificate
    info["content"] = SafeContents([cert_bag(other), key_bag(der_of(PAIR.key))]).dump()
    assert load_pkcs12(file_of(info), PASSWORD)[1] is None


@pytest.mark.parametrize("field", ["modulus", "prime1", "prime2"])
def test_numbers_of_rsa_that_take_the_library_long_are_refused(field: str) -> None:
    numbers = dict.fromkeys(
        ("modulus", "public_exponent", "private_exponent", "prime1", "prime2", "exponent1", "exponent2", "coefficient"),
        3,
    )
    key = keys.RSAPrivateKey({"version": 0, **numbers, field: (1 << 24_000) + 1})
    plain = keys.PrivateKeyInfo(
        {"version": 0, "private_key_algorithm": {"algorithm": "rsa"}, "private_key": key}
    ).dump()
    file = file_of({"content_type": "data", "content": SafeContents([key_bag(plain)]).dump()})
    with pytest.raises(BadPkcs12, match="more than 4096 bits"):
        load_pkcs12(file, PASSWORD)


def der_of(key: PrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def key_bag(plain: bytes) -> SafeBag:
    return SafeBag({"bag_id": "key_bag", "bag_value": keys.PrivateKeyInfo.load(plain)})


def cert_bag(certificate: Certificate) -> SafeBag:
    value = AsnCertificate.load(certificate.public_bytes(Encoding.DER))
    return SafeBag({"bag_id": "cert_bag", "bag_value": {"cert_id": "x509", "cert_value": value}})


def file_of(content: dict[str, object]) -> bytes:
    """A file without MAC."""
    safe = AuthenticatedSafe([ContentInfo(content)]).dump()
    file: bytes = Pfx({"version": "v3", "auth_safe": ContentInfo({"content_type": "data", "content": safe})}).dump()
    return file


async def test_an_event_loop_goes_on_while_a_file_is_loaded() -> None:
    """The library's reader would hold the interpreter's lock."""
    turns = 0
    file = made(60_000, pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
    loading = asyncio.create_task(asyncio.to_thread(load_pkcs12, file, Secret(b"p")))
    while not loading.done():
        await asyncio.sleep(0)
        turns += 1
    assert (await loading)[1] == PAIR.certificate
    assert turns > 100
