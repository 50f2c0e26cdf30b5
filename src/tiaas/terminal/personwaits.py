"""What waits for a person at a terminal: a PIN, a card, a key. Whoever stops need not wait until that person acts.

SICCT has no command that ends an entry; the terminal ends it when its connection goes. So `end` gives up the answer,
and whoever calls it closes the connection next, which clears the display.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from tiaas.terminal.errors import DialogueEnded

T = TypeVar("T")


class PersonWaits:
    """The waiting exchanges of one owner. After `end` there are no more."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Task[Any]] = set()
        self._over = asyncio.Event()

    async def of(self, step: str, exchange: Coroutine[object, object, T]) -> T:
        """The result of `exchange`. Raises `DialogueEnded` after `end`; `step` names the command."""
        if self._over.is_set():
            exchange.close()
            raise DialogueEnded(step)
        task = asyncio.create_task(exchange)
        self._waiting.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if not self._over.is_set() or (caller is not None and caller.cancelling()):
                raise
            raise DialogueEnded(step) from None
        finally:
            self._waiting.discard(task)

    def end(self) -> int:
        """Ends what waits, for good; returns how many that were."""
        self._over.set()
        for task in self._waiting:
            task.cancel()
        return len(self._waiting)
