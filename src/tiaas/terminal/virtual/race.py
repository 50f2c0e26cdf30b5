"""Waiting for one thing while another may happen first."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def unless(main: Coroutine[Any, Any, T], interruption: Coroutine[Any, Any, None], error: Exception) -> T:
    """The result of `main`; raises `error` if `interruption` ends before it. What loses is cancelled."""
    work = asyncio.ensure_future(main)
    stop = asyncio.ensure_future(interruption)
    try:
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
        raise error
    finally:
        for task in (work, stop):
            task.cancel()
        await asyncio.wait({work, stop})
