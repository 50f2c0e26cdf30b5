"""Operating states that trust lists and trust anchor bring about (TAB_KON_503; TIP1-A_4686, 4687, 6731)."""

from datetime import datetime, timedelta

from tiaas.konnektor.events import time_value
from tiaas.konnektor.heldlist import Attempt, HeldList
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.tslimport import Anchors

_EXPIRING = timedelta(days=7)
_ANCHOR_EXPIRING = timedelta(days=30)


def judge_tsl(
    opstate: OperatingState,
    held: HeldList | None,
    attempt: Attempt | None,
    anchors: Anchors,
    grace: timedelta,
    now: datetime,
) -> None:
    """EC_TSL_*; without a TSL only the failed update and the trust anchor can be told."""
    failed = attempt is not None and not attempt.succeeded
    last = (("LastUpdateTSL", time_value(None if held is None else held.imported)),)
    opstate.set(Condition.TSL_UPDATE_NOT_SUCCESSFUL, failed, last)
    until = None if held is None else held.content.next_update
    named = (("NextUpdateTSL", time_value(until)),)
    graced = (*named, ("GracePeriodTSL", grace.days))
    opstate.set(Condition.TSL_EXPIRING, until is not None and until - _EXPIRING < now <= until, named)
    within = until is not None and until < now <= until + grace
    opstate.set(Condition.TSL_OUT_OF_DATE_WITHIN_GRACE_PERIOD, within, graced)
    beyond = until is not None and now > until + grace
    opstate.set(Condition.TSL_OUT_OF_DATE_BEYOND_GRACE_PERIOD, beyond, graced)
    ends = anchors.active.certificate.not_after
    ending = (("ExpiringDateTrustAnchor", time_value(ends)),)
    opstate.set(Condition.TSL_TRUST_ANCHOR_EXPIRING, ends - _ANCHOR_EXPIRING < now <= ends, ending)
    opstate.set(Condition.TSL_TRUST_ANCHOR_OUT_OF_DATE, now > ends, ending)


def judge_bnetza(opstate: OperatingState, held: HeldList | None, attempt: Attempt | None, now: datetime) -> None:
    """EC_BNetzA_VL_*."""
    failed = attempt is not None and not attempt.succeeded
    last = (("LastUpdateBNetzAVL", time_value(None if held is None else held.imported)),)
    opstate.set(Condition.BNETZA_VL_UPDATE_NOT_SUCCESSFUL, failed, last)
    until = None if held is None else held.content.next_update
    overdue = until is not None and now > until
    opstate.set(Condition.BNETZA_VL_NOT_VALID, overdue, (("NextUpdateBNetzAVL", time_value(until)),))
