"""From an exception to what a Primärsystem sees: a SOAP fault with GERROR (gemSpec_Kon V5.18 §3.2.3, TIP1-A_4583 ff.).

The trace runs from cause to effect; clients read the last entry. What is no error of ours becomes 4001 and carries
nothing but an event id; the log line with the same id says where it happened.
"""

import logging
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy, random_uuid
from tiaas.base.errors import TiaasError
from tiaas.interfaces.telematik_error_v2_0 import Detail, Error, Trace
from tiaas.konnektor.codes import CODES, CompType, Severity
from tiaas.soap.envelope import SoapFault
from tiaas.soap.errors import FaultCode, SoapError

_log = logging.getLogger("tiaas.konnektor.errors")

SYNTAX = 4000
INTERNAL = 4001
CALLER_MISTAKES = frozenset({SYNTAX, 4003, 4021})
"""Codes that say the call itself was made wrongly: SOAP fault code Client; all others are Server."""

OUTSIDE = {4004: 4021, 4005: 4021, 4006: 4021}
"""TAB_KON_514: codes for the log only and what is answered instead, so that nobody can probe for ids."""

_LEVEL = {Severity.WARNING: logging.DEBUG, Severity.ERROR: logging.WARNING, Severity.FATAL: logging.ERROR}
"""What a warning tells the caller belongs to his call, many times a day for some; it stands in the instance's log."""


class KonnektorError(TiaasError):
    """An error with a code of the Telematikinfrastruktur.

    `detail` goes out as it is: no personal data but what the specification wants there (3041: the card handle of the
    SM-B). `fill` is the value for the placeholder of the official text. `comp_type` defaults to the table's. `causes`
    are errors that led to this one, in order; they precede it in the trace. `evidence` is for the log only: keys of
    `protocol.personal.ALLOWED` and what was found. An unknown `code` is a `KeyError`; `entry` is its row.
    """

    def __init__(
        self,
        code: int,
        detail: str = "",
        *,
        fill: str = "",
        comp_type: CompType | None = None,
        causes: Sequence["KonnektorError"] = (),
        evidence: tuple[tuple[str, str], ...] = (),
    ) -> None:
        entry = CODES[code]
        super().__init__(f"{code} {entry.text}")
        self.code = code
        self.entry = entry
        self.detail = detail
        self.fill = fill
        self.comp_type = comp_type or entry.comp_type
        self.causes = tuple(causes)
        self.evidence = evidence


@dataclass(frozen=True, slots=True)
class LoggedError:
    """What the protocol service is told of an error: the ids of the trace that shows it, and what led to it."""

    error: KonnektorError
    event_id: str
    message_id: str
    evidence: tuple[tuple[str, str], ...]


class ErrorLog(Protocol):
    """Who writes errors down: the protocol service of the instance."""

    def write_error(self, logged: LoggedError) -> None:
        """TUC_KON_271 for an error; never raises."""
        ...


def fault_of(
    error: BaseException, instance_id: str, clock: Clock, entropy: Entropy, protocol: ErrorLog | None = None
) -> SoapFault:
    """The fault for any exception that ended an operation; logs it under the event id that stands in the trace."""
    known = _known(error)
    detail = gerror_of((known,), instance_id, clock, entropy, protocol, origin=error)
    last = detail.trace[-1]
    code = FaultCode.CLIENT if last.code in CALLER_MISTAKES else FaultCode.SERVER
    return SoapFault(code, last.error_text, detail)


def gerror_of(
    errors: Sequence[KonnektorError],
    instance_id: str,
    clock: Clock,
    entropy: Entropy,
    protocol: ErrorLog | None = None,
    *,
    origin: BaseException | None = None,
) -> Error:
    """The GERROR structure for `errors` (at least one), as in a fault or in a `Status` with Result Warning.

    Each step is logged, in `protocol` with its inner code. `origin` is the exception behind the last one, if it is
    another.
    """
    chain: list[KonnektorError] = []
    for error in errors:
        chain += _chain(error) if error.causes else (error,)
    last, defect = chain[-1], () if origin is None else _defect(origin)
    message_id, trace = random_uuid(entropy), []
    for step in chain:
        shown = _trace(step, instance_id, entropy, defect if step is last else ())
        trace.append(shown)
        if protocol is not None:
            evidence = step.evidence + defect if step is last else step.evidence
            protocol.write_error(LoggedError(step, shown.event_id, message_id, evidence))
    return Error(message_id=message_id, timestamp=clock.now(), trace=tuple(trace))


def _known(error: BaseException) -> KonnektorError:
    if isinstance(error, KonnektorError):
        return error
    if isinstance(error, SoapError):
        return KonnektorError(SYNTAX, str(error))
    return KonnektorError(INTERNAL)


def _chain(error: KonnektorError) -> list[KonnektorError]:
    return [step for cause in error.causes for step in _chain(cause)] + [error]


def _trace(step: KonnektorError, instance_id: str, entropy: Entropy, defect: tuple[tuple[str, str], ...]) -> Trace:
    event_id, entry = random_uuid(entropy), step.entry
    level = _LEVEL[entry.severity]
    if _log.isEnabledFor(level):
        fields: dict[str, object] = {"event_id": event_id, "instance": instance_id, "code": step.code}
        fields |= {key.lower(): value for key, value in defect}
        _log.log(level, "error in an operation", extra=fields)
    return Trace(event_id=event_id, instance=instance_id, log_reference=event_id, **shown_of(step))


def shown_of(step: KonnektorError) -> Mapping[str, Any]:
    """What a trace shows of an error itself."""
    number = OUTSIDE.get(step.code, step.code)
    known, detail = _known_of(number, step.comp_type), step.detail if number == step.code else ""
    if not step.fill and not detail:
        return known
    text = CODES[number].filled(step.fill)
    return {**known, "error_text": text, "detail": _detail(detail or text)}


@cache
def _known_of(number: int, comp_type: CompType) -> Mapping[str, Any]:
    """The same for every error with this code that says nothing more."""
    code = CODES[number]
    text = code.filled("")
    return {
        "comp_type": comp_type.value,
        "code": number,
        "severity": code.severity.value,
        "error_type": code.error_type.value,
        "error_text": text,
        "detail": _detail(text),
    }


def _detail(text: str) -> Detail:
    """Clients dereference Detail without asking, so there is always one."""
    return Detail(text=text, encoding="UTF-8")


def _defect(origin: BaseException) -> tuple[tuple[str, str], ...]:
    """Evidence of an exception that is none of ours: kind and place."""
    if isinstance(origin, KonnektorError | SoapError):
        return ()
    return ("Kind", type(origin).__name__), ("Where", where_of(origin))


def where_of(error: BaseException) -> str:
    """The frames of a traceback, innermost last.

    Without the exception's text and without source lines: both may hold personal data.
    """
    frames = traceback.extract_tb(error.__traceback__, limit=-12)
    return " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
