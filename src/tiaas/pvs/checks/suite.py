"""All checks, in the order of the report, and their run over a recording."""

from tiaas.base.dataclass import dataclass
from tiaas.pvs.checks import cards, contexts, directory, events, transport, vsdm
from tiaas.pvs.checks.model import Check, Finding, Verdict
from tiaas.pvs.messages import Story

CHECKS: tuple[Check, ...] = (
    *directory.CHECKS,
    *transport.CHECKS,
    *contexts.CHECKS,
    *cards.CHECKS,
    *vsdm.CHECKS,
    *events.CHECKS,
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A check with what it found."""

    check: Check
    finding: Finding


def judge(story: Story) -> tuple[Judged, ...]:
    """Every check over a recording."""
    return tuple(Judged(check, check.judge(story)) for check in CHECKS)


def worst(judged: tuple[Judged, ...]) -> Verdict:
    """The verdict over all: a failure, else a warning, else pass; not seen if nothing was."""
    found = {each.finding.verdict for each in judged}
    order = (Verdict.FAIL, Verdict.WARN, Verdict.PASS)
    return next((verdict for verdict in order if verdict in found), Verdict.NOT_SEEN)
