"""A timer wheel: many coarse timers behind one clock tick, without a task or handle for each."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Wheel(Generic[T]):
    """Items come out of `advance` as many calls later as asked for. An item is in the wheel at most once."""

    def __init__(self, span: int) -> None:
        """`span` is the longest delay in ticks."""
        self._slots: list[dict[T, None]] = [{} for _ in range(span + 1)]
        self._where: dict[T, int] = {}
        self._position = 0

    def __len__(self) -> int:
        return len(self._where)

    def schedule(self, item: T, ticks: int) -> None:
        """Puts `item` in (or moves it) so that it is due in `ticks` calls of `advance`, 1 … span."""
        if not 1 <= ticks < len(self._slots):
            raise ValueError(f"{ticks} ticks are outside 1–{len(self._slots) - 1}")
        self.cancel(item)
        slot = (self._position + ticks) % len(self._slots)
        self._slots[slot][item] = None
        self._where[item] = slot

    def cancel(self, item: T) -> None:
        """Takes `item` out if it is in."""
        slot = self._where.pop(item, None)
        if slot is not None:
            del self._slots[slot][item]

    def advance(self) -> list[T]:
        """One tick; the items that are due now, no longer in the wheel."""
        self._position = (self._position + 1) % len(self._slots)
        due = list(self._slots[self._position])
        self._slots[self._position] = {}
        for item in due:
            del self._where[item]
        return due
