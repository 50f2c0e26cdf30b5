"""The jobs of `tiaas sign` with a Konnektor that answers when it is told to."""

import asyncio
import signal
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import cast

import pytest

from tests.unit.client import messages
from tiaas.cli.outputfiles import NotWritten
from tiaas.cli.signjobs import SigningJobs, ToSign
from tiaas.client import Crypt, DocumentToSign, Konnektor, KonnektorFault, SignedResult

pytestmark = pytest.mark.asyncio
HBA = messages.HBA
STOPPED = KonnektorFault(4049, "Abbruch durch den Benutzer")


class Slow:
    """Signs `quick` jobs at once; the next one waits to be stopped and answers with its first `partial` documents."""

    def __init__(self, quick: int, partial: int) -> None:
        self._quick = quick
        self._partial = partial
        self.begun, self._stopped = asyncio.Event(), asyncio.Event()
        self.jobs = 0
        self.stopped: list[str] = []

    async def get_job_number(self) -> str:
        self.jobs += 1
        return f"JOB-{self.jobs}"

    async def sign_documents(
        self, card_handle: str, documents: Sequence[DocumentToSign], job_number: str, crypt: Crypt | None
    ) -> tuple[SignedResult, ...]:
        results = tuple(SignedResult(at, b"cms", False, None, ()) for at in range(len(documents)))
        if self.jobs <= self._quick:
            return results
        self.begun.set()
        await self._stopped.wait()
        if not self._partial:
            raise STOPPED
        return results[: self._partial]

    async def stop_signature(self, job_number: str) -> None:
        self.stopped.append(job_number)
        self._stopped.set()


def _wishes(folder: Path, count: int) -> list[ToSign]:
    return [ToSign(Path(f"{at}.txt"), DocumentToSign(b"x"), folder / "there" / f"{at}.p7s") for at in range(count)]


async def _interrupted(slow: Slow, jobs: SigningJobs) -> None:
    running = asyncio.create_task(jobs.run(cast(Konnektor, slow), HBA))
    await slow.begun.wait()
    running.cancel()
    await running
    assert not running.cancelling()


async def test_what_was_signed_before_ctrl_c_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slow, jobs = Slow(quick=0, partial=2), SigningJobs(_wishes(tmp_path, 4), 3, None)
    await _interrupted(slow, jobs)
    assert slow.stopped == ["JOB-1"]
    assert slow.jobs == 1
    assert [str(each.wish.source) for each in jobs.signed] == ["0.txt", "1.txt"]
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["0.p7s", "1.p7s"]
    assert (
        "stopping job JOB-1: its documents are discarded but for finished parts, those of earlier jobs are written"
    ) in capsys.readouterr().err


async def test_a_stopped_job_without_signatures_is_an_error_only_if_nothing_was_signed_before(tmp_path: Path) -> None:
    slow, jobs = Slow(quick=1, partial=0), SigningJobs(_wishes(tmp_path, 3), 1, None)
    await _interrupted(slow, jobs)
    assert slow.stopped == ["JOB-2"]
    assert len(jobs.signed) == 1
    with pytest.raises(KonnektorFault, match="0.txt: error 4049"):
        await _interrupted(Slow(quick=0, partial=0), SigningJobs(_wishes(tmp_path, 1), 1, None))


async def test_sigterm_stops_a_job_as_ctrl_c_does(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    slow, jobs = Slow(quick=0, partial=2), SigningJobs(_wishes(tmp_path, 4), 3, None)
    running = asyncio.create_task(jobs.run(cast(Konnektor, slow), HBA))
    await slow.begun.wait()
    signal.raise_signal(signal.SIGTERM)
    await running
    assert slow.stopped == ["JOB-1"]
    assert len(jobs.signed) == 2
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("by", ["Ctrl-C", "SIGTERM"])
async def test_a_second_one_does_not_wait(tmp_path: Path, by: str) -> None:
    told = asyncio.Event()

    class Deaf(Slow):
        async def stop_signature(self, job_number: str) -> None:
            told.set()

    slow = Deaf(quick=0, partial=0)
    running = asyncio.create_task(SigningJobs(_wishes(tmp_path, 1), 1, None).run(cast(Konnektor, slow), HBA))
    stop = running.cancel if by == "Ctrl-C" else partial(signal.raise_signal, signal.SIGTERM)
    await slow.begun.wait()
    stop()
    await told.wait()
    stop()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("force", [False, True])
async def test_what_appeared_while_somebody_typed_a_pin_is_replaced_by_force_only(tmp_path: Path, force: bool) -> None:
    (wish,) = _wishes(tmp_path, 1)

    class Appears(Slow):
        async def get_job_number(self) -> str:
            wish.target.parent.mkdir()
            wish.target.write_bytes(b"of somebody else")
            return await super().get_job_number()

    jobs = SigningJobs([wish], 1, None, force=force)
    with nullcontext() if force else pytest.raises(NotWritten, match="0.p7s was taken meanwhile; written to .*0.p7s.1"):
        await jobs.run(cast(Konnektor, Appears(quick=1, partial=0)), HBA)
    assert wish.target.read_bytes() == (b"cms" if force else b"of somebody else")
    assert len(jobs.signed) == force


async def test_jobs_are_bounded_in_documents_and_octets(tmp_path: Path) -> None:
    sizes = [20, 20, 1, 1, 40, 1]
    wishes = [
        ToSign(Path(f"{at}"), DocumentToSign(bytes(size * 1024 * 1024)), tmp_path / f"{at}")
        for at, size in enumerate(sizes)
    ]
    parts = SigningJobs(wishes, 2, None)._parts()
    assert [[wish.source.name for wish in part] for part in parts] == [["0"], ["1", "2"], ["3"], ["4"], ["5"]]
