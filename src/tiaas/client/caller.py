"""One SOAP call to a Konnektor: where it goes, what comes back, and what its error says."""

from typing import TypeVar

from tiaas.base.dataclass import dataclass
from tiaas.client.directory import ServiceDirectory
from tiaas.client.errors import BadAnswer, KonnektorFault, TraceEntry
from tiaas.client.kon import Kon
from tiaas.client.transport import Transport
from tiaas.interfaces.connector_common_v5_0 import Status
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.soap.client import ReceivedFault, read_answer_untrusted, write_request
from tiaas.soap.envelope import SoapFault
from tiaas.soap.errors import SoapError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServiceKind:
    """A service and the part of its version that names its messages."""

    name: str
    version: str


class Caller:
    """A Konnektor in one call context, without operations of its own."""

    def __init__(self, kon: Kon, transport: Transport, directory: ServiceDirectory) -> None:
        self.directory = directory
        self.context = Context(
            mandant_id=kon.mandant_id,
            client_system_id=kon.client_system_id,
            workplace_id=kon.workplace_id,
            user_id=kon.user_id,
        )
        self._transport = transport

    async def call(
        self, service: ServiceKind, soap_action: str, request: object, expected: type[T], wait: float | None = None
    ) -> T:
        """Any operation: sends `request` to the service and reads the answer as `expected`."""
        url = self.directory.find(service.name, service.version).location
        message = write_request(request, soap_action)
        status, body = await self._transport.post(
            url, dict(message.headers), message.body, wait or self._transport.timeouts.answer
        )
        if status not in (200, 500):
            raise BadAnswer(url, status, status_meaning(status))
        try:
            return read_answer_untrusted(body, expected, (Error,))
        except ReceivedFault as fault:
            raise _fault(fault.fault) from None
        except SoapError as error:
            raise BadAnswer(url, status, f"not a SOAP message we can read: {error}") from error


def status_meaning(status: int) -> str:
    """What an HTTP status says that no Konnektor answers a call with."""
    if status in (401, 403):
        return "it refuses these credentials"
    return "not what a Konnektor answers"


def _fault(fault: SoapFault) -> KonnektorFault:
    if not isinstance(fault.detail, Error):
        return KonnektorFault(0, fault.text or "SOAP fault without text")
    trace = trace_of(fault.detail)
    return KonnektorFault(trace[-1].code, trace[-1].text, trace, fault.detail.message_id, fault.detail.timestamp)


def warning_of(status: Status) -> tuple[TraceEntry, ...]:
    """The trace in a status with Result Warning, else ()."""
    return () if status.error is None else trace_of(status.error)


def trace_of(error: Error) -> tuple[TraceEntry, ...]:
    """The entries of a GERROR structure, from cause to effect."""
    return tuple(
        TraceEntry(
            code=entry.code,
            text=entry.error_text,
            detail=None if entry.detail is None else entry.detail.text,
            severity=entry.severity,
            error_type=entry.error_type,
            component=entry.comp_type,
            instance=entry.instance,
            event_id=entry.event_id,
        )
        for entry in error.trace
    )
