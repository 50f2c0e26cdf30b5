"""UserIds of comfort sessions: UUIDs, each for one session only (gemSpec_Kon V5.18 A_20073-01, A_20074).

The Clientsystem makes one per session; who knows it signs with the HBA, so it must not be guessed and not come again.
Those of the last 1000 activations are kept, over restarts, as hash values.
"""

import asyncio
import re
from collections import deque
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.store import InstanceStore, StoreError

KEPT = 1000
COMFORT_KIND, _KEY = "comfort", "users"
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class ComfortUsers:
    """The UserIds one instance has seen, whatever the context."""

    def __init__(self, store: InstanceStore) -> None:
        self._store = store
        self._used: deque[str] | None = None
        self._mutex = asyncio.Lock()

    async def require_new(self, user_id: str | None) -> None:
        """Raises 4272 for what is no UUID, 4270 for one used before; `StoreError`."""
        if user_id is None or not _UUID.fullmatch(user_id):
            raise KonnektorError(4272)
        if _hash(user_id) in await self._load():
            raise KonnektorError(4270)

    async def remember(self, user_id: str) -> None:
        """A session was activated with it. Raises 4270 if another was meanwhile, with another card; `StoreError`."""
        async with self._mutex:
            before, new = await self._load(), _hash(user_id)
            if new in before:
                raise KonnektorError(4270)
            used = deque((*before, new), maxlen=KEPT)
            await self._store.put(COMFORT_KIND, _KEY, {"used": list(used)})
            self._used = used

    async def _load(self) -> deque[str]:
        if self._used is None:
            row = await self._store.get(COMFORT_KIND, _KEY)
            self._used = deque([] if row is None else read_used(row), maxlen=KEPT)
        return self._used


def read_used(row: Mapping[str, Any]) -> list[str]:
    """The hashes of UserIds that were used. Raises `StoreError` for a damaged row."""
    used = row.get("used")
    if not isinstance(used, list) or not all(isinstance(one, str) for one in used):
        raise StoreError("the stored UserIds are damaged")
    return used


def _hash(user_id: str) -> str:
    return sha256(user_id.lower().encode()).hexdigest()
