"""The instance's side towards the KSR: list_Updates by SOAP, files by HTTP, both over TLS.

TUC_KON_282 (gemSpec_Kon V5.18 TAB_KON_668), TUC_KON_286 and the downloads of TUC_KON_281 and 283; the server shows
C.ZD.TLS-S with the role oid_konfigdienst.
"""

import logging
from urllib.parse import quote

from tiaas.interfaces.konfigurationsdienst_v1_1 import LIST_UPDATES_ACTION, ListUpdatesRequest, ListUpdatesResponse
from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.servercheck import is_for_host
from tiaas.konnektor.tslservice import CertificateJudge
from tiaas.konnektor.updateoffers import Device, Found, OfferedFile
from tiaas.konnektor.verdict import Result
from tiaas.konnektor.web import (
    AnswerTooLarge,
    NoAnswer,
    NotConnected,
    ServerRefused,
    WebClient,
    WebRequest,
    split_web_url,
)
from tiaas.pki.oids import Role
from tiaas.soap.client import ReceivedFault, read_answer_untrusted, write_request
from tiaas.soap.envelope import Limits
from tiaas.soap.errors import SoapError
from tiaas.soap.httpanswer import HttpAnswer

_log = logging.getLogger("tiaas.konnektor.ksr")

_UNREACHABLE, _OTHER_CERTIFICATE, _BAD_LIST, _BAD_FILE = 4188, 4189, 4190, 4186
_NO_PACKAGE, _TOO_LARGE = 4238, 4242
FACHMODUL_OCTETS_MAX = 25 * 1024 * 1024
"""The 25 MB of TAB_KON_835; of a document they are 26,214,400 octets (TIP1-A_4500-02)."""
_LIST_SECONDS, _FILE_SECONDS = 30.0, 300.0
_LIMITS = Limits(octets=4 * 1024 * 1024, nodes=50_000)
_STATUSES = (200, 500)
"""An answer and a fault (SOAP 1.1 §6.2)."""


