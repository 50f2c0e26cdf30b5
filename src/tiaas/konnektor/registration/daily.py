"""When operating data are sent (gemSpec_Kon V5.18 A_21136, A_21138, A_21139): daily, after an error three times more
every five minutes, and not before the next day if the service does not have the operation."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy, random_fraction
from tiaas.konnektor.registration.requests import NoOperation, NotRegistered
from tiaas.konnektor.store import StoreError

_log = logging.getLogger("tiaas.konnektor.registration")


@dataclass(frozen=True, slots=True)
class SendTimes:
    """In seconds; `tries` come after the first."""

    every: float = 86_400.0
    retry: float = 300.0
    tries: int = 3


class DailySending:
    """Calls `send` at its times. `due` says how many seconds there are until the next regular one, None: never."""

    def __init__(
        self,
        send: Callable[[], Awaitable[None]],
        due: Callable[[float], float | None],
        clock: Clock,
        entropy: Entropy,
        times: SendTimes | None = None,
    ) -> None:
        self.times = times or SendTimes()
        self._send = send
        self._due = due
        self._clock = clock
        self._entropy = entropy
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """From now on."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """No more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def look(self) -> None:
        """`due` says something else now."""
        self._wake.set()

    async def send_with_retries(self) -> None:
        """One regular time."""
        for left in range(self.times.tries, -1, -1):
            try:
                await self._send()
                return
            except NoOperation:
                return
            except NotRegistered:
                if left:
                    await asyncio.sleep(self.times.retry)

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            wait = self._due(self.times.every)
            if wait is not None and wait <= 0:
                try:
                    await self.send_with_retries()
                except StoreError as error:
                    _log.warning("sending of operating data not noted", extra={"reason": error.reason})
                except Exception as error:  # noqa: BLE001 - a defect met once must not end all sending
                    _log.error("operating data not sent", extra={"reason": type(error).__name__})
                # Whatever came of it, the next regular time is a day later, not at the same second for all boxes.
                wait = self.times.every * (0.9 + 0.1 * random_fraction(self._entropy))
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
