"""openssl cms opens what we write for RSA keys, and we open what it writes (AES-256-GCM, RSAES-OAEP with SHA-256)."""

import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tiaas.base.entropy import SystemEntropy
from tiaas.cms.certificate import names_untrusted
from tiaas.cms.contentcipher import ContentCipher
from tiaas.cms.envelopedreader import Enveloped, read_enveloped_untrusted
from tiaas.konnektor.hybrid.sealing import Recipient, seal_cms

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
OAEP = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
TEXT = b"Arztbrief\n" * 50


@dataclass(frozen=True)
class Holder:
    key: rsa.RSAPrivateKey
    certificate: bytes
    folder: Path

    def run(self, *arguments: str, data: bytes) -> bytes:
        """The standard output of `openssl cms`; it must succeed."""
        command = ["openssl", "cms", *arguments]
        return subprocess.run(command, input=data, capture_output=True, check=True, cwd=self.folder).stdout

    def content(self, read: Enveloped) -> bytes:
        names = names_untrusted(self.certificate)
        (found,) = (
            r
            for r in read.recipients
            if r.certificate == names.issuer_and_serial
            or (r.key_identifier and r.key_identifier == names.key_identifier)
        )
        assert found.transport is not None
        return read.open(self.key.decrypt(found.encrypted_key, OAEP))


@pytest.fixture(scope="module")
def holder(tmp_path_factory: pytest.TempPathFactory) -> Holder:
    folder = tmp_path_factory.mktemp("openssl")
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Empfänger")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(77)
    builder = builder.public_key(key.public_key()).not_valid_before(day).not_valid_after(day.replace(year=2030))
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    certificate = builder.sign(key, SHA256())
    (folder / "c.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / "k.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return Holder(key, certificate.public_bytes(Encoding.DER), folder)


@pytest.mark.requirement("TIP1-A_4616-03")
def test_openssl_opens_ours(holder: Holder) -> None:
    sealed = seal_cms(TEXT, [Recipient(holder.certificate, holder.key.public_key())], [], SystemEntropy())
    opened = holder.run("-decrypt", "-inform", "DER", "-binary", "-recip", "c.pem", "-inkey", "k.pem", data=sealed)
    assert opened == TEXT


_OAEP = ("-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256", "-keyopt", "rsa_mgf1_md:sha256")


@pytest.mark.requirement("TIP1-A_4617-02")
@pytest.mark.parametrize(
    ("options", "cipher"),
    [
        (("-aes-256-gcm",), ContentCipher.AES_256_GCM),
        (("-aes-256-gcm", "-keyid"), ContentCipher.AES_256_GCM),
        (("-aes-256-gcm", "-stream", "-indef"), ContentCipher.AES_256_GCM),
        (("-aes-256-cbc",), ContentCipher.AES_256_CBC),
        (("-aes-128-cbc", "-stream", "-indef"), ContentCipher.AES_128_CBC),
    ],
)
def test_we_open_openssls(holder: Holder, options: tuple[str, ...], cipher: ContentCipher) -> None:
    arguments = ("-encrypt", "-binary", "-outform", "DER", *options, "-recip", "c.pem", *_OAEP)
    read = read_enveloped_untrusted(holder.run(*arguments, data=TEXT))
    assert read.cipher is cipher
    assert holder.content(read) == TEXT


def test_what_no_card_can_do_is_seen(holder: Holder) -> None:
    """PKCS#1 v1.5, and OAEP with SHA-1, the default of openssl."""
    for padded in ((), ("-keyopt", "rsa_padding_mode:oaep")):
        arguments = ("-encrypt", "-binary", "-outform", "DER", "-aes-256-gcm", "-recip", "c.pem", *padded)
        (found,) = read_enveloped_untrusted(holder.run(*arguments, data=TEXT)).recipients
        assert found.transport is None
