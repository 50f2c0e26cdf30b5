"""Threads that several owners share: nobody's work, however much of it there is, keeps all of them.

Who has least under way goes first, then whose turn it is. One thread is left for others always, if there are two.
"""

import asyncio
import os
from collections import Counter, deque
from collections.abc import Callable, Hashable
from contextlib import suppress
from threading import Condition, Thread, get_native_id
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
        self._changed = Condition()
        self._waiting: dict[Hashable, deque[Job]] = {}
        """Owners in the order of their turns."""
        self._under_way: Counter[Hashable] = Counter()
        self._begun = False

    def start(self, owner: Hashable, work: Callable[[*Ts], T], *arguments: *Ts) -> "asyncio.Future[T]":
        """What `work` will give; it is not done if the future is done before its turn."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._changed:
            self._waiting.setdefault(owner, deque()).append(Job(loop, future, work, arguments))
            self._changed.notify()
            if not self._begun:
                self._begun = True
                for number in range(self._count):
                    Thread(target=self._serve, name=f"tiaas-{self._name}-{number}", daemon=True).start()
        return future

    def _serve(self) -> None:
        if self._niceness:
            _stand_back(self._niceness)
        while True:
            self._serve_one()

    def _serve_one(self) -> None:
        """A call of its own, so that an idle thread keeps no document."""
        with self._changed:
            while (taken := self._take()) is None:
                self._changed.wait()
        owner, job = taken
        try:
            if not job.future.done():
                job.do()
        finally:
            with self._changed:
                self._under_way -= Counter((owner,))
                self._changed.notify()

    def _take(self) -> tuple[Hashable, Job] | None:
        """The work whose turn it is, of those who may have one more under way."""
        free = [owner for owner in self._waiting if self._under_way[owner] < self._each]
        if not free:
            return None
        owner = min(free, key=self._under_way.__getitem__)
        jobs = self._waiting.pop(owner)
        job = jobs.popleft()
        if jobs:
            self._waiting[owner] = jobs
        self._under_way[owner] += 1
        return owner, job


def _stand_back(niceness: int) -> None:
    """For the calling thread (sched(7): in Linux both are a thread's own)."""
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        thread = get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + niceness)
    wait_patiently()
