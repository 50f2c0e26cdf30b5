"""Counts how many exchanges with terminals follow one another in an operation.

Over a practice's line every exchange costs a round trip, so what counts is not how many there are but how many must
wait for one before. The depth belongs to the task: an exchange adds one, and `together` goes on with the deepest of
its branches.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import TypeVar

_DEPTH: ContextVar[int] = ContextVar("tiaas_rounds", default=0)

T = TypeVar("T")
U = TypeVar("U")


def reset() -> None:
    """Starts counting anew in this task."""
    _DEPTH.set(0)


def depth() -> int:
    """Sequential exchanges of this task since `reset`."""
    return _DEPTH.get()


def tick() -> None:
    """One more exchange."""
    _DEPTH.set(_DEPTH.get() + 1)


async def together(first: Coroutine[object, object, T], second: Coroutine[object, object, U]) -> tuple[T, U]:
    """Runs two branches at once and waits for both, also if one fails: a card is never left in the middle of a step.

    If both fail the first one's error is raised.
    """
    left, right = await asyncio.gather(_branch(first), _branch(second), return_exceptions=True)
    if isinstance(left, BaseException):
        raise left
    if isinstance(right, BaseException):
        raise right
    _DEPTH.set(max(left[1], right[1]))
    return left[0], right[0]


async def _branch(work: Coroutine[object, object, T]) -> tuple[T, int]:
    result = await work
    return result, _DEPTH.get()
