"""Large work beside the event loop: one after the other, with the caller's context, and its errors are the caller's."""

import asyncio
import os
import threading
from contextvars import ContextVar

import pytest

from tiaas.base.heavy import LARGE, beside

NAME: ContextVar[str] = ContextVar("NAME", default="")


async def test_so_many_at_once_as_leave_the_loop_a_processor() -> None:
    lock, running, most = threading.Lock(), 0, 0
    go_on = threading.Event()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        go_on.wait(10)
        with lock:
            running -= 1

    tasks = [asyncio.create_task(beside(LARGE, work)) for _ in range(8)]
    # Small work does not wait for large work.
    assert await asyncio.wait_for(beside(LARGE - 1, lambda: "small"), 10) == "small"
    go_on.set()
    await asyncio.gather(*tasks)
    assert most <= max(1, (os.cpu_count() or 1) - 1)


async def test_context_and_errors_are_the_callers() -> None:
    NAME.set("caller")
    assert await beside(LARGE, NAME.get) == "caller"
    with pytest.raises(ZeroDivisionError):
        await beside(LARGE, lambda: 1 // 0)
