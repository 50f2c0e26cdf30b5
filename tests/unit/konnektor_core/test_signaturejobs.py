"""Job numbers: none comes again within 1000 calls (gemSpec_Kon V5.18 TIP1-A_4642)."""

import pytest

from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.signaturejobs import KEPT, SignatureJobs


def _number(count: int) -> str:
    return f"AAA-{count}"


def _run(jobs: SignatureJobs, count: int) -> None:
    with jobs.running(_number(count), "card"):
        pass


def test_a_number_may_come_again_after_a_thousand_calls_and_not_before() -> None:
    jobs = SignatureJobs(SeededEntropy(b"numbers"))
    for count in range(KEPT):
        _run(jobs, count)
    for count in (0, KEPT - 1):
        with pytest.raises(KonnektorError, match="4252"):
            _run(jobs, count)
    _run(jobs, KEPT)
    _run(jobs, 0)
    with pytest.raises(KonnektorError, match="4252"):
        jobs.require_unused(_number(2))


def test_the_number_of_a_running_job_is_taken_however_long_it_runs() -> None:
    jobs = SignatureJobs(SeededEntropy(b"numbers"))
    with jobs.running("AAA-X", "card"):
        for count in range(KEPT + 1):
            _run(jobs, count)
        with pytest.raises(KonnektorError, match="4252"):
            jobs.require_unused("AAA-X")
    jobs.require_unused("AAA-X")
