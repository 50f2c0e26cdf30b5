"""Long work on large octets, beside an event loop that has to answer in less than a millisecond.

Threads share the interpreter: whatever holds its lock while the loop wants it holds up everybody. So large work waits
for one of few threads, first come, first served, which also bounds what it takes in memory; it is done in slices
(`tiaas.base.slices`); and threads change often (`change_threads_often`). Waiting for a card or a person is no work:
nobody keeps such a thread meanwhile.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LARGE = 1024 * 1024
"""Octets from which on work is heavy."""
_CHANGE_SECONDS = 0.0002
_THREADS = ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), thread_name_prefix="tiaas-heavy")


def change_threads_often() -> None:
    """For the rest of the process: a thread that computes lets others go on after 0.2 ms instead of 5 ms."""
    sys.setswitchinterval(_CHANGE_SECONDS)


async def beside(octets: int, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of `work` on so many octets, done in a thread: one of the few if they are many."""
    if octets < LARGE:
        return await asyncio.to_thread(work, *args, **kwargs)
    run = partial(copy_context().run, work, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_THREADS, run)
