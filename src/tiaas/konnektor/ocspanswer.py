"""What an OCSP answer is worth: steps 5 to 8 of TUC_PKI_006 without I/O (gemSpec_PKI V2.14.1, GS-A_4657-03, GS-A_5215).

The order is the specification's: exception status, signer in the TSL, signature, fit to the request (CertID, nonce,
times), certHash, status; only `unknown` is said before certHash. The status of a qualified certificate may be signed by
whom its CA certified for that, if the BNetzA-VL names nobody (TUC_PKI_030, step 10).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import field
from datetime import datetime, timedelta

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.pki.certificate import BadCertificate, Certificate, decode_certificate_untrusted
from tiaas.pki.codes import PkiCode
from tiaas.pki.ecdsause import EcdsaUse
from tiaas.pki.ocsp import BadOcsp, decode_response_untrusted
from tiaas.pki.ocspmessages import BasicResponse, CertHash, CertId, CertStatus, ResponseStatus, SingleResponse
from tiaas.pki.oids import ExtendedKeyUsage
from tiaas.pki.path import signature_fits


@dataclass(frozen=True, slots=True)
class OcspSigners:
    """Who may sign an answer: `listed`, or, if nobody is, holders of a certificate for it below `delegating`."""

    listed: Sequence[Certificate]
    delegating: Certificate | None = None


TOLERANCE = timedelta(seconds=37.5)
"""GS-A_5215: exactly this far may the clocks of Konnektor and responder be apart."""

_HASHES = {
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}


class OcspRefused(TiaasError):
    """An answer that must not be used; `fault` says why."""

    def __init__(self, fault: PkiCode, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Statement:
    """What a responder of the TSL said of one certificate, with its signature checked.

    `hash_fault` is what a caller who demands certHash must refuse it for, or None. `delegating` is the CA (DER) that
    certified the signer for it, empty if a list names the signer.
    """

    status: CertStatus
    produced_at: datetime
    revoked_at: datetime | None
    signer: bytes
    hash_fault: PkiCode | None
    encoded: bytes = field(repr=False)
    """The whole OCSPResponse (DER)."""
    delegating: bytes = field(default=b"", repr=False)

    def is_fresh(self, now: datetime, grace: timedelta) -> bool:
        """Whether it is not older than the grace period (step 1a)."""
        return now - self.produced_at <= grace


def read_statement(
    der: bytes, certificate: Certificate, asked: CertId, nonce: bytes, signers: OcspSigners, now: datetime
) -> Statement:
    """The statement in an answer that arrived at `now`. Raises only `OcspRefused`."""
    answer = read_answer(der, signers).settled()
    basic = answer.basic
    single = _single(basic, asked)
    if basic.nonce is not None and basic.nonce != nonce:
        raise OcspRefused(PkiCode.OCSP_NONCE_MISMATCH, "another nonce")
    _check_times(basic, single, now)
    return _statement(der, certificate, basic, single, answer.signer, signers)


@dataclass(frozen=True, slots=True)
class SignedAnswer:
    """An answer that came with a signature, itself signed by `signer`: by one of `signers`."""

    basic: BasicResponse
    signer: Certificate
    signers: OcspSigners
    encoded: bytes = field(repr=False)

    def about(self, certificate: Certificate, asked: CertId) -> tuple[Statement, datetime]:
        """What it says of a certificate, and when it was made: not before that time it may be used.

        Whether it says something about the time of the signature is the caller's question. Raises only `OcspRefused`.
        """
        single = _single(self.basic, asked)
        statement = _statement(self.encoded, certificate, self.basic, single, self.signer, self.signers)
        return statement, max(self.basic.produced_at, single.this_update)


@dataclass(frozen=True, slots=True)
class ClaimedAnswer:
    """An answer that names `signer`, one of `signers`, as the one who signed it: whether he did is yet to be seen."""

    basic: BasicResponse
    signer: Certificate
    signers: OcspSigners
    encoded: bytes = field(repr=False)

    def use(self) -> EcdsaUse | None:
        """What the signer's key is to be asked, None if it is asked something else."""
        return self.basic.use(self.signer)

    def settled(self, *, is_proven: bool = False) -> SignedAnswer:
        """The answer, if he did. With `is_proven` his key said yes to `use`; else it is asked here and now.

        Raises `OcspRefused`.
        """
        if not is_proven and not self.basic.is_signed_by(self.signer):
            raise OcspRefused(PkiCode.OCSP_SIGNATURE_ERROR, "the signature does not fit")
        return SignedAnswer(self.basic, self.signer, self.signers, self.encoded)


