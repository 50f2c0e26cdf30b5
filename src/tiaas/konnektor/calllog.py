"""The last calls of one instance: which operation, when, how long, with which result. No personal data, memory only.

It hears of every call, so it does little: two looks at the clock and one entry of a ring.
"""

import enum
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from tiaas.base.clock import Clock
from tiaas.interfaces.connector_common_v5_0 import OK, Result, Status
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.soap.envelope import SoapFault

KEPT = 200


@enum.unique
class CallOutcome(enum.StrEnum):
    """How a call ended: a response, a response with Result Warning, a fault."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Call(NamedTuple):
    """One call. `at` is when its answer was made, `seconds` how long that took.

    `operation` is None for a message that was not understood; `client_system` is the Clientsystem of the call context
    if the information model knows it; `code` is that of the last trace entry of a fault or warning.
    """

    number: int
    at: datetime
    operation: str | None
    seconds: float
    outcome: CallOutcome
    code: int | None
    client_system: str | None


class CallLog:
    """A ring of the last calls; an `Observer` of dispatchers. `told` is called after each entry."""

    def __init__(self, clock: Clock, is_client: Callable[[str], bool], told: Callable[[], None]) -> None:
        self._clock = clock
        # See `Observer`; one call less for each request.
        self.begin = clock.monotonic
        self._is_client = is_client
        self._told = told
        self._calls: deque[tuple[Any, ...]] = deque(maxlen=KEPT)
        """`Call`s to be: most are never looked at."""
        self._last = 0

    @property
    def total(self) -> int:
        """Calls since the start."""
        return self._last

    def done(self, begun: float, request: object | None, answer: object) -> None:
        """See `Observer`."""
        self._last += 1
        if getattr(answer, "status", None) is OK:
            outcome, code = CallOutcome.OK, None
        else:
            outcome, code = _outcome(answer)
        # What a caller claims is any text; only what an administrator has entered is kept.
        context = getattr(request, "context", None)
        client_system = context.client_system_id if isinstance(context, Context) else None
        if client_system is not None and not self._is_client(client_system):
            client_system = None
        self._calls.append(
            (
                self._last,
                self._clock.now(),
                None if request is None else type(request).__name__,
                self._clock.monotonic() - begun,
                outcome,
                code,
                client_system,
            )
        )
        self._told()

    def __iter__(self) -> Iterator[Call]:
        """Newest first."""
        return map(Call._make, reversed(self._calls))


def _outcome(answer: object) -> tuple[CallOutcome, int | None]:
    if isinstance(answer, SoapFault):
        return CallOutcome.FAULT, _code(answer.detail)
    # A SignDocumentResponse has a status for each document.
    for part in getattr(answer, "sign_response", (answer,)):
        status = getattr(part, "status", None)
        if isinstance(status, Status) and status.result is not Result.OK:
            return CallOutcome.WARNING, _code(status.error)
    return CallOutcome.OK, None


def _code(error: object) -> int | None:
    return error.trace[-1].code if isinstance(error, Error) else None
