"""Validates a certificate up to a trust anchor, with verdicts named as gemSpec_PKI V2.14.1 names them (Tab_PKI_274).

The parts of TUC_PKI_018 that need no network: validity (TUC_PKI_002), issuer (TUC_PKI_003), signature (TUC_PKI_004),
key usage, extended key usage, certificate type (TUC_PKI_007), critical extensions (GS-A_4661). In the TI an issuing
CA from the trust list is itself an anchor; intermediate certificates are for the lab's own tree and foreign ones.
Signature algorithms: ECDSA on brainpool and NIST curves, RSASSA-PKCS1-v1_5 and -PSS, each with SHA-256 or longer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique

from tiaas.base.errors import TiaasError
from tiaas.pki.certificate import Certificate
from tiaas.pki.codes import PkiCode
from tiaas.pki.oids import CertificateType, ExtendedKeyUsage, KeyUsage
from tiaas.pki.signature import fits

_MAX_DEPTH = 5


@unique
class PathFault(Enum):
    """Why a path is not valid: the row of Tab_PKI_274, or a text of ours where the table has none."""

    CERT_READ_ERROR = PkiCode.CERT_READ_ERROR
    WRONG_KEYUSAGE = PkiCode.WRONG_KEYUSAGE
    WRONG_EXTENDEDKEYUSAGE = PkiCode.WRONG_EXTENDEDKEYUSAGE
    CERT_TYPE_MISMATCH = PkiCode.CERT_TYPE_MISMATCH
    CERTIFICATE_NOT_VALID_TIME = PkiCode.CERTIFICATE_NOT_VALID_TIME
    AUTHORITYKEYID_DIFFERENT = PkiCode.AUTHORITYKEYID_DIFFERENT
    CERTIFICATE_NOT_VALID_MATH = PkiCode.CERTIFICATE_NOT_VALID_MATH
    CA_CERT_MISSING = PkiCode.CA_CERT_MISSING
    CERT_TYPE_INFO_MISSING = PkiCode.CERT_TYPE_INFO_MISSING
    CA_CERTIFICATE_REVOKED_IN_TSL = PkiCode.CA_CERTIFICATE_REVOKED_IN_TSL
    CERT_TYPE_CA_NOT_AUTHORIZED = PkiCode.CERT_TYPE_CA_NOT_AUTHORIZED
    ISSUER_IS_NO_CA = "basicConstraints or keyUsage forbid the issuer to issue this certificate"
    CRITICAL_EXTENSION_UNKNOWN = "a critical extension is not understood"

    @property
    def code(self) -> int | None:
        """The code of Tab_PKI_274, or None."""
        return self.value.number if isinstance(self.value, PkiCode) else None


class PathError(TiaasError):
    """The path is not valid; `fault` says why, `depth` where (0: the certificate itself, 1: its issuer, …)."""

    def __init__(self, fault: PathFault, depth: int) -> None:
        super().__init__(f"{fault.name} at depth {depth}")
        self.fault = fault
        self.depth = depth


@dataclass(frozen=True, slots=True)
class Demands:
    """What the certificate itself must allow; empty means no demand."""

    key_usage: frozenset[KeyUsage] = frozenset()
    extended_key_usage: frozenset[ExtendedKeyUsage] = frozenset()
    types: frozenset[CertificateType] = frozenset()


def check_path(
    certificate: Certificate,
    anchors: Sequence[Certificate],
    at: datetime,
    *,
    intermediates: Iterable[Certificate] = (),
    demands: Demands | None = None,
) -> tuple[Certificate, ...]:
    """Checks `certificate` at the time `at` and returns its path, anchor last. Raises `PathError`.

    Every certificate of the path must be valid at that time (shell model); an anchor is trusted with its dates.
    """
    _check_demands(certificate, demands or Demands())
    path = [certificate]
    candidates = tuple(intermediates)
    while path[-1] not in anchors:
        depth = len(path) - 1
        current = path[-1]
        _check_alone(current, at, depth)
        issuer = _issuer(current, anchors, candidates)
        if issuer is None or depth >= _MAX_DEPTH:
            raise PathError(PathFault.CA_CERT_MISSING, depth)
        _check_issuer(current, issuer, depth)
        path.append(issuer)
    _check_alone(path[-1], at, len(path) - 1)
    return tuple(path)


def signature_fits(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether the issuer's key made the certificate's signature (TUC_PKI_004)."""
    return fits(issuer.key(), certificate.signature_algorithm, certificate.signature, certificate.signed)


def _check_demands(certificate: Certificate, demands: Demands) -> None:
    if demands.key_usage and not demands.key_usage <= (certificate.key_usage or frozenset()):
        raise PathError(PathFault.WRONG_KEYUSAGE, 0)
    if demands.extended_key_usage and not demands.extended_key_usage <= set(certificate.extended_key_usage):
        raise PathError(PathFault.WRONG_EXTENDEDKEYUSAGE, 0)
    if not demands.types:
        return
    if not certificate.policies:
        raise PathError(PathFault.CERT_TYPE_INFO_MISSING, 0)
    if not any(kind.oid in certificate.policies for kind in demands.types):
        raise PathError(PathFault.CERT_TYPE_MISMATCH, 0)


def _check_alone(certificate: Certificate, at: datetime, depth: int) -> None:
    if not certificate.not_before <= at <= certificate.not_after:
        raise PathError(PathFault.CERTIFICATE_NOT_VALID_TIME, depth)
    if certificate.critical_unknown:
        raise PathError(PathFault.CRITICAL_EXTENSION_UNKNOWN, depth)


def _issuer(
    certificate: Certificate, anchors: Sequence[Certificate], intermediates: tuple[Certificate, ...]
) -> Certificate | None:
    """The issuer by name; among several of that name (a renewed CA) the one with the fitting key identifier."""
    named = [ca for ca in (*anchors, *intermediates) if ca.subject_key == certificate.issuer_key]
    wanted = certificate.authority_key_identifier
    fitting = [ca for ca in named if wanted is not None and ca.subject_key_identifier == wanted]
    return next(iter(fitting or named), None)


def _check_issuer(certificate: Certificate, issuer: Certificate, depth: int) -> None:
    wanted, given = certificate.authority_key_identifier, issuer.subject_key_identifier
    if wanted is not None and wanted != given:
        raise PathError(PathFault.AUTHORITYKEYID_DIFFERENT, depth)
    if not signature_fits(certificate, issuer):
        raise PathError(PathFault.CERTIFICATE_NOT_VALID_MATH, depth)
    may_sign = issuer.key_usage is None or KeyUsage.KEY_CERT_SIGN in issuer.key_usage
    # pathLenConstraint counts the CA certificates between the issuer and the end entity (RFC 5280, 4.2.1.9).
    too_deep = issuer.path_length is not None and depth > issuer.path_length
    if not issuer.is_ca or not may_sign or too_deep:
        raise PathError(PathFault.ISSUER_IS_NO_CA, depth + 1)
