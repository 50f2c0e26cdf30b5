"""Asks for the status of certificates: TUC_PKI_006 (gemSpec_PKI V2.14.1, GS-A_4657-03; gemSpec_Kon V5.18, TIP1-A_4688,
4689, 4690).

Every request goes through the access provider's http-forwarder, as to an HTTP proxy, with the ServiceSupplyPoint of
the issuing CA as its target. One request asks for one certificate: requests are saved by the cache and by callers who
wait for the same answer, never by bundling (TUC_KON_037).

The grace period is for nonQES only (CERT_OCSP_DEFAULT_GRACE_PERIOD_NONQES): TUC_PKI_030 knows none. Of a qualified
certificate an answer that is kept counts for times before it was made; for the present somebody is asked each time,
unless it is a revocation.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime, timedelta

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.derived import Derived
from tiaas.base.entropy import Entropy
from tiaas.konnektor.config import BadInstanceConfig, TiAccess
from tiaas.konnektor.ocspanswer import TOLERANCE, OcspRefused, OcspSigners, Statement, read_statement
from tiaas.konnektor.ocsppatience import Patience
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.verdict import CertificateStatus
from tiaas.konnektor.web import NoAnswer, NotInTime, NoTurn, Origin, WebClient, WebRequest, split_http_url
from tiaas.pki.certificate import Certificate
from tiaas.pki.codes import PkiCode
from tiaas.pki.ocsp import MAX_RESPONSE, REQUEST_TYPE, RESPONSE_TYPE, encode_request
from tiaas.pki.ocspmessages import CertId, CertStatus, OcspRequest

_log = logging.getLogger("tiaas.konnektor.ocsp")

_NONCE_OCTETS = 16
_CACHE_MAX = 20_000
_KEYS_MAX = 1_000
_SILENT = "the responder has just let somebody wait in vain"
_FAULTS = {CertStatus.REVOKED: PkiCode.CERT_REVOKED, CertStatus.UNKNOWN: PkiCode.CERT_UNKNOWN}


@dataclass(frozen=True, slots=True)
class OcspCounts:
    """What the client did since it was made, and how its last request ended. `last_seconds` is that request's time."""

    requests: int = 0
    cache_hits: int = 0
    failures: int = 0
    last_at: datetime | None = None
    last_seconds: float | None = None
    last_fault: PkiCode | None = None
    last_reason: str = ""


@dataclass(frozen=True, slots=True)
class KeptStatement:
    """A statement with what it says, kept so that every check gets the same objects: `enforced` with certHash."""

    statement: Statement
    enforced: CertificateStatus
    plain: CertificateStatus

    @classmethod
    def of(cls, statement: Statement) -> "KeptStatement":
        """What is kept of a statement."""
        plain = certificate_status(statement, enforce_cert_hash=False, cached=True)
        if statement.hash_fault is None:
            return cls(statement, plain, plain)
        return cls(statement, certificate_status(statement, enforce_cert_hash=True, cached=True), plain)


