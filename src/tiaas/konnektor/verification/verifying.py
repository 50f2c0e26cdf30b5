"""TUC_KON_151 and TUC_KON_161 as a whole: reads, asks for certificates and their status, judges.

gemSpec_Kon V5.18 §4.1.8.4.2 and §4.1.8.4.6. An invalid signature is a result; faults are for what cannot be read.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from tiaas.ades.found import BadSignatureFile, Claim, FoundSignature, Integrity
from tiaas.ades.pdfvalues import Budget, SmallBudget, TakesLong
from tiaas.base.dataclass import dataclass
from tiaas.base.heavy import beside
from tiaas.interfaces.dss_core_v1_0 import VerifyManifestResults
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.givenanswers import within_bounds
from tiaas.konnektor.publickeys import Begun, PublicKeys, give_up
from tiaas.konnektor.verdict import CertificateCheck, Result
from tiaas.konnektor.verification.judging import Judgement, judge
from tiaas.konnektor.verification.manifests import manifest_results
from tiaas.konnektor.verification.moments import ReferenceTime, TimeSource, reference_time, youngest
from tiaas.konnektor.verification.outcome import high_level
from tiaas.konnektor.verification.policy import broken_rule
from tiaas.konnektor.verification.reading import Material, Reading, claims_untrusted, document_fault, place_of
from tiaas.konnektor.xmldocuments import unread_xml
from tiaas.pki.keys import SigningScheme

_FEW = 3
"""Signatures of RSA that are verified in the event loop."""

_ALWAYS_ENDS = frozenset({4280, 4281})
"""Dimensions and forbidden content (A_19052-01, A_22673)."""


class SignerChecks(Protocol):
    """Who checks certificates: the trust service."""

    async def check_signer(
        self,
        der: bytes,
        at: datetime,
        given: Sequence[bytes] = (),
        *,
        wants_current: bool = False,
        is_claimed: bool = True,
    ) -> CertificateCheck:
        """See `Trust.check_signer`."""
        ...


@dataclass(frozen=True, slots=True)
class Rules:
    """What a caller asks for, and what the instance is.

    `user_defined` is Benutzerdefinierter_Zeitpunkt. `require_sak` raises `KonnektorError` 4125 without MGM_LU_SAK; it
    is asked where a qualified signature is found.
    """

    user_defined: datetime | None = None
    manifests: bool = False
    wants_current: bool = False
    require_sak: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of a document: a judgement for each signature, in the order of the reading.

    `document_fault` is what is wrong with a document beside its signature.
    """

    reading: Reading
    judgements: tuple[Judgement, ...]
    time: ReferenceTime
    manifests: VerifyManifestResults | None
    document_fault: KonnektorError | None = None

    @property
    def result(self) -> Result:
        """HighLevelResult."""
        return high_level([one.outcome for one in self.judgements])


async def verify(
    material: Material, rules: Rules, checks: SignerChecks, keys: PublicKeys, now: datetime
) -> Verification:
    """Verifies all signatures. Raises `KonnektorError`: what is wrong with a document that has them in it (4022, 4023,
    4024, 4026), what the reading ends with (4253, 4024, 4110, 4280, 4281), 4125 for a qualified one without MGM_LU_SAK,
    4002.
    """
    try:
        read = _read(material, SmallBudget) if material.is_quick else None
    except TakesLong:
        read = None
    claims, fault = await beside(material.octets, _read_and_check, material) if read is None else read
    # Public keys are used elsewhere, and meanwhile it is looked after the certificates.
    are_few = len(claims) <= _FEW
    begun = [_begun(claim, keys, are_few=are_few) for claim in claims]
    try:
        times = [reference_time(claim.found, rules.user_defined, now) for claim in claims]
        checked = await _checked(claims, times, rules, checks)
        found = tuple(
            [
                claim.settled(one if isinstance(one, Integrity) else await keys.end(claim, one))
                for claim, one in zip(claims, begun, strict=True)
            ]
        )
    except BaseException:
        give_up(begun)
        raise
    reading = Reading(place_of(material), found)
    manifests = manifest_results(found) if rules.manifests else None
    judgements = tuple(
        [
            judge(
                one,
                time,
                check,
                broken_rule(one, reading.place, is_qualified=check is not None and check.is_qualified),
                now,
                has_manifest=manifests is not None and bool(one.manifest),
            )
            for one, time, check in zip(found, times, checked, strict=True)
        ]
    )
    return Verification(reading, judgements, youngest(times, now), manifests, fault)


async def _checked(
    claims: Sequence[Claim], times: Sequence[ReferenceTime], rules: Rules, checks: SignerChecks
) -> Sequence[CertificateCheck | None]:
    """What is to be said of the signers' certificates, None where there is none. Raises `KonnektorError`."""
    given = within_bounds([claim.found.ocsp for claim in claims])
    waiting = [
        _check(claim.found, responses, time, rules, checks)
        for claim, responses, time in zip(claims, given, times, strict=True)
    ]
    checked = [await waiting[0]] if len(waiting) == 1 else await asyncio.gather(*waiting)
    for check in checked:
        if check is not None and check.is_qualified:
            rules.require_sak()
    return checked


def _read(material: Material, budget: type[Budget] = Budget) -> tuple[list[Claim], KonnektorError | None]:
    fault = document_fault(material, budget)
    if fault is not None and (material.signature is None or fault.code in _ALWAYS_ENDS):
        raise fault
    try:
        return claims_untrusted(material, budget), fault
    except BadSignatureFile as error:
        raise unread_xml(error.code, error.reason) from None


def _read_and_check(material: Material) -> tuple[list[Claim], KonnektorError | None]:
    claims, fault = _read(material)
    return [Claim(claim.checked()) for claim in claims], fault


def _begun(claim: Claim, keys: PublicKeys, *, are_few: bool) -> Begun:
    # A usual RSA key verifies in less time than the change to another thread takes.
    algorithm = claim.found.algorithm
    if claim.check is not None and are_few and (algorithm is None or algorithm[0] is not SigningScheme.ECDSA):
        return claim.check()
    return keys.begin(claim)


async def _check(
    found: FoundSignature, given: Sequence[bytes], time: ReferenceTime, rules: Rules, checks: SignerChecks
) -> CertificateCheck | None:
    if found.certificate is None:
        return None
    is_claimed = time.source is TimeSource.EMBEDDED
    return await checks.check_signer(
        found.certificate, time.at, given, wants_current=rules.wants_current, is_claimed=is_claimed
    )
