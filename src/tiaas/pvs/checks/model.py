"""A check: what is asked of practice software, where it is asked, and the verdict about a recording."""

import enum
from collections.abc import Callable, Iterable

from tiaas.base.dataclass import dataclass
from tiaas.pvs.messages import Story


@enum.unique
class Verdict(enum.StrEnum):
    """What a recording says. `NOT_SEEN`: nothing happened that would tell."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence in English and German."""

    en: str
    de: str

    def filled(self, **values: object) -> "Said":
        """With values put in."""
        return Said(self.en.format(**values), self.de.format(**values))


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict with its reason and the numbers of the messages that show it."""

    verdict: Verdict
    said: Said
    evidence: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `source` names document, section and requirement."""

    id: str
    title: Said
    source: str
    judge: Callable[[Story], Finding]


SILENT = Said("nothing in the recording tells", "die Aufzeichnung sagt nichts darüber")
ALL_WELL = Said("as it should be", "wie es sein soll")


def passed(evidence: Iterable[int] = (), said: Said = ALL_WELL) -> Finding:
    """Everything is as it should be."""
    return Finding(Verdict.PASS, said, tuple(evidence))


def warned(said: Said, evidence: Iterable[int]) -> Finding:
    """It may be wrong, or is unwise."""
    return Finding(Verdict.WARN, said, tuple(evidence))


def failed(said: Said, evidence: Iterable[int] = ()) -> Finding:
    """It is wrong."""
    return Finding(Verdict.FAIL, said, tuple(evidence))


def not_seen(said: Said = SILENT) -> Finding:
    """It did not happen."""
    return Finding(Verdict.NOT_SEEN, said)
