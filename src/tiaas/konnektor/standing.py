"""Certificate checks that still stand: nothing they rest on has changed since.

An institution signs many documents a day, and each time its certificate is to be checked (TUC_KON_037 in TUC_KON_165).
A good check rests on a path in one trust space, on times, and on one answer about the status; as long as these are the
same, so is what comes of it. Of a qualified certificate the status is asked for each time: there is nothing to keep.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.verdict import CertificateCheck, Result


@dataclass(frozen=True, slots=True)
class _Standing:
    check: CertificateCheck
    space: TrustSpace
    generation: int
    since: datetime
    until: datetime
    fresh_until: datetime


class StandingChecks:
    """The last `limit` good checks of one instance by certificate (DER); belongs to its event loop.

    Besides times a check rests on the trust space and on the answers kept about the status, by their generation.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._checks: OrderedDict[bytes, _Standing] = OrderedDict()

    def get(
        self, der: bytes, at: datetime, now: datetime, space: TrustSpace, generation: int
    ) -> CertificateCheck | None:
        """The check for the reference time `at`, None if there is none that stands."""
        standing = self._checks.get(der)
        if standing is None:
            return None
        if standing.space is not space or standing.generation != generation or now > standing.fresh_until:
            del self._checks[der]
            return None
        if not standing.since <= at <= standing.until:
            return None
        check = standing.check
        return CertificateCheck(check.verdict, at, check.is_qualified, check.examination)

    def keep(self, der: bytes, check: CertificateCheck, space: TrustSpace, generation: int, grace: timedelta) -> None:
        """Keeps a check that found nothing wrong, with a status that is itself kept for the time of `grace`.

        It is one by the shell model: all certificates of the path count at the reference time.
        """
        verdict, found = check.verdict, check.examination
        status = verdict.status
        if verdict.result is not Result.VALID or found is None or status is None or status.fault is not None:
            return
        if not status.cached or status.produced_at is None or status.revoked_at is not None or verdict.warnings:
            return
        path, fresh_until = found.path, status.produced_at + grace
        since, until = max(one.not_before for one in path), min(fresh_until, *(one.not_after for one in path))
        self._checks[der] = _Standing(check, space, generation, since, until, fresh_until)
        if len(self._checks) > self._limit:
            self._checks.popitem(last=False)
