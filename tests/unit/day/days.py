"""Days in which everything goes as the model says, or one thing does not."""

from datetime import UTC, datetime

from tiaas.lab.day.model import Ending, Expected, Model
from tiaas.lab.day.record import Attempt, Check, DayRecord, Seen, Step
from tiaas.lab.day.schedule import Act, Before, Cause, Contact, Options, Phase, Schedule, Story, Trouble, plan_day


def contact(
    *causes: Cause, phase: Phase = Phase.MORNING, ti: bool = True, patient: int = 0
) -> tuple[Schedule, tuple[Contact, ...]]:
    """A schedule with one patient who has these contacts."""
    story = Story("made up", 1, causes[0])
    contacts = tuple(
        Contact(
            number, patient, 0, phase if number == 1 else Phase.AFTERNOON, 480.0 + number, 5.0, story, cause, number
        )
        for number, cause in enumerate(causes, 1)
    )
    return Schedule(1, patient + 1, 1, Options(ti=ti), contacts), contacts


def expected(*causes: Cause, phase: Phase = Phase.MORNING, ti: bool = True, waiting: int = 0) -> list[Expected]:
    """What the model says of them."""
    schedule, contacts = contact(*causes, phase=phase, ti=ti)
    found = Model(schedule, {0: waiting}).expectations()
    return [found[c.number] for c in contacts]


def as_expected(c: Contact, want: Expected, at: float = 1.0) -> Seen:
    """What a desk sees if all goes as the model says."""
    seen = Seen(c, want, at, ending=want.ending, code=want.code, result=want.result, ec=want.ec)
    for codes in want.on_the_way:
        seen.attempts.append(Attempt(at, 0.02, want.online, want.online, code=min(codes)))
    if want.ending is Ending.REFUSED:
        seen.attempts.append(Attempt(at, 0.02, want.online, want.online, code=want.code))
    if want.ending is Ending.READ:
        seen.kvnr_right, seen.moved = True, want.moved
        seen.attempts.append(Attempt(at, 0.03, want.online, want.online, result=want.result, ec=want.ec))
    return seen


def good_day(seed: int = 1, patients: int = 60, terminals: int = 4) -> DayRecord:
    """A whole day without a difference from the model; one name wants to be escaped."""
    schedule = plan_day(seed, patients, terminals)
    wanted = Model(schedule).expectations()
    people = tuple("Böse <b>Tags</b> & Co" if at == 0 else f"Person {at}" for at in range(patients))
    started = datetime(2026, 11, 25, 7, tzinfo=UTC)
    record = DayRecord(schedule, started, "Praxis <Test>", tuple(f"CT-{at}" for at in range(terminals)), people)
    record.seen = [as_expected(c, wanted[c.number], at=c.number / 10) for c in schedule.contacts]
    record.steps = [Step(465, 0, "the doors open", "PIN.SMC is verified", ok=True)]
    record.checks = [Check("nothing is left", "nothing", ok=True)]
    record.journal = {"ufs GetUpdateFlags": 12}
    record.events = {"CARD/INSERTED": 60}
    record.seconds = 12.5
    return record


__all__ = ["Act", "Before", "Cause", "Trouble", "as_expected", "contact", "expected", "good_day"]
