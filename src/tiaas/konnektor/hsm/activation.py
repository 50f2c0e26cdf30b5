"""Which Mandanten may use which virtual SMC-B (gemF_Personalisierung_HSM A_23632-01).

An administrator assigns a virtual SMC-B to a Mandant and types the activation code that its issuer sent by post; it
must be the one that came with the certificates. A wrong code makes the next try wait, each time twice as long. With the
assignment the activation goes.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.base.secret import Secret
from tiaas.konnektor.store import InstanceStore
from tiaas.pki.passwordhash import PasswordHash, is_right

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
ACTIVATION_KIND = "virtual_smb"


class ActivationRefused(TiaasError):
    """The code is wrong, or it is too early for another one; `seconds` is how long to wait before the next try."""

    def __init__(self, reason: str, seconds: int) -> None:
        super().__init__(reason)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Activation:
    """What is kept of one: the Mandanten, and wrong codes since the last right one."""

    mandanten: frozenset[str] = frozenset()
    failures: int = 0
    last_failure: datetime | None = None

    def wait(self, now: datetime) -> timedelta:
        """How long no code is looked at yet."""
        if self.last_failure is None:
            return timedelta()
        # Beyond a dozen doublings the bound holds anyhow.
        whole = min(FIRST_WAIT * (1 << min(self.failures - 1, 12)), LONGEST_WAIT)
        return max(timedelta(), self.last_failure + whole - now)

    def to_row(self) -> dict[str, Any]:
        """For the store."""
        last = None if self.last_failure is None else self.last_failure.isoformat()
        return {"mandanten": sorted(self.mandanten), "failures": self.failures, "last_failure": last}

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> "Activation":
        """Reads what `to_row` wrote."""
        last = row["last_failure"]
        return Activation(
            frozenset(row["mandanten"]), int(row["failures"]), None if last is None else datetime.fromisoformat(last)
        )


_NEVER = Activation()


class Activations:
    """All of one instance. Build it with `load`. Everything that changes raises `StoreError`."""

    def __init__(self, store: InstanceStore, clock: Clock, kept: dict[str, Activation]) -> None:
        self._store = store
        self._clock = clock
        self._kept = kept
        self._mutex = asyncio.Lock()

    @classmethod
    async def load(cls, store: InstanceStore, clock: Clock) -> "Activations":
        """Reads them. Raises `StoreError`."""
        rows = await store.list(ACTIVATION_KIND)
        return cls(store, clock, {iccsn: Activation.from_row(row) for iccsn, row in rows.items()})

    def of(self, iccsn: str) -> Activation:
        """What is kept of a virtual SMC-B."""
        return self._kept.get(iccsn, _NEVER)

    def may_use(self, iccsn: str) -> Callable[[str], bool]:
        """What tells at any time whether a Mandant may use a virtual SMC-B: every call that uses it asks."""
        kept = self._kept

        def is_active(mandant_id: str) -> bool:
            return mandant_id in kept.get(iccsn, _NEVER).mandanten

        return is_active

    async def activate(self, iccsn: str, mandant_id: str, code: Secret, right: PasswordHash) -> None:
        """Activates it for a Mandant to whom it is assigned. Raises `ActivationRefused`."""
        async with self._mutex:
            before = self.of(iccsn)
            self._require_patience(before)
            # Counted first, so that nobody gets a try for nothing by ending the process meanwhile.
            failed = replace(before, failures=before.failures + 1, last_failure=self._clock.now())
            await self._keep(iccsn, failed)
            if not await is_right(code, right):
                raise ActivationRefused("the activation code is wrong", _seconds(failed.wait(self._clock.now())))
            await self._keep(iccsn, Activation(before.mandanten | {mandant_id}))

    async def deactivate(self, iccsn: str, mandant_id: str) -> None:
        """Ends the activation for a Mandant; nothing happens if there is none."""
        async with self._mutex:
            before = self.of(iccsn)
            if mandant_id in before.mandanten:
                await self._keep(iccsn, replace(before, mandanten=before.mandanten - {mandant_id}))

    async def keep_assigned(self, assigned: Iterable[tuple[str, ...]]) -> None:
        """Ends those without assignment; `assigned` are pairs of Mandant and ICCSN."""
        pairs = frozenset(assigned)
        for iccsn, activation in tuple(self._kept.items()):
            for mandant_id in activation.mandanten:
                if (mandant_id, iccsn) not in pairs:
                    await self.deactivate(iccsn, mandant_id)

    def _require_patience(self, activation: Activation) -> None:
        wait = activation.wait(self._clock.now())
        if wait:
            raise ActivationRefused("it is too early for another activation code", _seconds(wait))

    async def _keep(self, iccsn: str, activation: Activation) -> None:
        await self._store.put(ACTIVATION_KIND, iccsn, activation.to_row())
        self._kept[iccsn] = activation


def _seconds(wait: timedelta) -> int:
    """Rounded up."""
    return -(-wait // timedelta(seconds=1))
