"""RFC 6960, GS-A_4657: our OCSP messages as `openssl ocsp` reads and checks them, and its as we read them."""

import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.unit.pki.ocspmaker import NOW, World
from tiaas.pki.certificate import Certificate
from tiaas.pki.ocsp import decode_request_untrusted, decode_response_untrusted, encode_response
from tiaas.pki.ocspmessages import CertHash, CertId, CertStatus, SingleResponse

WORLD = World()
SUBJECT = WORLD.insured()
# openssl ocsp judges by the machine's clock, which no test can set.
REAL_NOW = datetime.now(UTC).replace(microsecond=0)


def pem(certificate: Certificate) -> bytes:
    return x509.load_der_x509_certificate(certificate.encoded).public_bytes(Encoding.PEM)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("ocsp")
    for name, certificate in (("ca", WORLD.ca), ("signer", WORLD.signer), ("subject", SUBJECT)):
        (made / f"{name}.pem").write_bytes(pem(certificate))
    key = WORLD.responder_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (made / "signer.key").write_bytes(key)
    return made


def openssl(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["openssl", "ocsp", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def make_request(folder: Path, *arguments: str) -> bytes:
    openssl(folder, "-issuer", "ca.pem", "-cert", "subject.pem", "-reqout", "request.der", *arguments)
    return (folder / "request.der").read_bytes()


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("status", list(CertStatus))
def test_openssl_verifies_our_answer(folder: Path, status: CertStatus, by_name: bool) -> None:
    request = decode_request_untrusted(make_request(folder))
    assert request.nonce is not None
    assert request.cert_id == CertId.of(SUBJECT, WORLD.ca)
    single = SingleResponse(
        request.cert_id,
        status,
        REAL_NOW,
        REAL_NOW + timedelta(hours=1),
        REAL_NOW - timedelta(days=2) if status is CertStatus.REVOKED else None,
        CertHash.of(SUBJECT.encoded),
    )
    responder = replace(WORLD.responder, by_name=by_name)
    (folder / "answer.der").write_bytes(encode_response((single,), responder, REAL_NOW, request.nonce))
    told = openssl(
        folder,
        # Without -no_nonce openssl puts another nonce into the request it has just read.
        *("-issuer", "ca.pem", "-cert", "subject.pem", "-reqin", "request.der", "-no_nonce", "-respin", "answer.der"),
        *("-CAfile", "ca.pem", "-partial_chain", "-attime", str(int(NOW.timestamp()))),
    )
    assert "Response verify OK" in told
    assert f"subject.pem: {status.value}" in told
    assert "Nonce" not in told  # it says so only if something is wrong


def test_we_read_an_answer_of_openssl(folder: Path) -> None:
    make_request(folder, "-no_nonce")
    serial = f"{SUBJECT.serial_number:X}"
    line = f"R\t271231235959Z\t260101000000Z,keyCompromise\t{serial}\tunknown\t/CN=x\n"
    (folder / "index.txt").write_text(line)
    openssl(
        folder,
        *("-index", "index.txt", "-CA", "ca.pem", "-rsigner", "signer.pem", "-rkey", "signer.key"),
        *("-reqin", "request.der", "-respout", "answer.der", "-ndays", "1"),
    )
    response = decode_response_untrusted((folder / "answer.der").read_bytes())
    assert response.basic is not None
    assert response.basic.is_by(WORLD.signer)
    assert response.basic.is_signed_by(WORLD.signer)
    (single,) = response.basic.responses
    assert single.cert_id == CertId.of(SUBJECT, WORLD.ca)
    assert single.status is CertStatus.REVOKED
    assert single.revoked_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert single.cert_hash is None
