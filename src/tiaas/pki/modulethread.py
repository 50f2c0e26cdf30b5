"""The one thread in which everything with a PKCS#11 module is done, and what to think of a module that does not answer.

Theory of operation. Two threads in a module that knows of no locking end the process, so a module that hangs keeps its
thread, and no second one can take its place: whoever waits is told so when his time is over, and while the thread is
stuck whoever comes is refused at once. If the module comes back, its thread goes on; what had not begun in time is
never done.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from tiaas.base.clock import Clock, SystemClock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.base.workthread import WorkThread

T = TypeVar("T")

_GRAIN_SECONDS = 0.002
"""An event loop's timers are that much too early."""


class NoAnswer(TiaasError):
    """The module did not answer in time."""


class Stuck(TiaasError):
    """The module hangs: nothing is begun with it until it answers."""


@dataclass(slots=True)
class _Turn:
    """One use of the module; `begun` 0: it still waits."""

    seconds: float
    future: "asyncio.Future[Any] | None" = None
    timer: asyncio.TimerHandle | None = None
    begun: float = 0.0


class ModuleThread:
    """A module's thread; it may serve several event loops."""

    def __init__(self, name: str, clock: Clock | None = None) -> None:
        self._thread = WorkThread(name)
        self._clock = clock or SystemClock()
        self._current: _Turn | None = None
        self._stuck: _Turn | None = None

    @property
    def is_stuck(self) -> bool:
        """Whether the module works on something for longer than anybody waits."""
        return self._stuck is not None and self._stuck is self._current

    async def run(self, seconds: float, work: Callable[..., T], *arguments: Any) -> T:
        """What `work` gives, done in the thread. Raises `NoAnswer`, `Stuck`, and what `work` raises.

        It may wait `seconds` for its turn and then take as long again.
        """
        if self.is_stuck:
            raise Stuck("the module hangs")
        turn = _Turn(seconds)
        turn.timer = asyncio.get_running_loop().call_later(seconds, self._overdue, turn)
        turn.future = self._thread.start(self._take, turn, work, arguments)
        try:
            result: T = await turn.future
        finally:
            # When its caller has gone, the time goes on: the next one must not wait for a module that hangs.
            if not turn.future.cancelled():
                turn.timer.cancel()
        return result

    def later(self, work: Callable[[], object]) -> None:
        """Does it when the thread gets there; nobody waits, and what it raises is dropped."""

        def quietly() -> None:
            with suppress(Exception):
                work()

        self._thread.start(quietly)

    def _take(self, turn: _Turn, work: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        turn.begun = self._clock.monotonic()
        self._current = turn
        try:
            return work(*arguments)
        finally:
            self._current = None

    def _overdue(self, turn: _Turn) -> None:
        current = self._current
        if current is not None:
            left = current.begun + current.seconds - self._clock.monotonic()
            if left <= _GRAIN_SECONDS:
                self._stuck = current
            elif current is turn:
                turn.timer = asyncio.get_running_loop().call_later(left, self._overdue, turn)
                return
        if turn.future is not None and not turn.future.done():
            turn.future.set_exception(NoAnswer("the module gave no answer in time"))
