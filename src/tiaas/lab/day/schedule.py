"""The schedule of a day as a pure function of a seed: who comes when, to which terminal, and what goes wrong.

A day has phases; within one all terminals work side by side, each through its own queue, and a phase begins when
everybody has finished the one before. Faults belong to a contact and not to a time of day, so what a patient will meet
does not depend on how fast the day is played.

Times are minutes after midnight of the day that is told, not of the clock on the wall.
"""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import replace

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy, SeededEntropy, random_fraction
from tiaas.base.errors import InvalidInput


@enum.unique
class Phase(enum.Enum):
    """Parts of the day in which patients come: title, from, to (minutes)."""

    MORNING = ("morning", 8 * 60, 12 * 60)
    AFTER_LUNCH = ("after lunch", 13 * 60 + 45, 14 * 60)
    AFTERNOON = ("afternoon", 14 * 60, 17 * 60 + 30)

    @property
    def title(self) -> str:
        """For people."""
        return self.value[0]


@enum.unique
class Act(enum.Enum):
    """What happens at the terminal while the card is read."""

    PLAIN = "plain"
    NO_CARD = "the patient has no card"
    PULL = "the patient takes the card out too early"
    PULL_WHILE_WRITING = "the patient takes the card out while it is written to"
    TWO_AT_ONCE = "two programs read the same card at once"
    UNPLUG = "somebody trips over the terminal's cable"


@enum.unique
class Before(enum.Enum):
    """What happened before the patient came."""

    NOTHING = "nothing"
    MOVED = "the insurer has a new address"
    LOCKED = "the insurer locks the card"
    UNLOCKED = "the insurer unlocks the card"
    TOO_OLD = "the card is of an old generation"
    REVOKED = "the card was reported lost"


@enum.unique
class Trouble(enum.Enum):
    """What a service of the TI does wrong during the contact."""

    NONE = "none"
    UFS_SLOW = "UFS needs half a second"
    UFS_503 = "UFS answers HTTP 503"
    UFS_1011 = "UFS is unavailable (1011)"
    UFS_SILENT = "UFS drops the connection"
    GATEWAY_1011 = "Intermediär is unavailable (1011)"
    VSDD_12105 = "VSDD calls the card defective (12105)"
    VSDD_BREAKS_OFF = "VSDD drops the connection before anything is written"
    OCSP_DOWN = "the OCSP responder is down"


@dataclass(frozen=True, slots=True)
class Cause:
    """What makes a contact what it is."""

    act: Act = Act.PLAIN
    before: Before = Before.NOTHING
    trouble: Trouble = Trouble.NONE


@dataclass(frozen=True, slots=True)
class Story:
    """Why a patient comes: first and, perhaps, second contact, and how many of 60 patients have it."""

    title: str
    of_60: int
    first: Cause
    second: Cause | None = None
    is_fault: bool = False
    needs_ti: bool = False


_BACK = Cause()
ROUTINE = Story("routine", 0, Cause())
AFTER_LUNCH = Story("first after lunch", 0, Cause(trouble=Trouble.GATEWAY_1011), is_fault=True, needs_ti=True)
"""The Intermediär is not told whose card it is asked about: its fault strikes when nobody else is there."""
STORIES: tuple[Story, ...] = (
    Story("comes twice", 5, Cause(), _BACK),
    Story("no card", 2, Cause(Act.NO_CARD)),
    Story("moved house", 6, Cause(before=Before.MOVED), needs_ti=True),
    Story("moved house, comes twice", 2, Cause(before=Before.MOVED), _BACK, needs_ti=True),
    Story("locked and unlocked", 1, Cause(before=Before.LOCKED), Cause(before=Before.UNLOCKED), needs_ti=True),
    Story("card reported lost", 1, Cause(before=Before.REVOKED), is_fault=True, needs_ti=True),
    Story("card too old", 2, Cause(before=Before.TOO_OLD), is_fault=True),
    Story("card pulled", 2, Cause(Act.PULL), is_fault=True),
    Story("card pulled in an update", 1, Cause(Act.PULL_WHILE_WRITING, Before.MOVED), is_fault=True, needs_ti=True),
    Story("two programs", 2, Cause(Act.TWO_AT_ONCE), is_fault=True),
    Story("terminal unplugged", 1, Cause(Act.UNPLUG), is_fault=True),
    Story("UFS slow", 1, Cause(trouble=Trouble.UFS_SLOW), is_fault=True, needs_ti=True),
    Story("UFS down, comes again", 1, Cause(trouble=Trouble.UFS_503), _BACK, is_fault=True, needs_ti=True),
    Story("UFS unavailable", 1, Cause(trouble=Trouble.UFS_1011), is_fault=True, needs_ti=True),
    Story("UFS silent", 1, Cause(trouble=Trouble.UFS_SILENT), is_fault=True, needs_ti=True),
    Story("VSDD says defective", 1, Cause(Act.PLAIN, Before.MOVED, Trouble.VSDD_12105), is_fault=True, needs_ti=True),
    Story(
        "update breaks off, comes again",
        1,
        Cause(Act.PLAIN, Before.MOVED, Trouble.VSDD_BREAKS_OFF),
        _BACK,
        is_fault=True,
        needs_ti=True,
    ),
    Story("OCSP down", 2, Cause(trouble=Trouble.OCSP_DOWN), is_fault=True, needs_ti=True),
)
"""Everybody else is `ROUTINE`."""

_OF = 60
PATIENTS_MIN = 10
_SEATS = 3  # how many patients may come in one burst
_LAST_MINUTES = 20
_MINUTES_EACH = 14  # the day is told faster if more patients come than have that much time


