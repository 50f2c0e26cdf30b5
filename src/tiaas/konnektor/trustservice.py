"""The trust service of an instance: certificate checks with status (TUC_KON_037, TUC_PKI_018 of gemSpec_PKI V2.14.1).

The reference time is now unless a caller names another. What is trusted comes from `TrustSource`, what is
revoked from the OCSP client. After the grace period of the TSL no check is positive (GS-A_5336): it is 4002 for callers
who ask for a status. Cards and terminals that are in use go on working, as TAB_KON_504 wants it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Protocol

from tiaas.base.clock import Clock
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.ocsp import OcspClient
from tiaas.konnektor.trust import EGK, FD_SERVER, ZD_SERVER, Issuer, TrustSpace
from tiaas.konnektor.trustlists import TrustLists
from tiaas.konnektor.truststatus import TrustStatus, status_of
from tiaas.konnektor.verdict import CertificateStatus, Result, Verdict
from tiaas.konnektor.web import WebClient
from tiaas.pki.certificate import BadCertificate, Certificate, decode_certificate_untrusted
from tiaas.pki.codes import PkiCode
from tiaas.pki.cvc import Cvc
from tiaas.pki.oids import CertificateType, Policy, Role
from tiaas.pki.path import Demands, PathError

_EGK_TYPES = (CertificateType.CH_AUT, CertificateType.CH_AUTN, CertificateType.CH_ENC, CertificateType.CH_ENCV)
_ANY = Demands(types=frozenset(CertificateType))
_UNREADABLE = Verdict(Result.INVALID, PkiCode.CERT_READ_ERROR, "not readable")


def _is_egk(certificate: Certificate) -> bool:
    return any(kind.oid in certificate.policies for kind in _EGK_TYPES)


class TrustSource(Protocol):
    """Who keeps the trust space current: `TrustLists`, or `FixedTrust` without lists."""

    @property
    def space(self) -> TrustSpace:
        """What is trusted now."""
        ...

    def is_outdated(self) -> bool:
        """EC_TSL_Out_Of_Date_Beyond_Grace_Period."""
        ...

    def is_anchor_outdated(self) -> bool:
        """EC_TSL_Trust_Anchor_Out_Of_Date."""
        ...


class FixedTrust:
    """A trust space that never changes: instances without a trust list."""

    def __init__(self, space: TrustSpace) -> None:
        self.space = space

    def is_outdated(self) -> bool:
        """See `TrustSource.is_outdated`."""
        return False

    def is_anchor_outdated(self) -> bool:
        """See `TrustSource.is_anchor_outdated`."""
        return False


class Trust:
    """Checks certificates for one instance. `start` it before terminals, `stop` it last."""

    def __init__(self, source: TrustSource, ocsp: OcspClient, web: WebClient, clock: Clock) -> None:
        self._source = source
        self._ocsp = ocsp
        self._web = web
        self._clock = clock
        self._keeping: asyncio.Task[None] | None = None

    @property
    def lists(self) -> TrustLists | None:
        """The trust lists to refresh or import by hand; None for an instance without."""
        return self._source if isinstance(self._source, TrustLists) else None

    def on_change(self, listener: Callable[[], None]) -> None:
        """`listener` is called from now on when another trust space counts."""
        if self.lists is not None:
            self.lists.on_change = listener

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
        certificate = self._decoded(der)
        if certificate is None:
            return _UNREADABLE
        return await self._check(certificate, self.space, demands, at, tolerate=offline_allow_no_check, is_egk=is_egk)

    async def check_any(self, der: bytes, at: datetime | None = None) -> Verdict:
        """TUC_KON_037 as VerifyCertificate calls it: any type, qualifiedCheck "if_QC_present", tolerant of a missing
        status (TAB_KON_797).

        A qualified certificate is measured by the BNetzA-VL and asks the status service that it names itself
        (TUC_PKI_030). Raises `KonnektorError` 4002 after the TSL's grace period.
        """
        certificate = self._decoded(der)
        if certificate is None:
            return _UNREADABLE
        if Policy.QCP_NATURAL_QSCD not in certificate.policies:
            return await self._check(certificate, self.space, _ANY, at, tolerate=True, is_egk=_is_egk(certificate))
        qualified, signers = ((), ()) if self.lists is None else (self.lists.qualified, self.lists.qualified_signers)
        url = next(iter(certificate.ocsp_urls), "")
        space = replace(self.space, issuers=tuple(Issuer(ca, url) for ca in qualified), ocsp_signers=signers)
        verdict = await self._check(certificate, space, Demands(), at, tolerate=True)
        if verdict.fault is PkiCode.CA_CERT_MISSING:
            return replace(verdict, fault=PkiCode.CA_CERTIFICATE_NOT_QES_QUALIFIED)
        return verdict

    def _decoded(self, der: bytes) -> Certificate | None:
        """None: not readable. Raises `KonnektorError` 4002 after the TSL's grace period."""
        if self._source.is_outdated():
            raise KonnektorError(4002)
        try:
            return decode_certificate_untrusted(der)
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
    ) -> Verdict:
        roles = () if certificate.admission is None else certificate.admission.oids
        try:
            issuer = space.check(certificate, at or self._clock.now(), demands)
        except PathError as error:
            code = error.fault.code
            return Verdict(Result.INVALID, None if code is None else PkiCode.of(code), str(error), roles=roles)
        status = await self._status(certificate, issuer, space, is_egk=is_egk)
        if at is not None and status.revoked_at is not None and at < status.revoked_at:
            status = replace(status, fault=None)  # It was good then (TUC_PKI_006, step 8).
        return _judged(status, roles, tolerate=tolerate)

    async def check_egk_online(self, der: bytes) -> CertificateStatus:
        """C.CH.AUT of an eGK before ReadVSD asks the Intermediär (TUC_KON_018).

        Returns a status that is good (`fault` None), or one that is not known (`is_known` False: the check is
        technically impossible, E=5 in the Prüfungsnachweis; `fault` and `reason` say why). Raises `KonnektorError` 107
        if the certificate or its path is not valid, 106 if it is revoked or unknown to its issuer, 4002 after the
        TSL's grace period. Worth keeping as long as the card is inserted.
        """
        if self._source.is_outdated():
            raise KonnektorError(4002)
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

    async def _check_server(self, der: bytes, demands: Demands, role: Role, *, tolerate: bool) -> Verdict:
        if self._source.is_anchor_outdated():
            raise KonnektorError(4002)
        verdict = await self.check(der, demands, offline_allow_no_check=tolerate)
        if verdict.result is not Result.VALID:
            raise KonnektorError(4156)
        if role.oid not in verdict.roles:
            raise KonnektorError(4220)
        return verdict

    async def _status(
        self, certificate: Certificate, issuer: Issuer, space: TrustSpace, *, is_egk: bool
    ) -> CertificateStatus:
        if not self._ocsp.is_possible:
            return CertificateStatus(PkiCode.NO_OCSP_CHECK, "offline")
        return await self._ocsp.status(certificate, issuer, space, enforce_cert_hash=not is_egk, is_egk=is_egk)

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

    def cross_to(self, wanted: bytes, known: frozenset[bytes]) -> Cvc | None:
        """See `TrustSpace.cross_to`."""
        return self.space.cross_to(wanted, known)


# Faults of an OCSP check that was not performed, in contrast to an answer that is wrong (TUC_PKI_006, 4a against 5, 6).
_NOT_PERFORMED = frozenset({PkiCode.OCSP_NOT_AVAILABLE, PkiCode.SERVICESUPPLYPOINT_MISSING})


def _judged(status: CertificateStatus, roles: tuple[str, ...], *, tolerate: bool) -> Verdict:
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