class KsrClient:
    """Asks the KSR at `url`, its SOAP endpoint or where its configuration files lie; `check` judges its certificate.

    Raises `BadInstanceConfig`.
    """

    def __init__(self, url: str, web: WebClient, check: CertificateJudge) -> None:
        self._origin, self._path = split_web_url(url, ("https",))
        self._web = web
        self._check = check

    async def list_updates(self, device: Device) -> Found:
        """What there is for a device.

        Raises `KonnektorError` 4188 (not reached), 4189 (not the Konfigurationsdienst), 4190 (a fault, or no list).
        """
        message = ListUpdatesRequest(
            vendor_id=device.vendor_id,
            product_code=device.product_code,
            hardware_version=device.hardware_version,
            firmware_version=device.firmware_version,
        )
        request = write_request(message, LIST_UPDATES_ACTION)
        asked = WebRequest(
            "POST", self._origin, self._path, self._origin.authority, dict(request.headers), request.body
        )
        try:
            answer = await self._fetch(asked, _LIST_SECONDS, _LIMITS.octets)
        except NoAnswer as error:
            raise KonnektorError(_UNREACHABLE, str(error)) from error
        return read_list_untrusted(answer.status, answer.body, device)

    async def file(self, file: OfferedFile, most: int) -> bytes:
        """A file of a package, as long as it was announced. Raises `KonnektorError` 4186, 4189."""
        if not 0 < file.octets <= most:
            raise KonnektorError(_BAD_FILE, f"{file.octets} octets, at most {most} are taken")
        try:
            answer = await self._fetch(self._get(file.path), _FILE_SECONDS, file.octets)
        except NoAnswer as error:
            raise KonnektorError(_BAD_FILE, str(error)) from error
        if answer.status != 200:
            raise KonnektorError(_BAD_FILE, f"HTTP status {answer.status}")
        if len(answer.body) != file.octets:
            raise KonnektorError(_BAD_FILE, f"{len(answer.body)} octets instead of {file.octets}")
        return answer.body

    async def fachmodul_package(self, file: OfferedFile) -> bytes:
        """A package for a Fachmodul (TUC_KON_286), as long as announced.

        No more than 25 MB of an answer are taken in, whatever was announced. Raises `KonnektorError` 4188 (no
        connection), 4189 (not the Konfigurationsdienst), 4242 (more than 25 MB announced or received), 4238 (else).
        """
        if file.octets > FACHMODUL_OCTETS_MAX:
            raise KonnektorError(_TOO_LARGE, f"{file.octets} octets were announced")
        try:
            answer = await self._fetch(self._get(file.path), _FILE_SECONDS, FACHMODUL_OCTETS_MAX)
        except (NotConnected, ServerRefused) as error:
            raise KonnektorError(_UNREACHABLE, str(error)) from error
        except AnswerTooLarge as error:
            raise KonnektorError(_TOO_LARGE, f"{file.octets} octets announced, more than 25 MB come") from error
        except NoAnswer as error:
            raise KonnektorError(_NO_PACKAGE, str(error)) from error
        if answer.status != 200:
            raise KonnektorError(_NO_PACKAGE, f"HTTP status {answer.status}")
        if len(answer.body) != file.octets:
            raise KonnektorError(_NO_PACKAGE, f"{len(answer.body)} octets instead of {file.octets}")
        return answer.body

    async def configuration(self, name: str, most: int) -> bytes:
        """A configuration file of at most so many octets (get_Ext_Net_Config).

        Raises `KonnektorError` 4188 (not to be had there), 4189 (not the Konfigurationsdienst).
        """
        try:
            answer = await self._fetch(self._get(name), _LIST_SECONDS, most)
        except NoAnswer as error:
            raise KonnektorError(_UNREACHABLE, str(error)) from error
        if answer.status != 200:
            raise KonnektorError(_UNREACHABLE, f"HTTP status {answer.status}")
        return answer.body

    def close(self) -> None:
        """Closes what is kept open."""
        self._web.close()

    def _get(self, path: str) -> WebRequest:
        return WebRequest("GET", self._origin, f"{self._path}/{quote(path)}", self._origin.authority)

    async def _fetch(self, request: WebRequest, wait: float, most: int) -> HttpAnswer:
        try:
            return await self._web.fetch(request, wait, most, self._judge)
        except ServerRefused as refused:
            if refused.error is None:
                # TLS failed before a certificate could be judged: nobody there that we can speak to.
                raise
            _log.warning("KSR refused", extra={"code": refused.error.code, "reason": refused.error.detail})
            raise refused.error from refused

    async def _judge(self, certificate: bytes, host: str) -> None:
        try:
            verdict = await self._check(certificate)
        except KonnektorError as error:
            raise KonnektorError(_OTHER_CERTIFICATE, str(error)) from error
        if verdict.result is not Result.VALID:
            fault = "" if verdict.fault is None else f"{verdict.fault.number} {verdict.fault.name}: "
            raise KonnektorError(_OTHER_CERTIFICATE, f"{fault}{verdict.reason}")
        if not is_for_host(certificate, host):
            raise KonnektorError(_OTHER_CERTIFICATE, "the certificate is for another host")
        if Role.KONFIGDIENST.oid not in verdict.roles:
            raise KonnektorError(_OTHER_CERTIFICATE, f"not {Role.KONFIGDIENST.reference}")


def read_list_untrusted(status: int, body: bytes, device: Device) -> Found:
    """What an HTTP answer to list_Updates tells of a device. Raises only `KonnektorError` 4190."""
    if status not in _STATUSES:
        raise KonnektorError(_BAD_LIST, f"HTTP status {status}")
    try:
        told = read_answer_untrusted(body, ListUpdatesResponse, (Error,), _LIMITS)
    except ReceivedFault as error:
        raise KonnektorError(_BAD_LIST, _said(error)) from error
    except SoapError as error:
        raise KonnektorError(_BAD_LIST, f"no answer to list_Updates ({type(error).__name__})") from error
    return Found.of(device, told)


def _said(error: ReceivedFault) -> str:
    """A fault's codes; its texts are the service's and may be anything."""
    detail = error.fault.detail
    codes = [str(trace.code) for trace in detail.trace] if isinstance(detail, Error) else []
    return f"fault {' '.join(codes) or error.fault.code}"
