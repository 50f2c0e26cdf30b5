"""OCSP responses that came with signatures (TUC_PKI_030, 8b; gemSpec_Kon V5.18 TUC_KON_151 and 161).

What a response says of a certificate follows from octets and from who is trusted: it is read, and its signature
computed, once. Whether it says so of the right time is asked in every check.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256

from tiaas.base.dataclass import dataclass
from tiaas.base.derived import Derived
from tiaas.base.heavy import beside
from tiaas.konnektor.ocsp import KeptStatement
from tiaas.konnektor.ocspanswer import TOLERANCE, OcspRefused, OcspSigners, SignedAnswer, read_signed_answer
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.verdict import CertificateStatus
from tiaas.pki.certificate import Certificate
from tiaas.pki.ocspmessages import CertId

ANSWERS_MAX = 500
"""Responses, some 3 KiB each."""
GIVEN_MAX = 20
"""Of the responses that came with one signature so many are looked at."""
DOCUMENT_OCTETS_MAX = 512 * 1024
"""Of all different responses that came with a document so many octets are looked at."""
_AT_ONCE_MAX = 4 * 1024
"""Octets. What is not larger is read in the event loop: one usual response."""


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
    """Reads the responses for one instance, and remembers what came of it; belongs to its event loop.

    Nobody has signed that a response belongs to a signature: anybody on the way can add some that are long and no good.
    So one that is refused is read only once, too, and long ones are read beside the loop. Another trust space, equal or
    not, ends what was remembered of the one before.
    """

    def __init__(self, limit: int = ANSWERS_MAX) -> None:
        self._limit = limit
        self._space: TrustSpace | None = None
        self._one_at_a_time = asyncio.Lock()
        self._forget()

    def _forget(self) -> None:
        self._answers: Derived[GivenAnswer] = Derived(self._limit)
        # By what was read and, if the issuer names who signs, by the issuer; None: refused.
        self._read: OrderedDict[tuple[bytes, bytes], SignedAnswer | None] = OrderedDict()

    async def read(
        self, given: Sequence[bytes], certificate: Certificate, issuer: Certificate, space: TrustSpace
    ) -> list[GivenAnswer]:
        """Those of the responses (DER) that say something of the certificate and may be used in that trust space."""
        if space is not self._space:
            self._space = space
            self._forget()
        answers = self._answers
        known = [(der, answers.get(certificate, issuer, der)) for der in given]
        found = [answer for _, answer in known if answer is not None]
        others = [der for der, answer in known if answer is None]
        if others:
            signers = OcspSigners(space.ocsp_signers, issuer if space.delegates else None)
            asked = CertId.of(certificate, issuer)
            for signed in await self._signed(others, signers):
                with suppress(OcspRefused):
                    statement, made_at = signed.about(certificate, asked)
                    answer = GivenAnswer(KeptStatement.of(statement), made_at)
                    found.append(answers.keep(answer, certificate, issuer, signed.encoded))
        return found

    async def _signed(self, given: Sequence[bytes], signers: OcspSigners) -> list[SignedAnswer]:
        """Those that one of the signers has signed, whatever they are about."""
        delegating = b"" if signers.listed or signers.delegating is None else signers.delegating.encoded
        keys = [(sha256(der).digest(), delegating) for der in given]
        read = self._read
        if any(key not in read for key in keys):
            # All signatures of a document have the same ones, and are checked at the same time.
            async with self._one_at_a_time:
                new = {key: der for key, der in zip(keys, given, strict=True) if key not in read}
                octets = sum(map(len, new.values()))
                work = new.values(), signers
                told = _read_all(*work) if octets <= _AT_ONCE_MAX else await beside(octets, _read_all, *work)
                found = dict(zip(new, told, strict=True))
                answers = [found[key] if key in found else read[key] for key in keys]
                read.update(found)
                while len(read) > self._limit:
                    read.popitem(last=False)
        else:
            answers = [read[key] for key in keys]
        return [one for one in answers if one is not None]


def _read_all(given: Iterable[bytes], signers: OcspSigners) -> list[SignedAnswer | None]:
    found: list[SignedAnswer | None] = []
    for der in given:
        try:
            found.append(read_signed_answer(der, signers))
        except OcspRefused:
            found.append(None)
    return found


def within_bounds(given: Iterable[Sequence[bytes]]) -> list[tuple[bytes, ...]]:
    """Of the responses that came with each signature of one document those that are looked at: the first ones."""
    counted: set[bytes] = set()
    left = DOCUMENT_OCTETS_MAX
    kept = []
    for responses in given:
        for der in responses[:GIVEN_MAX]:
            if der not in counted and len(der) <= left:
                counted.add(der)
                left -= len(der)
        kept.append(tuple([der for der in responses[:GIVEN_MAX] if der in counted]))
    return kept


def youngest(
    answers: Sequence[GivenAnswer], at: datetime, now: datetime, grace: timedelta, *, enforce_cert_hash: bool
) -> CertificateStatus | None:
    """What the youngest response says that says something about the time `at`; None if none of them does."""
    of_time = [answer.kept for answer in answers if answer.is_of(at, now, grace)]
    usable = [kept for kept in of_time if kept.statement.hash_fault is None or not enforce_cert_hash]
    if not usable:
        return None
    return max(usable, key=lambda kept: kept.statement.produced_at).plain
