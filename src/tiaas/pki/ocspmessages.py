"""What OCSP messages say (RFC 6960); `pki.ocsp` writes and reads them."""

from datetime import datetime
from enum import Enum, unique
from functools import lru_cache
from hashlib import sha1, sha256

from asn1crypto import x509

from tiaas.base.dataclass import dataclass
from tiaas.pki.certificate import Certificate, SignatureAlgorithm
from tiaas.pki.ecdsause import EcdsaUse
from tiaas.pki.signature import SigningKey, fits

SHA256 = "2.16.840.1.101.3.4.2.1"
_ISSUERS_KEPT, _ISSUER_KEPT_OCTETS = 64, 4 * 1024


NONCE_MAX = 128
"""Octets (RFC 9654); the TI uses at most 32."""


@unique
class ResponseStatus(Enum):
    """OCSPResponseStatus: anything but `SUCCESSFUL` is an exception without further content."""

    SUCCESSFUL = "successful"
    MALFORMED_REQUEST = "malformed_request"
    INTERNAL_ERROR = "internal_error"
    TRY_LATER = "try_later"
    SIG_REQUIRED = "sign_required"
    UNAUTHORIZED = "unauthorized"


@unique
class CertStatus(Enum):
    """What the responder knows of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CertId:
    """Which certificate is meant; hashes by `algorithm` over the issuer's DER name and its public key's bits."""

    issuer_name_hash: bytes
    issuer_key_hash: bytes
    serial_number: int
    algorithm: str = "sha1"

    @staticmethod
    def of(certificate: Certificate, issuer: Certificate) -> "CertId":
        """The CertID of `certificate`, with SHA-1 (GS-A_4674: all responders know it)."""
        name, key = issuer_hashes(issuer)
        return CertId(name, key, certificate.serial_number)


@dataclass(frozen=True, slots=True)
class OcspRequest:
    """A request for the status of one certificate."""

    cert_id: CertId
    nonce: bytes | None = None


@dataclass(frozen=True, slots=True)
class CertHash:
    """Content of the extension CertHash: the hash over the whole certificate; `algorithm` is an OID."""

    algorithm: str
    digest: bytes

    @staticmethod
    def of(certificate: bytes) -> "CertHash":
        """The SHA-256 of a DER certificate (GS-A_4393)."""
        return CertHash(SHA256, sha256(certificate).digest())


@dataclass(frozen=True, slots=True)
class SingleResponse:
    """What the answer says of one certificate. `revoked_at` is there if, and only if, the status is `REVOKED`."""

    cert_id: CertId
    status: CertStatus
    this_update: datetime
    next_update: datetime | None = None
    revoked_at: datetime | None = None
    cert_hash: CertHash | None = None


@dataclass(frozen=True, slots=True)
class BasicResponse:
    """The signed answer. The responder is named by `responder_key` (SHA-1 of its key) or `responder_name` (DER)."""

    produced_at: datetime
    responses: tuple[SingleResponse, ...]
    nonce: bytes | None
    responder_key: bytes | None
    responder_name: bytes | None
    certificates: tuple[bytes, ...]
    signature_algorithm: SignatureAlgorithm | None
    signature: bytes
    signed: bytes

    def is_by(self, signer: Certificate) -> bool:
        """Whether the answer names this certificate's holder as its responder."""
        name, key = subject_and_key(signer)
        return self.responder_key == sha1_of(key) or self.responder_name == name

    def is_signed_by(self, signer: Certificate) -> bool:
        """Whether this certificate's key made the signature."""
        return fits(signer.key(), self.signature_algorithm, self.signature, self.signed)

    def use(self, signer: Certificate) -> EcdsaUse | None:
        """The question that `is_signed_by` answers, for a process that uses keys; None for another algorithm."""
        return EcdsaUse.of(signer, self.signature_algorithm, self.signature, self.signed)


@dataclass(frozen=True, slots=True)
class OcspResponse:
    """A whole answer; `basic` is there if, and only if, the status is `SUCCESSFUL`."""

    status: ResponseStatus
    basic: BasicResponse | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Responder:
    """Who signs answers: the certificate that goes with them, and its key."""

    certificate: Certificate
    key: SigningKey
    by_name: bool = False
    """How the answer names it: by subject, or by key hash."""


def issuer_hashes(issuer: Certificate) -> tuple[bytes, bytes]:
    """SHA-1 over an issuer's name and over its public key, as a CertID holds them: what a responder is found by."""
    name, key = subject_and_key(issuer)
    return sha1_of(name), sha1_of(key)


def subject_and_key(certificate: Certificate) -> tuple[bytes, bytes]:
    """The DER subject and the bits of the public key."""
    signed = certificate.signed
    return _kept(signed) if len(signed) <= _ISSUER_KEPT_OCTETS else _kept.__wrapped__(signed)


@lru_cache(maxsize=_ISSUERS_KEPT)
def _kept(signed: bytes) -> tuple[bytes, bytes]:
    """Kept for the last ones: issuers and responders are few."""
    body = x509.TbsCertificate.load(signed)
    # The octets of a BIT STRING without the first, which counts unused bits.
    return bytes(body["subject"].dump()), bytes(body["subject_public_key_info"]["public_key"].contents[1:])


def sha1_of(octets: bytes) -> bytes:
    """SHA-1, by which OCSP names issuers and responders."""
    return sha1(octets, usedforsecurity=False).digest()
