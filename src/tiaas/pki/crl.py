"""Certificate revocation lists (RFC 5280, 5) as far as the TI uses them: signed by a CA, with NextUpdate."""

from datetime import datetime

from asn1crypto import crl
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.pki.certificate import Certificate, SignatureAlgorithm, comparable_name, read_algorithm
from tiaas.pki.issue import Authority
from tiaas.pki.signature import fits

MAX_CRL = 1024 * 1024
"""Octets; a longer list is not looked at."""

# asn1crypto raises these while it reads lazily; nothing else may leave the decoder.
_READ_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


class BadCrl(TiaasError):
    """Octets that are no CRL with a NextUpdate (CRL_CHECK_ERROR, 1043)."""


@dataclass(frozen=True, slots=True, repr=False)
class RevocationList:
    """One CRL. `issuer_key` is the issuer's name as in `Certificate.subject_key`; times are aware."""

    encoded: bytes
    issuer_key: str
    this_update: datetime
    next_update: datetime
    revoked: frozenset[int]
    signature_algorithm: SignatureAlgorithm | None
    signature: bytes
    signed: bytes

    def is_signed_by(self, issuer: Certificate) -> bool:
        """Whether the key of `issuer` made the signature."""
        return fits(issuer.key(), self.signature_algorithm, self.signature, self.signed)


def decode_crl_untrusted(der: bytes) -> RevocationList:
    """Reads a CRL; an unknown critical extension or octets behind it make it unusable. Raises only `BadCrl`."""
    if len(der) > MAX_CRL:
        raise BadCrl(f"{len(der)} octets are too many")
    try:
        return _read(der)
    except _READ_ERRORS as error:
        raise BadCrl(f"CRL not readable ({type(error).__name__})") from None


def _read(der: bytes) -> RevocationList:
    listed = crl.CertificateList.load(der, strict=True)
    body = listed["tbs_cert_list"]
    extensions = body["crl_extensions"]
    if extensions.native is not None and any(each["critical"].native for each in extensions):
        raise BadCrl("a critical extension is not understood")
    next_update = body["next_update"].native
    if next_update is None:
        raise BadCrl("there is no NextUpdate")
    entries = body["revoked_certificates"]
    return RevocationList(
        encoded=der,
        issuer_key=comparable_name(body["issuer"]),
        this_update=body["this_update"].native,
        next_update=next_update,
        revoked=frozenset(entry["user_certificate"].native for entry in entries) if entries.native else frozenset(),
        signature_algorithm=read_algorithm(listed["signature_algorithm"]),
        signature=listed["signature"].native,
        signed=body.dump(),
    )


def issue_crl(authority: Authority, this_update: datetime, next_update: datetime, number: int) -> bytes:
    """A CRL of `authority` that revokes nothing, DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(this_update)
        .next_update(next_update)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)