def read_answer(der: bytes, signers: OcspSigners) -> ClaimedAnswer:
    """An answer, whatever it is about, whose signature is not looked at yet. Raises only `OcspRefused`."""
    try:
        response = decode_response_untrusted(der)
    except BadOcsp as error:
        raise OcspRefused(PkiCode.OCSP_CHECK_REVOCATION_ERROR, str(error)) from None
    if response.status is not ResponseStatus.SUCCESSFUL or response.basic is None:
        raise OcspRefused(PkiCode.OCSP_STATUS_ERROR, response.status.value)
    return ClaimedAnswer(response.basic, _signer(response.basic, signers), signers, der)


def _statement(
    der: bytes,
    certificate: Certificate,
    basic: BasicResponse,
    single: SingleResponse,
    signer: Certificate,
    signers: OcspSigners,
) -> Statement:
    hash_fault = _hash_fault(single.cert_hash, certificate)
    # Who is not listed was found because nobody is; see `_signer`.
    delegating = b"" if signers.listed or signers.delegating is None else signers.delegating.encoded
    return Statement(single.status, basic.produced_at, single.revoked_at, signer.encoded, hash_fault, der, delegating)


def _signer(basic: BasicResponse, signers: OcspSigners) -> Certificate:
    """The listed certificate that signed: the one in the answer, or without one there the one it names; else one that
    the CA made for it and that came along."""
    for signer in signers.listed:
        if signer.encoded in basic.certificates or (not basic.certificates and basic.is_by(signer)):
            return signer
    if not signers.listed and signers.delegating is not None:
        for der in basic.certificates:
            if (found := _delegate(der, signers.delegating, basic.produced_at)) is not None:
                return found
    raise OcspRefused(PkiCode.OCSP_CERT_MISSING, "the signer is not in the list")


def _delegate(der: bytes, issuer: Certificate, at: datetime) -> Certificate | None:
    """The certificate, if the CA made it for signing answers (RFC 6960, 4.2.2.2) and it was valid then."""
    try:
        found = decode_certificate_untrusted(der)
    except BadCertificate:
        return None
    is_for_it = ExtendedKeyUsage.OCSP_SIGNING in found.extended_key_usage and found.issuer_key == issuer.subject_key
    return found if is_for_it and found.not_before <= at <= found.not_after and signature_fits(found, issuer) else None


def _single(basic: BasicResponse, asked: CertId) -> SingleResponse:
    for single in basic.responses:
        if single.cert_id == asked:
            return single
    raise OcspRefused(PkiCode.OCSP_CHECK_REVOCATION_ERROR, "the answer is about another certificate")


def _check_times(basic: BasicResponse, single: SingleResponse, now: datetime) -> None:
    late = single.next_update is not None and single.next_update < now - TOLERANCE
    if late or single.this_update > now + TOLERANCE or abs(basic.produced_at - now) > TOLERANCE:
        raise OcspRefused(PkiCode.OCSP_CHECK_REVOCATION_ERROR, "the times of the answer do not fit the clock")


def _hash_fault(found: CertHash | None, certificate: Certificate) -> PkiCode | None:
    if found is None:
        return PkiCode.CERTHASH_EXTENSION_MISSING
    name = _HASHES.get(found.algorithm)
    if name is None or hashlib.new(name, certificate.encoded).digest() != found.digest:
        return PkiCode.CERTHASH_MISMATCH
    return None
