"""The Status of a document in SignDocumentResponse (gemSpec_Kon V5.18 TIP1-A_5010-09, TAB_KON_065): OK, or Result
Warning with the codes of what there was to warn of.

Every XML document without a schema has a warning (4193), and all with one code differ in ids and time alone: what they
have in common is written once for each instance. That both ways write the same a test compares.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache

from tiaas.interfaces.connector_common_v5_0 import OK, Result, Status
from tiaas.interfaces.telematik_error_v2_0 import Error, Trace
from tiaas.konnektor.errors import KonnektorError, gerror_of, shown_of
from tiaas.konnektor.services.context import ServiceContext
from tiaas.soap.encoder import remember, written_as
from tiaas.soap.simple import DATE_TIME

_TAG = "CONN:Status"
_MESSAGE, _EVENT = "\ue001", "\ue002"
_MOMENT = datetime(1, 1, 1, 0, 0, 0, 4000, tzinfo=UTC)
"""In place of a warning's own."""
_FRAMES_KEPT = 1024
"""About 1 KiB each: two codes for each of 500 instances."""


def status_of(context: ServiceContext, warnings: Sequence[int]) -> Status:
    """The status; each warning is logged under the id that it shows."""
    if not warnings:
        return OK
    errors = [_warning(code) for code in warnings]
    trace = gerror_of(errors, context.instance_id, context.clock, context.entropy, context.protocol)
    status = Status(result=Result.WARNING, error=trace)
    if len(errors) == 1:
        start, before_time, before_id, again, end = _frame(errors[0].code, context.instance_id)
        moment, event = DATE_TIME.encode(trace.timestamp), trace.trace[0].event_id
        text = f"{start}{trace.message_id}{before_time}{moment}{before_id}{event}{again}{event}{end}"
        remember(status, _TAG, text)
    return status


@cache
def _warning(code: int) -> KonnektorError:
    """It is told, never raised."""
    return KonnektorError(code)


@lru_cache(maxsize=_FRAMES_KEPT)
def _frame(code: int, instance_id: str) -> list[str]:
    """What stands around message id, time, event id and event id again."""
    trace = Trace(event_id=_EVENT, instance=instance_id, log_reference=_EVENT, **shown_of(_warning(code)))
    error = Error(message_id=_MESSAGE, timestamp=_MOMENT, trace=(trace,))
    text = written_as(Status(result=Result.WARNING, error=error), _TAG)
    start, _, text = text.partition(_MESSAGE)
    before_time, _, text = text.partition(DATE_TIME.encode(_MOMENT))
    return [start, before_time, *text.split(_EVENT)]
