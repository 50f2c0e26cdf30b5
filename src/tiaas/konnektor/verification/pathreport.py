"""A certificate's path in a verification report: CertificatePathValidity (gemSpec_Kon V5.18 Anhang B3)."""

from base64 import b64encode
from collections.abc import Hashable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from cryptography import x509

from tiaas.base.derived import Derived
from tiaas.interfaces import oasis_verification_report_v1_0 as vr
from tiaas.konnektor.distinguishednames import usual_names, written_name
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
from tiaas.soap.encoder import encode_text
from tiaas.soap.simple import DATE_TIME

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
_USUAL_LENGTH = 2
_PATHS_KEPT = 64
_NOBODY = vr.X509IssuerSerial(issuer_name="", serial_number=0)
_PSS = "1.2.840.113549.1.1.10"


class _Names(NamedTuple):
    identifier: vr.X509IssuerSerial
    subject: str


class Own(NamedTuple):
    """What tells the reports on good paths apart that lead to the same issuer: it is the signer's own."""

    identifier: vr.X509IssuerSerial
    subject: str
    certificate: bytes
    produced_at: datetime
    response: bytes

    def texts(self, wish: ReportWish) -> list[str]:
        """Each of them as it is written, in the order of a report."""
        named = [encode_text(self.identifier.issuer_name), str(self.identifier.serial_number)]
        value = [b64encode(self.certificate).decode()] if wish.certificate_values else []
        response = [b64encode(self.response).decode()] if wish.revocation_values else []
        return [*named, *named, encode_text(self.subject), *value, DATE_TIME.encode(self.produced_at), *response]


class ToldByKind(NamedTuple):
    """What decides about the report on a path: the issuer, something `beside`, and what is the signer's own."""

    issuer: Certificate
    beside: Hashable
    own: Own
    found: Examination