@dataclass(frozen=True, slots=True)
class Options:
    """`ti`: the practice software asks for online checks. `faults`: things go wrong."""

    ti: bool = True
    faults: bool = True


@dataclass(frozen=True, slots=True)
class Contact:
    """A patient at a terminal. `patient` and `terminal` count from 0; `order` is 1 or 2; times in minutes."""

    number: int
    patient: int
    terminal: int
    phase: Phase
    at: float
    minutes: float
    story: Story
    cause: Cause
    order: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """A whole day."""

    seed: int
    patients: int
    terminals: int
    options: Options
    contacts: tuple[Contact, ...]

    def queue(self, phase: Phase, terminal: int) -> tuple[Contact, ...]:
        """What one terminal has to do in a phase, in order."""
        return tuple(c for c in self.contacts if c.phase is phase and c.terminal == terminal)

    def of_patient(self, patient: int) -> tuple[Contact, ...]:
        """A patient's contacts, in order."""
        return tuple(c for c in self.contacts if c.patient == patient)


def plan_day(seed: int, patients: int, terminals: int, options: Options | None = None) -> Schedule:
    """The day of `seed`. Raises `InvalidInput` for fewer than `PATIENTS_MIN` patients or no terminal."""
    if patients < PATIENTS_MIN or terminals < 1:
        raise InvalidInput(f"a day needs {PATIENTS_MIN} patients and a terminal")
    chosen = options or Options()
    dice = _Dice(SeededEntropy(f"day {seed}".encode()))
    stories = _stories(dice, patients, terminals, chosen)
    visits: dict[Phase, list[tuple[int, Story, Cause, int]]] = {phase: [] for phase in Phase}
    for patient, story in enumerate(stories):
        first = Phase.MORNING if story.second is not None or dice.below(10) < 6 else Phase.AFTERNOON
        visits[first].append((patient, story, story.first, 1))
        if story.second is not None:
            visits[Phase.AFTERNOON].append((patient, story, story.second, 2))
    # Whoever comes first after lunch finds the SMC-B locked.
    early = next((visit for visit in visits[Phase.AFTERNOON] if visit[1] is ROUTINE), None)
    if early is None:
        early = next(visit for visit in visits[Phase.MORNING] if visit[1] is ROUTINE)
        visits[Phase.MORNING].remove(early)
    else:
        visits[Phase.AFTERNOON].remove(early)
    story = AFTER_LUNCH if chosen.faults and chosen.ti else ROUTINE
    visits[Phase.AFTER_LUNCH].append((early[0], story, story.first, 1))
    contacts = [contact for phase in Phase for contact in _place(dice, phase, visits[phase], terminals)]
    return Schedule(seed, patients, terminals, chosen, tuple(_numbered(contacts)))


class _Dice:
    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy

    def below(self, limit: int) -> int:
        return int(random_fraction(self._entropy) * limit)

    def between(self, low: float, high: float) -> float:
        return low + random_fraction(self._entropy) * (high - low)

    def shuffled(self, things: list[Story]) -> list[Story]:
        rest, out = list(things), []
        while rest:
            out.append(rest.pop(self.below(len(rest))))
        return out


def _stories(dice: _Dice, patients: int, terminals: int, options: Options) -> list[Story]:
    """One story per patient; at least a third is routine, however few come."""
    told: list[Story] = []
    for story in STORIES:
        possible = (options.faults or not story.is_fault) and (options.ti or not story.needs_ti)
        if possible and not (story.first.act is Act.UNPLUG and terminals == 1):
            told += [story] * max(story.of_60 * patients // _OF, 1)
    told = dice.shuffled(told)[: patients * 2 // 3]
    return dice.shuffled([*told, *[ROUTINE] * (patients - len(told))])


def _place(dice: _Dice, phase: Phase, visits: list[tuple[int, Story, Cause, int]], terminals: int) -> Iterator[Contact]:
    """Spreads visits over the phase in bursts and over the terminals; the first terminal takes all after lunch."""
    _, begin, end = phase.value
    free = dict.fromkeys(range(terminals), float(begin))
    at = float(begin)
    left = len(visits)
    pace = min(1.0, terminals * (end - begin) / max(left * _MINUTES_EACH, 1))
    for place, (patient, story, cause, order) in enumerate(_mixed(dice, visits)):
        if place and place % _SEATS == 0:
            at = min(at + dice.between(0.3, 1.5) * (end - at) / max(left / _SEATS, 1), end - _LAST_MINUTES)
        left -= 1
        terminal = 0 if phase is Phase.AFTER_LUNCH else _choose(dice, free, cause)
        start = max(at + dice.between(0, 3), free[terminal])
        minutes = dice.between(4, 14) * pace
        free[terminal] = start + minutes
        yield Contact(0, patient, terminal, phase, round(start, 1), round(minutes, 1), story, cause, order)


def _mixed(dice: _Dice, visits: list[tuple[int, Story, Cause, int]]) -> Iterator[tuple[int, Story, Cause, int]]:
    rest = list(visits)
    while rest:
        yield rest.pop(dice.below(len(rest)))


def _choose(dice: _Dice, free: Mapping[int, float], cause: Cause) -> int:
    """The terminal that is free first; the one with the SMC-B is not the one whose cable is tripped over."""
    able = {number: when for number, when in free.items() if number or cause.act is not Act.UNPLUG}
    soonest = min(able.values())
    return min((number for number, when in able.items() if when == soonest), key=lambda _: dice.below(100))


def _numbered(contacts: list[Contact]) -> Iterator[Contact]:
    for number, contact in enumerate(sorted(contacts, key=lambda c: (c.at, c.terminal)), 1):
        yield replace(contact, number=number)
