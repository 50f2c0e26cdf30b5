"""The state of instances as rows (instance, kind, key, body, epoch), and who may write them.

Every instance has an owner row with an epoch; a takeover raises it by one. A handle is bound to one instance and one
epoch: it can name no other instance, and after a takeover all its writes fail with `StaleEpochWrite`. Reading stays
possible; what a stale owner reads is no secret to the process that owned the instance before.
The interface is asynchronous so that a network database can stand behind it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.terminal.front import Owner

__all__ = ["Change", "Delete", "InstanceStore", "Owner", "Put", "StaleEpochWrite", "Store", "StoreError"]

Body = Mapping[str, Any]
"""A JSON object; keys are strings, values JSON values."""


class StoreError(TiaasError):
    """The store cannot be used; `reason` is a short English phrase without content of rows."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StaleEpochWrite(StoreError):
    """A write with another epoch than the owner row's: the writer no longer owns the instance. Nothing was written."""

    def __init__(self, instance: str, epoch: int, current: int) -> None:
        super().__init__(f"epoch {epoch} of {instance} is not the current {current}")
        self.instance = instance
        self.epoch = epoch
        self.current = current


@dataclass(frozen=True, slots=True)
class Put:
    """Writes a row, new or over the old one."""

    kind: str
    key: str
    body: Body


@dataclass(frozen=True, slots=True)
class Delete:
    """Removes a row if it is there."""

    kind: str
    key: str


Change = Put | Delete


class InstanceStore(Protocol):
    """The rows of one instance, written in one epoch. All methods raise `StoreError` when the store fails."""

    @property
    def owner(self) -> Owner:
        """The instance and epoch this handle is bound to."""
        ...

    async def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """The body of a row or None."""
        ...

    async def list(self, kind: str) -> dict[str, dict[str, Any]]:
        """All rows of a kind by key, in the order of keys."""
        ...

    async def everything(self) -> dict[str, dict[str, dict[str, Any]]]:
        """All rows: kind → key → body."""
        ...

    async def put(self, kind: str, key: str, body: Body) -> None:
        """Writes a row; it is durable when this returns. Raises `StaleEpochWrite`."""
        ...

    async def delete(self, kind: str, key: str) -> None:
        """Removes a row if it is there. Raises `StaleEpochWrite`."""
        ...

    async def apply(self, changes: Sequence[Change]) -> None:
        """Makes all changes in order or none. Raises `StaleEpochWrite`."""
        ...

    async def require_owner(self) -> None:
        """For who acts outside the store: raises `StaleEpochWrite` if another has taken the instance over."""
        ...


class Store(Protocol):
    """The whole store; only a node's composition root holds it."""

    async def take_over(self, instance: str) -> Owner:
        """Makes the caller the owner: the epoch goes up by one (1 for a new instance) and is durable on return."""
        ...

    def bind(self, owner: Owner) -> InstanceStore:
        """A handle for this owner; whether its epoch is still current shows at the first write."""
        ...

    async def instances(self) -> tuple[str, ...]:
        """The names of all instances that ever had an owner, sorted."""
        ...

    async def forget(self, owner: Owner) -> None:
        """Deletes an instance with all its rows; its epoch goes up, so that all handles are stale, the caller's too.

        Raises `StaleEpochWrite`.
        """
        ...

    async def check(self) -> None:
        """Raises `StoreError` if what is stored, keys among it, cannot be had any more."""
        ...

    async def close(self) -> None:
        """Finishes what is under way and closes the store."""
        ...
