"""How many terminals are dialled at a time, so that a storm of reconnects leaves time for everything else.

A handshake costs us milliseconds; most of an attempt is waiting for the other end. Therefore a turn ends after
`TURN_SECONDS` whether the attempt is over or not: addresses where nobody answers, and there are many at night, do not
keep others waiting for as long as a handshake may take. Attempts that are under way are bounded, too: where handshakes
are slow because there are so many, more of them would only make all of them run into their time-out. And terminals that
failed before stand in a line of their own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

TURN_SECONDS = 0.2
UNDER_WAY = 8
"""Attempts under way in one line, as a multiple of its turns."""
_PATIENT_FROM = 2
"""Failures in a row (a lost connection counts as one) from which a terminal stands in the line of those."""


class DialTurns:
    """Two lines with `at_once` turns each, in the order of coming."""

    def __init__(self, at_once: int) -> None:
        self._hopeful = _Line(at_once)
        self._patient = _Line(at_once)

    @asynccontextmanager
    async def turn(self, failures: int) -> AsyncIterator[None]:
        """Waits for a turn; `failures` is how often in a row it went wrong."""
        line = self._patient if failures >= _PATIENT_FROM else self._hopeful
        async with line.under_way:
            await line.turns.acquire()
            turn = _Turn(line.turns)
            timer = asyncio.get_running_loop().call_later(TURN_SECONDS, turn.end)
            try:
                yield
            finally:
                timer.cancel()
                turn.end()


class _Line:
    """One line: who may begin, and how many are not over."""

    def __init__(self, at_once: int) -> None:
        self.turns = asyncio.Semaphore(at_once)
        self.under_way = asyncio.Semaphore(UNDER_WAY * at_once)


class _Turn:
    """Ends once."""

    def __init__(self, turns: asyncio.Semaphore) -> None:
        self._turns: asyncio.Semaphore | None = turns

    def end(self) -> None:
        turns, self._turns = self._turns, None
        if turns is not None:
            turns.release()
