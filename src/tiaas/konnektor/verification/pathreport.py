"""A certificate's path in a verification report: CertificatePathValidity (gemSpec_Kon V5.18 Anhang B3)."""

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509

from tiaas.base.derived import Derived
from tiaas.interfaces import oasis_verification_report_v1_0 as vr
from tiaas.konnektor.distinguishednames import written_name
from tiaas.konnektor.verdict import CertificateCheck, CertificateStatus, Result
from tiaas.konnektor.verification.reportwords import (
    INVALID,
    TRUST_ANCHOR,
    VALID,
    ReportWish,
    algorithm,
    indetermined,
    invalid,
    plain,
)
from tiaas.konnektor.verification.suitability import certificate_unsafe_since
from tiaas.pki.certificate import Certificate, SignatureAlgorithm
from tiaas.pki.path import Examination, PathFault

_CHAINING = frozenset(
    {PathFault.CA_CERT_MISSING, PathFault.CA_CERTIFICATE_NOT_QES_QUALIFIED, PathFault.AUTHORITYKEYID_DIFFERENT}
)
_PERIOD = frozenset({PathFault.CERTIFICATE_NOT_VALID_TIME})
_SIGNATURE = frozenset({PathFault.CERTIFICATE_NOT_VALID_MATH})
_STATUS = frozenset({PathFault.CA_CERTIFICATE_REVOKED_IN_TSL, PathFault.CA_CERTIFICATE_REVOKED_IN_BNETZA_VL})
_EXTENSIONS = frozenset(PathFault) - _CHAINING - _PERIOD - _SIGNATURE - _STATUS

_ALGORITHMS = {
    ("ecdsa", "sha256"): "1.2.840.10045.4.3.2",
    ("ecdsa", "sha384"): "1.2.840.10045.4.3.3",
    ("ecdsa", "sha512"): "1.2.840.10045.4.3.4",
    ("rsassa_pkcs1v15", "sha256"): "1.2.840.113549.1.1.11",
    ("rsassa_pkcs1v15", "sha384"): "1.2.840.113549.1.1.12",
    ("rsassa_pkcs1v15", "sha512"): "1.2.840.113549.1.1.13",
}
_NAMES_KEPT = 256
_PATHS_KEPT = 64
_NOBODY = vr.X509IssuerSerial(issuer_name="", serial_number=0)
_PSS = "1.2.840.113549.1.1.10"


class _Names(NamedTuple):
    identifier: vr.X509IssuerSerial
    subject: str


