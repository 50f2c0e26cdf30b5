"""Asks the KSR at the start and from then on once a day, after a failure within an hour (gemSpec_Kon V5.18
TIP1-A_4836-02; TUC_KON_283, TIP1-A_5153). Not at the same second for all Konnektoren."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tiaas.base.entropy import Entropy, random_fraction
from tiaas.konnektor.store import StoreError

_log = logging.getLogger("tiaas.konnektor.ksr")

_RETRY_SECONDS = 3600.0
_BOOT_SECONDS = 2.0


class DailyAsking:
    """Calls `ask`, which says whether it succeeded and may raise `StoreError`, every `every()` seconds; `operation` is
    the KSR's that it calls."""

    def __init__(
        self, ask: Callable[[], Awaitable[bool]], every: Callable[[], float], entropy: Entropy, operation: str
    ) -> None:
        self._ask = ask
        self._every = every
        self._entropy = entropy
        self._operation = operation
        self._first = asyncio.Event()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Asks from now on; the first answer is waited for a few seconds."""
        self._task = asyncio.create_task(self._run())
        with suppress(TimeoutError):
            async with asyncio.timeout(_BOOT_SECONDS):
                await self._first.wait()

    async def stop(self) -> None:
        """Asks no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def ask_soon(self) -> None:
        """Something has changed: asks now."""
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            succeeded = False
            try:
                succeeded = await self._ask()
            except StoreError as error:
                _log.warning(
                    "what the KSR told is not kept", extra={"operation": self._operation, "reason": error.reason}
                )
            except Exception as error:  # noqa: BLE001 - a defect met once must not end all asking
                _log.error("KSR not asked", extra={"operation": self._operation, "reason": type(error).__name__})
            self._first.set()
            every = self._every() if succeeded else min(_RETRY_SECONDS, self._every())
            with suppress(TimeoutError):
                async with asyncio.timeout(every * (0.9 + 0.1 * random_fraction(self._entropy))):
                    await self._wake.wait()
