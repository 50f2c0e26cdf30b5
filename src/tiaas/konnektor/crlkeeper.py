"""The CRL of a box, profile einbox: fetched, checked, kept (gemSpec_Kon V5.18 TUC_KON_040; gemSpec_PKI TUC_PKI_021).

It is fetched at the boot, then each time the TSL was looked after (TIP1-A_4684), so once a day and spread as the TSL
is (TIP1-A_4685); what could not be had or was refused is asked for again every minute. There is no VPN-Konzentrator
whose certificate it could be asked about; what shows of it are its states and events.
"""

import asyncio
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import timedelta

from tiaas.base.clock import Clock
from tiaas.konnektor.config import BadInstanceConfig
from tiaas.konnektor.errors import ErrorLog, KonnektorError, LoggedError
from tiaas.konnektor.events import Event, EventHub, EventSeverity, EventType, Topic, parameters, time_value
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.store import InstanceStore, StoreError
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.tslimport import ListRefused
from tiaas.konnektor.web import NoAnswer, WebClient, WebRequest, split_http_url
from tiaas.pki.codes import PkiCode
from tiaas.pki.crl import MAX_CRL, BadCrl, RevocationList, decode_crl_untrusted

_log = logging.getLogger("tiaas.konnektor.crl")

EXPIRING = timedelta(days=3)
"""TIP1-A_4994."""
CHECK_FAILED = 4130
_KIND, _KEY = "trust", "crl"
_SECONDS = 30.0
_RETRY_SECONDS = 60.0


class CrlKeeper:
    """Keeps the CRL at `url` current while `online`; `space` gives the trust space whose CAs may sign it.

    A CRL that cannot be had, or is refused, leaves the one that is held: it goes out of date in time.
    """

    def __init__(
        self,
        url: str,
        online: OnlineMode,
        web: WebClient,
        space: Callable[[], TrustSpace],
        store: InstanceStore,
        hub: EventHub,
        opstate: OperatingState,
        errors: ErrorLog,
        clock: Clock,
    ) -> None:
        self.held: RevocationList | None = None
        self._url = url
        self._online = online
        self._web = web
        self._space = space
        self._store = store
        self._hub = hub
        self._opstate = opstate
        self._errors = errors
        self._clock = clock
        self._is_missed = False
        self._taking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Takes up the CRL of the store, fetches another one, and goes on with that. Raises `StoreError`."""
        row = await self._store.get(_KIND, _KEY)
        if row is not None:
            try:
                self.held = decode_crl_untrusted(b64decode(row["document"]))
            except (BadCrl, KeyError, ValueError):
                _log.error("stored CRL not readable")
        self._task = asyncio.create_task(self._run())
        await self.follow()

    async def stop(self) -> None:
        """Fetches no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._web.close()

    async def follow(self) -> None:
        """Fetches and takes the CRL if the TI may be used (MGM_LU_ONLINE), once it is known what is held.

        Raises `StoreError`.
        """
        if self._task is not None and self._may_fetch:
            await self.refresh()
        self.judge()

    async def refresh(self) -> bool:
        """Fetches and takes the CRL; whether that went well. Raises `StoreError`."""
        self._is_missed = True
        try:
            await self._take(await self._fetch())
        except ListRefused as refused:
            self._tell_failure(refused)
            return False
        self._is_missed = False
        return True

    async def take(self, document: bytes) -> None:
        """Takes a CRL (DER) that an administrator has (TIP1-A_4706). Raises `KonnektorError` 4130, `StoreError`."""
        try:
            await self._take(document)
        except ListRefused as refused:
            self._tell_failure(refused)
            raise KonnektorError(CHECK_FAILED, str(refused)) from refused

    async def is_current(self) -> bool:
        """Whether the CRL is not over, after another try to renew one that is (TUC_KON_321, step 4)."""
        if self._is_over() and self._may_fetch:
            try:
                await self.refresh()
            except StoreError as error:
                _log.warning("CRL not kept", extra={"reason": error.reason})
        self.judge()
        return not self._is_over()

    def judge(self) -> None:
        """EC_CRL_Expiring, EC_CRL_Out_Of_Date."""
        now, until = self._clock.now(), None if self.held is None else self.held.next_update
        expiring = until is not None and until - EXPIRING < now <= until
        self._opstate.set(Condition.CRL_EXPIRING, expiring, (("ExpiringDateCRL", time_value(until)),))
        self._opstate.set(Condition.CRL_OUT_OF_DATE, self._is_over(), (("NextUpdateCRL", time_value(until)),))

    @property
    def _may_fetch(self) -> bool:
        return bool(self._url) and self._online.active

    def _is_over(self) -> bool:
        return self.held is not None and self._clock.now() > self.held.next_update

    async def _fetch(self) -> bytes:
        try:
            origin, path = split_http_url(self._url)
            answer = await self._web.fetch(WebRequest("GET", origin, path, origin.authority), _SECONDS, MAX_CRL)
        except (NoAnswer, BadInstanceConfig) as error:
            raise ListRefused(PkiCode.CRL_DOWNLOAD_ERROR, str(error)) from None
        if answer.status != 200:
            raise ListRefused(PkiCode.CRL_DOWNLOAD_ERROR, f"HTTP status {answer.status}")
        return answer.body

    async def _take(self, document: bytes) -> None:
        """TUC_PKI_021; one that is not newer than the one held changes nothing. Raises `ListRefused`, `StoreError`."""
        try:
            read = decode_crl_untrusted(document)
        except BadCrl as error:
            raise ListRefused(PkiCode.CRL_CHECK_ERROR, str(error)) from None
        issuers = [issuer.certificate for issuer in self._space().issuers]
        signers = [issuer for issuer in issuers if issuer.subject_key == read.issuer_key]
        if not signers:
            raise ListRefused(PkiCode.CRL_SIGNER_CERT_MISSING, "its issuer is not in the TSL")
        if not any(read.is_signed_by(signer) for signer in signers):
            raise ListRefused(PkiCode.CRL_SIGNATURE_ERROR, "the signature does not fit")
        # Of two at once the newer one stays, whichever is stored first.
        async with self._taking:
            if self.held is not None and read.this_update <= self.held.this_update:
                self.judge()
                return
            await self._store.put(_KIND, _KEY, {"document": b64encode(document).decode("ascii")})
            self.held = read
            self._hub.publish(Event(Topic.CERT_CRL_UPDATED, severity=EventSeverity.ERROR, deliver=False))
        self.judge()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_RETRY_SECONDS)
            try:
                if self._is_missed:
                    await self.follow()
            except StoreError as error:
                _log.warning("CRL not kept", extra={"reason": error.reason})
            self.judge()

    def _tell_failure(self, refused: ListRefused) -> None:
        """One that was had and does not hold is 4130 and CERT/CRL/INVALID (TAB_KON_599, table of events).

        Where none could be had no table has a code of the Konnektor.
        """
        code = None if refused.fault is None else refused.fault.number
        _log.warning("CRL not imported", extra={"code": code, "reason": refused.reason})
        about = str(refused)
        if refused.fault is not PkiCode.CRL_DOWNLOAD_ERROR:
            error = KonnektorError(CHECK_FAILED)
            self._errors.write_error(LoggedError(error, "", "", (("Reason", about),)))
            about = f"{error}: {about}"
            self._hub.publish(Event(Topic.CERT_CRL_INVALID, severity=EventSeverity.ERROR, deliver=False))
        told = parameters(("Fehlerbeschreibung", about))
        self._hub.publish(Event(Topic.CERT_CRL_IMPORT, told, EventType.OPERATION, EventSeverity.ERROR, deliver=False))
