"""UFS and CCS of a health insurer as the Fachmodul calls them (gemSpec_SST_VSDM V2.5.0, gemSpec_SST_FD_VSDM V1.6.0).

Codec and addressing only; who carries the octets is a `Transport`. The path names insurer, service and version, the
SOAP header says the same (VSDM-A_2235): `/109990018/UFS/2.0`.
"""

from typing import Protocol, TypeVar

from tiaas.base.errors import TiaasError
from tiaas.interfaces.cm_cc_v2_0 import (
    GET_NEXT_COMMAND_PACKAGE_ACTION,
    PERFORM_UPDATES_ACTION,
    CommandResponsePackage,
    GetNextCommandPackage,
    GetNextCommandPackageResponse,
    PerformUpdates,
    PerformUpdatesResponse,
)
from tiaas.interfaces.cm_common_v2_0 import ServiceLocalization, ServiceType, SessionIdentifier
from tiaas.interfaces.cm_uf_v2_0 import GET_UPDATE_FLAGS_ACTION, GetUpdateFlags, GetUpdateFlagsResponse
from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.soap.client import ReceivedFault, SoapRequest, read_headed_answer_untrusted, write_request
from tiaas.soap.envelope import Headed, Limits
from tiaas.soap.errors import SoapError
from tiaas.soap.httpanswer import HttpAnswer

T = TypeVar("T")

INTERFACE_VERSION = "2.0"
ANSWER_MAX = 2 * 1024 * 1024
"""Octets of an answer, packed and unpacked (gzip: VSDM-A_2200); an update package of all data has less than 10 KiB."""

_LIMITS = Limits(octets=ANSWER_MAX, nodes=10_000)


class NoAnswer(TiaasError):
    """No answer that can be used came: connection, time, HTTP status, form. `reason` is a short English phrase."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ServiceFault(TiaasError):
    """A SOAP fault. `code` is the gematik code if the fault came from the Fachdienst and has one (VSDM-A_2215)."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"fault {code or 'without code'}")
        self.code = code


class Transport(Protocol):
    """Carries requests to the Intermediär."""

    async def post(self, path: str, request: SoapRequest, *, repeatable: bool) -> HttpAnswer:
        """Sends one request and waits for its answer. `path` begins after the Intermediär's prefix.

        A `repeatable` request may be sent once more on a new connection if an old one turns out to be closed.
        Raises `NoAnswer`.
        """
        ...


class Services:
    """The three operations."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def update_flags(self, provider: str, iccsn: str) -> GetUpdateFlagsResponse:
        """What waits for a card (UFS). Raises `NoAnswer`, `ServiceFault`."""
        where = ServiceLocalization(type=ServiceType.UFS, provider=provider)
        request = write_request(GetUpdateFlags(iccsn=iccsn), GET_UPDATE_FLAGS_ACTION, (where,))
        return (await self._call(where, request, GetUpdateFlagsResponse, repeatable=True)).message

    async def perform_updates(
        self, where: ServiceLocalization, iccsn: str, update_id: bytes
    ) -> Headed[PerformUpdatesResponse]:
        """Begins one update (CCS). Raises `NoAnswer`, `ServiceFault`."""
        message = PerformUpdates(iccsn=iccsn, update_ids=(update_id,))
        request = write_request(message, PERFORM_UPDATES_ACTION, (where,))
        return await self._call(where, request, PerformUpdatesResponse, repeatable=True)

    async def next_package(
        self, where: ServiceLocalization, session: SessionIdentifier, responses: CommandResponsePackage
    ) -> GetNextCommandPackageResponse:
        """Brings the card's answers and gets the next commands (CCS). Raises `NoAnswer`, `ServiceFault`."""
        message = GetNextCommandPackage(command_response_package=responses)
        request = write_request(message, GET_NEXT_COMMAND_PACKAGE_ACTION, (where, session))
        return (await self._call(where, request, GetNextCommandPackageResponse, repeatable=False)).message

    async def _call(
        self, where: ServiceLocalization, request: SoapRequest, expected: type[T], *, repeatable: bool
    ) -> Headed[T]:
        path = f"/{where.provider}/{where.type}/{INTERFACE_VERSION}"
        answer = await self._transport.post(path, request, repeatable=repeatable)
        return read_service_answer_untrusted(answer, expected)


def read_service_answer_untrusted(answer: HttpAnswer, expected: type[T]) -> Headed[T]:
    """What an answer means; raises only `NoAnswer` and `ServiceFault`."""
    # A fault comes with 500 (WS-I BP 1.2); whatever else has no message for us.
    if answer.status not in (200, 500):
        raise NoAnswer(f"HTTP status {answer.status}")
    try:
        return read_headed_answer_untrusted(answer.body, expected, (SessionIdentifier,), (Error,), _LIMITS)
    except ReceivedFault as received:
        # Via says that the answer came from the Fachdienst behind the Intermediär (VSDM-A_2215).
        raise ServiceFault(_code(received) if "via" in answer.fields else None) from None
    except SoapError:
        raise NoAnswer(f"HTTP status {answer.status} without a message of the schema") from None


def _code(received: ReceivedFault) -> int | None:
    """The code of the last trace entry, if EC can hold it."""
    detail = received.fault.detail
    code = detail.trace[-1].code if isinstance(detail, Error) else None
    return code if code is not None and 0 <= code <= 99999 else None
