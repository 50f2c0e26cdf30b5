"""An `InstanceStore` in memory."""

import copy
from collections.abc import Sequence
from typing import Any

from tiaas.konnektor.store import Body, Change, Owner, Put


class MemoryStore:
    """Rows of one instance."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], dict[str, Any]] = {}

    @property
    def owner(self) -> Owner:
        return Owner("one", 1)

    async def get(self, kind: str, key: str) -> dict[str, Any] | None:
        return copy.deepcopy(self.rows.get((kind, key)))

    async def list(self, kind: str) -> dict[str, dict[str, Any]]:
        return {key: copy.deepcopy(row) for (of, key), row in sorted(self.rows.items()) if of == kind}

    async def everything(self) -> dict[str, dict[str, dict[str, Any]]]:
        return {kind: await self.list(kind) for kind, _ in self.rows}

    async def put(self, kind: str, key: str, body: Body) -> None:
        self.rows[kind, key] = copy.deepcopy(dict(body))

    async def delete(self, kind: str, key: str) -> None:
        self.rows.pop((kind, key), None)

    async def apply(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, Put):
                await self.put(change.kind, change.key, change.body)
            else:
                await self.delete(change.kind, change.key)

    async def require_owner(self) -> None:
        """Nobody takes it over."""
