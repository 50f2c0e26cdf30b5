"""Unusually many cryptographic operations: EC_CRYPTOPERATION_ALARM (gemSpec_Kon V5.18 TIP1-A_4597, TAB_KON_505).

For each watched operation the calls of the last ten minutes are summed up, one that succeeded as 1, one that failed as
5. A sum that reaches the alarm value raises the alarm; calls are served all the same. Only an administrator resets it.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.store import InstanceStore
from tiaas.soap.dispatch import Observer
from tiaas.soap.envelope import SoapFault

ALARM_VALUES = {
    "EncryptDocument": 101,
    "DecryptDocument": 101,
    "SignDocument": 41,
    "VerifyDocument": 61,
    "VerifyCertificate": 401,
}
"""EVT_MONITOR_OPERATIONS with the default alarm values; 0 switches one off, 9999 is the largest."""
OK_VAL, NOK_VAL = 1, 5
MISUSE_KIND, _KEY = "misuse", "alarm-values"
MINUTES = 10
_WORKPLACES_MAX = 50


@dataclass(slots=True)
class _Minute:
    at: int
    sum: int = 0
    workplaces: Counter[str] = field(default_factory=Counter)


async def load_alarm_values(store: InstanceStore) -> dict[str, int]:
    """The values in force: the defaults, and over them what an administrator set. Raises `StoreError`."""
    return read_alarm_values(await store.get(MISUSE_KIND, _KEY) or {})


def read_alarm_values(row: Mapping[str, Any]) -> dict[str, int]:
    """The values of a row. Raises `ValueError`, `TypeError` for a damaged one."""
    return {operation: int(row.get(operation, value)) for operation, value in ALARM_VALUES.items()}


async def save_alarm_values(store: InstanceStore, values: Mapping[str, int]) -> None:
    """Keeps them. Raises `StoreError`."""
    await store.put(MISUSE_KIND, _KEY, dict(values))


class MisuseWatch:
    """An `Observer` of dispatchers that counts what `is_counted` and passes everything on to `also`."""

    def __init__(
        self,
        opstate: OperatingState,
        clock: Clock,
        also: Observer,
        is_counted: Callable[[object], bool] = lambda request: True,
    ) -> None:
        self._is_counted = is_counted
        self.alarm_values = dict(ALARM_VALUES)
        self._opstate = opstate
        self._clock = clock
        self._also = also
        # One call less for each request.
        self.begin = also.begin
        self._minutes: dict[str, deque[_Minute]] = {}

    def done(self, begun: float, request: object | None, answer: object) -> None:
        """See `Observer`."""
        self._also.done(begun, request, answer)
        operation = type(request).__name__
        limit = self.alarm_values.get(operation, 0)
        if limit and self._is_counted(request):
            self._count(operation, limit, getattr(request, "context", None), failed=isinstance(answer, SoapFault))

    def _count(self, operation: str, limit: int, context: object, *, failed: bool) -> None:
        now = int(self._clock.monotonic() // 60)
        minutes = self._minutes.get(operation)
        if minutes is None:
            minutes = self._minutes[operation] = deque(maxlen=MINUTES)
        if not minutes or minutes[-1].at != now:
            minutes.append(_Minute(now))
        minutes[-1].sum += NOK_VAL if failed else OK_VAL
        if isinstance(context, Context):
            seen, workplace = minutes[-1].workplaces, context.workplace_id[:64]
            # A caller may invent names without end.
            if workplace in seen or len(seen) < _WORKPLACES_MAX:
                seen[workplace] += 1
        # The alarm stands until somebody resets it, and then all is counted anew.
        if Condition.CRYPTOPERATION_ALARM in self._opstate.holding:
            return
        recent = [minute for minute in minutes if minute.at > now - MINUTES]
        count = sum([minute.sum for minute in recent])
        if count < limit:
            return
        workplaces = sum((minute.workplaces for minute in recent), Counter[str]())
        named = ",".join(name for name, _ in workplaces.most_common(_WORKPLACES_MAX))
        details = (("Operation", operation), ("Count", count), ("Arbeitsplatz", named), ("Meldung", _MESSAGE))
        self._opstate.set(Condition.CRYPTOPERATION_ALARM, True, details)

    def reset(self) -> None:
        """The administrator has seen the alarm; counting begins anew."""
        self._minutes.clear()
        self._opstate.set(Condition.CRYPTOPERATION_ALARM, False)


_MESSAGE = "Alarmwert der Missbrauchserkennung erreicht"
