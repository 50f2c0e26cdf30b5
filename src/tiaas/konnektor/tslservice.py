"""The instance's side towards the TSL service: trust lists, and TLS with the service's certificate checked.

The BNetzA-VL and the hash files come over TLS and not otherwise (gemSpec_Kon V5.18 A_17661, TIP1-A_5662); a TSL may
come without (gemSpec_TSL V1.19.2, TIP1-A_4056-01), and the first one has to: before it no certificate is trusted.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.konnektor.config import BadInstanceConfig
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.servercheck import is_for_host
from tiaas.konnektor.verdict import Result, Verdict
from tiaas.konnektor.web import NoAnswer, ServerRefused, WebClient, WebRequest, split_web_url
from tiaas.pki.oids import Role

_log = logging.getLogger("tiaas.konnektor.tslservice")

_NOT_AUTHENTIC, _OTHER_ROLE = 4235, 4236
_SECONDS = 30.0
_SUFFIX, _HASH_SUFFIX = ".xml", ".sha2"

CertificateJudge = Callable[[bytes], Awaitable[Verdict]]
"""TUC_KON_037 for C.ZD.TLS-S (DER). Raises `KonnektorError` 4002 after the TSL's grace period."""


@dataclass(frozen=True, slots=True)
class TslContact:
    """The last TLS connection to the TSL service. `code` None: it proved who it is; else 4235 or 4236, and why.

    A refusal stands for the rest of a refresh: another of its connections does not hide it.
    """

    at: datetime
    code: int | None = None
    reason: str = ""


class TslServiceRefused(NoAnswer):
    """The TSL service did not prove who it is; `code` is 4235 or 4236."""

    def __init__(self, error: KonnektorError) -> None:
        super().__init__(f"{error}: {error.detail}")
        self.code = error.code


class TslService:
    """Fetches lists and hash files. `tls_port` is where the hosts of `http` addresses speak TLS."""

    def __init__(self, web: WebClient, tls_port: int, clock: Clock) -> None:
        self.contact: TslContact | None = None
        self._refused = False
        self.check: CertificateJudge | None = None
        """Judges the service's certificate; without it nobody is trusted."""
        self._web = web
        self._tls_port = tls_port
        self._clock = clock

    def begin(self) -> None:
        """A refresh begins: what it meets takes the place of what the one before met."""
        self._refused = False

    async def get(self, url: str, most: int) -> bytes:
        """At most `most` octets. Raises `NoAnswer`; `TslServiceRefused` is one, logged and kept in `contact`."""
        try:
            origin, path = split_web_url(url)
        except BadInstanceConfig as error:
            raise NoAnswer(str(error)) from None
        try:
            answer = await self._web.fetch(
                WebRequest("GET", origin, path, origin.authority), _SECONDS, most, self._judge
            )
        except ServerRefused as refused:
            fault = refused.error or KonnektorError(_NOT_AUTHENTIC, str(refused))
            self.contact = TslContact(self._clock.now(), fault.code, fault.detail)
            self._refused = True
            _log.warning("TSL service refused", extra={"code": fault.code, "reason": fault.detail})
            raise TslServiceRefused(fault) from refused
        if answer.status != 200:
            raise NoAnswer(f"HTTP status {answer.status}")
        return answer.body

    def hash_address(self, address: str) -> str:
        """Where the hash of the list at `address` is: over TLS, with the suffix `.sha2`. Raises `BadInstanceConfig`."""
        origin, path = split_web_url(address)
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        port = origin.port if origin.scheme == "https" else self._tls_port
        return f"https://{host}:{port}{path.removesuffix(_SUFFIX)}{_HASH_SUFFIX}"

    async def _judge(self, certificate: bytes, host: str) -> None:
        """A_17661, TIP1-A_5662 (4235), TIP1-A_5663 (4236)."""
        if self.check is None:
            raise KonnektorError(_NOT_AUTHENTIC, "no certificate is trusted yet")
        try:
            verdict = await self.check(certificate)
        except KonnektorError as error:
            raise KonnektorError(_NOT_AUTHENTIC, str(error)) from error
        if verdict.result is not Result.VALID:
            fault = "" if verdict.fault is None else f"{verdict.fault.number} {verdict.fault.name}: "
            raise KonnektorError(_NOT_AUTHENTIC, f"{fault}{verdict.reason}")
        if not is_for_host(certificate, host):
            raise KonnektorError(_NOT_AUTHENTIC, "the certificate is for another host")
        if Role.TSL_TI.oid not in verdict.roles:
            raise KonnektorError(_OTHER_ROLE, f"not {Role.TSL_TI.reference}")
        if not self._refused:
            self.contact = TslContact(self._clock.now())
