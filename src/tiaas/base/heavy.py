"""Long work on large octets, beside an event loop that has to answer in less than a millisecond.

Threads share the interpreter: whatever holds its lock while the loop wants it holds up everybody. So large work waits
for one of few threads, which also bounds what it takes in memory; it is done in slices (`tiaas.base.slices`); and
threads change often (`change_threads_often`). They share the processors, too, and the system lets a thread go on for
4 ms before another has its turn, so threads with large work leave them to the event loop. Instances take turns and none
gets all threads: somebody else's document that takes seconds holds nobody up. Requests are read in threads of their
own, so that they do not wait for documents. Waiting for a card, a person or a slow disk is no work: nobody keeps such a
thread meanwhile, and where the library waits itself (a card reader, a file that is synced) `asyncio.to_thread` has
threads for it.
"""

import sys
from collections.abc import Callable, Hashable
from contextvars import ContextVar, copy_context
from functools import partial
from typing import ParamSpec, TypeVar

from tiaas.base.fairthreads import FairThreads
from tiaas.base.timerslack import wait_exactly
from tiaas.base.workthread import processors

P = ParamSpec("P")
T = TypeVar("T")

LARGE = 1024 * 1024
"""Octets from which on work is heavy."""
OWNER: ContextVar[Hashable] = ContextVar("OWNER", default=None)
"""For whom work is done: something that stands for an instance. All without share the turns of one."""
_CHANGE_SECONDS = 0.0002
_READING_THREADS = 2
_NICENESS = 5
"""More would leave such a thread without a processor for long where others compute, with the interpreter's lock."""
_LARGE = FairThreads("large", max(2, processors() - 1), _NICENESS)
# As many as compute at once: more would only take the interpreter's lock from each other, every 0.2 ms.
_OTHER = FairThreads("other", max(2, processors()))
_READING = FairThreads("reading", _READING_THREADS, _NICENESS)
_PASSWORDS = FairThreads("passwords", max(2, processors()))


def change_threads_often() -> None:
    """For the rest of the process: a thread that computes lets others go on after 0.2 ms instead of 5 ms, and the
    calling one, which is the event loop's, sooner than it lets threads with large work."""
    sys.setswitchinterval(_CHANGE_SECONDS)
    wait_exactly()


async def beside(octets: int, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `work` on so many octets, done in a thread: one of the few if they are many."""
    threads = _LARGE if octets >= LARGE else _OTHER
    return await threads.start(OWNER.get(), partial(copy_context().run, work, *args, **kwargs))


async def read_beside(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `work` that only reads a request, which is bounded: it never waits for work on documents."""
    return await _READING.start(OWNER.get(), partial(copy_context().run, work, *args, **kwargs))


async def hash_beside(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `work` on a password, slow on purpose: whoever knows none can ask for it, and holds up others like
    himself only."""
    return await _PASSWORDS.start(OWNER.get(), partial(copy_context().run, work, *args, **kwargs))
