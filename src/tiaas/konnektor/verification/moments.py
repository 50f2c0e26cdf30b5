"""The time a signature is judged at (gemSpec_Kon V5.18 §4.1.8.1.3, TIP1-A_5540-01, TIP1-A_5545).

Benutzerdefinierter_Zeitpunkt before Ermittelter_Signaturzeitpunkt_Eingebettet before …_System. Qualified time stamps
are not evaluated.
"""

import enum
from collections.abc import Sequence
from datetime import datetime

from tiaas.ades.found import FoundSignature
from tiaas.base.dataclass import dataclass


@enum.unique
class TimeSource(enum.StrEnum):
    """Where a time comes from; the value is what stands in TimestampType."""

    USER = "USER_DEFINED_TIMESTAMP"
    EMBEDDED = "SIGNATURE_EMBEDDED_TIMESTAMP"
    SYSTEM = "SYSTEM_TIMESTAMP"


@dataclass(frozen=True, slots=True)
class ReferenceTime:
    """A time to judge a signature at."""

    source: TimeSource
    at: datetime


def reference_time(found: FoundSignature, user_defined: datetime | None, now: datetime) -> ReferenceTime:
    """The time that counts for one signature."""
    if user_defined is not None:
        return ReferenceTime(TimeSource.USER, user_defined)
    if found.time is not None:
        return ReferenceTime(TimeSource.EMBEDDED, found.time)
    return ReferenceTime(TimeSource.SYSTEM, now)


def youngest(times: Sequence[ReferenceTime], now: datetime) -> ReferenceTime:
    """The time to be told for the whole document: that of the youngest signature, now if there is none."""
    if len(times) == 1:
        return times[0]
    return max(times, key=lambda time: time.at, default=ReferenceTime(TimeSource.SYSTEM, now))
