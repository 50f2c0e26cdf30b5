"""Documents about logs and error conditions (gemSpec_Kon V5.18 §3.3, §4.1.10)."""

import enum
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.fields import Number, Text, Told

Days = Annotated[int, Number(10, 365)]


@enum.unique
class LeastSeverity(enum.StrEnum):
    """Severities of entries; Debug is for Fachmodule only."""

    DEBUG = "Debug"
    INFO = "Info"
    WARNING = "Warning"
    ERROR = "Error"
    FATAL = "Fatal"


@dataclass(frozen=True, slots=True)
class LogState:
    """One log."""

    name: Annotated[str, Told("system, security, performance, fm-VSDM …")]
    entries: int
    overflown: Annotated[bool, Told("it lost entries younger than its days (EC_LOG_OVERFLOW)")]


@dataclass(frozen=True, slots=True)
class LogList:
    """All logs."""

    logs: tuple[LogState, ...]


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which entries; what is not given does not matter."""

    since: datetime | None = None
    until: datetime | None = None
    after: Annotated[int, Number(), Told("number of the last entry already seen")] = 0
    severity: Annotated[LeastSeverity | None, Told("this one or a worse one")] = None
    topic: Annotated[str, Text(0, 128), Told("how the topic begins")] = ""
    code: Annotated[int | None, Number(0, 99_999)] = None
    event_id: Annotated[str, Text(0, 64), Told("EventID, LogReference or MessageID of a fault")] = ""
    search: Annotated[str, Text(0, 128)] = ""
    limit: Annotated[int, Number(1, 10_000)] = 200
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry."""

    number: int
    at: datetime
    type: Annotated[str, Told("Op, Sec or Perf")]
    level: LeastSeverity
    topic: str = ""
    code: int | None = None
    text: str = ""
    fm: str = ""
    event_id: str = ""
    message_id: str = ""
    operation: str = ""
    call: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogEntries:
    """Entries in the order asked for."""

    entries: tuple[LogEntry, ...]


@dataclass(frozen=True, slots=True)
class FmLogSettings:
    """Of one Fachmodul's logs."""

    level: LeastSeverity = LeastSeverity.WARNING
    days: Days = 180


@dataclass(frozen=True, slots=True)
class LogParameters:
    """TAB_KON_609."""

    system_level: Annotated[LeastSeverity, Told("LOG_LEVEL_SYSLOG")] = LeastSeverity.WARNING
    security_size: Annotated[int, Number(10_000, 1_000_000), Told("SECURITY_LOG_SIZE")] = 50_000
    security_days: Annotated[Days, Told("SECURITY_LOG_DAYS")] = 180
    days: Annotated[Days, Told("LOG_DAYS")] = 180
    crypto_operations: Annotated[bool, Told("LOG_SUCCESSFUL_CRYPTO_OPS")] = False
    performance: bool = False
    fachmodule: Mapping[str, FmLogSettings] = field(default_factory=dict)
