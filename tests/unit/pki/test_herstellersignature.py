"""The Hersteller's signature: made, checked, refused; OpenSSL checks it as well."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.lab.hersteller import Hersteller
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.herstellersignature import BadHerstellerSignature, sign_as_hersteller, verify_hersteller_untrusted
from tiaas.pki.issue import Authority, EndEntity, Validity, issue_authority, issue_end_entity
from tiaas.pki.names import authority_name, component_name
from tiaas.pki.profiles import HERSTELLER_SIGNER, OCSP_SIGNER, Profile

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
ENTROPY = SeededEntropy(b"hersteller")
CLOCK = ManualClock(NOW)
OURS, OTHERS = Hersteller.create(CLOCK, ENTROPY), Hersteller.create(CLOCK, ENTROPY)
ANCHORS = (decode_certificate_untrusted(OURS.ca),)
CONTENT = b"what is signed"
SIGNATURE = OURS.sign(CONTENT)


def test_what_the_hersteller_signed_is_believed() -> None:
    signer = verify_hersteller_untrusted(CONTENT, SIGNATURE, ANCHORS, NOW)
    assert "Update Signing Unit" in str(x509.load_der_x509_certificate(signer.encoded).subject)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_believes_it_too(tmp_path: Path) -> None:
    ca = x509.load_der_x509_certificate(OURS.ca).public_bytes(Encoding.PEM)
    for name, octets in (("ca.pem", ca), ("content", CONTENT), ("signature", SIGNATURE)):
        (tmp_path / name).write_bytes(octets)
    done = subprocess.run(
        [
            *("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "signature", "-content", "content"),
            *("-CAfile", "ca.pem", "-purpose", "any", "-attime", str(int(NOW.timestamp())), "-out", "out"),
        ],
        cwd=tmp_path,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _by(profile: Profile, key: ec.EllipticCurvePrivateKey) -> tuple[bytes, bytes]:
    """CA and signature of somebody whose certificate has that profile."""
    validity = Validity(NOW - YEAR, NOW + YEAR)
    its_key = ec.generate_private_key(ec.BrainpoolP256R1())
    ca = issue_authority(authority_name("CA", "U", "O"), its_key, validity, ENTROPY)
    holder = EndEntity(component_name("S", "O"), key.public_key())
    certificate = x509.load_der_x509_certificate(issue_end_entity(profile, holder, ca, validity, ENTROPY))
    return ca.certificate.public_bytes(Encoding.DER), sign_as_hersteller(CONTENT, Authority(certificate, key), NOW)


REFUSED: dict[str, tuple[str, Callable[[], object]]] = {
    "changed content": ("changed", lambda: verify_hersteller_untrusted(CONTENT + b".", SIGNATURE, ANCHORS, NOW)),
    "somebody else": (
        "not the Hersteller",
        lambda: verify_hersteller_untrusted(CONTENT, OTHERS.sign(CONTENT), ANCHORS, NOW),
    ),
    "no anchor": ("CA_CERT", lambda: verify_hersteller_untrusted(CONTENT, SIGNATURE, (), NOW)),
    "ended": ("VALID_TIME", lambda: verify_hersteller_untrusted(CONTENT, SIGNATURE, ANCHORS, NOW + 9 * YEAR)),
    "no CMS": ("read", lambda: verify_hersteller_untrusted(CONTENT, b"0", ANCHORS, NOW)),
    "a changed value": (
        "not fit",
        lambda: verify_hersteller_untrusted(CONTENT, SIGNATURE[:-1] + bytes([SIGNATURE[-1] ^ 1]), ANCHORS, NOW),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_not_believed(case: str) -> None:
    told, work = REFUSED[case]
    with pytest.raises(BadHerstellerSignature, match=told):
        work()


def test_only_a_signer_of_updates_on_a_brainpool_curve_is_believed() -> None:
    ca, signature = _by(HERSTELLER_SIGNER, ec.generate_private_key(ec.BrainpoolP384R1()))
    verify_hersteller_untrusted(CONTENT, signature, (decode_certificate_untrusted(ca),), NOW)
    ca, signature = _by(HERSTELLER_SIGNER, ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(BadHerstellerSignature, match="brainpool"):
        verify_hersteller_untrusted(CONTENT, signature, (decode_certificate_untrusted(ca),), NOW)
    ca, signature = _by(OCSP_SIGNER, ec.generate_private_key(ec.BrainpoolP256R1()))
    with pytest.raises(BadHerstellerSignature, match="WRONG_KEYUSAGE"):
        verify_hersteller_untrusted(CONTENT, signature, (decode_certificate_untrusted(ca),), NOW)
    purpose = replace(HERSTELLER_SIGNER, extended_key_usage=OCSP_SIGNER.extended_key_usage)
    ca, signature = _by(purpose, ec.generate_private_key(ec.BrainpoolP256R1()))
    with pytest.raises(BadHerstellerSignature, match="WRONG_EXTENDEDKEYUSAGE"):
        verify_hersteller_untrusted(CONTENT, signature, (decode_certificate_untrusted(ca),), NOW)
