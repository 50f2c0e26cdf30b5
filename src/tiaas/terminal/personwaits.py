"""What waits for a person at a terminal: a PIN, a card, a key. Whoever stops need not wait until that person acts.

SICCT has no command that ends an entry; the terminal ends it when its connection goes. So `end` gives up the answer,
and whoever calls it closes the connection next, which clears the display.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from tiaas.base.dataclass import dataclass
from tiaas.terminal.errors import DialogueEnded

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Wait:
    """A task that waits; `cancelling` is how often somebody else had cancelled it before."""

    task: asyncio.Task[Any]
    cancelling: int
    is_ended: bool = False


class PersonWaits:
    """The waiting exchanges of one owner. After `end` there are no more."""

    def __init__(self) -> None:
        self._waiting: set[_Wait] = set()
        self._is_over = False

    async def of(self, step: str, exchange: Coroutine[object, object, T]) -> T:
        """The result of `exchange`, which begins at once: a task of its own would let others at the terminal before.

        Raises `DialogueEnded` after `end`; `step` names the command.
        """
        task = asyncio.current_task()
        if self._is_over or task is None:
            exchange.close()
            raise DialogueEnded(step)
        wait = _Wait(task, task.cancelling())
        self._waiting.add(wait)
        try:
            return await exchange
        except asyncio.CancelledError:
            if wait.is_ended and task.uncancel() <= wait.cancelling:
                raise DialogueEnded(step) from None
            raise
        finally:
            self._waiting.discard(wait)

    def end(self) -> int:
        """Ends what waits, for good; returns how many that were."""
        self._is_over = True
        ending = [wait for wait in self._waiting if not wait.is_ended]
        for wait in ending:
            wait.is_ended = True
            wait.task.cancel()
        return len(ending)
