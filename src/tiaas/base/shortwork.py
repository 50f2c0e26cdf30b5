"""Short work in threads: signatures and the like, a millisecond or so each, that release the interpreter's lock.

All of the process go through the same few threads, as many as it has processors when much waits, else through one: more
at once would only wait for each other, and each change of thread costs a good part of a signature.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from tiaas.base.workthreads import WorkThreads, processors

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_THREADS = WorkThreads("short", processors())


def in_turn(work: Callable[[*Ts], T], *arguments: *Ts) -> "asyncio.Future[T]":
    """What `work` will give, without the caller's context; what is cancelled before its turn is not done at all."""
    return _THREADS.start(work, *arguments)
