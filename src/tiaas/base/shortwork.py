"""Short work in a thread: signatures and the like, a millisecond or so each, that release the interpreter's lock.

All of the process go through the same one: with a thread on every processor the event loop has none for itself, and
each change of thread costs a good part of a signature. Instances (`tiaas.base.heavy.OWNER`) take turns, so nobody waits
for all that another one has asked for. What is much at a time goes to processes (`tiaas.pki.keyprocesses`).
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

from tiaas.base.fairthreads import FairThreads
from tiaas.base.heavy import OWNER

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_THREAD = FairThreads("short", 1)


def in_turn(work: Callable[[*Ts], T], *arguments: *Ts) -> "asyncio.Future[T]":
    """What `work` will give, without the caller's context; what is cancelled before its turn is not done at all."""
    return _THREAD.start(OWNER.get(), work, *arguments)
