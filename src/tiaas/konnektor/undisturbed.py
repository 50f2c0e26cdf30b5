"""Steps that a cancelled call must not leave half done."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

T = TypeVar("T")


async def undisturbed(work: Coroutine[object, object, T], seconds: float) -> T:
    """The result of `work`, which goes on to its end if the caller is cancelled meanwhile, for up to `seconds` then.

    Only after that the caller's cancellation counts, so what it holds (locks, reservations) it holds until then.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            if cancelled is None:
                asyncio.get_running_loop().call_later(seconds, task.cancel)
            cancelled = error
    if cancelled is not None:
        # Looked at, so that it is not reported as never retrieved.
        if not task.cancelled():
            task.exception()
        raise cancelled
    return task.result()
