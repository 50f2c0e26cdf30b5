"""Values an administrator sets for the logs (gemSpec_Kon V5.18 TAB_KON_609, TIP1-A_4717)."""

from collections.abc import Mapping
from dataclasses import asdict, field
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.konnektor.protocol.entry import Level, LogName, LogType

DAYS = range(10, 366)
SECURITY_SIZE = range(10_000, 1_000_001)
"""Entries; the upper end is ours."""
SYSTEM_SIZE = 400_000
"""Entries of every other log: a year of errors and warnings of LE-U4 are 275,000 (TIP1-A_4711, `bench.log_year`)."""


class BadLogSettings(InvalidInput):
    """A value out of its range; `name` is the parameter's name in the specification."""

    def __init__(self, name: str, allowed: str) -> None:
        super().__init__(f"{name} must be {allowed}")
        self.name = name


@dataclass(frozen=True, slots=True)
class FmSettings:
    """FM_<fmName>_LOG_LEVEL and FM_<fmName>_LOG_DAYS."""

    level: Level = Level.WARNING
    days: int = 180


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The settings of one instance. Raises `BadLogSettings`."""

    system_level: Level = Level.WARNING  # LOG_LEVEL_SYSLOG
    security_size: int = 50_000  # SECURITY_LOG_SIZE
    security_days: int = 180  # SECURITY_LOG_DAYS
    days: int = 180  # LOG_DAYS
    crypto_operations: bool = False  # LOG_SUCCESSFUL_CRYPTO_OPS
    performance: bool = False
    """Whether times of use cases are logged at all (GS-A_5130: switchable, off by default)."""
    fachmodule: Mapping[str, FmSettings] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.system_level is Level.DEBUG:
            raise BadLogSettings("LOG_LEVEL_SYSLOG", "Info, Warning, Error or Fatal")
        if self.security_size not in SECURITY_SIZE:
            raise BadLogSettings("SECURITY_LOG_SIZE", f"{SECURITY_SIZE.start} to {SECURITY_SIZE.stop - 1} entries")
        named = {"SECURITY_LOG_DAYS": self.security_days, "LOG_DAYS": self.days}
        named |= {f"FM_{name}_LOG_DAYS": fm.days for name, fm in self.fachmodule.items()}
        for name, days in named.items():
            if days not in DAYS:
                raise BadLogSettings(name, f"{DAYS.start} to {DAYS.stop - 1} days")

    def takes(self, log: LogName, level: Level) -> bool:
        """Whether an entry of this level goes into a log (TUC_KON_271 steps 2 a and 3 a)."""
        if log.type is LogType.SECURITY:
            return True
        if log.type is LogType.PERFORMANCE:
            return self.performance
        least = self.fm(log.fm).level if log.fm else self.system_level
        return level.rank >= least.rank

    def size_of(self, log: LogName) -> int:
        """Entries a log holds before the oldest go."""
        return self.security_size if log.type is LogType.SECURITY else SYSTEM_SIZE

    def days_of(self, log: LogName) -> int:
        """Days entries of a log are to be kept."""
        if log.type is LogType.SECURITY:
            return self.security_days
        return self.fachmodule[log.fm].days if log.fm in self.fachmodule else self.days

    def fm(self, name: str) -> FmSettings:
        """The settings of a Fachmodul; without its own the defaults and LOG_DAYS."""
        return self.fachmodule.get(name) or FmSettings(days=self.days)

    def document(self) -> dict[str, Any]:
        """As a row of the store."""
        return asdict(self)

    @classmethod
    def from_document(cls, row: Mapping[str, Any]) -> "LogSettings":
        """From a row of the store. Raises `BadLogSettings`, `KeyError`, `ValueError`."""
        known = dict(row)
        fachmodule = {
            str(name): FmSettings(Level(fm["level"]), int(fm["days"]))
            for name, fm in known.pop("fachmodule", {}).items()
        }
        level = Level(known.pop("system_level", Level.WARNING))
        return cls(system_level=level, fachmodule=fachmodule, **known)
