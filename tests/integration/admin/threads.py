"""Runs an asynchronous context in a loop of its own, for clients that have none or bring theirs."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Elsewhere(Generic[T]):
    """What lives in another thread."""

    value: T
    loop: asyncio.AbstractEventLoop

    def do(self, work: Callable[[T], object]) -> None:
        """Does `work` there."""

        async def now() -> None:
            work(self.value)

        asyncio.run_coroutine_threadsafe(now(), self.loop).result(_SECONDS)


@contextmanager
def in_thread(opened: AbstractAsyncContextManager[T]) -> Iterator[Elsewhere[T]]:
    """What `opened` gives, living in another thread until the end of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield Elsewhere(asyncio.run_coroutine_threadsafe(opened.__aenter__(), loop).result(_SECONDS), loop)
    finally:
        asyncio.run_coroutine_threadsafe(opened.__aexit__(None, None, None), loop).result(_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
