"""Threads that several owners share: nobody's work, however much of it there is, keeps all of them.

Who has least under way goes first, then whose turn it is. One thread is left for others always, if there are two.

Theory of operation. Threads wait for turns, not for work: there is a turn for each piece of work that may begin now, of
every owner as many as wait and as he may have under way besides. Whose a turn is shows when a thread takes it; it is
never nobody's. A queue of turns costs less than a condition that all threads wait for.
"""

import asyncio
import os
from collections import Counter, deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from queue import SimpleQueue
from threading import Lock, Thread, get_native_id
from typing import TypeVar, TypeVarTuple

from tiaas.base.timerslack import wait_patiently
from tiaas.base.workthread import Job

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class FairThreads:
    """`count` threads, begun when first needed, daemons; they may serve several event loops.

    With a `niceness` they leave the processors and the interpreter's lock to the others of the process, which they do
    not interrupt.
    """

    def __init__(self, name: str, count: int, niceness: int = 0) -> None:
        self._name = name
        self._count = count
        self._niceness = niceness
        self._each = max(1, count - 1)
        self._turns: SimpleQueue[None] = SimpleQueue()
        self._lock = Lock()
        self._waiting: dict[Hashable, deque[Job]] = {}
        """Owners in the order of their turns."""
        self._under_way: Counter[Hashable] = Counter()
        self._begun = False

    def start(self, owner: Hashable, work: Callable[[*Ts], T], *arguments: *Ts) -> "asyncio.Future[T]":
        """What `work` will give; it is not done if the future is done before its turn."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        job = Job(loop, future, work, arguments)
        with self._lock:
            jobs = self._waiting.get(owner)
            if jobs is None:
                jobs = self._waiting[owner] = deque()
            may_begin = len(jobs) + self._under_way[owner] < self._each
            jobs.append(job)
            if not self._begun:
                self._begun = True
                for number in range(self._count):
                    Thread(target=self._serve, name=f"tiaas-{self._name}-{number}", daemon=True).start()
        if may_begin:
            self._turns.put(None)
        return future

    def _serve(self) -> None:
        if self._niceness:
            _stand_back(self._niceness)
        while True:
            self._serve_one()

    def _serve_one(self) -> None:
        """A call of its own, so that an idle thread keeps no document."""
        self._turns.get()
        owner, job = self._take()
        try:
            if not job.future.done():
                job.do()
        finally:
            self._leave(owner)

    def _take(self) -> tuple[Hashable, Job]:
        """The work whose turn it is: he who has least under way may have one more, if anybody may."""
        with self._lock:
            owner = min(self._waiting, key=self._under_way.__getitem__)
            jobs = self._waiting.pop(owner)
            job = jobs.popleft()
            if jobs:
                self._waiting[owner] = jobs
            self._under_way[owner] += 1
        return owner, job

    def _leave(self, owner: Hashable) -> None:
        """One of his is done, and the next of those that waited for that may begin."""
        with self._lock:
            may_begin = len(self._waiting.get(owner, ())) + self._under_way[owner] > self._each
            self._under_way[owner] -= 1
            if not self._under_way[owner]:
                del self._under_way[owner]
        if may_begin:
            self._turns.put(None)


def _stand_back(niceness: int) -> None:
    """For the calling thread (sched(7): in Linux both are a thread's own)."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        thread = get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + niceness)
    wait_patiently()
