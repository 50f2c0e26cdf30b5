"""Validates a certificate up to a trust anchor, with verdicts named as gemSpec_PKI V2.14.1 names them (Tab_PKI_274).

The parts of TUC_PKI_018 that need no network: validity (TUC_PKI_002), issuer (TUC_PKI_003), signature (TUC_PKI_004),
key usage, extended key usage, certificate type (TUC_PKI_007), critical extensions (GS-A_4661). In the TI an issuing
CA from the trust list is itself an anchor; intermediate certificates are for the lab's own tree and foreign ones.
Signature algorithms: ECDSA on brainpool and NIST curves, RSASSA-PKCS1-v1_5 and -PSS, each with SHA-256 or longer.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from enum import Enum, unique

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.pki.certificate import Certificate
from tiaas.pki.codes import PkiCode
from tiaas.pki.ecdsause import EcdsaUse
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
    CA_CERTIFICATE_NOT_QES_QUALIFIED = PkiCode.CA_CERTIFICATE_NOT_QES_QUALIFIED
    CA_CERTIFICATE_REVOKED_IN_BNETZA_VL = PkiCode.CA_CERTIFICATE_REVOKED_IN_BNETZA_VL
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


@dataclass(frozen=True, slots=True)
class Examination:
    """A path as far as it leads, the certificate first, and all that is wrong with it, each fault with its depth.

    The faults stand in the order of the specification's steps; an incomplete path ends with CA_CERT_MISSING.
    """

    path: tuple[Certificate, ...]
    faults: tuple[tuple[PathFault, int], ...]

    def require(self) -> tuple[Certificate, ...]:
        """The path; raises `PathError` with the first fault, if there is one."""
        if self.faults:
            raise PathError(*self.faults[0])
        return self.path


Fits = Callable[[Certificate, Certificate], bool]


def signature_fits(certificate: Certificate, issuer: Certificate) -> bool:
    """Whether the issuer's key made the certificate's signature (TUC_PKI_004)."""
    return fits(issuer.key(), certificate.signature_algorithm, certificate.signature, certificate.signed)


def signature_use(certificate: Certificate, issuer: Certificate) -> EcdsaUse | None:
    """The question that `signature_fits` answers, for a process that uses keys; None for another algorithm."""
    return EcdsaUse.of(issuer, certificate.signature_algorithm, certificate.signature, certificate.signed)


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
    return examine_path(certificate, anchors, at, intermediates=intermediates, demands=demands).require()


def examine_path(
    certificate: Certificate,
    anchors: Sequence[Certificate],
    at: datetime,
    *,
    intermediates: Iterable[Certificate] = (),
    demands: Demands | None = None,
    chain_model: bool = False,
    signed_by: Fits = signature_fits,
) -> Examination:
    """Looks at everything that `check_path` asks for, whatever is wrong: for reports.

    With `chain_model` an issuer must have been valid when it issued, not at the time `at` (gemSpec_PKI V2.14.1,
    TUC_PKI_030, note 1). `signed_by` is `signature_fits`, or one that remembers.
    """
    demands = demands or Demands()
    faults = [(fault, 0) for fault in (*_alone(certificate, at), *_unmet(certificate, demands))]
    path = [certificate]
    candidates = tuple(intermediates)
    trusted = {anchor.encoded for anchor in anchors}
    while path[-1].encoded not in trusted:
        depth = len(path) - 1
        current = path[-1]
        issuer = named_issuer(current, anchors, candidates)
        if issuer is None or depth >= _MAX_DEPTH:
            faults.append((PathFault.CA_CERT_MISSING, depth))
            break
        faults += _of_issuer(current, issuer, depth, signed_by)
        path.append(issuer)
        if chain_model:
            at = current.not_before
        faults += ((fault, depth + 1) for fault in _alone(issuer, at))
    # TUC_PKI_018 asks for the type last: of a stranger's certificate it is told that nobody knows who issued it.
    faults += ((fault, 0) for fault in _of_another_type(certificate, demands))
    return Examination(tuple(path), tuple(faults))


def _unmet(certificate: Certificate, demands: Demands) -> Iterator[PathFault]:
    if not demands.key_usage <= (certificate.key_usage or frozenset()):
        yield PathFault.WRONG_KEYUSAGE
    if not demands.extended_key_usage <= set(certificate.extended_key_usage):
        yield PathFault.WRONG_EXTENDEDKEYUSAGE


def _of_another_type(certificate: Certificate, demands: Demands) -> Iterator[PathFault]:
    if not demands.types:
        return
    if not certificate.policies:
        yield PathFault.CERT_TYPE_INFO_MISSING
    elif not any(kind.oid in certificate.policies for kind in demands.types):
        yield PathFault.CERT_TYPE_MISMATCH


def _alone(certificate: Certificate, at: datetime) -> Iterator[PathFault]:
    if not certificate.not_before <= at <= certificate.not_after:
        yield PathFault.CERTIFICATE_NOT_VALID_TIME
    if certificate.critical_unknown:
        yield PathFault.CRITICAL_EXTENSION_UNKNOWN


def named_issuer(
    certificate: Certificate, anchors: Sequence[Certificate], intermediates: Sequence[Certificate] = ()
) -> Certificate | None:
    """The issuer by name, whether it signed or not; among several of that name (a renewed CA) the one with the fitting
    key identifier."""
    named = [ca for ca in (*anchors, *intermediates) if ca.subject_key == certificate.issuer_key]
    wanted = certificate.authority_key_identifier
    fitting = [ca for ca in named if wanted is not None and ca.subject_key_identifier == wanted]
    return next(iter(fitting or named), None)


def _of_issuer(
    certificate: Certificate, issuer: Certificate, depth: int, signed_by: Fits
) -> Iterator[tuple[PathFault, int]]:
    wanted, given = certificate.authority_key_identifier, issuer.subject_key_identifier
    if wanted is not None and wanted != given:
        yield PathFault.AUTHORITYKEYID_DIFFERENT, depth
    if not signed_by(certificate, issuer):
        yield PathFault.CERTIFICATE_NOT_VALID_MATH, depth
    may_sign = issuer.key_usage is None or KeyUsage.KEY_CERT_SIGN in issuer.key_usage
    # pathLenConstraint counts the CA certificates between the issuer and the end entity (RFC 5280, 4.2.1.9).
    too_deep = issuer.path_length is not None and depth > issuer.path_length
    if not issuer.is_ca or not may_sign or too_deep:
        yield PathFault.ISSUER_IS_NO_CA, depth + 1