class OcspClient:
    """The OCSP client of one instance."""

    def __init__(
        self, access: TiAccess, web: WebClient, clock: Clock, entropy: Entropy, online: OnlineMode | None = None
    ) -> None:
        """`online` None: as in `access`. Raises `BadInstanceConfig` for a forwarder that is no http URL."""
        self._counts = OcspCounts()
        self.hits = 0
        """How often a status was known without asking."""
        self._forwarder: Origin | None = None
        self._online = online or OnlineMode(access.online)
        if access.ocsp_forwarder:
            self._forwarder, _ = split_http_url(access.ocsp_forwarder)
        self._seconds = access.ocsp_seconds
        self._qes_seconds = access.ocsp_qes_seconds
        self._grace = timedelta(seconds=access.ocsp_grace_seconds)
        self._web = web
        self._clock = clock
        self._entropy = entropy
        self._cache: OrderedDict[bytes, KeptStatement] = OrderedDict()
        self.generation = 0
        """Another number whenever an answer that was kept is not any more."""
        self._asked: dict[bytes, asyncio.Task[Statement]] = {}
        self._running: set[asyncio.Task[Statement]] = set()
        self._keys: Derived[bytes] = Derived(_KEYS_MAX)
        self._patience = Patience(clock)

    @property
    def is_possible(self) -> bool:
        """Whether there is anybody to ask: online, and a forwarder is known."""
        return self._online.active and self._forwarder is not None

    @property
    def counts(self) -> OcspCounts:
        """What was done so far."""
        return replace(self._counts, cache_hits=self.hits)

    @property
    def answers(self) -> int:
        """How many answers are kept."""
        return len(self._cache)

    @property
    def grace(self) -> timedelta:
        """How old an answer may be that is about no qualified certificate."""
        return self._grace

    def forget(self) -> None:
        """Forgets all answers, and who gave none: the next check of a certificate asks anew.

        What is under way goes on for those who wait for it; it was asked before, and nothing of it is kept.
        """
        self._cache.clear()
        self._asked.clear()
        self._patience = Patience(self._clock)
        self.generation += 1

    async def status(
        self,
        certificate: Certificate,
        issuer: Issuer,
        space: TrustSpace,
        *,
        at: datetime | None = None,
        enforce_cert_hash: bool = True,
        is_egk: bool = False,
    ) -> CertificateStatus:
        """The status of `certificate` now. Never raises: what went wrong is the result's `fault`.

        `at` is the reference time (None: now), before which an answer about a qualified certificate must not have been
        made. `enforce_cert_hash` is ENFORCE_CERTHASH_CHECK. A revocation in the cache counts for ever, but not for an
        eGK, whose certificates may only be suspended (`is_egk`, GS-A_4943).
        """
        known = self.known_status(certificate, space, at=at, enforce_cert_hash=enforce_cert_hash, is_egk=is_egk)
        if known is not None:
            return known
        key = self._key(certificate)
        wait = self._patience.wait_for(issuer.ocsp_url, self._seconds_for(certificate))
        if wait == 0:
            return CertificateStatus(PkiCode.OCSP_NOT_AVAILABLE, _SILENT)
        try:
            async with asyncio.timeout(wait):
                statement = await self._shared(key, certificate, issuer, space)
        except OcspRefused as refused:
            return CertificateStatus(refused.fault, refused.reason)
        except TimeoutError:
            return CertificateStatus(PkiCode.OCSP_NOT_AVAILABLE, _SILENT)
        if not _is_trusted(statement, space):
            # Who asked first did so with another list.
            return CertificateStatus(PkiCode.OCSP_CERT_MISSING, "no list names the signer of the answer")
        return certificate_status(statement, enforce_cert_hash, cached=False)

    def known_status(
        self,
        certificate: Certificate,
        space: TrustSpace,
        *,
        at: datetime | None = None,
        enforce_cert_hash: bool = True,
        is_egk: bool = False,
    ) -> CertificateStatus | None:
        """What `status` would say without asking anybody; None if somebody has to be asked."""
        kept = self._kept(self._key(certificate), space, is_egk=is_egk)
        if kept is None or (certificate.is_qualified and not _is_of(kept.statement, at)):
            return None
        self.hits += 1
        return kept.enforced if enforce_cert_hash else kept.plain

    def _key(self, certificate: Certificate) -> bytes:
        return self._keys.get(certificate) or self._keys.keep(hashlib.sha256(certificate.encoded).digest(), certificate)

    def _seconds_for(self, certificate: Certificate) -> float:
        return self._qes_seconds if certificate.is_qualified else self._seconds

    async def stop(self) -> None:
        """Gives up what is under way."""
        tasks = tuple(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _kept(self, key: bytes, space: TrustSpace, *, is_egk: bool) -> KeptStatement | None:
        kept = self._cache.get(key)
        if kept is None:
            return None
        statement = kept.statement
        final = statement.status is CertStatus.REVOKED and not is_egk
        if _is_trusted(statement, space) and (final or statement.is_fresh(self._clock.now(), self._grace)):
            self._cache.move_to_end(key)
            return kept
        del self._cache[key]
        self.generation += 1
        return None

    async def _shared(self, key: bytes, certificate: Certificate, issuer: Issuer, space: TrustSpace) -> Statement:
        """The answer to a request of ours or to one that is under way for the same certificate."""
        task = self._asked.get(key)
        if task is None:
            task = self._asked[key] = asyncio.create_task(self._ask(certificate, issuer, space))
            self._running.add(task)
            task.add_done_callback(lambda done: self._answered(key, certificate, done))
        # One caller who gives up must not take the answer away from the others.
        return await asyncio.shield(task)

    def _answered(self, key: bytes, certificate: Certificate, task: asyncio.Task[Statement]) -> None:
        self._running.discard(task)
        is_forgotten = self._asked.get(key) is not task
        if not is_forgotten:
            del self._asked[key]
        if task.cancelled() or task.exception() is not None or is_forgotten:
            return
        statement = task.result()
        if statement.status is not CertStatus.UNKNOWN and self._grace:
            # On what is known of a qualified certificate nothing is built: it is asked for time and again.
            self.generation += key in self._cache and not certificate.is_qualified
            self._cache[key] = KeptStatement.of(statement)
            if len(self._cache) > _CACHE_MAX:
                self._cache.popitem(last=False)
                self.generation += 1

    async def _ask(self, certificate: Certificate, issuer: Issuer, space: TrustSpace) -> Statement:
        start = self._clock.monotonic()
        fault: PkiCode | None = None
        reason = ""
        try:
            return await self._request(certificate, issuer, space)
        except OcspRefused as refused:
            fault, reason = refused.fault, refused.reason
            _log.warning("no certificate status", extra={"code": fault.number, "reason": reason})
            raise
        finally:
            self._counts = replace(
                self._counts,
                requests=self._counts.requests + 1,
                failures=self._counts.failures + (fault is not None),
                last_at=self._clock.now(),
                last_seconds=self._clock.monotonic() - start,
                last_fault=fault,
                last_reason=reason,
            )

    async def _request(self, certificate: Certificate, issuer: Issuer, space: TrustSpace) -> Statement:
        if self._forwarder is None or not self._online.active:
            raise OcspRefused(PkiCode.OCSP_NOT_AVAILABLE, "offline, or no OCSP forwarder is configured")
        if not issuer.ocsp_url:
            raise OcspRefused(PkiCode.SERVICESUPPLYPOINT_MISSING, "the issuing CA has no ServiceSupplyPoint")
        try:
            origin, _ = split_http_url(issuer.ocsp_url)
        except BadInstanceConfig:
            raise OcspRefused(PkiCode.SERVICESUPPLYPOINT_MISSING, "the ServiceSupplyPoint is no http URL") from None
        patience = self._patience
        asked, nonce = CertId.of(certificate, issuer.certificate), self._entropy.octets(_NONCE_OCTETS)
        request = WebRequest(
            "POST",
            self._forwarder,
            issuer.ocsp_url,
            origin.authority,
            {"Content-Type": REQUEST_TYPE, "Accept": RESPONSE_TYPE},
            encode_request(OcspRequest(asked, nonce)),
        )
        try:
            answer = await self._web.fetch(request, self._seconds_for(certificate), MAX_RESPONSE)
        except NoAnswer as error:
            if isinstance(error, NotInTime):
                patience.was_in_vain(issuer.ocsp_url)
            elif not isinstance(error, NoTurn):
                patience.was_answered(issuer.ocsp_url)
            raise OcspRefused(PkiCode.OCSP_NOT_AVAILABLE, str(error)) from None
        patience.was_answered(issuer.ocsp_url)
        if answer.status != 200:
            raise OcspRefused(PkiCode.OCSP_NOT_AVAILABLE, f"HTTP status {answer.status}")
        if answer.media_type != RESPONSE_TYPE:
            raise OcspRefused(PkiCode.OCSP_CHECK_REVOCATION_ERROR, "the answer is of another media type")
        signers = OcspSigners(space.ocsp_signers, issuer.certificate if space.delegates else None)
        return read_statement(answer.body, certificate, asked, nonce, signers, self._clock.now())


def _is_trusted(statement: Statement, space: TrustSpace) -> bool:
    """Whether who signed may still do so: a list names the signer, or, naming nobody, the CA that certified it."""
    if space.ocsp_signers or not space.delegates:
        return any(signer.encoded == statement.signer for signer in space.ocsp_signers)
    return any(issuer.certificate.encoded == statement.delegating for issuer in space.issuers)


def _is_of(statement: Statement, at: datetime | None) -> bool:
    """Whether it says something of a qualified certificate at the reference time `at` (None: now): if it was certainly
    made later, the responder's clock being ahead as far as it may, or tells of a revocation, which brings its time."""
    return statement.status is CertStatus.REVOKED or (at is not None and at <= statement.produced_at - TOLERANCE)


def certificate_status(statement: Statement, enforce_cert_hash: bool, *, cached: bool) -> CertificateStatus:
    """Steps 7 and 8: certHash, then the status, as of now: whether a revocation counts, says the reference time.

    Who does not know a certificate has no hash of it to tell: that is said as such (8c), whatever certHash is.
    """
    found = CertificateStatus(
        _FAULTS.get(statement.status),
        statement.status.value,
        statement.produced_at,
        statement.revoked_at,
        cached=cached,
        response=statement.encoded,
        signer=statement.signer,
    )
    if enforce_cert_hash and statement.hash_fault is not None and statement.status is not CertStatus.UNKNOWN:
        return replace(found, fault=statement.hash_fault, reason="certHash", revoked_at=None)
    return found
