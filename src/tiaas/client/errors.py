"""What can go wrong between a Primärsystem and a Konnektor."""

from datetime import datetime

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput, TiaasError


class ClientError(TiaasError):
    """A call to a Konnektor did not bring a result."""


class BadKon(InvalidInput):
    """A `.kon` file cannot be used; says what is wrong in it."""


class KonnektorUnreachable(ClientError):
    """No connection, TLS refused, or no answer in time. `url` is where to."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"no answer from {url}: {reason}")
        self.url = url
        self.reason = reason


class BadAnswer(ClientError):
    """Something answered that does not speak like a Konnektor. `status` is the HTTP status."""

    def __init__(self, url: str, status: int, reason: str) -> None:
        super().__init__(f"{url} answered with HTTP {status}, {reason}")
        self.url = url
        self.status = status
        self.reason = reason


class ServiceMissing(ClientError):
    """The Konnektor's service directory has no version of a service that this client speaks."""

    def __init__(self, service: str, wanted: str, offered: tuple[str, ...]) -> None:
        has = f"it has {', '.join(offered)}" if offered else "it has none"
        super().__init__(f"the Konnektor has no {service} {wanted}; {has}")
        self.service = service
        self.offered = offered


@dataclass(frozen=True, slots=True)
class TraceEntry:
    """One entry of a gematik error trace (TelematikError.xsd 2.0, Trace); they run from cause to effect."""

    code: int
    text: str
    detail: str | None
    severity: str
    error_type: str
    component: str
    instance: str
    event_id: str


class KonnektorFault(ClientError):
    """The Konnektor answered with a SOAP fault.

    `code` is the gematik code of the last trace entry, the one a Primärsystem shows (0 if the fault carries no gematik
    error), `text` its official text, `trace` all entries, `message_id` and `timestamp` name it in the Konnektor's
    log.
    """

    def __init__(
        self,
        code: int,
        text: str,
        trace: tuple[TraceEntry, ...] = (),
        message_id: str | None = None,
        timestamp: datetime | None = None,
    ) -> None:
        detail = trace[-1].detail if trace and trace[-1].detail != text else None
        super().__init__(f"error {code}: {text}{f' ({detail})' if detail else ''}" if code else text)
        self.code = code
        self.text = text
        self.trace = trace
        self.message_id = message_id
        self.timestamp = timestamp
