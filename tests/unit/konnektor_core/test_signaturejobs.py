"""Job numbers: none comes again within 1000 calls (gemSpec_Kon V5.18 TIP1-A_4642)."""

from contextlib import nullcontext
from itertools import count

import pytest

from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.signaturejobs import KEPT, SignatureJobs


class _Rising:
    """0, 1, 2 …"""

    def __init__(self) -> None:
        self._next = count()

    def octets(self, size: int) -> bytes:
        return next(self._next).to_bytes(size, "big")


def _number(number: int) -> str:
    return f"AAA-{number}"


def _run(jobs: SignatureJobs, number: int) -> None:
    with jobs.running(_number(number), "card"):
        pass


def test_a_number_may_come_again_after_a_thousand_calls_and_not_before() -> None:
    jobs = SignatureJobs(SeededEntropy(b"numbers"))
    for each in range(KEPT):
        _run(jobs, each)
    for each in (0, KEPT - 1):
        with pytest.raises(KonnektorError, match="4252"):
            _run(jobs, each)
    _run(jobs, KEPT)
    _run(jobs, 0)
    with pytest.raises(KonnektorError, match="4252"):
        jobs.require_unused(_number(2))


def test_the_number_of_a_running_job_is_taken_however_long_it_runs() -> None:
    jobs = SignatureJobs(SeededEntropy(b"numbers"))
    with jobs.running("AAA-X", "card"):
        for each in range(KEPT + 1):
            _run(jobs, each)
        with pytest.raises(KonnektorError, match="4252"):
            jobs.require_unused("AAA-X")
    with pytest.raises(KonnektorError, match="4252"):
        jobs.require_unused("AAA-X")


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_job_that_failed_has_used_its_number_if_it_had_begun(has_begun: bool) -> None:
    """While it runs nobody else has the number, whatever becomes of it, and none like it is given out."""
    jobs, drawn = SignatureJobs(_Rising()), SignatureJobs(_Rising()).new_number()
    with pytest.raises(KonnektorError, match="4111"), jobs.running(drawn, "card") as job:
        for refused in (jobs.require_unused, lambda number: jobs.running(number, "card")):
            with pytest.raises(KonnektorError, match="4252"):
                refused(drawn)
        assert jobs.new_number() != drawn
        job.has_begun = has_begun
        raise KonnektorError(4111)
    assert jobs.find(drawn) is None
    with pytest.raises(KonnektorError, match="4252") if has_begun else nullcontext():
        jobs.require_unused(drawn)


def test_failed_calls_push_no_number_out() -> None:
    """Else whoever fails a thousand times could use the numbers of others again."""
    jobs = SignatureJobs(SeededEntropy(b"numbers"))
    for each in range(KEPT):
        _run(jobs, each)
    for each in range(KEPT, 2 * KEPT):
        with pytest.raises(KonnektorError, match="4111"), jobs.running(_number(each), "card"):
            raise KonnektorError(4111)
    for each in range(KEPT):
        with pytest.raises(KonnektorError, match="4252"):
            jobs.require_unused(_number(each))
