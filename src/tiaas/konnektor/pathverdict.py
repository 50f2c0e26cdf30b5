"""From a path and a status to a verdict (gemSpec_PKI V2.14.1, TUC_PKI_006, 018, 030; gemSpec_Kon TUC_KON_037)."""

from dataclasses import replace

from tiaas.konnektor.verdict import CertificateStatus, Result, Verdict
from tiaas.pki.codes import PkiCode
from tiaas.pki.path import Examination, PathError, PathFault


def invalid(found: Examination, roles: tuple[str, ...]) -> Verdict:
    """The verdict on a certificate whose path has faults: the first one is told."""
    fault, depth = found.faults[0]
    code = None if fault.code is None else PkiCode.of(fault.code)
    return Verdict(Result.INVALID, code, str(PathError(fault, depth)), roles=roles)


_OF_THE_VL = {
    PathFault.CA_CERT_MISSING: PathFault.CA_CERTIFICATE_NOT_QES_QUALIFIED,
    PathFault.CA_CERTIFICATE_REVOKED_IN_TSL: PathFault.CA_CERTIFICATE_REVOKED_IN_BNETZA_VL,
}


def by_the_vl(found: Examination) -> Examination:
    """With the faults that TUC_PKI_030 names otherwise (5a, 5b)."""
    return replace(found, faults=tuple((_OF_THE_VL.get(fault, fault), depth) for fault, depth in found.faults))


# Faults of an OCSP check that was not performed, in contrast to an answer that is wrong (TUC_PKI_006, 4a against 5, 6).
_NOT_PERFORMED = frozenset({PkiCode.OCSP_NOT_AVAILABLE, PkiCode.SERVICESUPPLYPOINT_MISSING})


def judged(status: CertificateStatus, roles: tuple[str, ...], *, tolerate: bool) -> Verdict:
    """The verdict on a certificate without fault, by its status; `tolerate` is TOLERATE_OCSP_FAILURE."""
    fault = status.fault
    if fault is None:
        return Verdict(Result.VALID, roles=roles, status=status)
    if status.is_known:
        return Verdict(Result.INVALID, fault, status.reason, roles=roles, status=status)
    if fault is PkiCode.NO_OCSP_CHECK:
        result = Result.VALID if tolerate else Result.INCONCLUSIVE
        return Verdict(result, None if tolerate else fault, status.reason, (fault,), roles, status)
    if tolerate and fault in _NOT_PERFORMED:
        warnings = (PkiCode.OCSP_CHECK_REVOCATION_FAILED,)
        return Verdict(Result.VALID, None, status.reason, warnings, roles, status)
    if fault in (PkiCode.CERTHASH_EXTENSION_MISSING, PkiCode.CERTHASH_MISMATCH):
        return Verdict(Result.INVALID, fault, status.reason, roles=roles, status=status)
    return Verdict(Result.INCONCLUSIVE, fault, status.reason, roles=roles, status=status)
