"""The information model in force: a snapshot that is replaced as a whole (gemSpec_Kon V5.18 §4.1.1.2).

Whoever decides reads `current` anew for each decision, so a change takes effect at the next one (TIP1-A_4522).
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from tiaas.konnektor.infomodel import InfoModel

T = TypeVar("T")

_DERIVED_MAX = 256


class LiveInfoModel:
    """The current information model of one instance. `persist` writes a snapshot before it becomes current."""

    def __init__(
        self, model: InfoModel | None = None, persist: Callable[[InfoModel], Awaitable[None]] | None = None
    ) -> None:
        self.current = model if model is not None else InfoModel()
        """The snapshot in force; only `apply` sets another."""
        self._persist = persist
        self._derived: dict[Hashable, Any] = {}
        self._changing = asyncio.Lock()

    def derived(self, key: Hashable, make: Callable[[InfoModel], T]) -> T:
        """A value that depends on the current snapshot and `key` only, made once per snapshot.

        The relations of a large practice are long lists, and every request asks them the same.
        """
        try:
            found: T = self._derived[key]
            return found
        except KeyError:
            if len(self._derived) >= _DERIVED_MAX:
                self._derived.clear()
            value = self._derived[key] = make(self.current)
            return value

    async def apply(self, change: Callable[[InfoModel], InfoModel]) -> InfoModel:
        """Replaces the snapshot by `change(current)`; changes follow one another.

        Raises what `change` (`ConstraintViolated`) or `persist` raises; then nothing is changed.
        """
        async with self._changing:
            changed = change(self.current)
            if self._persist is not None:
                await self._persist(changed)
            self.current = changed
            self._derived.clear()
            return changed
