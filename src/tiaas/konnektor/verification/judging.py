"""From what a reader found and what the certificate check said to the verdict on one signature.

Every step is looked at, whatever the one before found (TUC_KON_151, TUC_KON_161): codes of all of them are told; the
first that makes the signature invalid gives the outcome. Where the tables leave open which of their rows a cause
belongs to, `docs/conformance/choices.md` says what was chosen.
"""

from collections.abc import Mapping
from datetime import datetime

from tiaas.ades.found import FoundSignature, Integrity
from tiaas.base.dataclass import dataclass
from tiaas.konnektor.verdict import FUTURE, CertificateCheck, Result
from tiaas.konnektor.verification.moments import ReferenceTime, TimeSource
from tiaas.konnektor.verification.outcome import Outcome
from tiaas.pki.codes import PkiCode

_INVALID, _NO_SIGNER, _NOT_WHOLE, _NOT_IN_TSL = 4115, 4206, 4262, 4260

_INTEGRITY: Mapping[Integrity, tuple[Outcome, int]] = {
    Integrity.DIGEST_WRONG: (Outcome.INCORRECT_SIGNATURE, _INVALID),
    Integrity.SIGNATURE_WRONG: (Outcome.INCORRECT_SIGNATURE, _INVALID),
    Integrity.CERTIFICATE_NOT_BOUND: (Outcome.INCORRECT_SIGNATURE, _INVALID),
    Integrity.NOT_WHOLE_DOCUMENT: (Outcome.INCORRECT_SIGNATURE, _NOT_WHOLE),
    Integrity.CERTIFICATE_MISSING: (Outcome.UNPROVEN_SIGNATURE, _NO_SIGNER),
    Integrity.ALGORITHM_UNKNOWN: (Outcome.RESPONDER_ERROR, _INVALID),
    Integrity.MALFORMED: (Outcome.REQUESTER_ERROR, _INVALID),
}
_UNNAMED = PkiCode.CA_CERT_MISSING
"""For the faults that Tab_PKI_274 has no code for: the issuer was not one that may issue."""
_CHAIN = frozenset({PkiCode.CA_CERT_MISSING, PkiCode.CA_CERTIFICATE_NOT_QES_QUALIFIED})


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one signature.

    `codes` lead from cause to effect, PKI codes before those of the Konnektor; of a valid signature they are warnings
    (1050: a response in it could not be used). `policy` is the code of a rule on
    formats and variants that the signature breaks. `check` is None where there is no certificate to check.
    """

    found: FoundSignature
    time: ReferenceTime
    outcome: Outcome
    codes: tuple[int, ...]
    check: CertificateCheck | None
    policy: int | None = None

    @property
    def is_qualified(self) -> bool:
        """Whether the rules for QES count: by the certificate (TAB_KON_760, step 3)."""
        return self.check is not None and self.check.is_qualified


def judge(
    found: FoundSignature,
    time: ReferenceTime,
    check: CertificateCheck | None,
    policy: int | None,
    now: datetime,
    *,
    has_manifest: bool = False,
) -> Judgement:
    """The verdict on one signature.

    `policy` is what `policy.broken_rule` found, `now` the system time; `has_manifest`: results for the references of a
    manifest are told, which the caller has to look at.
    """
    outcomes: list[Outcome] = []
    codes: list[int] = []
    if found.integrity is not Integrity.INTACT:
        outcome, code = _INTEGRITY[found.integrity]
        outcomes.append(outcome)
        codes.append(code)
    if policy is not None:
        outcomes.append(Outcome.REQUESTER_ERROR)
        codes.append(policy)
    if check is not None:
        told, causes = _of_certificate(check, time)
        outcomes += told
        codes = [*causes, *codes]
    if time.source is TimeSource.EMBEDDED and time.at > now + FUTURE:
        outcomes.append(_wrong_time(check))
    outcome = Outcome.HAS_MANIFEST_RESULTS if has_manifest else Outcome.ON_ALL_DOCUMENTS
    if outcomes:
        outcome = next((one for one in outcomes if one.result is Result.INVALID), outcomes[0])
    return Judgement(found, time, outcome, tuple(codes), check, policy)


def _of_certificate(check: CertificateCheck, time: ReferenceTime) -> tuple[list[Outcome], list[int]]:
    verdict = check.verdict
    named = verdict.warnings if verdict.fault is None else (verdict.fault, *verdict.warnings)
    causes = list(dict.fromkeys([code.number for code in named]))
    if verdict.result is Result.VALID:
        return [], causes
    causes = causes or [_UNNAMED.number]
    if verdict.result is Result.INCONCLUSIVE:
        return [Outcome.OCSP_NOT_AVAILABLE], causes
    if verdict.fault in _CHAIN:
        return [Outcome.CHAIN_NOT_COMPLETE], causes if check.is_qualified else [*causes, _NOT_IN_TSL]
    if verdict.fault is PkiCode.CERTIFICATE_NOT_VALID_TIME and time.source is TimeSource.EMBEDDED:
        return [_wrong_time(check)], causes
    return [Outcome.INCORRECT_SIGNATURE], causes


def _wrong_time(check: CertificateCheck | None) -> Outcome:
    qualified = check is not None and check.is_qualified
    return Outcome.INCORRECT_SIGNATURE if qualified else Outcome.INVALID_TIMESTAMP
