"""OCSP responses that came with signatures (TUC_PKI_030, 8b; gemSpec_Kon V5.18 TUC_KON_151 and 161).

What a response says of a certificate follows from octets and from who is trusted: it is read, and its signature
computed, once. Whether it says so of the right time is asked in every check.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from tiaas.base.dataclass import dataclass
from tiaas.base.derived import Derived
from tiaas.konnektor.ocsp import KeptStatement
from tiaas.konnektor.ocspanswer import TOLERANCE, OcspRefused, OcspSigners, read_given_statement
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.verdict import CertificateStatus
from tiaas.pki.certificate import Certificate
from tiaas.pki.ocsp import CertId

ANSWERS_MAX = 500
"""Responses, some 3 KiB each."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """A response that may be used; it may not before the time it was made."""

    kept: KeptStatement
    made_at: datetime

    def is_of(self, at: datetime, now: datetime, grace: timedelta) -> bool:
        """Whether it says something about the time `at`.

        It does if it was made not more than the grace period before (TUC_KON_161, ocspGracePeriod; TUC_PKI_030, 8b):
        what it says of a later time holds for `at`, too, because a revocation comes with its time.
        """
        return self.made_at <= now + TOLERANCE and at <= self.kept.statement.produced_at + grace + TOLERANCE


class GivenAnswers:
    """Reads the responses for one instance, and remembers those that may be used; belongs to its event loop.

    Another trust space, equal or not, ends what was remembered of the one before.
    """

    def __init__(self, limit: int = ANSWERS_MAX) -> None:
        self._limit = limit
        self._space: TrustSpace | None = None
        self._answers: Derived[GivenAnswer] = Derived(limit)

    def read(
        self, given: Sequence[bytes], certificate: Certificate, issuer: Certificate, space: TrustSpace
    ) -> list[GivenAnswer]:
        """Those of the responses (DER) that say something of the certificate and may be used in that trust space."""
        if space is not self._space:
            self._space = space
            self._answers = Derived(self._limit)
        found = []
        for der in given:
            answer = self._answers.get(certificate, issuer, der)
            if answer is None:
                with suppress(OcspRefused):
                    answer = self._answers.keep(_read(der, certificate, issuer, space), certificate, issuer, der)
            if answer is not None:
                found.append(answer)
        return found


def youngest(
    answers: Sequence[GivenAnswer], at: datetime, now: datetime, grace: timedelta, *, enforce_cert_hash: bool
) -> CertificateStatus | None:
    """What the youngest response says that says something about the time `at`; None if none of them does."""
    of_time = [answer.kept for answer in answers if answer.is_of(at, now, grace)]
    usable = [kept for kept in of_time if kept.statement.hash_fault is None or not enforce_cert_hash]
    if not usable:
        return None
    return max(usable, key=lambda kept: kept.statement.produced_at).plain


def _read(der: bytes, certificate: Certificate, issuer: Certificate, space: TrustSpace) -> GivenAnswer:
    signers = OcspSigners(space.ocsp_signers, issuer if space.delegates else None)
    statement, made_at = read_given_statement(der, certificate, CertId.of(certificate, issuer), signers)
    return GivenAnswer(KeptStatement.of(statement), made_at)