class PathReports:
    """Tells about paths for one instance, and remembers: belongs to its event loop.

    What is said of a path stays the same as long as path and status are the remembered ones.
    """

    def __init__(self) -> None:
        self._reported: Derived[vr.CertificatePathValidity] = Derived(_PATHS_KEPT)
        self._names = lru_cache(maxsize=_NAMES_KEPT)(_read_names)

    def validity(
        self, certificate: bytes | None, check: CertificateCheck | None, wish: ReportWish
    ) -> vr.CertificatePathValidity:
        """The path of a signer's certificate (DER), which is None if the signature has none."""
        if certificate is None or check is None or check.examination is None:
            return vr.CertificatePathValidity(
                path_validity_summary=indetermined("kein lesbares Signaturzertifikat"),
                certificate_identifier=_NOBODY,
            )
        found, verdict, beside = check.examination, check.verdict, (wish, check.is_qualified)
        return self._reported.get(found, verdict, beside) or self._reported.keep(
            self._write(found, check, wish), found, verdict, beside
        )

    def _write(self, found: Examination, check: CertificateCheck, wish: ReportWish) -> vr.CertificatePathValidity:
        verdict, summary = check.verdict, VALID
        if verdict.result is Result.INVALID:
            summary = invalid(verdict.reason)
        elif verdict.result is Result.INCONCLUSIVE:
            summary = indetermined(verdict.reason)
        validities = tuple(self._validity(found, depth, check, wish) for depth in range(len(found.path)))
        return vr.CertificatePathValidity(
            path_validity_summary=summary,
            certificate_identifier=self._names(found.path[0].encoded).identifier,
            path_validity_detail=vr.PathValidityDetail(certificate_validity=validities, trust_anchor=TRUST_ANCHOR),
        )

    def _validity(
        self, found: Examination, depth: int, check: CertificateCheck, wish: ReportWish
    ) -> vr.CertificateValidity:
        certificate = found.path[depth]
        names = self._names(certificate.encoded)
        issuer = found.path[depth + 1] if depth + 1 < len(found.path) else None
        faults = [fault for fault, where in found.faults if where == depth]
        status = check.verdict.status if depth == 0 else None
        return vr.CertificateValidity(
            certificate_identifier=names.identifier,
            subject=names.subject,
            chaining_ok=_judged(faults, _CHAINING),
            validity_period_ok=_judged(faults, _PERIOD),
            extensions_ok=_judged(faults, _EXTENSIONS),
            certificate_value=certificate.encoded if wish.certificate_values else None,
            signature_ok=_signature(certificate, issuer, faults, depth, check),
            certificate_status=_of_list(faults) if depth else self._of_responder(status, check, wish),
        )

    def _of_responder(
        self, status: CertificateStatus | None, check: CertificateCheck, wish: ReportWish
    ) -> vr.CertificateStatus:
        if status is None:
            return vr.CertificateStatus(cert_status_ok=indetermined("nicht geprüft"))
        if status.fault is None:
            verdict = VALID
        else:
            verdict = invalid(status.fault.name) if status.is_known else indetermined(status.fault.name)
        revoked = None
        if status.revoked_at is not None:
            reason = INVALID if status.fault is not None else VALID
            revoked = vr.RevocationInfo(revocation_date=status.revoked_at, revocation_reason=reason)
        return vr.CertificateStatus(
            cert_status_ok=verdict, revocation_info=revoked, revocation_evidence=self._evidence(status, wish)
        )

    def _evidence(self, status: CertificateStatus, wish: ReportWish) -> vr.RevocationEvidence | None:
        if not status.response or not status.signer or status.produced_at is None:
            return None
        signer = self._names(status.signer)
        return vr.RevocationEvidence(
            ocsp_validity=vr.OcspValidity(
                ocsp_identifier=vr.OcspIdentifier(
                    responder_id=vr.ResponderId(by_name=signer.subject), produced_at=status.produced_at
                ),
                ocsp_value=status.response if wish.revocation_values else None,
                signature_ok=vr.SignatureValidity(sig_math_ok=VALID),
                certificate_path_validity=vr.CertificatePathValidity(
                    path_validity_summary=VALID, certificate_identifier=signer.identifier
                ),
            )
        )


def _read_names(der: bytes) -> _Names:
    """Names are empty where they cannot be written: what is reported on may be any certificate."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        issuer, subject = plain(written_name(certificate.issuer)), plain(written_name(certificate.subject))
        return _Names(vr.X509IssuerSerial(issuer_name=issuer, serial_number=certificate.serial_number), subject)
    except ValueError:
        return _Names(_NOBODY, "")


def _judged(faults: Iterable[PathFault], kinds: frozenset[PathFault]) -> vr.Verdict:
    wrong = [fault.name for fault in faults if fault in kinds]
    return invalid(", ".join(wrong)) if wrong else VALID


def _signature(
    certificate: Certificate, issuer: Certificate | None, faults: list[PathFault], depth: int, check: CertificateCheck
) -> vr.SignatureValidity:
    """The anchor's own signature is not looked at: it is trusted because a list names it."""
    since = None
    if issuer is None:
        verdict = VALID if depth else indetermined("kein Aussteller")
    else:
        verdict = _judged(faults, _SIGNATURE)
        since = certificate_unsafe_since(certificate, issuer) if check.is_qualified else None
    name = _algorithm_name(certificate.signature_algorithm)
    return vr.SignatureValidity(sig_math_ok=verdict, signature_algorithm=algorithm(name, since) if name else None)


def _algorithm_name(found: SignatureAlgorithm | None) -> str | None:
    if found is None:
        return None
    return _PSS if found.scheme == "rsassa_pss" else _ALGORITHMS.get((found.scheme, found.digest))


def _of_list(faults: list[PathFault]) -> vr.CertificateStatus:
    """What the trust list says of a CA; a list is no evidence that the report knows."""
    return vr.CertificateStatus(cert_status_ok=_judged(faults, _STATUS))