MARKED = Own(
    vr.X509IssuerSerial(issuer_name="\ue001", serial_number=10**60 + 1),
    "\ue002",
    b"\xfe" * 33,
    datetime(1, 1, 1, 0, 0, 0, 4000, tzinfo=UTC),
    b"\xfd" * 33,
)
"""In place of a signer's own: no certificate has such a number, or is as short."""


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
                path_validity_summary=indetermined("no readable certificate of the signer"),
                certificate_identifier=_NOBODY,
            )
        found, verdict, beside = check.examination, check.verdict, (wish, check.is_qualified)
        return self._reported.get(found, verdict, beside) or self._reported.keep(
            self._write(found, check, wish), found, verdict, beside
        )

    def told_by_kind(self, check: CertificateCheck | None) -> ToldByKind | None:
        """A good path from a signer to his issuer, of whom nothing else is told than of others; None for any other."""
        if check is None or check.examination is None or check.verdict.result is not Result.VALID:
            return None
        found, status = check.examination, check.verdict.status
        if found.faults or len(found.path) != _USUAL_LENGTH or status is None or status.fault is not None:
            return None
        if status.revoked_at is not None or status.produced_at is None or not status.response or not status.signer:
            return None
        certificate, issuer = found.path
        names = _usual(certificate) or self._names(certificate.encoded)
        if names.identifier is _NOBODY:
            return None
        since = certificate_unsafe_since(certificate, issuer) if check.is_qualified else None
        own = Own(names.identifier, names.subject, certificate.encoded, status.produced_at, status.response)
        return ToldByKind(issuer, (certificate.signature_algorithm, since, status.signer), own, found)

    def marked(self, told: ToldByKind, check: CertificateCheck, wish: ReportWish) -> vr.CertificatePathValidity:
        """The path of a check, with marks in place of what is the signer's own."""
        return self._write(told.found, check, wish, MARKED)

    def _write(
        self, found: Examination, check: CertificateCheck, wish: ReportWish, own: Own | None = None
    ) -> vr.CertificatePathValidity:
        verdict, summary = check.verdict, VALID
        if verdict.result is Result.INVALID:
            summary = invalid(verdict.reason)
        elif verdict.result is Result.INCONCLUSIVE:
            summary = indetermined(verdict.reason)
        identifier = self._names(found.path[0].encoded).identifier if own is None else own.identifier
        validities = tuple(
            self._validity(found, depth, check, wish, None if depth else own) for depth in range(len(found.path))
        )
        return vr.CertificatePathValidity(
            path_validity_summary=summary,
            certificate_identifier=identifier,
            path_validity_detail=vr.PathValidityDetail(certificate_validity=validities, trust_anchor=TRUST_ANCHOR),
        )

    def _validity(
        self, found: Examination, depth: int, check: CertificateCheck, wish: ReportWish, own: Own | None
    ) -> vr.CertificateValidity:
        certificate = found.path[depth]
        names: _Names | Own = self._names(certificate.encoded) if own is None else own
        value = certificate.encoded if own is None else own.certificate
        issuer = found.path[depth + 1] if depth + 1 < len(found.path) else None
        faults = [fault for fault, where in found.faults if where == depth]
        status = check.verdict.status if depth == 0 else None
        return vr.CertificateValidity(
            certificate_identifier=names.identifier,
            subject=names.subject,
            chaining_ok=_judged(faults, _CHAINING),
            validity_period_ok=_judged(faults, _PERIOD),
            extensions_ok=_judged(faults, _EXTENSIONS),
            certificate_value=value if wish.certificate_values else None,
            signature_ok=_signature(certificate, issuer, faults, depth, check),
            certificate_status=_of_list(faults) if depth else self._of_responder(status, wish, own),
        )

    def _of_responder(
        self, status: CertificateStatus | None, wish: ReportWish, own: Own | None
    ) -> vr.CertificateStatus:
        if status is None:
            return vr.CertificateStatus(cert_status_ok=indetermined("not checked"))
        if status.fault is None:
            verdict = VALID
        else:
            verdict = invalid(status.fault.name) if status.is_known else indetermined(status.fault.name)
        revoked = None
        if status.revoked_at is not None:
            reason = INVALID if status.fault is not None else VALID
            revoked = vr.RevocationInfo(revocation_date=status.revoked_at, revocation_reason=reason)
        return vr.CertificateStatus(
            cert_status_ok=verdict, revocation_info=revoked, revocation_evidence=self._evidence(status, wish, own)
        )

    def _evidence(self, status: CertificateStatus, wish: ReportWish, own: Own | None) -> vr.RevocationEvidence | None:
        if not status.response or not status.signer or status.produced_at is None:
            return None
        signer = self._names(status.signer)
        produced_at, response = (status.produced_at, status.response) if own is None else own[3:]
        return vr.RevocationEvidence(
            ocsp_validity=vr.OcspValidity(
                ocsp_identifier=vr.OcspIdentifier(
                    responder_id=vr.ResponderId(by_name=signer.subject), produced_at=produced_at
                ),
                ocsp_value=response if wish.revocation_values else None,
                signature_ok=vr.SignatureValidity(sig_math_ok=VALID),
                certificate_path_validity=vr.CertificatePathValidity(
                    path_validity_summary=VALID, certificate_identifier=signer.identifier
                ),
            )
        )


def _usual(certificate: Certificate) -> _Names | None:
    """What `_read_names` makes of a certificate with usual names."""
    names = usual_names(certificate)
    if names is None:
        return None
    issuer, subject = names
    return _Names(vr.X509IssuerSerial(issuer_name=issuer, serial_number=certificate.serial_number), subject)


def _read_names(der: bytes) -> _Names:
    """Names are empty where they cannot be written: what is reported on may be any certificate."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        issuer, subject = plain(written_name(certificate.issuer)), plain(written_name(certificate.subject))
        return _Names(vr.X509IssuerSerial(issuer_name=issuer, serial_number=certificate.serial_number), subject)
    except (ValueError, x509.InvalidVersion):
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
        verdict = VALID if depth else indetermined("no issuer found")
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
