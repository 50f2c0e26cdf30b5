"""What follows from objects that are themselves kept: worked out once, found again by their identity."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Derived(Generic[Value]):
    """The last `limit` values, each by the objects it follows from and by what else tells them apart.

    The objects are never changed, and kept beside the value: as long as it is here, nothing else has their identity.
    An equal object is another one, so this suits what comes out of a cache. The least recently used goes first.
    """

    __slots__ = ("_kept", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[Hashable, tuple[object, object, Value]] = OrderedDict()

    def get(self, first: object, second: object = None, beside: Hashable = None) -> Value | None:
        """The value that was kept for these, None without."""
        key = id(first), id(second), beside
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[2]

    def keep(self, value: Value, first: object, second: object = None, beside: Hashable = None) -> Value:
        """Keeps a value, and gives it."""
        self._kept[id(first), id(second), beside] = first, second, value
        if len(self._kept) > self._limit:
            self._kept.popitem(last=False)
        return value
