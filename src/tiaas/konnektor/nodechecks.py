"""What a node checks once for all its instances: random generator, key store, disk, program files.

Every instance that is told of has the conditions EC_Random_Generator_Not_Reliable, EC_Secure_KeyStore_Not_Available,
EC_Software_Integrity_Check_Failed and EC_OTHER_ERROR_STATE(1) set as found; one that boots gets them before it serves.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.heavy import beside
from tiaas.konnektor.diskcheck import is_nearly_full
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.randomcheck import generator_failures
from tiaas.konnektor.software import Hashes, changed_files, installed_hashes
from tiaas.konnektor.store import StoreError

_log = logging.getLogger("tiaas.konnektor.checks")

SECONDS = 1.0
"""The random generator and the key store are looked at as often (TAB_KON_503: detected within a second)."""
SOFTWARE_SECONDS = 86_400.0


class NodeChecks:
    """The checks of one node.

    `key_store` raises `StoreError` if keys cannot be had; `entropy` only gives samples; `free` tells the free octets
    on the disk with the state, or raises `OSError`: that says nothing about it.
    """

    def __init__(
        self,
        key_store: Callable[[], Awaitable[None]],
        clock: Clock,
        entropy: Entropy,
        hashes: Callable[[], Hashes] = installed_hashes,
        free: Callable[[], int] | None = None,
    ) -> None:
        self._key_store = key_store
        self._clock = clock
        self._entropy = entropy
        self._hashes = hashes
        self._free = free
        self._found: dict[Condition, bool] = {}
        self._told: list[OperatingState] = []
        self._software_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def tell(self, opstate: OperatingState) -> None:
        """From now on `opstate` has the findings; the first of all are made now."""
        if self._task is None:
            await self.look()
            self._task = asyncio.create_task(self._run())
        self._told.append(opstate)
        for condition, found in self._found.items():
            opstate.set(condition, found)

    def forget(self, opstate: OperatingState) -> None:
        """An instance has ended."""
        if opstate in self._told:
            self._told.remove(opstate)

    async def stop(self) -> None:
        """Checks no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def look(self) -> None:
        """Checks what is due and tells what has changed."""
        self._look_at_random_generator()
        try:
            await self._key_store()
        except StoreError:
            self._find(Condition.SECURE_KEYSTORE_NOT_AVAILABLE, True)
        else:
            self._find(Condition.SECURE_KEYSTORE_NOT_AVAILABLE, False)
        self._look_at_disk()
        now = self._clock.monotonic()
        if self._software_at is None or now - self._software_at >= SOFTWARE_SECONDS:
            self._software_at = now
            changed = await beside(0, lambda: changed_files(self._hashes()))
            if changed:
                _log.error("program files are not as installed", extra={"count": len(changed), "where": changed[0]})
            self._find(Condition.SOFTWARE_INTEGRITY_CHECK_FAILED, bool(changed))

    def _look_at_random_generator(self) -> None:
        failures = generator_failures(self._entropy)
        if failures and not self._found.get(Condition.RANDOM_GENERATOR_NOT_RELIABLE, False):
            for failure in failures:
                extra = {"reason": failure.test, "value": failure.value}
                _log.error("the random generator fails a statistical test", extra=extra)
        self._find(Condition.RANDOM_GENERATOR_NOT_RELIABLE, bool(failures))

    def _look_at_disk(self) -> None:
        if self._free is None:
            return
        was = self._found.get(Condition.DISK_NEARLY_FULL, False)
        with suppress(OSError):
            self._find(Condition.DISK_NEARLY_FULL, is_nearly_full(self._free(), was))

    def _find(self, condition: Condition, found: bool) -> None:
        if self._found.get(condition) is found:
            return
        self._found[condition] = found
        for opstate in self._told:
            opstate.set(condition, found)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            await self.look()
