"""The trust service of an instance: certificate checks with status (TUC_KON_037, TUC_PKI_018 of gemSpec_PKI V2.14.1).

The reference time is now unless a caller names another. What is trusted comes from `TrustSource`, what is
revoked from the OCSP client. After the grace period of the TSL no check is positive (GS-A_5336): it is 4002 for callers
who ask for a status. Cards and terminals that are in use go on working, as TAB_KON_504 wants it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.derived import Derived
from tiaas.base.heavy import beside
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.givenanswers import GIVEN_MAX, GivenAnswers, youngest
from tiaas.konnektor.importedcas import ImportedCas
from tiaas.konnektor.ocsp import OcspClient
from tiaas.konnektor.ocspanswer import TOLERANCE
from tiaas.konnektor.pathverdict import by_the_vl, invalid, judged
from tiaas.konnektor.proven import PATHS_MAX, GoodPaths, ProvenSignatures, ReadCertificates
from tiaas.konnektor.publickeys import PublicKeys
from tiaas.konnektor.qualifiedtrust import QualifiedTrust, located
from tiaas.konnektor.signerdemands import QUALIFIED, signer_demands
from tiaas.konnektor.standing import StandingChecks
from tiaas.konnektor.trust import EGK, FD_SERVER, ZD_SERVER, Issuer, TrustSpace
from tiaas.konnektor.trustlists import TrustLists
from tiaas.konnektor.trustsource import TrustSource
from tiaas.konnektor.truststatus import TrustStatus, status_of
from tiaas.konnektor.verdict import FUTURE, CertificateCheck, CertificateStatus, Result, Verdict
from tiaas.konnektor.web import WebClient
from tiaas.pki.certificate import (
    CERTIFICATE_QUICK_OCTETS,
    BadCertificate,
    Certificate,
    decode_certificate_untrusted,
)
from tiaas.pki.codes import PkiCode
from tiaas.pki.cvc import Cvc
from tiaas.pki.oids import CertificateType, Role
from tiaas.pki.path import Demands, PathError

_EGK_TYPES = (CertificateType.CH_AUT, CertificateType.CH_AUTN, CertificateType.CH_ENC, CertificateType.CH_ENCV)
_ANY = Demands(types=frozenset(CertificateType))
_YET_TO_COME = "nobody can say yet what will be then"
_OFFLINE = CertificateStatus(PkiCode.NO_OCSP_CHECK, "offline")
_UNREADABLE = Verdict(Result.INVALID, PkiCode.CERT_READ_ERROR, "not readable")


@dataclass(frozen=True, slots=True)
class _Asking:
    """OCSP responses that came along, whether the responder is asked all the same, and whether the reference time is a
    claim of the signer."""

    given: tuple[bytes, ...] = ()
    wants_current: bool = False
    is_claimed: bool = False

    def slack(self, grace: timedelta, *, is_qualified: bool) -> timedelta:
        """How long before the reference time a response may have been made that came along.

        A QES is made with a response of before (TUC_KON_152), the last one of a stack minutes later. Where another
        time counts than the signer's, one about a qualified certificate has to be of that time or later.
        """
        return grace + TOLERANCE if self.is_claimed or not is_qualified else timedelta()


_JUST_ASK = _Asking()
_OF_SIGNER = _Asking(is_claimed=True)
_RULES_KEPT = 16
_OUTDATED = 4002


def _is_of_before(status: CertificateStatus, at: datetime) -> bool:
    """Whether the responder said it before that time, its clock being behind ours as far as it may (GS-A_5215)."""
    return status.produced_at is not None and status.produced_at + TOLERANCE < at


def _is_egk(certificate: Certificate) -> bool:
    return any(kind.oid in certificate.policies for kind in _EGK_TYPES)


class Trust:
    """Checks certificates for one instance. `start` it before terminals, `stop` it last."""

    def __init__(
        self, source: TrustSource, ocsp: OcspClient, web: WebClient, clock: Clock, imported: ImportedCas | None = None
    ) -> None:
        self.imported = ImportedCas() if imported is None else imported
        self._source = source
        self._ocsp = ocsp
        self._web = web
        self._clock = clock
        self._read = ReadCertificates()
        self._one_at_a_time = asyncio.Lock()
        self.public_keys = PublicKeys()
        """Uses the public keys of signers for the instance, which stops it."""
        self._signed_by = ProvenSignatures(keys=self.public_keys)
        self._good_paths = GoodPaths()
        self._qualified_paths = GoodPaths(chain_model=True)
        self._qualified = QualifiedTrust()
        self._given_answers = GivenAnswers(keys=self.public_keys)
        self._qualified_answers = GivenAnswers(keys=self.public_keys)
        # By the policies, which certificates of a kind have in common.
        self._rules: Derived[tuple[Demands, bool]] = Derived(_RULES_KEPT)
        self._verdicts: Derived[Verdict] = Derived(PATHS_MAX)
        self._standing = StandingChecks(PATHS_MAX)
        self._keeping: asyncio.Task[None] | None = None

    @property
    def lists(self) -> TrustLists | None:
        """The trust lists to refresh or import by hand; None for an instance without."""
        return self._source if isinstance(self._source, TrustLists) else None

    def on_change(self, listener: Callable[[], None]) -> None:
        """`listener` is called from now on when another trust space counts."""
        if self.lists is not None:
            self.lists.on_change = listener

    def after_tsl(self, follow: Callable[[], Awaitable[None]]) -> None:
        """`follow` is called from now on after every attempt to renew the TSL (TIP1-A_4684, A_23274)."""
        if self.lists is not None:
            self.lists.after_tsl = follow

    def status(self) -> TrustStatus:
        """What is trusted, how old it is, how OCSP goes."""
        if self.lists is not None:
            return status_of(self.lists, self._ocsp.counts)
        space = self.space
        return TrustStatus(False, len(space.issuers), len(space.ocsp_signers), self._ocsp.counts)

    @property
    def ocsp_answers(self) -> int:
        """How many OCSP answers are kept."""
        return self._ocsp.answers

    def forget_answers(self) -> None:
        """Forgets all OCSP answers."""
        self._ocsp.forget()

    async def start(self, wait: float) -> None:
        """Takes up the lists of the store and keeps them current from now on. Raises `StoreError`.

        Without a TSL in the store it waits up to `wait` seconds for the first one: nothing is trusted before.
        """
        await self.imported.load()
        lists = self.lists
        if lists is None:
            return
        await lists.load()
        self._keeping = asyncio.create_task(lists.run())
        if lists.tsl[0] is None:
            await lists.first_look(wait)

    async def stop(self) -> None:
        """Gives up what is under way and closes connections."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        await self._ocsp.stop()
        self._web.close()

    @property
    def space(self) -> TrustSpace:
        """What is trusted now; a value, so hold on to it only for one check."""
        return self._source.space

    # ---- with status -------------------------------------------------------------------------------------------------

    async def check(
        self,
        der: bytes,
        demands: Demands,
        *,
        offline_allow_no_check: bool = False,
        is_egk: bool = False,
        at: datetime | None = None,
    ) -> Verdict:
        """TUC_KON_037 for a nonQES certificate, at the reference time `at` (None: now).

        `offline_allow_no_check` is TOLERATE_OCSP_FAILURE: a status that cannot be had is a warning then. It never
        excuses an answer that is wrong (signer, signature, certHash, nonce, exception). `is_egk`: certHash is not
        enforced, and no old revocation is used (GS-A_4652, GS-A_4943). Raises `KonnektorError` 4002 after the TSL's
        grace period; everything else is in the verdict.
        """
        certificate = await self._decoded(der)
        if certificate is None:
            return _UNREADABLE
        tolerate = offline_allow_no_check
        return (await self._check(certificate, self.space, demands, at, tolerate=tolerate, is_egk=is_egk)).verdict

    async def check_recipient(self, der: bytes, demands: Demands, *, offline_allow_no_check: bool) -> Verdict:
        """As `check`, for a certificate that is encrypted for: one of an imported CA counts, too (TIP1-A_5433)."""
        certificate = await self._decoded(der)
        if certificate is None:
            return _UNREADABLE
        foreign = self._foreign(certificate, Demands(key_usage=demands.key_usage), None)
        if foreign is not None:
            return foreign
        return await self.check(der, demands, offline_allow_no_check=offline_allow_no_check)

    def _foreign(self, certificate: Certificate, demands: Demands, at: datetime | None) -> Verdict | None:
        """TUC_KON_037 with validationMode NONE below CERT_IMPORTED_CA_LIST; None if the list has not got the issuer.

        A CA of the TSL is judged by the TSL, and a qualified certificate by the BNetzA-VL. The verdict has no roles:
        nobody in the TI vouches for what such a certificate says of its holder (TIP1-A_5433).
        """
        if certificate.is_qualified:
            return None
        if any(issuer.certificate.subject_key == certificate.issuer_key for issuer in self.space.issuers):
            return None
        found = self.imported.examine(certificate, at or self._clock.now(), demands, self._signed_by)
        if found is None:
            return None
        return invalid(found, ()) if found.faults else Verdict(Result.VALID)

    async def check_any(self, der: bytes, at: datetime | None = None) -> Verdict:
        """TUC_KON_037 as VerifyCertificate calls it: any type, qualifiedCheck "if_QC_present", tolerant of a missing
        status (TAB_KON_797).

        A qualified certificate is measured by the BNetzA-VL and asks the status service that it names itself
        (TUC_PKI_030), one of an imported CA has no status. Raises `KonnektorError` 4002 after the TSL's grace period.
        """
        certificate = await self._decoded(der)
        if certificate is None:
            return _UNREADABLE
        foreign = self._foreign(certificate, Demands(), at)
        if foreign is not None:
            return foreign
        if certificate.is_qualified:
            # TUC_PKI_030: by the BNetzA-VL, after the chain model, with the status service that the certificate names.
            space = self._qualified.space(self.space, self.lists)
            return (await self._check(certificate, space, QUALIFIED, at, tolerate=True, is_qualified=True)).verdict
        is_egk = _is_egk(certificate)
        return (await self._check(certificate, self.space, _ANY, at, tolerate=True, is_egk=is_egk)).verdict

    async def check_signer(
        self,
        der: bytes,
        at: datetime,
        given: Sequence[bytes] = (),
        *,
        wants_current: bool = False,
        is_claimed: bool = True,
    ) -> CertificateCheck:
        """TUC_KON_037 as TUC_KON_151 and 161 call it, for the certificate of a signature made at the time `at`.

        A certificate that says it is qualified is measured by TUC_PKI_030, any other by TAB_KON_786. `given` are OCSP
        responses that came with the signature: the youngest that says something about `at` is taken, and nobody is
        asked (TUC_PKI_030, 8b); with `wants_current` the responder is asked all the same (includeRevocationInfo).
        `is_claimed`: `at` is a claim of the signer. Of a qualified certificate a response from before `at` counts only
        then, and only if the responder says nothing newer. A status that cannot be had makes the verdict INCONCLUSIVE.
        Raises `KonnektorError` 4002 after the TSL's grace period.
        """
        if self._source.is_outdated():
            raise KonnektorError(_OUTDATED)
        ocsp = self._ocsp
        generation, may_stand = ocsp.generation, not given and ocsp.is_possible
        if may_stand:
            known = self._standing.get(der, at, self._clock.now(), self._source.space, generation)
            if known is not None:
                ocsp.hits += 1
                return known
        certificate = await self._decoded(der)
        if certificate is None:
            return CertificateCheck(_UNREADABLE, at)
        is_qualified, space = certificate.is_qualified, self._source.space
        if is_qualified:
            space = self._qualified.space(space, self.lists)
        if is_qualified or not may_stand:
            asking = _Asking(tuple(given[:GIVEN_MAX]), wants_current, is_claimed)
            return await self._check_signer(certificate, space, at, asking, is_qualified=is_qualified)
        asking = _OF_SIGNER if is_claimed else _JUST_ASK
        check = await self._check_signer(certificate, space, at, asking, is_qualified=is_qualified)
        self._standing.keep(der, check, space, generation, ocsp.grace)
        return check

    async def _check_signer(
        self, certificate: Certificate, space: TrustSpace, at: datetime, asking: _Asking, *, is_qualified: bool
    ) -> CertificateCheck:
        if is_qualified:
            return await self._check(
                certificate, space, QUALIFIED, at, tolerate=False, is_qualified=True, asking=asking
            )
        demands, is_egk = self._rules.get(certificate.policies) or self._rules.keep(
            (signer_demands(certificate), _is_egk(certificate)), certificate.policies
        )
        return await self._check(certificate, space, demands, at, tolerate=False, is_egk=is_egk, asking=asking)

    async def _decoded(self, der: bytes) -> Certificate | None:
        """None: not readable. Raises `KonnektorError` 4002 after the TSL's grace period."""
        if self._source.is_outdated():
            raise KonnektorError(_OUTDATED)
        return self._read.known(der) or await self._newly_decoded(der)

    async def _newly_decoded(self, der: bytes) -> Certificate | None:
        """A document or a call may bring hundreds: others get their turn between any two of them."""
        try:
            if len(der) > CERTIFICATE_QUICK_OCTETS:
                return await beside(len(der), decode_certificate_untrusted, der)
            async with self._one_at_a_time:
                await asyncio.sleep(0)
                return self._read(der)
        except BadCertificate:
            return None

    async def _check(
        self,
        certificate: Certificate,
        space: TrustSpace,
        demands: Demands,
        at: datetime | None,
        *,
        tolerate: bool,
        is_egk: bool = False,
        is_qualified: bool = False,
        asking: _Asking = _JUST_ASK,
    ) -> CertificateCheck:
        roles = () if certificate.admission is None else certificate.admission.oids
        moment = at or self._clock.now()
        paths = self._qualified_paths if is_qualified else self._good_paths
        answers = self._qualified_answers if is_qualified else self._given_answers
        found = paths.known(space, certificate, moment, demands)
        if found is None:
            await self._prove(certificate, space, answers, asking.given)
            found = paths.examine(space, certificate, moment, demands, self._signed_by)
        if found.faults:
            found = by_the_vl(found) if is_qualified else found
            return CertificateCheck(invalid(found, roles), moment, is_qualified, found)
        issuer = paths.issuer(space, found)
        if is_qualified:
            issuer = located(issuer, certificate, space)
        given = None
        if asking.given:
            known = await answers.read(asking.given, certificate, issuer.certificate, space)
            slack = asking.slack(self._ocsp.grace, is_qualified=is_qualified)
            given = youngest(known, moment, self._clock.now(), slack, enforce_cert_hash=not is_egk)
        status = given
        if status is None or asking.wants_current or (is_qualified and _is_of_before(status, moment)):
            asked = self._known_status(certificate, space, moment, is_egk=is_egk)
            asked = asked or await self._status(certificate, issuer, space, moment, is_egk=is_egk)
            status = asked if given is None or asked.is_known else given
        # Only for what is kept itself is it worth remembering a verdict.
        is_kept = status.cached or status is _OFFLINE
        if at is not None and status.revoked_at is not None and at < status.revoked_at:
            status, is_kept = replace(status, fault=None), False  # It was good then (TUC_PKI_006, step 8).
        if at is not None and not asking.is_claimed and status.fault is None and self._is_yet_to_come(at):
            status, is_kept = replace(status, fault=PkiCode.OCSP_CHECK_REVOCATION_ERROR, reason=_YET_TO_COME), False
        verdict = self._verdicts.get(found, status, tolerate)
        if verdict is None:
            verdict = judged(status, roles, tolerate=tolerate)
            if is_kept:
                self._verdicts.keep(verdict, found, status, tolerate)
        if asking.given and given is None:
            verdict = replace(verdict, warnings=(*verdict.warnings, PkiCode.PROVIDED_OCSP_RESPONSE_NOT_VALID))
        return CertificateCheck(verdict, moment, is_qualified, found)

    def _is_yet_to_come(self, at: datetime) -> bool:
        """Whether no answer of today says anything about that time (TUC_PKI_006, 1a2); of a signer's claim the caller
        judges that itself."""
        return at > self._clock.now() + max(FUTURE, self._ocsp.grace)

    async def _prove(
        self, certificate: Certificate, space: TrustSpace, answers: GivenAnswers, given: Sequence[bytes]
    ) -> None:
        """Has processes use at the same time the keys that a check asks one after the other: that of the issuer and
        those of who signed the responses.

        It only saves time: what they did not say yes to the check computes, and it alone judges.
        """
        issuer = space.issuer_named(certificate)
        if issuer is None:
            return
        begun = self._signed_by.begin(certificate, issuer)
        if given:
            answers.begin(given, issuer, space)
        if begun is not None:
            await asyncio.shield(begun)

    async def check_egk_online(self, der: bytes) -> CertificateStatus:
        """C.CH.AUT of an eGK before ReadVSD asks the Intermediär (TUC_KON_018).

        Returns a status that is good (`fault` None), or one that is not known (`is_known` False: the check is
        technically impossible, E=5 in the Prüfungsnachweis; `fault` and `reason` say why). Raises `KonnektorError` 107
        if the certificate or its path is not valid, 106 if it is revoked or unknown to its issuer, 4002 after the
        TSL's grace period. Worth keeping as long as the card is inserted.
        """
        if self._source.is_outdated():
            raise KonnektorError(_OUTDATED)
        space = self.space
        try:
            certificate = decode_certificate_untrusted(der)
            issuer = space.check(certificate, self._clock.now(), EGK)
        except (BadCertificate, PathError):
            raise KonnektorError(107) from None
        status = await self._status(certificate, issuer, space, is_egk=True)
        if status.fault in (PkiCode.CERT_REVOKED, PkiCode.CERT_UNKNOWN):
            raise KonnektorError(106)
        return status

    async def check_fachdienst(self, der: bytes, role: Role = Role.INT_VSDM) -> Verdict:
        """C.FD.TLS-S that a Fachdienst showed in TLS (TUC_KON_110): OCSP, tolerant of a missing status.

        Raises `KonnektorError` 4156 if the certificate is not valid, 4220 if it has not got `role`, 4002 after
        the TSL's grace period or the end of the trust anchor (TAB_KON_504).
        """
        return await self._check_server(der, FD_SERVER, role, tolerate=True)

    async def check_directory(self, der: bytes) -> Verdict:
        """C.ZD.TLS-S that the VZD showed in TLS (TUC_KON_290): OCSP, and its answer is needed.

        Raises `KonnektorError` as `check_fachdienst` does; the role is oid_vzd_ti.
        """
        return await self._check_server(der, ZD_SERVER, Role.VZD_TI, tolerate=False)

    async def check_central_service(self, der: bytes) -> Verdict:
        """C.ZD.TLS-S that a central service showed in TLS, the TSL service (A_17661) or the KSR (TAB_KON_668): OCSP,
        tolerant of a missing status; see `check`. The role is for the caller to judge."""
        return await self.check(der, ZD_SERVER, offline_allow_no_check=True)

    async def _check_server(self, der: bytes, demands: Demands, role: Role, *, tolerate: bool) -> Verdict:
        if self._source.is_anchor_outdated():
            raise KonnektorError(_OUTDATED)
        verdict = await self.check(der, demands, offline_allow_no_check=tolerate)
        if verdict.result is not Result.VALID:
            raise KonnektorError(4156)
        if role.oid not in verdict.roles:
            raise KonnektorError(4220)
        return verdict

    async def _status(
        self, certificate: Certificate, issuer: Issuer, space: TrustSpace, at: datetime | None = None, *, is_egk: bool
    ) -> CertificateStatus:
        if not self._ocsp.is_possible:
            return _OFFLINE
        return await self._ocsp.status(certificate, issuer, space, at=at, enforce_cert_hash=not is_egk, is_egk=is_egk)

    def _known_status(
        self, certificate: Certificate, space: TrustSpace, at: datetime, *, is_egk: bool
    ) -> CertificateStatus | None:
        """What `_status` would say without asking anybody; None if somebody has to be asked."""
        if not self._ocsp.is_possible:
            return _OFFLINE
        return self._ocsp.known_status(certificate, space, at=at, enforce_cert_hash=not is_egk, is_egk=is_egk)

    # ---- without status ----------------------------------------------------------------------------------------------

    def check_terminal(self, der: bytes, at: datetime) -> None:
        """See `TrustSpace.check_terminal`."""
        self.space.check_terminal(der, at)

    def check_egk(self, der: bytes, at: datetime) -> None:
        """The offline check of C.CH.AUT; see `TrustSpace.check_egk`. `check_egk_online` is the one with status."""
        self.space.check_egk(der, at)

    def check_egk_cvc(self, end_entity: Cvc, ca: Cvc, today: date) -> None:
        """See `TrustSpace.check_egk_cvc`."""
        self.space.check_egk_cvc(end_entity, ca, today)

    def check_hba_cvc(self, end_entity: Cvc, ca: Cvc, today: date) -> None:
        """See `TrustSpace.check_hba_cvc`."""
        self.space.check_hba_cvc(end_entity, ca, today)

    def cross_to(self, wanted: bytes, known: frozenset[bytes]) -> Cvc | None:
        """See `TrustSpace.cross_to`."""
        return self.space.cross_to(wanted, known)
