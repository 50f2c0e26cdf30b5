"""How many terminals are dialled at a time, so that a storm of reconnects leaves time for everything else.

A handshake costs us milliseconds; most of an attempt is waiting for the other end. Therefore a turn ends after
`TURN_SECONDS` whether the attempt is over or not: addresses where nobody answers, and there are many at night, do not
keep others waiting for as long as a handshake may take. For the same reason terminals that failed before stand in a
line of their own.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

TURN_SECONDS = 0.2
_PATIENT_FROM = 2
"""Failures in a row (a lost connection counts as one) from which a terminal stands in the line of those."""


class DialTurns:
    """Two lines with `at_once` turns each, in the order of coming."""

    def __init__(self, at_once: int) -> None:
        self._hopeful = asyncio.Semaphore(at_once)
        self._patient = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def turn(self, failures: int) -> AsyncIterator[None]:
        """Waits for a turn; `failures` is how often in a row it went wrong."""
        line = self._patient if failures >= _PATIENT_FROM else self._hopeful
        await line.acquire()
        turn = _Turn(line)
        timer = asyncio.get_running_loop().call_later(TURN_SECONDS, turn.end)
        try:
            yield
        finally:
            timer.cancel()
            turn.end()


class _Turn:
    """Ends once."""

    def __init__(self, line: asyncio.Semaphore) -> None:
        self._line: asyncio.Semaphore | None = line

    def end(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.release()
