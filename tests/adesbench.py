"""Signers for tests of signature formats: a CA and holders with RSA, brainpool and P-256 keys below it."""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tiaas.ades.signing import Prepared, SignedBy
from tiaas.base.entropy import SeededEntropy
from tiaas.pki.issue import Authority, EndEntity, PrivateKey, Validity, issue_authority, issue_end_entity
from tiaas.pki.keys import SigningScheme
from tiaas.pki.names import authority_name, component_name
from tiaas.pki.oids import CertificateType
from tiaas.pki.profiles import PROFILES

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SPAN = Validity(NOW - timedelta(days=1), NOW + timedelta(days=1000))
SHARED = Path(__file__).parents[2] / "shared"
"""Material beside the project that is no part of it; tests that need it are skipped where it is not."""

_PSS = padding.PSS(padding.MGF1(SHA256()), 32)


@enum.unique
class Key(enum.Enum):
    """The keys a signature is made with."""

    RSA = "rsa"
    BRAINPOOL = "brainpoolP256r1"
    P256 = "p256"


@dataclass(frozen=True)
class Holder:
    """A certificate with its key, and the CA's certificate."""

    certificate: bytes
    key: PrivateKey
    authority: Authority

    @property
    def by(self) -> SignedBy:
        return SignedBy(self.certificate, self.scheme)

    @property
    def scheme(self) -> SigningScheme:
        return SigningScheme.RSASSA_PSS if isinstance(self.key, rsa.RSAPrivateKey) else SigningScheme.ECDSA

    def sign(self, digest: bytes) -> bytes:
        """The signature over a SHA-256 hash value."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(digest, _PSS, Prehashed(SHA256()))
        return self.key.sign(digest, ec.ECDSA(Prehashed(SHA256())))

    def finish(self, prepared: Prepared, ocsp: bytes | None = None) -> bytes:
        """The finished document."""
        return prepared.finish([self.sign(digest) for digest in prepared.digests], ocsp)

    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def ca_pem(self) -> bytes:
        return self.authority.certificate.public_bytes(Encoding.PEM)


@cache
def holder(kind: Key, name: str = "Praxis", certified: CertificateType = CertificateType.HCI_OSIG) -> Holder:
    """The holder of that name with that kind of key and certificate; the same one each time."""
    entropy = SeededEntropy(f"{kind} {name}".encode())
    key = new_key(kind)
    subject = component_name(f"{name} {kind.value} TEST-ONLY", "NOT-VALID")
    certificate = issue_end_entity(
        PROFILES[certified], EndEntity(subject, key.public_key()), authority(), SPAN, entropy
    )
    return Holder(certificate, key, authority())


@cache
def authority() -> Authority:
    """The one CA."""
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    return issue_authority(authority_name("CA TEST-ONLY", "unit", "NOT-VALID"), key, SPAN, SeededEntropy(b"ca"))


def new_key(kind: Key) -> PrivateKey:
    if kind is Key.RSA:
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.BrainpoolP256R1() if kind is Key.BRAINPOOL else ec.SECP256R1())
