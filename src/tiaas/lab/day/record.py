"""What happened on a day, and the JSON document of it. Seconds count from the start of the play on the real clock."""

from collections.abc import Sequence
from dataclasses import field
from datetime import datetime
from statistics import median
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.lab.day.model import Ending, Expected
from tiaas.lab.day.schedule import Act, Before, Contact, Schedule, Trouble

FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Attempt:
    """One ReadVSD. `code` of the fault or None; `result` E, `ec` EC and `ocsp` of the receipt if one came back."""

    at: float
    seconds: float
    check: bool
    receipt: bool
    code: int | None = None
    result: int | None = None
    ec: int | None = None


@dataclass(slots=True)
class Seen:
    """What the desk saw of a contact. `kvnr_right` and `moved` only if the card was read."""

    contact: Contact
    expected: Expected
    begun: float
    attempts: list[Attempt] = field(default_factory=list)
    ending: Ending = Ending.NO_CARD
    code: int | None = None
    result: int | None = None
    ec: int | None = None
    kvnr_right: bool | None = None
    moved: bool | None = None
    seconds: float = 0.0
    reactions: list[str] = field(default_factory=list)
    mismatches: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Step:
    """Something of the day that is no contact: opening, lunch, evening. `at` in minutes of the day that is told."""

    at: float
    terminal: int | None
    title: str
    outcome: str
    ok: bool


@dataclass(frozen=True, slots=True)
class Check:
    """An invariant of the evening."""

    title: str
    outcome: str
    ok: bool


@dataclass(slots=True)
class DayRecord:
    """Everything. `terminals` are ctIds, `people` names of invented persons, both by their place in the schedule."""

    schedule: Schedule
    started: datetime
    practice: str
    terminals: tuple[str, ...]
    people: tuple[str, ...]
    seen: list[Seen] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    events: dict[str, int] = field(default_factory=dict)
    journal: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def failures(self) -> list[str]:
        """Everything that was not as it should be; empty for a good day."""
        found = [f"contact {s.contact.number}: {what}" for s in self.seen for what in s.mismatches]
        found += [f"{step.title}: {step.outcome}" for step in self.steps if not step.ok]
        return found + [f"{check.title}: {check.outcome}" for check in self.checks if not check.ok]

    def durations(self, *, online: bool) -> list[float]:
        """Seconds of the ReadVSD calls that brought data, with or without online check, sorted."""
        return sorted(a.seconds for s in self.seen for a in s.attempts if a.code is None and a.check is online)

    def to_document(self) -> dict[str, Any]:
        """The JSON object."""
        schedule = self.schedule
        return {
            "version": FORMAT_VERSION,
            "test_data": True,
            "seed": schedule.seed,
            "patients": schedule.patients,
            "terminals": list(self.terminals),
            "options": {"ti": schedule.options.ti, "faults": schedule.options.faults},
            "practice": self.practice,
            "started": self.started.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 3),
            "failures": self.failures,
            "durations_ms": {
                "offline": summary(self.durations(online=False)),
                "online": summary(self.durations(online=True)),
            },
            "contacts": [_contact(self, seen) for seen in self.seen],
            "steps": [
                {"at": step.at, "title": step.title, "outcome": step.outcome, "ok": step.ok} for step in self.steps
            ],
            "checks": [{"title": check.title, "outcome": check.outcome, "ok": check.ok} for check in self.checks],
            "events": dict(sorted(self.events.items())),
            "journal": dict(sorted(self.journal.items())),
        }


def summary(seconds: Sequence[float]) -> dict[str, float | int]:
    """Count, median, 95th percentile and maximum in milliseconds of sorted seconds."""
    if not seconds:
        return {"count": 0}
    p95 = seconds[min(len(seconds) - 1, int(len(seconds) * 0.95))]
    return {
        "count": len(seconds),
        **{k: round(v * 1000, 1) for k, v in (("median", median(seconds)), ("p95", p95), ("max", seconds[-1]))},
    }


def cause_text(contact: Contact) -> str:
    """Why a contact is not an ordinary one, for people; empty if it is."""
    cause = contact.cause
    parts = [
        cause.before.value if cause.before is not Before.NOTHING else "",
        cause.act.value if cause.act is not Act.PLAIN else "",
        cause.trouble.value if cause.trouble is not Trouble.NONE else "",
    ]
    return ", ".join(part for part in parts if part)


def _contact(record: DayRecord, seen: Seen) -> dict[str, Any]:
    contact = seen.contact
    return {
        "number": contact.number,
        "at": contact.at,
        "minutes": contact.minutes,
        "terminal": record.terminals[contact.terminal],
        "patient": record.people[contact.patient],
        "contact": contact.order,
        "story": contact.story.title,
        "cause": cause_text(contact),
        "expected": {
            "ending": seen.expected.ending.value,
            "code": seen.expected.code,
            "result": seen.expected.result,
            "ec": seen.expected.ec,
            "on_the_way": [sorted(codes) for codes in seen.expected.on_the_way],
        },
        "ending": seen.ending.value,
        "code": seen.code,
        "result": seen.result,
        "ec": seen.ec,
        "reactions": seen.reactions,
        "seconds": round(seen.seconds, 3),
        "attempts": [
            {
                "at": round(a.at, 3),
                "ms": round(a.seconds * 1000, 1),
                "check": a.check,
                "receipt": a.receipt,
                "code": a.code,
                "result": a.result,
                "ec": a.ec,
            }
            for a in seen.attempts
        ],
        "mismatches": seen.mismatches,
    }
